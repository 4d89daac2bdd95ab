"""Captures as bytes: opened, recognised, decompressed, and read in blocks or packet by packet."""
