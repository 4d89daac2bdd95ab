"""Idle keys: what a stream keeps of keys without pending packets, and for how long."""

import io
import random

import pytest
import traffic
from builders import captures
from streams import NEVER_S, RecordStream, assert_all_accounted_for, pieces_of

import netml
from netml.streaming import flushers
from netml.streaming.flow_stream import FlowStream

SECOND = 10**9


def frame_of(number, payload=b"q"):
    """A frame of a key of its own for each number: TCP and UDP, IPv4 and IPv6."""
    make = traffic.tcp_frame if number % 3 == 0 else traffic.udp_frame
    if number % 5 == 0:
        return make(payload, source=f"fd00::{number:x}", destination="fd00::ffff:1")
    return make(payload, source=f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}")


def records_that_come_back(n_keys, n_packets, seconds):
    """Packets of random keys at even steps, so that most keys pause for as long as all others take."""
    chance = random.Random(n_keys)
    step_ns = seconds * SECOND // n_packets
    return [
        (
            traffic.START_NS + i * step_ns + chance.randrange(step_ns),
            frame_of(chance.randrange(n_keys), b"q" * (i % 40)),
        )
        for i in range(n_packets)
    ]


@pytest.mark.parametrize("timeout_s", [0.4, 3.0, 600.0], ids=["forgotten", "some_forgotten", "all_remembered"])
def test_keys_that_come_back_go_on_where_they_were(timeout_s):
    # Thousands: the index grows several times, and sweeps come in between.
    n_keys = 2500
    records = records_that_come_back(n_keys, 15000, 20)
    times = {"tcp_timeout": timeout_s, "udp_timeout": 1.5 * timeout_s, "min_packets": 2}
    stream = FlowStream(
        RecordStream(records, 250, magic=captures.MAGIC_NS),
        interval=0.7,
        flow=netml.FlowOptions(**times),
        latency_s=NEVER_S,
        batch_packets=500,
    )
    tables = []
    for table in stream:
        tables.append(table)
        assert stream.n_keys <= n_keys
    content = captures.pcap(records, magic=captures.MAGIC_NS)
    flow = netml.FlowOptions(interval=0.7, keep_tail=True, **times)
    assert pieces_of(*tables) == pieces_of(netml.read_flows(io.BytesIO(content), flow=flow))
    assert_all_accounted_for(stream, tables)
    assert stream.n_keys == 0


def test_keys_are_swept_as_others_come():
    records = [(traffic.START_NS + i * 10**7, frame_of(i)) for i in range(20000)]
    n_keys = []
    stream = FlowStream(
        RecordStream(records, 100),
        interval=0.1,
        flow=netml.FlowOptions(tcp_timeout=5.0, udp_timeout=5.0),
        batch_packets=100,
        latency_s=NEVER_S,
        progress=lambda *_: n_keys.append(stream.n_keys),
    )
    assert list(stream) == []  # pieces of one packet are too short
    # 600 keys are within 6 s; of each IP version an eighth more and a thousand wait for the next sweep.
    assert 600 < max(n_keys) < 2 * 1024 + 600 * 9 // 8 + 2 * 100


N_KEYS, N_LEFT = 30, 10


def records_of_keys_that_pause():
    """Two packets of each key, one of another key that shows that time has passed; then two of each key once more.

    Counted from where each key began, these lie on both sides of 5 s, and are cut; of a forgotten key they are a flow.
    """
    records = [(traffic.START_NS + i * 10**7 + j, frame_of(i)) for i in range(N_KEYS) for j in range(2)]
    records += [(traffic.START_NS + 3 * SECOND, frame_of(1000))]
    later_ns = traffic.START_NS + 5 * SECOND
    return records + sorted((later_ns + i * 10**7 + j * 10**8, frame_of(i)) for j in (-1, 1) for i in range(N_KEYS))


def stream_in_two_flushes(**bounds):
    """Return a stream whose first flush comes with the packet that shows that time has passed."""
    n_first = 2 * N_KEYS + 1
    source = RecordStream(records_of_keys_that_pause(), n_first, magic=captures.MAGIC_NS)
    return FlowStream(source, interval=1.0, batch_packets=n_first, latency_s=NEVER_S, **bounds)


def test_of_too_many_keys_those_seen_last_stay():
    stream = stream_in_two_flushes(max_flows=N_LEFT + 1)
    tables = iter(stream)
    assert len(next(tables)) == N_KEYS
    assert stream.n_keys == N_LEFT + 1
    keys = {key for table in tables for key in table.flows.five_tuples()}
    forgotten = [(float(i), frame_of(number)) for i in range(2) for number in range(N_KEYS - N_LEFT)]
    assert keys == set(netml.read_flows(forgotten, link_type=1).flows.five_tuples())


def test_keys_count_as_memory():
    weight = N_LEFT * flushers.KEY_BYTES + flushers.FLOW_BYTES + flushers.packet_bytes(("caplen", "flags", "ttl"))
    stream = stream_in_two_flushes(max_memory=2 * weight)  # beyond it half is left
    assert len(next(iter(stream))) == N_KEYS
    assert stream.n_keys == N_LEFT + 1
