"""Functions of the original netml under their old path."""
