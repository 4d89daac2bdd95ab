"""The class `PCAP`: the original netml's interface, over the compiled core."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast, overload

import numpy as np

from netml.errors import NetmlError
from netml.features.compute import compute
from netml.features.fitting import fit
from netml.features.options import RepresentationOptions
from netml.flow.options import FlowOptions
from netml.flow.reader import read_flows
from netml.flow.table import Flow, FlowTable
from netml.summary import summarise_table
from netml.timing import timed

if TYPE_CHECKING:
    import pandas as pd

    from netml.schema.choices import Families, Tunnels

FiveTuple = tuple[str, str, int, int, int]


class OriginalPacket:
    """A packet of a flow: `.time` (s since 1970), `len()` (bytes), `.time_ns`, `.flags`, `.ttl`."""

    __slots__ = ("flags", "size", "time_ns", "ttl")

    def __init__(self, time_ns: int, size: int, flags: int, ttl: int) -> None:
        self.time_ns = time_ns
        self.size = size
        self.flags = flags
        self.ttl = ttl

    @property
    def time(self) -> float:
        """Time since 1970, s; a float64 has room for a quarter of a microsecond, `time_ns` for all of it."""
        return self.time_ns / 1e9

    def __len__(self) -> int:
        return self.size

    def __repr__(self) -> str:
        return f"<OriginalPacket: {self.size} bytes at {self.time:.6f}>"


class OriginalPackets(Sequence[OriginalPacket]):
    """The packets of one flow, in order of time; made when they are looked at."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def __len__(self) -> int:
        return len(self._flow.time_ns)

    @overload
    def __getitem__(self, place: int) -> OriginalPacket: ...
    @overload
    def __getitem__(self, place: slice) -> list[OriginalPacket]: ...
    def __getitem__(self, place: int | slice) -> OriginalPacket | list[OriginalPacket]:
        if isinstance(place, slice):
            return [self[i] for i in range(len(self))[place]]
        flow = self._flow
        assert flow.flags is not None
        assert flow.ttl is not None
        columns = (flow.time_ns, flow.size, flow.flags, flow.ttl)
        return OriginalPacket(*(int(column[place]) for column in columns))


class OriginalFlows(Sequence[tuple[FiveTuple, OriginalPackets]]):
    """The flows as pairs of five-tuple and packets; made when they are looked at."""

    def __init__(self, table: FlowTable) -> None:
        self.table = table
        self.five_tuples = table.flows.five_tuples()

    def __len__(self) -> int:
        return len(self.table)

    @overload
    def __getitem__(self, place: int) -> tuple[FiveTuple, OriginalPackets]: ...
    @overload
    def __getitem__(self, place: slice) -> list[tuple[FiveTuple, OriginalPackets]]: ...
    def __getitem__(
        self, place: int | slice
    ) -> tuple[FiveTuple, OriginalPackets] | list[tuple[FiveTuple, OriginalPackets]]:
        if isinstance(place, slice):
            return [self[i] for i in range(len(self))[place]]
        return self.five_tuples[place], OriginalPackets(self.table[place])


