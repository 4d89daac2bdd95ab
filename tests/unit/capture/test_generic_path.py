"""Two doors, one table: what the kernel frames itself, and what dpkt's reader gives packet by packet.

dpkt knows no length on the wire, so `wirelen` is not compared. It gives times as float64 seconds (those of a
nanosecond pcap as Decimal): a time since 1970 is exact to a quarter of a microsecond, so the general door
rounds it to the microsecond that it came from, and of captures with a finer clock times are compared to 1 us.
"""

import io
import struct

import dpkt
import numpy as np
import pytest
import traffic
from builders import captures

import netml

MICROSECOND_NS = 1000
# dpkt applies the clock of the first interface (if_tsresol, if_tsoffset) to the packets of all; in these
# captures the interfaces have different ones. They are read with `PerInterfaceReader`.
SEVERAL_CLOCKS = {
    "anydesk.pcapng": "interfaces in us, us and ns",
    "dns-google-nsid.pcapng": "interfaces in ns, us and us",
    "protonvpn.pcap": "interfaces in us and ns",
    "stun.pcap": "interfaces in us, ns, us, us and us",
    "viber.pcap": "interfaces in us and ns",
}


class PerInterfaceReader:
    """dpkt's blocks of a little-endian pcapng of one section; times by each packet's own interface."""

    def __init__(self, stream):
        self.stream = stream
        self.divisors = []

    def datalink(self):
        return 1

    def __iter__(self):
        while len(head := self.stream.read(8)) == 8:
            kind, length = struct.unpack("<II", head)
            block = head + self.stream.read(length - 8)
            if kind == dpkt.pcapng.PCAPNG_BT_IDB:
                options = {o.code: o.data for o in dpkt.pcapng.InterfaceDescriptionBlockLE(block).opts}
                exponent = options.get(dpkt.pcapng.PCAPNG_OPT_IF_TSRESOL, b"\6")[0]
                assert exponent < 0x80
                assert dpkt.pcapng.PCAPNG_OPT_IF_TSOFFSET not in options
                self.divisors.append(10.0**exponent)
            elif kind == dpkt.pcapng.PCAPNG_BT_EPB:
                packet = dpkt.pcapng.EnhancedPacketBlockLE(block)
                ticks = packet.ts_high << 32 | packet.ts_low
                yield ticks / self.divisors[packet.iface_id], packet.pkt_data


def assert_same_table(native, general):
    """Everything that dpkt knows; times to the microsecond."""
    np.testing.assert_array_equal(general.keys, native.keys)
    np.testing.assert_array_equal(general.offsets, native.offsets)
    for name in ("caplen", "flags", "ttl"):
        np.testing.assert_array_equal(getattr(general, name), getattr(native, name), err_msg=name)
    is_in_us = not (native.time_ns % MICROSECOND_NS).any()
    error_ns = np.abs(general.time_ns - native.time_ns).max(initial=0)
    assert error_ns == 0 if is_in_us else error_ns < MICROSECOND_NS
    for name in ("packets_read", "packets_kept", "skipped", "dropped", "captured_bytes"):
        assert general.metadata[name] == native.metadata[name], name


def read_both(content, reader=dpkt.pcap.UniversalReader, **options):
    """(native, general) tables of a capture's bytes."""
    native = netml.read_flows(io.BytesIO(content), **options)
    return native, netml.read_flows(reader(io.BytesIO(content)), **options)


LAYOUTS = {
    "us-little": lambda records: captures.pcap(records),
    "us-big": lambda records: captures.pcap(records, order=">"),
    "ns-little": lambda records: captures.pcap(records, magic=captures.MAGIC_NS),
    "ns-big": lambda records: captures.pcap(records, order=">", magic=captures.MAGIC_NS),
    "modified": lambda records: captures.pcap(records, magic=captures.MAGIC_MODIFIED),
    "pcapng-little": lambda records: captures.pcapng(records),
    "pcapng-big": lambda records: captures.pcapng(records, order=">"),
    "pcapng-offset": lambda records: captures.pcapng(records, tsoffset=1000),
    "pcapng-ns": lambda records: captures.pcapng(records, tsresol=9),
    "pcapng-2^-30": lambda records: captures.pcapng(records, tsresol=0x80 | 30),
    "pcapng-ms": lambda records: captures.pcapng(records, tsresol=3),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_both_doors_on_a_built_capture(layout):
    native, general = read_both(LAYOUTS[layout](traffic.many_flows()))
    assert len(native) > 10
    assert_same_table(native, general)


@pytest.mark.parametrize("options", [{"interval": 0.01}, {"tcp_timeout": 0.008, "udp_timeout": 0.009}])
def test_both_doors_with_flows_cut(options):
    flow = netml.FlowOptions(**options)
    native, general = read_both(captures.pcap(traffic.many_flows()), flow=flow)
    assert native.metadata["dropped"] != netml.read_flows(io.BytesIO(captures.pcap([]))).metadata["dropped"]
    assert_same_table(native, general)


def test_nanoseconds_of_a_pcap_are_exact_through_dpkt():
    records = [(time_ns + 123, frame) for time_ns, frame in traffic.many_flows()]
    native, general = read_both(captures.pcap(records, magic=captures.MAGIC_NS))
    assert (native.time_ns % MICROSECOND_NS).all()
    np.testing.assert_array_equal(general.time_ns, native.time_ns)


def test_interfaces_of_different_clocks():
    content = captures.section_header() + captures.interface() + captures.interface(tsresol=9)
    for i, (time_ns, frame) in enumerate(traffic.many_flows()):
        ticks = captures.ticks_of(time_ns, 9 if i % 2 else 6)
        content += captures.enhanced_packet(ticks, frame, interface_no=i % 2)
    expected = netml.read_flows(io.BytesIO(captures.pcap(traffic.many_flows())))
    native, general = read_both(content, PerInterfaceReader)
    assert_same_table(native, general)
    np.testing.assert_array_equal(native.time_ns, expected.time_ns)
    with pytest.raises(netml.CaptureError, match=r"BytesIO.*record 2.*out of range"):
        netml.read_flows(dpkt.pcap.UniversalReader(io.BytesIO(content)))


def test_both_doors_on_every_shared_capture(shared_captures):
    n_compared, different = 0, {}
    for path in sorted(shared_captures.glob("*.pcap*")):
        native = netml.read_flows(path)
        reader = PerInterfaceReader if path.name in SEVERAL_CLOCKS else dpkt.pcap.UniversalReader
        with path.open("rb") as stream:
            general = netml.read_flows(reader(stream))
        try:
            assert_same_table(native, general)
        except AssertionError as error:
            different[path.name] = error
        n_compared += 1
    assert different == {}
    assert n_compared >= 170


@pytest.mark.parametrize("name", SEVERAL_CLOCKS)
def test_why_captures_are_read_with_their_own_clocks(shared_captures, name):
    with (shared_captures / name).open("rb") as stream:
        reader = PerInterfaceReader(stream)
        times = np.array([time for time, _ in reader])
        assert len(set(reader.divisors)) > 1
        stream.seek(0)
        misread = np.array([time for time, _ in dpkt.pcapng.Reader(stream)])
    ratios = np.unique(np.round(np.log10(misread / times))[misread != times])
    assert set(ratios) <= {-3.0, 3.0}
    assert len(ratios)
