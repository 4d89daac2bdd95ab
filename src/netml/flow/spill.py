"""Packets beyond the memory allowed: runs, grouped by flow, in a temporary file, merged flow by flow at the end.

Flows keep their numbers, which are in order of each key's first packet; within a flow the runs are in order of arrival.
So the merged flows are those of all packets grouped in memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from netml import _flowcore
from netml.errors import SpillError, describe_os_error
from netml.schema.packet_columns import PACKET_KINDS

_ARRIVED_BYTES = 12  # of a packet as it arrives: time and flow
_GROUPED_BYTES = 8  # of a packet by its flow: time
_MOST_PACKETS = (1 << 32) - (1 << 24)  # of a run: places are 32 bits wide, and a block brings some more
_KINDS: dict[str, Any] = {"flow": np.uint32, "count": np.uint32, **PACKET_KINDS}


class _Run(NamedTuple):
    """Place of a run in the file."""

    n_flows: int
    offsets: dict[str, int]  # of its columns in the file, bytes; values in order of flows


class Spill:
    """The packets of an assembler, kept within some memory.

    Parameters
    ----------
    assembler : FlowAssembler
        Has no packets yet.
    columns : sequence of str
        Its packet columns besides the time.
    max_bytes : int
        Memory that packets may take. A single flow that is larger takes what it needs.

    Attributes
    ----------
    counts : dict
        `runs`, `packets` and `bytes` that went to the temporary file, and `max_memory`.
    """

    def __init__(self, assembler: _flowcore.FlowAssembler, columns: Sequence[str], max_bytes: int) -> None:
        width = sum(np.dtype(_KINDS[name]).itemsize for name in columns)
        # While a run is grouped both copies are there.
        n_most = max_bytes // (_ARRIVED_BYTES + _GROUPED_BYTES + 2 * width)
        self._assembler = assembler
        self._names = ("time_ns", *columns)
        self._n_most = min(max(n_most, 1), _MOST_PACKETS)
        self._file = _RunFile()
        self._runs: list[_Run] = []
        self._totals = np.empty(0, np.int64)  # packets of each flow
        self._max_bytes = max_bytes

    @property
    def counts(self) -> dict[str, int]:
        """Counts of the runs, packets and bytes in the file."""
        return {
            "runs": len(self._runs),
            "packets": int(self._totals.sum()),
            "bytes": self._file.n_bytes,
            "max_memory": self._max_bytes,
        }

    def __bool__(self) -> bool:
        """Return True if anything was written."""
        return bool(self._runs)

    def keep_within(self) -> None:
        """Write a run if the packets have become too many.

        Raises
        ------
        SpillError
            If the run cannot be written.
        """
        if self._assembler.n_open_packets > self._n_most:
            self._write_run(is_last=False)

    def finish(self) -> None:
        """Write the last run, if there were others; no more packets may come.

        Raises
        ------
        SpillError
            If the run cannot be written.
        """
        if self._runs:
            self._write_run(is_last=True)

    def _write_run(self, *, is_last: bool) -> None:
        run = self._assembler.take_run(is_last=is_last)
        n_new = self._assembler.n_keys - len(self._totals)
        self._totals = np.concatenate([self._totals, np.zeros(n_new, np.int64)])
        self._totals[run["flow"]] += run["count"]
        if len(run["flow"]):
            self._runs.append(_Run(len(run["flow"]), {name: self._file.append(run.pop(name)) for name in list(run)}))

    def parts(self, names: Sequence[str]) -> Iterator[_flowcore.FlowAssembler]:
        """Iterate over the flows in their order.

        Each assembler has as many flows as fit into the memory, and is to be ended. `names` are the packet columns that
        are wanted besides the time. Raises `SpillError` if the file cannot be read.
        """
        # Of each run the next flow's place, and its first packet's.
        places = [[0, 0] for _ in self._runs]
        for first, last in self._ranges():
            offsets = np.zeros(last - first + 1, np.int64)
            np.cumsum(self._totals[first:last], out=offsets[1:])
            columns = {name: np.empty(offsets[-1], _KINDS[name]) for name in ("time_ns", *names)}
            ends = offsets[:-1].copy()  # of the packets that are there of each flow
            for run, place in zip(self._runs, places, strict=True):
                self._put(run, place, first, ends, columns)
            yield self._assembler.make_part(first, offsets, columns)
            del columns

    def _ranges(self) -> Iterator[tuple[int, int]]:
        """Iterate over ranges of flows whose packets fit into the memory; at least one flow each."""
        reach = np.cumsum(self._totals)
        first, n_done = 0, 0
        while first < len(reach):
            last = max(first + 1, int(np.searchsorted(reach, n_done + self._n_most, "right")))
            yield first, last
            first, n_done = last, int(reach[last - 1])

    def _put(self, run: _Run, place: list[int], first: int, ends: np.ndarray, columns: dict[str, np.ndarray]) -> None:
        """Append a run's packets of the flows from `first` on to the packets that are there of each flow."""
        n_flows = min(len(ends), run.n_flows - place[0])
        flows = self._read(run, "flow", place[0], np.empty(n_flows, np.uint32))
        flows = flows[: np.searchsorted(flows, first + len(ends))] - np.uint32(first)
        counts = self._read(run, "count", place[0], np.empty(len(flows), np.uint32))
        n_packets, starts = int(counts.sum(dtype=np.int64)), ends[flows]
        for name, column in columns.items():
            if len(flows) == 1:
                self._read(run, name, place[1], column[starts[0] : starts[0] + n_packets])
                continue
            slices = self._read(run, name, place[1], np.empty(n_packets, column.dtype))
            _flowcore.place_run(starts, counts, slices.view(np.uint8), column.view(np.uint8), column.itemsize)
        ends[flows] += counts
        place[0] += len(flows)
        place[1] += n_packets

    def _read(self, run: _Run, name: str, start: int, values: np.ndarray) -> np.ndarray:
        self._file.read(run.offsets[name] + start * values.itemsize, values)
        return values


