"""FlowIndex and the address formatter: netml's own where they exist, else stand-ins for them."""

from __future__ import annotations

import importlib
import ipaddress
import sys
import types

import numpy as np


def _module(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        module = types.ModuleType(name)
        sys.modules[name] = module
        parent, _, child = name.rpartition(".")
        setattr(importlib.import_module(parent), child, module)
        return module


_flows = _module("netml.flows")
_flowcore = _module("netml._flowcore")

if not hasattr(_flows, "FlowIndex"):
    _flows.FLOW_KEY = np.dtype(
        [
            ("src_ip", "u1", 16),
            ("dst_ip", "u1", 16),
            ("src_port", "<u2"),
            ("dst_port", "<u2"),
            ("protocol", "u1"),
            ("ip_version", "u1"),
        ]
    )

    class _FlowIndex:
        def __init__(self, keys, start_ns, end_ns, packets, bytes):
            self.keys = keys
            self.start_ns, self.end_ns = start_ns, end_ns
            self.packets, self.bytes = packets, bytes

        def __len__(self):
            return len(self.keys)

        def __getitem__(self, rows):
            columns = (self.keys, self.start_ns, self.end_ns, self.packets, self.bytes)
            return type(self)(*(column[rows] for column in columns))

        @property
        def src_ip(self):
            return self._texts("src_ip")

        @property
        def dst_ip(self):
            return self._texts("dst_ip")

        def _texts(self, name):
            return np.array(_address_texts(self.keys[name], self.keys["ip_version"]), dtype=np.str_)

        def five_tuples(self):
            ports = (self.keys[name].tolist() for name in ("src_port", "dst_port", "protocol"))
            return list(zip(self.src_ip.tolist(), self.dst_ip.tolist(), *ports, strict=True))

        def to_columns(self):
            return {
                "src_ip": self.src_ip,
                "src_port": self.keys["src_port"],
                "dst_ip": self.dst_ip,
                "dst_port": self.keys["dst_port"],
                "protocol": self.keys["protocol"],
                "start_ns": self.start_ns,
                "end_ns": self.end_ns,
                "packets": self.packets,
                "bytes": self.bytes,
            }

    _flows.FlowIndex = _FlowIndex


def _address_texts(addresses, versions):
    lengths = np.where(np.asarray(versions) == 6, 16, 4)
    return [str(ipaddress.ip_address(row.tobytes()[:n])) for row, n in zip(addresses, lengths.tolist(), strict=True)]


if not hasattr(_flowcore, "format_addresses"):

    def _format_addresses(addresses, versions):
        texts = [text.encode() for text in _address_texts(addresses, versions)]
        offsets = np.concatenate([[0], np.cumsum([len(text) for text in texts])]).astype(np.int32)
        return offsets, np.frombuffer(b"".join(texts), np.uint8)

    _flowcore.format_addresses = _format_addresses

FLOW_KEY = _flows.FLOW_KEY
FlowIndex = _flows.FlowIndex


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
