"""Isolation of global side effects of third-party fits: warnings, prints, random state."""

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
    """Suppress the warnings of libraries about their own insides: convergence, divisions by zero, versions.

    A user cannot act on them. Their consequence, scores that are no numbers, is handled by `finite`.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


@contextmanager
def seeded(random_state: object) -> Iterator[None]:
    """Seed the generators that all code shares, Python's, numpy's and PyTorch's, and restore them afterwards.

    Some libraries draw from them whatever seed they are given.
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
    """Suppress output: several detectors of PyOD print their progress."""
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        yield
