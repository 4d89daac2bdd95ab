"""Imports, each in a fresh interpreter; numpy's for comparison."""


class Import:
    """Start-up of a program that uses netml."""

    def timeraw_netml(self):
        return "import netml"

    def timeraw_read_flows(self):
        return "from netml import read_flows"

    def timeraw_numpy(self):
        return "import numpy"
