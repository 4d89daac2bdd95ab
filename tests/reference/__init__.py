"""The tests' oracle: netml's rules in slow, readable Python, with nothing of netml in it."""
