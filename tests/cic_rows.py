"""CIC rows from the kernel for the packets that the oracle takes: made through a flow table, as every row is."""

import numpy as np
from feature_rows import represent
from reference.biflow_packet import in_time_order

from netml import _flowcore
from netml.families import FamilyOptions
from netml.features.options import RepresentationOptions
from netml.flow.table import FlowTable
from netml.schema.flow_index import FLOW_KEY

# Column -> `BiflowPacket`'s field.
FIELDS = {
    "time_ns": "time_ns",
    "is_forward": "is_forward",
    "flags": "flags",
    "payload_bytes": "payload_bytes",
    "header_bytes": "transport_header_bytes",
    "window": "window",
    "sequence": "sequence",
}
KINDS = {"time_ns": np.int64, **_flowcore.COLUMN_KINDS}


def make_table(flows, connection_starts_ns=None, leave_out=()):
    """Make a table of flows, each a list of `BiflowPacket`s; what a packet does not have (-1) is 0 in its column."""
    flows = [in_time_order(packets) for packets in flows]
    members = [packet for packets in flows for packet in packets]
    columns = {
        name: np.array([getattr(packet, field) for packet in members])
        for name, field in FIELDS.items()
        if name not in leave_out
    }
    columns = {
        name: (column if name == "time_ns" else np.maximum(column, 0)).astype(KINDS[name])
        for name, column in columns.items()
    }
    keys = np.zeros(len(flows), FLOW_KEY)
    keys["protocol"] = [packets[0].protocol for packets in flows]
    offsets = np.cumsum([0, *map(len, flows)]).astype(np.int64)
    table = FlowTable(keys, offsets, columns, "payload")
    starts_ns, ends_ns = (np.array([packets[place].time_ns for packets in flows], np.int64) for place in (0, -1))
    if connection_starts_ns is None:
        connection_starts_ns = starts_ns
    attributes = {
        "icmp_type": np.array([packets[0].icmp_type for packets in flows], np.int16),
        "icmp_code": np.array([packets[0].icmp_code for packets in flows], np.int16),
        "connection_start_ns": np.array(connection_starts_ns, np.int64),
    }
    table.set_times(starts_ns, ends_ns, attributes=attributes)
    return table


def cic_matrix(table, family="CIC", **chosen):
    """The matrix of a family; `chosen` are `FamilyOptions`."""
    options = RepresentationOptions(family, size="payload", dim=1, family_options=FamilyOptions(**chosen))
    return represent(table, options)


def cic_rows(flows, **chosen):
    """[{name: value}] of CIC."""
    matrix = cic_matrix(make_table(flows), **chosen)
    return [dict(zip(matrix.columns, row, strict=True)) for row in matrix.X.tolist()]


def cic_row(packets, **chosen):
    """One flow's row of CIC."""
    return cic_rows([packets], **chosen)[0]
