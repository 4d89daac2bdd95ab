"""Fragments through the public face: later ones are skipped, or counted to the flow of their first one."""

import io

import pytest
from builders import captures, fragments, frames, links, tunnels
from builders.frames import TCP, UDP

pytest.importorskip("netml._flowcore", reason="needs the compiled core")

from outcomes import find_five_tuples

import netml
from netml import _flowcore
from netml.errors import OptionError

KEY = ("10.0.0.1", "10.0.0.2", 1000, 53, 17)
KEY6 = ("2001:db8::1", "2001:db8::2", 1000, 53, 17)
DATAGRAM = frames.udp(1000, 53, b"x" * 40)  # 48 bytes: three fragments of 16
SECOND_NS = 10**9


def read(*packets, fragments="track", **options):
    """The packets as a table; each is a frame, or (time_ns, frame). A flow of one packet is one of two: see `twin`."""
    records = [packet if isinstance(packet, tuple) else (i * 1000, packet) for i, packet in enumerate(packets)]
    content = captures.pcap(records, link_type=links.RAW, magic=captures.MAGIC_NS)
    return netml.read_flows(io.BytesIO(content), flow=netml.FlowOptions(fragments=fragments, keep_tail=True, **options))


def packets_by_flow(*packets, **options):
    """Five-tuple -> packets kept, of flows of one packet too; and how many were skipped as fragments."""
    options.setdefault("fragments", "track")
    assembler = _flowcore.FlowAssembler((), **netml.FlowOptions(**options).decoding)
    records = [packet if isinstance(packet, tuple) else (i * 1000, packet) for i, packet in enumerate(packets)]
    pairs = ((time_ns / 10**9, frame) for time_ns, frame in records)
    assert assembler.assemble_packets(pairs, links.RAW, len(records)) == len(records)
    five_tuples = find_five_tuples(assembler.keys())
    counts = dict.fromkeys(five_tuples, 0)
    for flow in assembler.take_packets()["flow"].tolist():
        counts[five_tuples[flow]] += 1
    counters = assembler.counters
    assert counters["packets_read"] == counters["packets_kept"] + sum(counters["skipped"].values()) == len(records)
    return counts, counters["skipped"]["fragment"]


@pytest.mark.parametrize(
    ("pieces", "key"),
    [
        (fragments.ipv4_fragments(DATAGRAM), KEY),
        (fragments.ipv6_fragments(DATAGRAM), KEY6),
        (fragments.ipv6_fragments(DATAGRAM, extensions=[frames.extension(0), frames.extension(43, 2)]), KEY6),
        (fragments.ipv4_fragments(DATAGRAM, options=b"\1" * 8), KEY),
    ],
)
def test_first_and_track(pieces, key):
    assert len(pieces) == 3
    assert packets_by_flow(*pieces, fragments="first") == ({key: 1}, 2)
    assert packets_by_flow(*pieces) == ({key: 3}, 0)
    with pytest.raises(OptionError, match="first, track"):
        netml.FlowOptions(fragments="all")


def test_columns_of_later_fragments():
    """A later fragment has its own size, time and TTL, and no flags."""
    segment = frames.tcp(1000, 80, b"x" * 20, flags=frames.PSH)
    pieces = fragments.ipv4_fragments(segment, n_bytes=24, protocol=TCP)
    pieces[1] = frames.ipv4(segment[24:], fragment_offset=3, identification=1, protocol=TCP, ttl=3)
    table = read(*pieces)
    assert table.flows.five_tuples() == [("10.0.0.1", "10.0.0.2", 1000, 80, 6)]
    assert (table.ttl.tolist(), table.flags.tolist(), table.size.tolist()) == ([64, 3], [frames.PSH, 0], [44, 36])
    assert table.time_ns.tolist() == [0, 1000]


def test_a_later_fragment_needs_a_first_one_before_it():
    first, second, third = fragments.ipv4_fragments(DATAGRAM)
    assert packets_by_flow(second, third) == ({}, 2)
    assert packets_by_flow(second, first, third) == ({KEY: 2}, 1)
    assert packets_by_flow(first, third, second, third, third) == ({KEY: 5}, 0)  # in any order; duplicates are packets
    whole = frames.ipv4(DATAGRAM, identification=1)
    assert packets_by_flow(whole, second) == ({KEY: 1}, 1)  # not a fragment: nothing to come
    atomic = frames.ipv6(DATAGRAM, extensions=[frames.fragment(0, more=False)])  # RFC 6946
    assert packets_by_flow(atomic, fragments.ipv6_fragments(DATAGRAM)[1]) == ({KEY6: 1}, 1)


