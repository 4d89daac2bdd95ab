"""Verdicts: a score for each flow, and whether it is abnormal."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from netml.errors import OptionError
from netml.formats import Format, find_format
from netml.formats.columns import Column, Columns
from netml.formats.streams import Target
from netml.schema.flow_index import FLOW_COLUMNS

if TYPE_CHECKING:
    import pandas as pd

    from netml.schema.flow_index import FlowIndex

_PROTOCOLS = {6: "TCP", 17: "UDP"}
_DAY_NS = 86_400 * 10**9
SUFFIXES = (".csv", ".jsonl", ".parquet")


class Verdicts:
    """Scores and verdicts of flows.

    Parameters
    ----------
    flows : FlowIndex
        The flows.
    scores : array_like (n_flows,) of float
        Higher = more abnormal.
    threshold : float
        A flow is abnormal if its score is greater.
    metadata : dict
        As of the `FlowTable`.

    Examples
    --------
    >>> import numpy as np
    >>> from netml.schema.flow_index import FLOW_KEY, FlowIndex
    >>> counts = np.array([2, 3])
    >>> flows = FlowIndex(np.zeros(2, FLOW_KEY), counts, counts, counts, counts)
    >>> Verdicts(flows, [0.2, 7.5], 1.0, {}).labels
    array([0, 1])
    """

    __slots__ = ("flows", "metadata", "scores", "threshold")

    def __init__(self, flows: FlowIndex, scores: Any, threshold: float, metadata: dict[str, Any]) -> None:
        self.flows = flows
        self.scores = np.asarray(scores, np.float64)
        self.threshold = float(threshold)
        self.metadata = metadata
        if self.scores.shape != (len(flows),):
            raise OptionError("scores", self.scores.shape, f"({len(flows)},): one for each flow")

    @property
    def is_abnormal(self) -> np.ndarray:
        """True for abnormal flows: ndarray (n_flows,) of bool."""
        is_abnormal: np.ndarray = self.scores > self.threshold
        return is_abnormal

    @property
    def labels(self) -> np.ndarray:
        """1 abnormal, 0 normal: ndarray (n_flows,) of int64."""
        return self.is_abnormal.astype(np.int64)

    def __len__(self) -> int:
        return len(self.scores)

    def __repr__(self) -> str:
        return f"<Verdicts: {len(self)} flows, {int(self.is_abnormal.sum())} abnormal>"

    def __getitem__(self, rows: slice | np.ndarray | list[int] | list[bool]) -> Verdicts:
        """Choose flows by a slice, by positions or by a mask."""
        return Verdicts(self.flows[rows], self.scores[rows], self.threshold, self.metadata)

    def to_columns(self) -> dict[str, np.ndarray]:
        """Return the flows, scores and verdicts, column by column.

        Returns
        -------
        dict of str to ndarray (n_flows,)
            src_ip, src_port, dst_ip, dst_port, protocol, start_ns, end_ns, packets, bytes, score, threshold, and
            verdict: "abnormal" or "normal".
        """
        return self._table().plain()

    def _table(self) -> Columns:
        # Fixed columns, so that files of `classify` and of `classify --follow` are alike for all flow definitions.
        flows = self.flows.table_columns()
        found: dict[str, Column] = {
            "score": self.scores,
            "threshold": np.full(len(self), self.threshold),
            "verdict": np.where(self.is_abnormal, "abnormal", "normal"),
        }
        return Columns({**{name: flows[name] for name in FLOW_COLUMNS}, **found})

    def to_pandas(self) -> pd.DataFrame:
        """Return the columns of `to_columns` as a data frame.

        Returns
        -------
        pandas.DataFrame (n_flows rows)
            In the flows' order.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        from netml.formats._table import to_frame

        return to_frame(self._table())

    def save(self, path: str | os.PathLike[str] | IO[bytes], *, format: str | None = None) -> None:
        """Write all verdicts; the file appears whole or not at all.

        Parameters
        ----------
        path : str, os.PathLike or binary file
            Ends in `.csv`, `.jsonl` or `.parquet`. An open file is written at the end, and stays open.
        format : {"csv", "jsonl", "parquet"}, optional
            Format, whatever the suffix; needed for an open file whose name has none of the suffixes.

        Raises
        ------
        OptionError
            If nothing tells the format of an open file, or it was not opened in binary mode.
        UnknownNameError
            If the suffix is none of these.
        MissingExtraError
            If pyarrow is needed and not installed.
        OutputError
            If the file cannot be written.
        """
        with open_verdict_file(path, format) as write:
            write(self)

    def lines(self) -> Iterator[tuple[str, bool]]:
        """Format each flow as a line for people.

        Yields
        ------
        line : str
            First and last time (UTC), endpoints, protocol and score.
        is_abnormal : bool
            True if the line's flow is abnormal.
        """
        flows = self.flows
        columns = (flows.start_ns, flows.end_ns, self.scores, self.is_abnormal)
        for key, start_ns, end_ns, score, is_abnormal in zip(
            flows.five_tuples(), *(column.tolist() for column in columns), strict=True
        ):
            source, destination, source_port, destination_port, protocol = key
            ends = f"{_endpoint(source, source_port)} → {_endpoint(destination, destination_port)}"
            kind = _PROTOCOLS.get(protocol, str(protocol))
            yield f"{_span(start_ns, end_ns)} {ends} [{kind}] score {score:.6g}", is_abnormal


def find_verdict_format(path: Target, format: str | None = None) -> Format:
    """Find the format of a path or an open file; `UnknownNameError` if it is none of verdicts."""
    return find_format(path, format, among=SUFFIXES, what="verdict format")


@contextlib.contextmanager
def open_verdict_file(path: Target, format: str | None = None) -> Iterator[Callable[[Verdicts], None]]:
    """Open a file for verdicts, and yield the function that writes some; see `batch_writer.open_batches`."""
    from netml.formats.batch_writer import open_batches

    with open_batches(path, find_verdict_format(path, format), no_verdicts()._table()) as write:
        yield lambda verdicts: write(verdicts._table())


def no_verdicts(threshold: float = 0.0) -> Verdicts:
    """Return the verdicts of no flows."""
    from netml.schema.flow_index import FLOW_KEY, FlowIndex

    none = np.empty(0, np.int64)
    return Verdicts(FlowIndex(np.empty(0, FLOW_KEY), none, none, none, none), np.empty(0), threshold, {})


def _endpoint(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _span(start_ns: int, end_ns: int) -> str:
    """Format two times, UTC: with one date if both are on the same day."""
    start_day, start_time = _clock(start_ns)
    end_day, end_time = _clock(end_ns)
    between = f"{start_time} – {end_time}" if start_day == end_day else f"{start_time} – {end_day} {end_time}"
    return f"[{start_day}] [{between}]"


def _clock(time_ns: int) -> tuple[str, str]:
    """Format date and time of day, to the microsecond; `datetime` would refuse the years that captures may claim."""
    days, rest_ns = divmod(time_ns, _DAY_NS)
    seconds, fraction_ns = divmod(rest_ns, 10**9)
    minutes, second = divmod(seconds, 60)
    date = str(np.datetime64(days, "D"))
    return date, f"{minutes // 60:02}:{minutes % 60:02}:{second:02}.{fraction_ns // 1000:06}"
