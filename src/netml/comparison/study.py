"""Options of a comparison, validated before anything is read."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast, get_args

from netml.errors import OptionError
from netml.evaluation.metrics import N_RESAMPLES
from netml.families import FAMILIES, find_family, parse_families
from netml.features.options import RepresentationOptions
from netml.schema.sizes import require_size
from netml.validation import require_whole

if TYPE_CHECKING:
    from netml.schema.choices import Families, Scale, Size

Header = Literal["both", "yes", "no"]
SplitBy = Literal["connection", "flow"]
DEFAULT_DETECTORS = ("ocsvm", "kde", "gmm", "if", "pca", "ae")
FAMILY_NAMES = tuple(name for name, family in FAMILIES.items() if family.definition == "original")  # the study's six


@dataclass(frozen=True)
class Study:
    """Options of a comparison.

    Parameters
    ----------
    families : sequence of str
        Each a family, or several for one matrix ("IAT,SIZE"), or "FFT-IAT". By default all six, each alone.
    header : {"both", "yes", "no"}
        With the header's columns, without, or one after the other.
    detectors : sequence of str
        Detectors. By default the six of the study.
    scales : sequence of str
        Scalers in front of the detectors: none, standard, robust, log.
    validation_size, test_size : float
        Shares of the abnormal flows; see `netml.comparison.splits.split_flows`.
    split_by : {"connection", "flow"}
        "connection" keeps all flows of a connection, in both directions, together: a near repetition of a training
        flow would be no test. The study divides flow by flow.
    max_train_rows : int, optional
        Train on a random choice of at most N flows.
    tune : bool, default False
        Try several parameters of the detectors, and several rates of the SAMP families.
    q_dim : float, default 0.9
        dim is this quantile of the packets per training flow.
    size : {"captured", "wire"}
        Length of a frame that is the size of a packet.
    random_state : int, default 42
        Seed of the split, the detectors and the resampling.
    n_resamples : int, default 1000
        Resamples behind the interval of a test AUC.
    jobs : int, default 1
        Candidates at a time. With more than 1, times are not comparable.
    force : bool, default False
        Train also detectors that would take very long.

    Raises
    ------
    OptionError, UnknownNameError
        If a value is out of range, or a name unknown.
    """

    families: Sequence[str] = FAMILY_NAMES
    header: Header = "both"
    detectors: Sequence[str] = DEFAULT_DETECTORS
    scales: Sequence[Scale] = ("none",)
    validation_size: float = 0.5
    test_size: float = 0.5
    split_by: SplitBy = "connection"
    max_train_rows: int | None = 5000
    tune: bool = False
    q_dim: float = 0.9
    size: Size = "captured"
    random_state: int = 42
    n_resamples: int = N_RESAMPLES
    jobs: int = 1
    force: bool = False

    def __post_init__(self) -> None:
        from netml.ndm import registry_name
        from netml.ndm.scaling import make_scaler

        for name, allowed in (("header", get_args(Header)), ("split_by", get_args(SplitBy))):
            if getattr(self, name) not in allowed:
                raise OptionError(name, getattr(self, name), f"one of {', '.join(allowed)}")
        for family in self.families:
            if find_family(parse_families(family).names[0]).is_bits:
                raise OptionError("families", family, "families of numbers, not of headers' bits")
        object.__setattr__(self, "detectors", tuple(map(registry_name, self.detectors)))
        for scale in self.scales:
            make_scaler(scale)
        require_size(self.size)
        require_whole("jobs", self.jobs, 1)
        require_whole("n_resamples", self.n_resamples, 1)
        require_whole("random_state", self.random_state, 0, 2**32 - 1)
        for name in ("families", "detectors", "scales"):
            if not getattr(self, name):
                raise OptionError(name, getattr(self, name), "one or more names")

    @property
    def representations(self) -> list[RepresentationOptions]:
        """The representations, in order."""
        headers = {"both": (False, True), "yes": (True,), "no": (False,)}[self.header]
        pairs = itertools.product(dict.fromkeys(self.families), headers)
        return [
            RepresentationOptions(cast("Families", family), header=header, size=self.size) for family, header in pairs
        ]

    @property
    def n_candidates(self) -> int:
        """Number of lines of the leaderboard."""
        n_pairs = len(dict.fromkeys(self.detectors)) * len(dict.fromkeys(self.scales))
        return len(self.representations) * n_pairs
