"""The traffic of the demo: `frames` builds bytes, `sessions` conversations, `office` and `attacks` scenes."""
