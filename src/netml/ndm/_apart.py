"""What libraries do to everybody, kept apart: their warnings, what they print, the generators that they draw from."""

from __future__ import annotations

import io
import random
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

import numpy as np


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the warnings of libraries about their own insides to ourselves.

    Convergence, divisions by zero, versions: a user cannot act on them, and what they lead to, scores that are no
    numbers, is dealt with in one place, `Detector.decision_function`.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


@contextmanager
def seeded(random_state: object) -> Iterator[None]:
    """Seed the generators that all code shares, and put them back as they were.

    Python's, numpy's and PyTorch's: some libraries draw from them whatever seed they are given.
    """
    if not isinstance(random_state, int | np.integer):
        yield
        return
    python_state, state = random.getstate(), np.random.get_state()
    torch = sys.modules.get("torch")
    torch_state = torch.get_rng_state() if torch is not None else None
    try:
        random.seed(int(random_state))
        np.random.seed(int(random_state) % 2**32)
        if torch is not None:
            torch.manual_seed(int(random_state))
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(state)
        if torch is not None:
            torch.set_rng_state(torch_state)


@contextmanager
def hushed() -> Iterator[None]:
    """Let nothing be printed: several of PyOD's detectors report on their progress."""
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        yield