class _RunFile:
    """A file without a name, gone with the process whatever becomes of it; made when it is first written to."""

    def __init__(self) -> None:
        self.n_bytes = 0
        self._file: Any = None
        self._folder = ""

    def __del__(self) -> None:
        if self._file is not None:
            self._file.close()

    def append(self, values: np.ndarray) -> int:
        """Write an array; returns where."""
        start = self.n_bytes
        try:
            if self._file is None:
                import tempfile

                self._folder = choose_folder()
                self._file = tempfile.TemporaryFile(buffering=0, dir=self._folder)  # noqa: SIM115 - closed with this
            self._write(memoryview(values.view(np.uint8)))
        except OSError as error:
            raise self._error(error) from error
        return start

    def _write(self, left: memoryview) -> None:
        while left:
            n_written = self._file.write(left)
            self.n_bytes += n_written
            left = left[n_written:]

    def read(self, start: int, values: np.ndarray) -> None:
        """Fill an array with the values written at `start`."""
        left = memoryview(values.view(np.uint8))
        try:
            while left:
                n_read = os.preadv(self._file.fileno(), [left], start)
                if not n_read:
                    raise OSError(None, "it has become shorter")
                start += n_read
                left = left[n_read:]
        except OSError as error:
            raise self._error(error) from error

    def _error(self, error: OSError) -> SpillError:
        return SpillError(self._folder, describe_os_error(error), self.n_bytes, error.errno)


def choose_folder() -> str:
    """Return the folder for large temporary files: TMPDIR, or else /var/tmp, as /tmp may be in memory itself."""
    if not any(os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")) and os.access("/var/tmp", os.W_OK | os.X_OK):
        return "/var/tmp"
    import tempfile

    return tempfile.gettempdir()