@pytest.mark.parametrize("n_bytes", [8, 16])
def test_a_tiny_first_fragment_leads_nowhere(n_bytes):
    """RFC 1858: a TCP header that is cut off has no flags, and neither have its later fragments a flow."""
    pieces = fragments.ipv4_fragments(frames.tcp(1, 2, b"x" * 20), n_bytes=n_bytes, protocol=TCP)
    found, n_skipped = packets_by_flow(*pieces)
    assert (found, n_skipped) == ({}, len(pieces) - 1)


def test_a_tiny_first_fragment_does_not_take_the_place_of_a_good_one():
    good = fragments.ipv4_fragments(frames.tcp(1, 2, b"x" * 20), n_bytes=24, protocol=TCP)
    tiny = fragments.ipv4_fragments(frames.tcp(6, 6, b"x" * 20), n_bytes=8, protocol=TCP)
    assert packets_by_flow(good[0], tiny[0], good[1]) == ({("10.0.0.1", "10.0.0.2", 1, 2, 6): 2}, 0)


def test_overlapping_fragments():
    """A fragment at offset 1 that would overwrite the ports or flags changes nothing: it is never read."""
    first = fragments.ipv4_fragments(DATAGRAM)[0]
    overlap = frames.ipv4(frames.udp(6, 6, b"y" * 40), fragment_offset=1, more_fragments=True, identification=1)
    assert packets_by_flow(first, overlap, overlap) == ({KEY: 3}, 0)
    last_offset = frames.ipv4(b"z" * 8, fragment_offset=0x1FFF, identification=1)
    assert packets_by_flow(first, last_offset) == ({KEY: 2}, 0)


def test_what_makes_a_datagram():
    """Source, destination, identification, protocol and version."""
    first, later, _ = fragments.ipv4_fragments(DATAGRAM)
    piece = {"fragment_offset": 2, "identification": 1}
    others = [
        frames.ipv4(b"x" * 8, fragment_offset=2, identification=2),
        frames.ipv4(b"x" * 8, source="10.0.0.3", **piece),
        frames.ipv4(b"x" * 8, destination="10.0.0.3", **piece),
        frames.ipv4(b"x" * 8, source="10.0.0.2", destination="10.0.0.1", **piece),
        frames.ipv4(b"x" * 8, protocol=TCP, **piece),
    ]
    assert packets_by_flow(first, *others, later) == ({KEY: 2}, 5)
    first6, later6, _ = fragments.ipv6_fragments(DATAGRAM, identification=0x10001)
    others6 = [
        fragments.ipv6_fragments(DATAGRAM, identification=1)[1],
        fragments.ipv6_fragments(DATAGRAM, identification=0x10001, source="2001:db8::3")[1],
        fragments.ipv6_fragments(DATAGRAM, identification=0x10001, destination="2001:db9::2")[1],
    ]
    assert packets_by_flow(first6, *others6, later6) == ({KEY6: 2}, 3)
    # Of IPv6 the protocol does not count: RFC 8200 has it in the first fragment only.
    odd = fragments.ipv6_fragments(DATAGRAM, identification=0x10001, next_header=TCP)[1]
    assert packets_by_flow(first6, odd) == ({KEY6: 2}, 0)


@pytest.mark.parametrize("make", [fragments.ipv4_fragments, fragments.ipv6_fragments])
def test_the_newest_first_fragment_counts(make):
    """Identifications are used again."""
    old, new = make(DATAGRAM), make(frames.udp(2000, 53, b"x" * 40))
    found, n_skipped = packets_by_flow(old[0], old[1], new[0], new[1], old[2])
    assert ({key[2]: n for key, n in found.items()}, n_skipped) == ({1000: 2, 2000: 3}, 0)


@pytest.mark.parametrize("sign", [1, -1])
def test_timeout(sign):
    """30 s, whichever way the clock of the capture goes; a later fragment does not prolong it."""
    first, second, third = fragments.ipv4_fragments(DATAGRAM)
    start_ns = 1000 * SECOND_NS
    in_time, late = start_ns + sign * 30 * SECOND_NS, start_ns + sign * (30 * SECOND_NS + 1)
    assert read((start_ns, first), (in_time, second)).metadata["skipped"]["fragment"] == 0
    table = read((start_ns, first), (in_time, second), (late, third))
    assert (table.lengths.tolist(), table.metadata["skipped"]["fragment"]) == ([2], 1)
    again = read((start_ns, first), (late, first), (late + sign * 29 * SECOND_NS, second))
    assert (again.lengths.tolist(), again.metadata["skipped"]["fragment"]) == ([3], 0)


