"""The shared golden results, and the script that compares with them."""

import importlib.util
import json
from collections import Counter

import numpy as np
import pytest

MAX_SAMP_SHARE = 0.02  # of rows may differ: window edges that the original's float rounding decides


@pytest.fixture
def golden_verdicts(shared_tools, shared_captures, shared_golden):
    """Give a function: a `PCAP`-like class -> how many captures had which verdict. Fails where one differs."""
    spec = importlib.util.spec_from_file_location("check_golden", shared_tools / "check_golden.py")
    check_golden = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(check_golden)
    folder = shared_golden / "netml-0.7.1"
    expectations = json.loads((folder / "expectations.json").read_text())

    def judge(pcap_class):
        verdicts, problems, n_samp_rows, n_samp_bad = Counter(), [], 0, 0
        for path in sorted(folder.glob("*.npz")):
            capture = path.name.removesuffix(".npz")
            with np.load(path, allow_pickle=False) as archive:
                golden = dict(archive)
            expected = expectations.get(capture, {})
            verdict, found, rows = check_golden.compare(pcap_class, str(shared_captures / capture), golden, expected)
            verdicts[verdict] += 1
            if verdict not in ("identical", "ok-by-design"):
                problems.append((capture, verdict, found))
            for key, (n_rows, n_bad) in rows.items():
                if key.startswith("SAMP"):
                    n_samp_rows, n_samp_bad = n_samp_rows + n_rows, n_samp_bad + n_bad
        assert problems == []
        assert n_samp_bad <= MAX_SAMP_SHARE * n_samp_rows
        return verdicts

    return judge
