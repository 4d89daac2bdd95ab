"""Packets as tables, and their headers bit by bit."""