class PCAP:
    """A capture, its flows and their features: the original's interface.

    Parameters
    ----------
    pcap_file : path or any source that `netml.read_flows` takes
        The capture.
    flow_ptks_thres : int, default 2
        A flow needs this many packets; at least 2.
    verbose : int, default 0
        Greater than 0: say on stderr what was read and what was dropped.
    random_state : int, default 42
        Kept for callers; nothing here is random.

    Attributes
    ----------
    flows : sequence of (five-tuple, packets)
        After `pcap2flows`; packets have `.time` (s) and `len()` (bytes).
    interval : float
        The interval that flows were cut to, s.
    features : ndarray (n_flows, n_features) of float64
        After `flow2features`.
    fids : list of five-tuples
        Of the features' rows.
    labels : ndarray (n_flows,) of int
        After `label_flows`: 0 normal, 1 abnormal.
    df : pandas.DataFrame
        After `pcap2pandas`.
    """

    def __init__(
        self, pcap_file: Any, *, flow_ptks_thres: int = 2, verbose: int = 0, random_state: int | None = 42
    ) -> None:
        self.pcap_file = pcap_file
        self.flow_ptks_thres = flow_ptks_thres
        self.verbose = verbose
        self.random_state = random_state
        self.flows: OriginalFlows | None = None
        self.interval: float | None = None
        self.q_interval = 0.9
        self.features: np.ndarray | None = None
        self.fids: list[FiveTuple] | None = None
        self.labels: np.ndarray | None = None
        self.df: pd.DataFrame | None = None

    @timed
    def pcap2flows(
        self,
        interval: float = 0.0,
        q_interval: float = 0.9,
        *,
        tcp_timeout: float = 600,
        udp_timeout: float = 600,
        tunnels: Tunnels = "outer",
    ) -> None:
        """Read the capture into flows.

        Parameters
        ----------
        interval : float, default 0
            Length to which flows are cut, s; 0: learn it.
        q_interval : float, default 0.9
            Quantile of the flow durations that is the interval if none is given.
        tcp_timeout, udp_timeout : float, default 600
            Idle timeouts, s.
        tunnels : {"outer", "inner"}
            Outermost packets, as of the original, or innermost ones, as of `netml.read_flows`.

        Raises
        ------
        CaptureError, OptionError
            As `netml.read_flows`.
        """
        options = FlowOptions(
            min_packets=self.flow_ptks_thres,
            tcp_timeout=tcp_timeout,
            udp_timeout=udp_timeout,
            interval=interval or None,
            q_interval=q_interval,
            tunnels=tunnels,
        )
        table = read_flows(self.pcap_file, flow=options)
        self.flows = OriginalFlows(table)
        self.interval = table.metadata["interval_s"]
        self.q_interval = q_interval
        self.features = self.fids = self.labels = None
        if self.verbose:
            print("\n".join(summarise_table(table.metadata, len(table))), file=sys.stderr)

    @timed
    def flow2features(
        self, feat_type: str = "IAT", *, fft: bool = False, header: bool = False, dim: int | None = None
    ) -> None:
        """Turn the flows into features, a row for each.

        Parameters
        ----------
        feat_type : str, default "IAT"
            A family, or several with commas between; "FFT-IAT" is IAT with `fft`.
        fft : bool, default False
            Take the real part of the rows' Fourier transform.
        header : bool, default False
            Put TCP flag counts and TTLs in front.
        dim : int, optional
            Packets that a row has room for; by default learned from the flows.
        """
        flows = self._require_flows()
        options = RepresentationOptions(cast("Families", feat_type), fft=fft, header=header, dim=dim)
        matrix = compute(flows.table, fit([flows.table], options, FlowOptions(q_interval=self.q_interval)))
        self.feat_type = feat_type
        self.features = matrix.X
        self.fids = list(flows.five_tuples)
        self.dim = matrix.metadata["representation"]["dim"]

    @timed
    def label_flows(self, label_file: Any = None, label: int = 0, *, columns: Mapping[str, str] | None = None) -> None:
        """Label the flows from a file; flows that it does not name are left out, as in the original.

        Where the file gives time windows, a row labels only flows that share some time with it.

        Parameters
        ----------
        label_file : path or file, optional
            A CIC-IDS2017 CSV, or any that `netml.labels.read_labels` understands.
        label : int, default 0
            Label of all flows if there is no file.
        columns : mapping of str to str, optional
            The file's own column names, as in `netml.labels.read_labels`.
        """
        flows = self._require_flows()
        if label_file is None:
            self.labels = np.full(len(flows), label, dtype=np.int64)
            return
        from netml.labels.matching import original_labels

        index = flows.table.flows
        times_ns = zip(index.start_ns.tolist(), index.end_ns.tolist(), strict=True)
        kept, self.labels = original_labels(label_file, flows.five_tuples, times_ns=times_ns, columns=columns)
        if len(kept) != len(flows):
            self.flows = OriginalFlows(flows.table[np.asarray(kept, np.int64)])
            if self.features is not None:
                self.features = self.features[kept]
                self.fids = list(self.flows.five_tuples)

    @timed
    def pcap2pandas(self) -> None:
        """Put the capture's packets into the data frame `df`, with the original's columns; IPv6 too, DNS decoded."""
        from netml.pparser.dataframe import packet_frame

        self.df = packet_frame(self.pcap_file)

    def _require_flows(self) -> OriginalFlows:
        if self.flows is None:
            raise NetmlError("there are no flows yet: call pcap2flows() first")
        return self.flows
