"""The reference's flows as a `FlowTable`, so that feature kernels are held against the oracles without an assembler."""

import numpy as np
from reference.headers import SIZES

from netml.flow.table import FlowTable
from netml.schema.flow_index import ATTRIBUTE_KINDS, FLOW_KEY
from netml.schema.packet_columns import PACKET_COLUMNS


def table_of(flows, size="captured"):
    """Make a table of `reference.biflows.Flow`s that have ended; addresses, and what a packet does not have, stay 0."""
    from netml._flowcore import COLUMN_KINDS

    assert size in SIZES
    members = [member for flow in flows for member in flow.packets]
    columns = {
        name: np.array([value_of(packet, is_forward, name) for packet, is_forward in members], np.int64).astype(kind)
        for name, kind in {"time_ns": np.int64, **COLUMN_KINDS}.items()
    }
    assert set(columns) == set(PACKET_COLUMNS)
    keys = np.zeros(len(flows), FLOW_KEY)
    for row, flow in enumerate(flows):
        keys[row]["protocol"] = flow.key.protocol
        keys[row]["src_port"], keys[row]["dst_port"] = flow.key.source.port, flow.key.destination.port
        keys[row]["ip_version"] = 4
    offsets = np.cumsum([0, *(len(flow.packets) for flow in flows)]).astype(np.int64)
    table = FlowTable(keys, offsets, columns, size)
    attributes = {
        "vlan_id": [flow.first.vlan_id for flow in flows],
        "icmp_type": [flow.first.icmp_type for flow in flows],
        "icmp_code": [flow.first.icmp_code for flow in flows],
        "connection_start_ns": [flow.start_ns for flow in flows],
    }
    times_ns = [np.array([edge(flow) for flow in flows], np.int64) for edge in (start_of, end_of)]
    table.set_times(
        *times_ns, attributes={name: np.array(attributes[name], ATTRIBUTE_KINDS[name]) for name in attributes}
    )
    return table


def start_of(flow):
    return flow.start_ns


def end_of(flow):
    return flow.end_ns


def value_of(packet, is_forward, name):
    """A `Headers`' value of a packet column; what it does not have is 0."""
    if name == "is_forward":
        return is_forward
    renamed = {"header_bytes": "transport_header_bytes"}.get(name, name)
    return max(getattr(packet, renamed, 0), 0) if name != "time_ns" else packet.time_ns
