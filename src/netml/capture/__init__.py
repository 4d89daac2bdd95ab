"""Captures as bytes: opened, probed, decompressed, and read in blocks or packet by packet."""