INNER = {"source": "172.16.0.1", "destination": "172.16.0.2"}
INNER_KEY = ("172.16.0.1", "172.16.0.2", 1000, 53, 17)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda packet: frames.ipv4(packet, protocol=4),
        lambda packet: frames.ipv4(tunnels.gre(packet), protocol=47),
        lambda packet: frames.ipv4(frames.udp(40000, 2152, tunnels.gtp_u(packet))),
        lambda packet: frames.ipv6(frames.udp(40000, 4789, tunnels.vxlan(frames.ethernet(packet)))),
    ],
)
def test_fragments_inside_tunnels(wrap):
    pieces = [wrap(piece) for piece in fragments.ipv4_fragments(DATAGRAM, **INNER)]
    assert packets_by_flow(*pieces) == ({INNER_KEY: 3}, 0)
    assert packets_by_flow(*pieces, fragments="first") == ({INNER_KEY: 1}, 2)
    assert packets_by_flow(*pieces[1:]) == ({}, 2)  # not packets of the tunnel: they have ports, elsewhere


@pytest.mark.parametrize(
    ("payload", "protocol"),
    [
        (frames.ipv4(DATAGRAM, **INNER), 4),
        (tunnels.gre(frames.ipv4(DATAGRAM, **INNER), key=True), 47),
        (frames.udp(40000, 2152, tunnels.gtp_u(frames.ipv4(DATAGRAM, **INNER))), UDP),
    ],
)
def test_fragments_of_tunnelled_packets(payload, protocol):
    """The outer datagram's later fragments belong to the inner packet that its first one holds."""
    pieces = fragments.ipv4_fragments(payload, n_bytes=56, protocol=protocol)
    assert packets_by_flow(*pieces) == ({INNER_KEY: len(pieces)}, 0)
    assert packets_by_flow(*pieces, fragments="first") == ({INNER_KEY: 1}, len(pieces) - 1)
    outer = packets_by_flow(*pieces, tunnels="outer")
    assert outer == (
        ({("10.0.0.1", "10.0.0.2", 40000, 2152, 17): len(pieces)}, 0) if protocol == UDP else ({}, len(pieces) - 1)
    )


def test_a_fragmented_tunnel_of_a_fragmented_packet():
    """Both levels are remembered: an inner later fragment, itself in outer fragments, is of the same flow."""
    whole = frames.udp(1000, 53, b"x" * 152)
    inner = fragments.ipv4_fragments(whole, n_bytes=80, **INNER)
    outer = []
    for i, packet in enumerate(inner):
        outer += fragments.ipv4_fragments(packet, n_bytes=64, identification=7 + i, protocol=4)
    assert len(outer) == 4
    assert packets_by_flow(*outer) == ({INNER_KEY: 4}, 0)


def test_a_fragment_of_what_is_no_tunnel_after_all():
    """The outer UDP packet is kept and remembered; a first fragment inside, of what is not TCP or UDP, is not."""
    inner = frames.ipv4(frames.icmp(), protocol=1, more_fragments=True, identification=9)
    pieces = fragments.ipv4_fragments(frames.udp(40000, 2152, tunnels.gtp_u(inner) + b"x" * 40), n_bytes=48)
    assert packets_by_flow(*pieces) == ({("10.0.0.1", "10.0.0.2", 40000, 2152, 17): len(pieces)}, 0)
    later = frames.ipv4(b"x" * 8, protocol=1, fragment_offset=1, identification=9)
    assert packets_by_flow(*pieces, later)[1] == 1


def test_what_is_no_flow_has_no_later_fragments():
    pieces = fragments.ipv4_fragments(frames.icmp(payload=b"x" * 40), protocol=1)
    assert packets_by_flow(*pieces) == ({}, len(pieces) - 1)
    cut = fragments.ipv6_fragments(DATAGRAM)[1][:47]
    assert read(cut).metadata["skipped"]["truncated_ip_header"] == 1


@pytest.mark.parametrize("n_open", [1000, 20_000, 60_000])
def test_the_table_is_bounded(n_open):
    """More open datagrams than there is room for (16,384): the others get their flow, never another's."""
    firsts, laters = [], []
    for i in range(n_open):  # identifications count up, as those of a real sender do
        header = {"identification": i, "source": "10.1.0.1"}
        firsts.append(frames.ipv4(frames.udp(i, 53), more_fragments=True, **header))
        laters.append(frames.ipv4(b"x" * 8, fragment_offset=1, **header))
    found, n_skipped = packets_by_flow(*enumerate(firsts + laters))
    n_found = n_open - n_skipped
    assert len(found) == n_open
    assert set(found.values()) <= {1, 2}
    assert sum(found.values()) == n_open + n_found
    assert n_found == min(n_open, 16_384)
