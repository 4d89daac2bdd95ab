"""Commands as whole processes."""

import subprocess
import sys
from pathlib import Path

from ._measure import make_capture

# The console script stands beside the interpreter of asv's environment.
NETML = Path(sys.executable).with_name("netml")


class Help:
    """What one waits for before anything happens."""

    def time_help(self):
        subprocess.run([NETML, "--help"], check=True, stdout=subprocess.DEVNULL)


class Extract:
    """The main job, end to end, by output format."""

    params = ("npz", "npy", "csv", "parquet", "arrow")
    param_names = ("suffix",)
    timeout = 300

    def setup_cache(self):
        return make_capture(1_000_000, 100_000)

    def time_extract(self, capture, suffix):
        argv = [NETML, "extract", capture, "-f", "IAT", "-o", f"matrix.{suffix}", "--quiet"]
        subprocess.run(argv, check=True)
