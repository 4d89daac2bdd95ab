"""netml: packet captures in, feature matrices out."""
__version__ = "1.0.0.dev0"
