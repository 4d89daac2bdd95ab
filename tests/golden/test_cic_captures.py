"""CIC of the kernel against the oracle on every shared capture, with the usual thresholds and with short ones."""

import cic_rows
import numpy as np
from reference.biflow_packet import BiflowPacket
from reference.biflows import BiflowOptions, assemble_biflows
from reference.bulks import CicOptions
from reference.capture import read_capture
from reference.cic import cic_extra_row, cic_row
from reference.headers import decode_headers

OPTIONS = [CicOptions(), CicOptions(bulk_gap=0.01, bulk_packets=2, subflow_gap=0.05, activity_timeout=0.1)]
MOST_PACKETS = 4000  # of a capture: the oracle is slow
AT_LEAST = 170  # captures


def as_biflow_packet(headers, is_forward):
    fields = (headers.window, headers.sequence, headers.icmp_type, headers.icmp_code)
    lengths = (headers.payload_bytes, headers.transport_header_bytes)
    return BiflowPacket(headers.time_ns, is_forward, *lengths, headers.key[4], headers.flags & 255, *fields)


def flows_of(path):
    records = read_capture(path.read_bytes()).records[:MOST_PACKETS]
    packets, _ = decode_headers(records, protocols="all", fragments="track")
    flows = assemble_biflows(packets, BiflowOptions()).flows
    return [[as_biflow_packet(*member) for member in flow.packets] for flow in flows]


def test_every_capture(shared_captures):
    n_captures = n_flows = n_again = n_bulks = n_idle = 0
    for path in sorted(shared_captures.glob("*.pcap*")):
        flows = flows_of(path)
        if not flows:  # garbage
            continue
        n_captures += 1
        n_flows += len(flows)
        for options in OPTIONS:
            found = cic_rows.cic_matrix(cic_rows.make_table(flows), cic_extra=True, **options._asdict())
            rows = [cic_row(packets, options) | cic_extra_row(packets) for packets in flows]
            expected = np.array([list(row.values()) for row in rows])
            np.testing.assert_allclose(found.X, expected, rtol=1e-12, atol=0, err_msg=path.name)
            n_again += found.column("Total TCP Retrans. Count").sum()
            n_bulks += (found.column("Bwd Packet/Bulk Avg") > 0).sum()
            n_idle += (found.column("Idle Mean") > 0).sum()
    assert n_captures >= AT_LEAST, f"{n_captures} captures"
    assert min(n_again, n_bulks, n_idle) > 100, "the captures have hardly any retransmissions, bulks or idle gaps"
    assert n_flows > n_captures
