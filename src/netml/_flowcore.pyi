"""Types of the compiled core. `tests/test_compiled_types.py` holds this file against the module."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, TypedDict

import numpy as np
from numpy.typing import NDArray

class _Counters(TypedDict):
    start_ns: int | None
    end_ns: int | None
    packets_read: int
    packets_kept: int
    captured_bytes: int
    skipped: dict[str, int]

class _Drop(TypedDict):
    packets: int
    flows: int

class _Seen(TypedDict):
    link_types: set[int]
    n_sections: int
    n_interfaces: int

SKIP_REASONS: Final[tuple[str, ...]]
DROP_REASONS: Final[dict[str, int]]
EARLY_ENDS: Final[dict[str, int]]
TUNNELS: Final[dict[str, tuple[int, int]]]
DAMAGE_KINDS: Final[dict[int, str]]
FLOW_KEY: Final[np.dtype[np.void]]
COLUMNS: Final[dict[str, tuple[int, type[np.unsignedinteger[Any]]]]]
COLUMN_KINDS: Final[dict[str, type[np.unsignedinteger[Any]]]]
TCP_ENDS: Final[dict[str, int]]
BIFLOW_ATTRIBUTES: Final[dict[str, type[np.integer[Any]]]]
SORTING_FAMILIES: Final[tuple[int, ...]]
FAMILY_ATTRIBUTES: Final[dict[str, type[np.integer[Any]]]]
HEADER_BLOCKS: Final[dict[str, int]]
PACKET_ROW: Final[np.dtype[np.void]]
FAMILY_COLUMNS: Final[dict[int, tuple[str, ...]]]
LEAST_WIDTH: Final[dict[int, int]]
CIC_COLUMNS: Final[tuple[str, ...]]
EXTRA_COLUMNS: Final[dict[int, tuple[str, ...]]]
EXTRA_WIDTH: Final[dict[int, int]]

def convert_time(time: float | Decimal | Fraction) -> int: ...
def take_pair(pair: Any) -> tuple[Any, bytes]: ...
def populate(mapped: NDArray[np.uint8], start: int, length: int) -> None: ...
def fail_allocations(n: int) -> bool: ...
def is_supported(link_type: int) -> bool: ...

class Framer:
    def __init__(
        self,
        capture_format: str,
        *,
        is_swapped: bool = False,
        header_bytes: int = 16,
        fraction_ns: int = 1000,
        link_type: int = 1,
    ) -> None: ...
    def take_frames(
        self, block: NDArray[np.uint8], start: int, length: int
    ) -> tuple[list[tuple[int, bytes, int]], int, int, str]: ...
    @property
    def n_passed(self) -> int: ...
    @property
    def seen(self) -> _Seen: ...

class PacketAssembler:
    def __init__(
        self,
        wanted: Iterable[str] = (),
        *,
        keeps_packets: bool = True,
        enters_tunnels: bool = True,
        tunnel_ports: Mapping[str, Iterable[int]] | None = None,
        tracks_fragments: bool = False,
        takes_all: bool = False,
        **rest: Any,
    ) -> None: ...
    def assemble(
        self, framer: Framer, block: NDArray[np.uint8], start: int, length: int, *, is_mapped: bool = False
    ) -> tuple[int, int, str]: ...
    def assemble_packets(
        self, packets: Iterator[tuple[float | Decimal | Fraction, bytes]], link_type: int, n_most: int
    ) -> int: ...
    @property
    def counters(self) -> _Counters: ...
    @property
    def n_packets_read(self) -> int: ...
    @property
    def latest_ns(self) -> int | None: ...
    @property
    def n_keys(self) -> int: ...
    @property
    def n_open_packets(self) -> int: ...
    @property
    def n_flushes(self) -> int: ...
    @property
    def dropped(self) -> dict[str, _Drop]: ...

class HeaderReader(PacketAssembler):
    def __init__(self, *, blocks: Iterable[str], payload_octets: int = 0, **options: Any) -> None: ...
    def take_rows(self, n_most: int) -> tuple[NDArray[np.void], NDArray[np.int8]]: ...
    @property
    def n_pending(self) -> int: ...

class StoredFlowHeaders:
    def add_packet(self, link_type: int, octets: bytes, flow: int, rank: int, payload_octets: int = 0) -> bool: ...
    def fill_rows(
        self,
        X: NDArray[np.int8],
        blocks: Iterable[str],
        payload_octets: int,
        n_packets: int,
        rows: NDArray[np.uint32],
    ) -> int: ...
    @property
    def n_packets(self) -> int: ...
    @property
    def n_bytes(self) -> int: ...

class FlowAssembler(PacketAssembler):
    @property
    def ended_early(self) -> dict[str, _Drop]: ...
    def take_packets(self) -> dict[str, NDArray[Any]]: ...
    def keys(self) -> NDArray[np.void]: ...
    def end_flows(self, rules: dict[str, Any]) -> NDArray[np.int64]: ...
    def take_flows(self, interval_ns: float) -> dict[str, NDArray[Any]]: ...
    def take_run(self, *, is_last: bool = False) -> dict[str, NDArray[Any]]: ...
    def make_part(self, first: int, offsets: NDArray[np.int64], columns: dict[str, NDArray[Any]]) -> FlowAssembler: ...
    def advance_watermark(self, rules: dict[str, Any]) -> None: ...
    def take_expired(self) -> dict[str, NDArray[Any]]: ...

class BiflowAssembler(PacketAssembler):
    def __init__(
        self,
        wanted: Iterable[str] = (),
        *,
        rules: dict[str, Any],
        n_first: int = 0,
        payload_octets: int = 0,
        **options: Any,
    ) -> None: ...
    def take_biflows(self, min_packets: int) -> dict[str, NDArray[Any]]: ...
    def take_headers(self) -> StoredFlowHeaders: ...
    @property
    def ended_early(self) -> dict[str, _Drop]: ...
    def advance_watermark(
        self,
        rules: dict[str, Any],
        *,
        sums: Sequence[tuple[FlowStates, int, int]] = (),
        size: str = "caplen",
    ) -> None: ...
    def take_expired(self) -> dict[str, NDArray[Any]]: ...
    @property
    def n_leaving(self) -> int: ...
    def take_rows(
        self, sums: Sequence[tuple[FlowStates, int, int]], n_columns: int, first: int, most: int
    ) -> dict[str, NDArray[Any]]: ...
    def release_taken(self, sums: Sequence[tuple[FlowStates, int, int]] = ()) -> None: ...

def place_run(
    places: NDArray[np.int64],
    counts: NDArray[np.uint32],
    slices: NDArray[np.uint8],
    column: NDArray[np.uint8],
    width: int,
) -> None: ...
def fill_family(
    code: int,
    X: NDArray[np.float64],
    first_column: int,
    width: int,
    offsets: NDArray[np.int64],
    columns: dict[str, NDArray[Any] | None],
    settings: dict[str, Any],
    attributes: dict[str, NDArray[Any]] | None = None,
) -> None: ...
class FlowStates:
    def __init__(self, code: int, settings: dict[str, Any]) -> None: ...
    @property
    def n_flows(self) -> int: ...
    @property
    def n_bytes(self) -> int: ...
    def feed(self, offsets: NDArray[np.int64], columns: dict[str, NDArray[Any] | None]) -> None: ...
    def write(
        self,
        numbers: NDArray[np.uint32],
        X: NDArray[np.float64],
        first_column: int,
        width: int,
        attributes: dict[str, NDArray[Any]] | None = None,
    ) -> None: ...
    def restart(self, numbers: NDArray[np.uint32]) -> None: ...
    def renumber(self, numbers: NDArray[np.uint32]) -> None: ...

def sum_by_flow(size: NDArray[np.uint32], offsets: NDArray[np.int64]) -> NDArray[np.int64]: ...
def format_addresses(
    addresses: NDArray[np.uint8], ip_version: NDArray[np.uint8]
) -> tuple[NDArray[np.int32], NDArray[np.uint8]]: ...
def read_tcp_options(header: bytes | NDArray[np.uint8]) -> int: ...
def trace_connections(
    offsets: NDArray[np.int64], columns: dict[str, NDArray[Any] | None], attributes: dict[str, NDArray[Any]]
) -> tuple[NDArray[np.uint8], NDArray[np.int32], NDArray[np.uint8]]: ...
