"""The original's package of capture parsing."""
