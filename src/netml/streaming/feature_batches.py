"""Batches of feature rows, made as flows end, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from netml.errors import OptionError
from netml.families import DEFAULT_FAMILY_OPTIONS, FamilyOptions
from netml.features.compute import compute
from netml.features.incremental import IncrementalRows, is_incremental
from netml.features.matrix import FeatureMatrix
from netml.features.options import RepresentationOptions
from netml.features.spec import LEAST_INTERVAL_S, RepresentationSpec, complete_spec, read_spec
from netml.flow.options import FlowOptions, choose_flow
from netml.flow.table import FlowTable
from netml.schema.flow_index import ATTRIBUTE_KINDS, FLOW_KEY
from netml.schema.packet_columns import PACKET_KINDS
from netml.streaming.flow_stream import MAX_MEMORY_BYTES, FlowStream
from netml.validation import require_whole

if TYPE_CHECKING:
    from netml.schema.choices import Families, Size

BATCH_ROWS = 1 << 16
BATCH_NUMBERS = 1 << 22  # values of a batch of more than one row at most: 32 MiB


def extract_batches(
    source: Any,
    families: Families = "IAT",
    *,
    like: Any = None,
    interval: float | None = None,
    dim: int | None = None,
    rate: float | None = None,
    fft: bool = False,
    header: bool = False,
    flow: FlowOptions | None = None,
    size: Size = "captured",
    max_packets: int | None = None,
    family_options: FamilyOptions | None = None,
    batch_rows: int = BATCH_ROWS,
    max_flows: int | None = None,
    max_memory: int = MAX_MEMORY_BYTES,
    **stream_options: Any,
) -> FeatureBatches:
    """Turn captures into feature matrices batch by batch, as flows end, in bounded memory.

    All batches together have the rows of ``netml.extract`` with the same options (and `keep_tail` in the definition
    `original`), in the order in which flows are known to have ended; see `docs/streaming.md`.

    Parameters
    ----------
    source : path, "-", binary file, dpkt reader, iterable of (time, bytes), or an iterable of paths and files
        As in `netml.read_flows`.
    families, fft, header, size, max_packets, family_options
        As in `netml.extract`.
    like : path, FeatureMatrix, FlowRepresentation or FlowModel, optional
        Use its representation with interval, `dim`, rate and flow options, and ignore the options of one given here. A
        path is that of a .netml model or of features with metadata (.npz, .parquet, .arrow).
    interval : float, optional
        Length to which flows are cut, s. Needed without `like` in the definition `original`, as it cannot be learned
        from flows to come; an error in the others.
    dim : int, optional
        Packets that a row has room for. Needed without `like` where the width of a row depends on it.
    rate : float, optional
        Length of a SAMP window, s. Needed without `like` by the SAMP families.
    flow : FlowOptions, optional
        How packets become flows, as in `netml.extract`; `keep_tail` is always on. Its `interval` serves if `interval`
        is not given, and must be the same if both are.
    batch_rows : int, default 65536
        Rows of a batch at most; fewer of wide rows, so that no batch takes more than some 32 MiB.
    max_flows : int, optional
        Flow keys held at most; beyond it the least recently seen are ended early.
    max_memory : int, default 1 GiB
        Bytes that packets and keys may hold; beyond it the least recently seen are ended early.
    **stream_options
        `strict`, `link_type`, `progress`, `batch_packets`, `latency_s`, `max_flow_packets` of
        `netml.streaming.FlowStream`.

    Returns
    -------
    FeatureBatches
        An iterator of `FeatureMatrix`, none of them empty; `metadata`, `no_rows()`, `stop()`, `close()`.

    Raises
    ------
    OptionError
        If an option is missing or out of range.
    DamagedFileError
        If `like` is a file that has no representation.

    Examples
    --------
    >>> import netml
    >>> for batch in netml.extract_batches("-", "STATS", interval=5.0, dim=10):  # doctest: +SKIP
    ...     print(batch.shape)
    """
    if like is not None:
        spec = read_spec(like)
    else:
        flow = choose_flow(flow)
        interval = choose_flow(flow, interval).interval
        named = families if isinstance(families, str) else tuple(families)
        chosen = family_options or DEFAULT_FAMILY_OPTIONS
        options = RepresentationOptions(named, fft, header, dim, rate, size, chosen, max_packets)
        _refuse_bits(options)  # first: no option that is missing would help
        spec = complete_spec(options, flow, interval)
    return FeatureBatches(
        source, spec, batch_rows=batch_rows, max_flows=max_flows, max_memory=max_memory, **stream_options
    )


def _refuse_bits(options: RepresentationOptions) -> None:
    if options.makes_bits:
        names = ", ".join(options.request.names)
        raise OptionError("families", names, "another one in a stream: header bits are made of whole captures")


def open_stream(source: Any, spec: RepresentationSpec, **stream_options: Any) -> FlowStream:
    """Open a stream for rows of a representation: of matrices if its rows are incremental, or else of tables.

    `OptionError` if the rows are bits of headers.
    """
    _refuse_bits(spec.options)
    is_original = spec.flow.definition == "original"
    return FlowStream(
        source,
        interval=max(spec.interval_s, LEAST_INTERVAL_S) if is_original else None,
        flow=spec.flow,
        incremental=IncrementalRows(spec) if not is_original and is_incremental(spec.options) else None,
        size=spec.options.size,
        columns=spec.options.packet_columns[1:],
        **stream_options,
    )


class FeatureBatches:
    """Iterator over the feature matrices of a stream; see `extract_batches`, whose last two parameters these are.

    Attributes
    ----------
    stream : FlowStream
        Stream of the flows.
    """

    def __init__(
        self, source: Any, spec: RepresentationSpec, *, batch_rows: int = BATCH_ROWS, **stream_options: Any
    ) -> None:
        require_whole("batch_rows", batch_rows, 1)
        self._spec = spec
        self.stream = open_stream(source, spec, **stream_options)
        self._batch_rows = max(1, min(batch_rows, BATCH_NUMBERS // max(1, self.no_rows().shape[1])))
        self._batches = self._iterate()

    def __iter__(self) -> Iterator[FeatureMatrix]:
        return self

    def __next__(self) -> FeatureMatrix:
        return next(self._batches)

    def __enter__(self) -> FeatureBatches:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _iterate(self) -> Iterator[FeatureMatrix]:
        for part in self.stream:
            for start in range(0, len(part), self._batch_rows):
                rows = slice(start, start + self._batch_rows)
                if isinstance(part, FeatureMatrix):
                    yield part[rows]
                else:
                    is_whole = len(part) <= self._batch_rows
                    yield compute(part if is_whole else _cut(part, start, self._batch_rows), self._spec)

    def no_rows(self) -> FeatureMatrix:
        """Make a matrix without rows: the columns, and as metadata what is known before the first row."""
        known = ("netml_version", "flow", "interval_s", "size")
        about = {name: value for name, value in self.metadata.items() if name in known}
        counts = np.empty(0, np.int64)
        columns = {name: np.empty(0, kind) for name, kind in PACKET_KINDS.items()}
        table = FlowTable(np.empty(0, FLOW_KEY), np.zeros(1, np.int64), columns, self._spec.options.size, about)
        is_original = self._spec.flow.definition == "original"
        attributes: dict[str, np.ndarray] = {
            name: np.empty(0, kind) for name, kind in ATTRIBUTE_KINDS.items() if not is_original
        }
        table.set_times(counts, counts, np.empty(0, np.uint8), attributes)
        return compute(table, self._spec)

    @property
    def metadata(self) -> dict[str, Any]:
        """`FlowStream.metadata` of what was read so far."""
        return self.stream.metadata

    def stop(self) -> None:
        """Stop reading, as Ctrl-C does; batches of the flows that are open are still to come."""
        self.stream.stop()

    def close(self) -> None:
        """Close the source, and make no more batches."""
        self._batches.close()  # type: ignore[attr-defined]
        self.stream.close()


def _cut(table: FlowTable, start: int, n_rows: int) -> FlowTable:
    """Return `n_rows` flows from `start` on, without a copy of their packets."""
    stop = min(start + n_rows, len(table))
    first, last = int(table.offsets[start]), int(table.offsets[stop])
    columns = {name: column[first:last] for name, column in table.columns.items()}
    rows, index = slice(start, stop), table.flows
    part = FlowTable(
        table.keys[rows], table.offsets[start : stop + 1] - first, columns, table.size_kind, table.metadata
    )
    reasons = None if index.end_reason is None else index.end_reason[rows]
    attributes = {name: column[rows] for name, column in index.attributes.items()}
    part.set_times(index.start_ns[rows], index.end_ns[rows], reasons, attributes)
    return part
