"""Flow indices out of five-tuples as text."""

import ipaddress

import numpy as np

from netml.schema.flow_index import FLOW_KEY, FlowIndex


def build_index(tuples, start_ns=None, duration_ns=1_000_000_000):
    """Build a FlowIndex from (src_ip, dst_ip, src_port, dst_port, protocol) tuples."""
    n_flows = len(tuples)
    keys = np.zeros(n_flows, FLOW_KEY)
    for position, (src_ip, dst_ip, src_port, dst_port, protocol) in enumerate(tuples):
        source, destination = ipaddress.ip_address(src_ip), ipaddress.ip_address(dst_ip)
        key = keys[position]
        key["src_ip"][: len(source.packed)] = list(source.packed)
        key["dst_ip"][: len(destination.packed)] = list(destination.packed)
        key["src_port"], key["dst_port"], key["protocol"] = src_port, dst_port, protocol
        key["ip_version"] = source.version
    start_ns = np.arange(n_flows) * 10**9 if start_ns is None else np.asarray(start_ns)
    counts = np.arange(2, n_flows + 2)
    return FlowIndex(keys, start_ns.astype(np.int64), start_ns.astype(np.int64) + duration_ns, counts, counts * 100)
