"""Segments for the tests of the TCP family, and its two implementations behind one face."""

from biflow_tables import table_of
from feature_rows import represent
from reference import tcp
from reference.biflows import Flow
from reference.flow_keys import DirectionalKey, Endpoint
from reference.headers import Headers
from reference.tcp_segments import ACK, FIN, RST, SYN, Segment

from netml.features.options import RepresentationOptions
from netml.features.tcp_history import trace_connections

KEY = ("10.0.0.1", "10.0.0.2", 40000, 443, 6)
SYN_ACK, FIN_ACK, RST_ACK = SYN | ACK, FIN | ACK, RST | ACK
MS = 10**6


def flow_of(segments, protocol=6):
    """A flow of the reference of these segments, which stand in time order; one of no side is a later fragment."""
    ends = DirectionalKey(Endpoint(*KEY[:3:2]), Endpoint(*KEY[1:4:2]), protocol, 0)
    packets = []
    for segment in segments:
        fields = segment._asdict()
        time_ns, is_forward = fields.pop("time_ns"), fields.pop("is_forward")
        if is_forward is None:
            later = Headers(time_ns, 60, 60, KEY, payload_bytes=segment.payload_bytes)
            packets.append((later, True))
        else:
            packets.append((Headers(time_ns, 60, 60, KEY, transport_header_bytes=20, **fields), is_forward))
    return Flow(ends, 0, packets)


def side(is_forward):
    """Make segments of one side, a millisecond apart unless `at` says when (ms)."""

    def make(at, flags=ACK, sequence=0, n=0, **fields):
        return Segment(at * MS, is_forward, flags, sequence, payload_bytes=n, **fields)

    return make


fwd, rev = side(True), side(False)


def numbered(*segments):
    """Segments at 0, 1, 2 ... ms in place of their times."""
    return [segment._replace(time_ns=place * MS) for place, segment in enumerate(segments)]


class Reference:
    """The oracle."""

    @staticmethod
    def row(segments, protocol=6):
        return tcp.flow_row(flow_of(segments, protocol))

    @staticmethod
    def texts(segments, protocol=6):
        return tcp.flow_texts(flow_of(segments, protocol))


class Kernel:
    """The kernel, on the reference's flow as a table."""

    @staticmethod
    def row(segments, protocol=6):
        matrix = represent(table_of([flow_of(segments, protocol)]), RepresentationOptions("TCP", dim=1))
        return dict(zip(matrix.columns, matrix.X[0].tolist(), strict=True))

    @staticmethod
    def texts(segments, protocol=6):
        texts = trace_connections(table_of([flow_of(segments, protocol)]))
        return texts["conn_state"][0], texts["history"][0]


IMPLEMENTATIONS = {"reference": Reference, "kernel": Kernel}
