"""The seed's package of capture parsing."""
