"""Flows: options, assembly, cutting, and the ragged table of their packets."""
