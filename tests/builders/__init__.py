"""Frames and captures from `struct.pack`: nothing of netml, nothing of a packet library."""
