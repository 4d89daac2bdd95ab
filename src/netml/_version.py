"""The version of netml: one module, which everything may import."""

__version__ = "1.0.0.dev0"
