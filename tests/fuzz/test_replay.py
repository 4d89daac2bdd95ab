"""Seeds and regressions of the fuzzing targets through the functions that users have; `run.py` replays all of them."""

import public_api
import pytest
from harness_build import HERE, TARGETS
from make_corpus import built_seeds

REGRESSIONS = sorted(path for path in (HERE / "regressions").glob("*/*") if path.parent.name in TARGETS)


@pytest.mark.parametrize("target", TARGETS)
def test_seeds(target):
    seeds = [content for name, content in built_seeds() if name == target]
    assert seeds, f"no seed for {target}"
    for content in seeds[:: 1 + len(seeds) // 30]:
        public_api.replay(target, content)


def test_regressions():
    for path in REGRESSIONS:
        public_api.replay(path.parent.name, path.read_bytes())
