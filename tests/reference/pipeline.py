"""From bytes to flows and matrices: the reference's side of `netml.read_flows` and `netml.extract`."""

from dataclasses import dataclass
from pathlib import Path

from reference import families as reference_families
from reference.capture import read_capture
from reference.decode import SKIP_REASONS, Decoder
from reference.flows import FlowOptions, Packet, assemble_flows, nanoseconds

DEFAULT_OPTIONS = FlowOptions()


@dataclass
class Table:
    """Flows, and the counters that `FlowTable.metadata` has."""

    pieces: list
    interval_ns: float
    metadata: dict

    @property
    def keys(self):
        """Five-tuple of each flow."""
        return [piece[0].key for piece in self.pieces]


def decode_records(records, size="captured", **decoding):
    """Records -> (packets kept, count of each skip reason); further options are those of `Decoder`."""
    packets, skipped = [], dict.fromkeys(SKIP_REASONS, 0)
    decoder = Decoder(**decoding)
    for record in records:
        decoded = decoder.decode(record.link_type, record.frame, record.time_ns)
        if isinstance(decoded, str):
            skipped[decoded] += 1
            continue
        n_bytes = record.wirelen if size == "wire" else record.caplen
        lengths = (n_bytes, record.caplen, record.wirelen)
        packets.append(Packet(decoded.key, record.time_ns, *lengths, decoded.flags, decoded.ttl))
    return packets, skipped


def read_flows(sources, *, flow=DEFAULT_OPTIONS, size="captured"):
    """Paths or bytes of captures (one or a list, pooled in that order) -> `Table`."""
    sources = sources if isinstance(sources, list | tuple) else [sources]
    records = []
    for source in sources:
        content = source if isinstance(source, bytes) else Path(source).read_bytes()
        records += read_capture(content).records
    decoding = {"tunnels": flow.tunnels, "fragments": flow.fragments, "tunnel_ports": flow.tunnel_ports}
    packets, skipped = decode_records(records, size, **decoding)
    flows = assemble_flows(packets, flow)
    metadata = {
        "packets_read": len(records),
        "packets_kept": len(packets),
        "skipped": skipped,
        "dropped": flows.dropped,
        "interval_s": flows.interval_ns / 1e9,
    }
    return Table(flows.pieces, flows.interval_ns, metadata)


def extract(table, families="IAT", *, fft=False, header=False, q_interval=0.9, dim=None, rate=None):
    """A `Table` -> (matrix, column names); `dim` and `rate` (seconds) are learned where not given."""
    families = (families,) if isinstance(families, str) else tuple(families)
    dim = reference_families.learn_dim(table.pieces, q_interval) if dim is None else dim
    rate_ns = reference_families.learn_rate_ns(table.pieces) if rate is None else nanoseconds(rate)
    matrix = reference_families.make_matrix(table.pieces, families, fft=fft, header=header, dim=dim, rate_ns=rate_ns)
    return matrix, reference_families.name_columns(families, dim, header, fft)
