"""Flows as they end: bounds, clocks, Ctrl-C, pipes that stay open, and what is held meanwhile."""

import io
import os
import queue
import signal
import threading
import time

import dpkt
import numpy as np
import pytest
import traffic
from builders import captures
from streams import NEVER_S, RecordStream, assert_all_accounted_for, pieces_of

import netml
from netml import _flowcore
from netml.capture import blocks
from netml.capture.reader import read_packets
from netml.streaming import flow_stream, flushers
from netml.streaming.flow_stream import FlowStream
from netml.summary import summarise_table

SECOND = 10**9
HANG_S = 30  # far beyond what any of it takes
START_NS = traffic.START_NS
PACKET_BYTES = flushers.packet_bytes(("caplen", "flags", "ttl"))
FLOW_OF_2 = flushers.FLOW_BYTES + 2 * PACKET_BYTES
FLOW_OF_3 = flushers.FLOW_BYTES + 3 * PACKET_BYTES
EVERY_PACKET = {"batch_packets": 1, "latency_s": NEVER_S}


def udp_records(times_ns, **kind):
    return [(START_NS + time_ns, traffic.udp_frame(b"q" * (i % 50), **kind)) for i, time_ns in enumerate(times_ns)]


def read_batch(records, interval, **options):
    flow = netml.FlowOptions(interval=interval, keep_tail=True, **options)
    return netml.read_flows(io.BytesIO(captures.pcap(records)), flow=flow)


def numbered(i):
    """A flow of its own for each number."""
    return {"source": f"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}"}


class TableReader:
    """Iterates in a thread, so that a test that waits for a table in vain fails instead of hanging."""

    def __init__(self, stream):
        self.tables = queue.Queue()
        self.thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self.thread.start()

    def _read(self, stream):
        try:
            for table in stream:
                self.tables.put(table)
        except BaseException as error:
            self.tables.put(error)
        self.tables.put(None)

    def next(self, timeout_s=HANG_S):
        return self.tables.get(timeout=timeout_s)


@pytest.fixture
def pipe():
    """(file to read, raw file to write)."""
    read_fd, write_fd = os.pipe()
    with open(read_fd, "rb") as reader, open(write_fd, "wb", buffering=0) as writer:
        yield reader, writer


def test_each_round_hands_out_what_has_ended():
    records = udp_records([0, SECOND, 20 * SECOND, 21 * SECOND, 40 * SECOND])
    tables = list(FlowStream(RecordStream(records), interval=5.0, **EVERY_PACKET))
    assert [table.time_ns.tolist() for table in tables] == [
        [START_NS, START_NS + SECOND],
        [START_NS + 20 * SECOND, START_NS + 21 * SECOND],
    ]
    assert tables[0].flows.end_ns.tolist() == [START_NS + SECOND]


def test_a_flow_ends_when_others_show_that_time_has_passed():
    records = udp_records([0, SECOND]) + udp_records([30 * SECOND], **numbered(7))
    stream = FlowStream(RecordStream(records), interval=5.0, **EVERY_PACKET)
    assert len(next(iter(stream))) == 1
    assert stream.n_open_packets == 1
    assert stream.n_keys == 2


def test_a_timeout_shorter_than_the_interval_ends_a_flow():
    records = udp_records([0, SECOND]) + udp_records([30 * SECOND], **numbered(7))
    flow = netml.FlowOptions(udp_timeout=5.0)
    stream = FlowStream(RecordStream(records), interval=600.0, flow=flow, **EVERY_PACKET)
    assert next(iter(stream)).lengths.tolist() == [2]
    assert stream.n_open_packets == 1


def test_a_packet_that_may_still_come_in_time_is_waited_for():
    # The last one comes exactly 1 s late, exactly an interval after its predecessor: that is no cut.
    records = udp_records([0, 0]) + udp_records([6 * SECOND], **numbered(7)) + udp_records([5 * SECOND])
    tables = list(FlowStream(RecordStream(records), interval=5.0, **EVERY_PACKET))
    assert [table.lengths.tolist() for table in tables] == [[3]]


def test_an_anchor_holds_over_pieces_that_have_been_handed_out():
    # 12 s is cut; it counts as being at 10 s, so 14.5 s stays with it and 15.5 s does not, 5.5 s after the anchor.
    records = udp_records([0, 10**6, 12 * SECOND, 15 * SECOND + SECOND // 2, 16 * SECOND])
    others = udp_records([11 * SECOND, 15 * SECOND, 15 * SECOND], **numbered(7))
    mixed = sorted(records + others, key=lambda record: record[0])
    tables = list(FlowStream(RecordStream(mixed), interval=5.0, **EVERY_PACKET))
    assert pieces_of(*tables) == pieces_of(read_batch(mixed, 5.0))
    assert len(read_batch(records, 5.0)) == 2
    assert len(read_batch(records[2:], 5.0)) == 1


def test_an_idle_gap_that_the_watermark_has_not_seen_yet_begins_anew():
    # The first piece is out by its interval; the key is still remembered when its next packet comes after the timeout.
    records = udp_records([0, 1000]) + udp_records([2_500_000_000], **numbered(7))
    records += udp_records([3_500_000_000, 4_200_000_000])
    flow = netml.FlowOptions(udp_timeout=3.0)
    tables = list(FlowStream(RecordStream(records), interval=1.0, flow=flow, **EVERY_PACKET))
    assert [table.lengths.tolist() for table in tables] == [[2], [2]]
    assert pieces_of(*tables) == pieces_of(read_batch(records, 1.0, udp_timeout=3.0))


@pytest.mark.parametrize("n_before", [1, 2], ids=["all_are_out", "one_waits"])
def test_a_late_packet_makes_two_pauses_of_one_that_was_idle(n_before):
    # By the second packet the pause is longer than the timeout; the last one, in its place, leaves none that is.
    records = udp_records([0, SECOND + 1, SECOND + 2, SECOND - 1])
    records.insert(n_before, (START_NS + SECOND + 5, traffic.udp_frame(**numbered(7))))  # shows that time has passed
    source = RecordStream(records, magic=captures.MAGIC_NS)
    flow = netml.FlowOptions(min_packets=1, udp_timeout=1.0)
    stream = FlowStream(source, interval=2.5e-9, flow=flow, **EVERY_PACKET)
    # Counted from the first packet an anchor lies at 1 s: the late packet is cut from the other two.
    assert [(table.time_ns - START_NS).tolist() for table in stream] == [[SECOND + 1, SECOND + 2]]


def test_packets_late_within_the_slack_find_their_place():
    # The one at 3.6 s comes exactly 1 s late, and bridges a gap that would be a cut; the others just change places.
    late = [0, 1000, 4_600_000_000, 3_600_000_000, 5 * SECOND, 5 * SECOND - 1000]
    records = udp_records([*late, 19 * SECOND, 18 * SECOND, 18 * SECOND + 1000])
    tables = list(FlowStream(RecordStream(records), interval=4.0, **EVERY_PACKET))
    assert [length for table in tables for length in table.lengths.tolist()] == [6, 3]
    assert pieces_of(*tables) == pieces_of(read_batch(records, 4.0))


def test_packets_later_than_the_slack_are_still_counted():
    records = udp_records([0, SECOND, 20 * SECOND, 21 * SECOND, 3 * SECOND, 22 * SECOND])
    stream = FlowStream(RecordStream(records), interval=5.0, **EVERY_PACKET)
    tables = list(stream)
    # What comes after its piece has been handed out is a piece of its own: here too short for a flow.
    assert stream.metadata["dropped"]["short_subflow"] == {"packets": 1, "flows": 1}
    assert all((np.diff(table.time_ns) >= 0).all() for table in tables)
    assert_all_accounted_for(stream, tables)


@pytest.mark.parametrize("absurd_ns", [0, 2**32 * SECOND - SECOND], ids=["1970", "2106"])
def test_one_absurd_time_does_not_cut_what_comes_after(absurd_ns):
    records = udp_records([i * SECOND for i in range(20)])
    records.insert(10, (absurd_ns, traffic.udp_frame(**numbered(7))))
    stream = FlowStream(RecordStream(records), interval=5.0, **EVERY_PACKET)
    tables = list(stream)
    assert_all_accounted_for(stream, tables)
    lengths = [length for table in tables for length in table.lengths.tolist()]
    assert lengths in ([20], [10, 10])


def test_a_clock_that_is_set_back_ends_what_was_open_before():
    first = udp_records([1000 * SECOND, 1001 * SECOND])
    second = udp_records([0, SECOND, 2 * SECOND], **numbered(7))
    stream = FlowStream(RecordStream(first + second), interval=5.0, **EVERY_PACKET)
    assert pieces_of(next(iter(stream))) == pieces_of(read_batch(first, 5.0))


def test_a_long_flow_is_handed_out_in_parts():
    records = udp_records(range(0, 100 * 10**6, 10**6))
    stream = FlowStream(RecordStream(records), interval=5.0, max_flow_packets=10, **EVERY_PACKET)
    tables = list(stream)
    assert [len(table.time_ns) for table in tables] == [11] * 9
    assert stream.metadata["ended_early"]["long_flow"] == {"flows": 9, "packets": 99}
    assert stream.metadata["ended_early"]["memory"] == {"flows": 0, "packets": 0}
    assert stream.metadata["dropped"]["short_subflow"] == {"flows": 1, "packets": 1}


def test_the_flows_least_recently_seen_make_room():
    records = []
    for i in range(40):
        records += udp_records([i * 10**6, i * 10**6 + 1000, i * 10**6 + 2000], **numbered(i))
    stream = FlowStream(RecordStream(records), interval=600.0, max_memory=10 * FLOW_OF_3, **EVERY_PACKET)
    tables = []
    for table in stream:
        tables.append(table)
        assert stream.n_open_packets <= 30
    assert_all_accounted_for(stream, tables)
    assert pieces_of(*tables) == pieces_of(read_batch(records, 600.0))
    # Oldest first; and, when it was the first one's turn, half stayed.
    firsts = np.concatenate([table.flows.start_ns for table in tables])
    assert (np.diff(firsts) > 0).all()
    early = stream.metadata["ended_early"]["memory"]
    assert early["flows"] >= 25
    assert early["packets"] == 3 * early["flows"]


def test_flows_seen_at_the_same_time_make_room_as_far_as_needed():
    records = []
    for i in range(8):
        records += udp_records([0, 0], **numbered(i))
    stream = FlowStream(RecordStream(records), interval=600.0, max_memory=8 * FLOW_OF_2 - 1, **EVERY_PACKET)
    table = next(iter(stream))
    assert len(table) == 5  # 8 flows are too many, half of that may stay
    assert stream.n_open_packets == 6


def test_room_is_made_in_a_round_in_which_others_have_ended():
    records = []
    for i in range(8):
        records += udp_records([i * 1000, i * 1000 + 500], **numbered(i))
    times_ns = (10**8, 10**8 + 1000, 3 * SECOND, 3 * SECOND + 1000)  # a gap beyond the timeout of TCP
    records += [(START_NS + time_ns, traffic.tcp_frame(b"t" * i)) for i, time_ns in enumerate(times_ns)]
    records += udp_records([5 * SECOND], **numbered(8))
    stream = FlowStream(
        RecordStream(records, len(records)),
        interval=600.0,
        flow=netml.FlowOptions(tcp_timeout=2.0),
        max_memory=9 * FLOW_OF_2 + PACKET_BYTES,
        **EVERY_PACKET,
    )
    tables = list(stream)
    assert stream.metadata["ended_early"]["memory"] == {"flows": 6, "packets": 12}
    assert [len(table) for table in tables] == [7, 3]
    assert pieces_of(*tables) == pieces_of(read_batch(records, 600.0, tcp_timeout=2.0))


def test_keys_that_are_remembered_are_bounded_too():
    records = []
    for i in range(5000):
        records += udp_records([i * 10**8, i * 10**8 + 1000], **numbered(i))
    stream = FlowStream(RecordStream(records, 20), interval=1.0, max_memory=100 * flushers.FLOW_BYTES, **EVERY_PACKET)
    most = max(stream.n_keys for _ in stream if not stream.was_interrupted)
    assert most < 1024 + 2 * 100 + 20 + 1


def test_what_is_held_does_not_grow_with_the_capture():
    records = []
    for i in range(12000):
        records += udp_records([i * 10**8, i * 10**8 + 1000], **numbered(i))
    flow = netml.FlowOptions(tcp_timeout=5.0, udp_timeout=5.0)
    stream = FlowStream(RecordStream(records, 100), interval=1.0, flow=flow, batch_packets=100, latency_s=NEVER_S)
    tables, n_keys, n_open = [], [], []
    for table in stream:
        tables.append(table)
        n_keys.append(stream.n_keys)
        n_open.append(stream.n_open_packets)
    # Keys are known for 7 s, 70 keys; when most of the table is forgotten, it is packed.
    assert max(n_keys[:-1]) < 1024 + 2 * 70 + 100
    assert max(n_open) < 200
    assert pieces_of(*tables) == pieces_of(read_batch(records, 1.0, tcp_timeout=5.0, udp_timeout=5.0))


def test_many_flows_that_end_with_the_input():
    records = []
    for i in range(3000):
        records += udp_records([i, i], **numbered(i))
    stream = FlowStream(RecordStream(records), interval=1.0, **{**EVERY_PACKET, "batch_packets": 10**6})
    assert [len(table) for table in stream] == [3000]


def test_a_table_holds_no_more_memory_than_it_shows():
    records = udp_records([0, 1000]) + udp_records(range(10**6, 10**8, 10**5), **numbered(7))
    records += udp_records([10 * SECOND], **numbered(7))
    table = next(iter(FlowStream(RecordStream(records), interval=5.0, latency_s=NEVER_S, batch_packets=len(records))))
    for column in (*table.columns.values(), table.keys, table.offsets):
        assert (column if column.base is None else column.base).nbytes <= 2 * column.nbytes


@pytest.mark.parametrize("door", ["dpkt", "iterable"])
def test_the_general_door(door):
    records = traffic.many_flows()
    if door == "dpkt":
        stream = FlowStream(dpkt.pcap.Reader(io.BytesIO(captures.pcap(records))), interval=0.01, batch_packets=5)
    else:
        pairs = ((time_ns / 1e9, frame) for time_ns, frame in records)
        stream = FlowStream(pairs, interval=0.01, batch_packets=5, link_type=1)
    tables = list(stream)
    assert pieces_of(*tables) == pieces_of(read_batch(records, 0.01))
    assert_all_accounted_for(stream, tables)


def test_several_captures_are_read_in_turn(tmp_path):
    records = traffic.many_flows()
    paths = [
        traffic.write_pcap(tmp_path / "a.pcap", records[:90]),
        traffic.write_pcap(tmp_path / "b.pcap", records[90:]),
    ]
    stream = FlowStream(paths, interval=0.01)
    assert pieces_of(*stream) == pieces_of(read_batch(records, 0.01))
    assert stream.metadata["captures"] == [str(path) for path in paths]


def test_metadata_is_that_of_a_table_and_what_ended_early():
    records = traffic.many_flows()
    flow = netml.FlowOptions(interval=0.01, keep_tail=True)
    stream = FlowStream(RecordStream(records), interval=0.01, **EVERY_PACKET)
    tables = list(stream)
    expected = read_batch(records, 0.01).metadata
    assert stream.metadata.keys() == {*expected, "ended_early"}
    different = {"captures", "ended_early", "dropped"}
    assert {name: value for name, value in stream.metadata.items() if name not in different} == {
        name: value for name, value in expected.items() if name not in different
    }
    assert stream.metadata["dropped"]["short_subflow"]["packets"] == sum(
        count["packets"] for count in expected["dropped"].values()
    )
    assert f"interval {flow.interval} s" in summarise_table(stream.metadata, sum(map(len, tables)))[-1]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("interval", 0.0),
        ("interval", float("nan")),
        ("latency_s", -1.0),
        ("batch_packets", 0),
        ("size", "both"),
        ("max_flow_packets", 1),
        ("max_memory", 0),
        ("max_flows", 0),
        ("columns", ("time",)),
    ],
)
def test_options_out_of_range_are_refused_at_once(option, value):
    with pytest.raises(netml.OptionError, match=option):
        FlowStream(io.BytesIO(b""), **{"interval": 1.0, option: value})


def test_columns_are_those_asked_for():
    stream = FlowStream(RecordStream(traffic.records()), interval=1.0, size="wire", columns=("ttl",))
    table = next(iter(stream))
    assert sorted(table.columns) == ["time_ns", "ttl", "wirelen"]
    assert table.size is table.wirelen


def test_damage_is_told_and_what_was_read_is_handed_out():
    content = captures.pcap(traffic.many_flows())[:-5]
    stream = FlowStream(io.BytesIO(content), interval=10.0)
    with pytest.warns(netml.CaptureWarning, match="cut: ") as warned:
        tables = list(stream)
    assert warned[0].filename == __file__
    assert_all_accounted_for(stream, tables)
    assert len(stream.metadata["damage"]) == 1
    assert stream.metadata["packets_read"] == 199
    with pytest.raises(netml.CaptureError, match="cut: "):
        list(FlowStream(io.BytesIO(content), interval=10.0, strict=True))


def interrupted_after(records, n_packets):
    """Pairs (time, frame), and Ctrl-C after some of them."""
    for time_ns, frame in records[:n_packets]:
        yield time_ns / 1e9, frame
    raise KeyboardInterrupt


def test_ctrl_c_hands_out_what_is_open():
    records = traffic.many_flows()
    stream = FlowStream(interrupted_after(records, 150), interval=10.0, link_type=1)
    tables = list(stream)
    assert stream.was_interrupted
    assert pieces_of(*tables) == pieces_of(read_batch(records[:150], 10.0))
    assert stream.metadata["packets_read"] == 150


@pytest.mark.parametrize("is_before", [True, False])
@pytest.mark.parametrize("is_last", [True, False])
def test_ctrl_c_around_a_flush_loses_and_doubles_nothing(monkeypatch, is_before, is_last):
    records = udp_records([0, 1000, 20 * SECOND, 20 * SECOND + 1000, 40 * SECOND, 40 * SECOND + 1000])
    flush = FlowStream._flush
    seen = []

    def interrupted(self, is_last_flush):
        if is_before and is_last_flush == is_last and not seen:
            seen.append(True)
            raise KeyboardInterrupt
        flush(self, is_last_flush)
        if not is_before and is_last_flush == is_last and not seen:
            seen.append(True)
            raise KeyboardInterrupt

    monkeypatch.setattr(FlowStream, "_flush", interrupted)
    stream = FlowStream(RecordStream(records), interval=5.0, batch_packets=3, latency_s=NEVER_S)
    tables = list(stream)
    assert stream.was_interrupted
    assert pieces_of(*tables) == pieces_of(read_batch(records[: stream.metadata["packets_read"]], 5.0))
    assert_all_accounted_for(stream, tables)


def test_a_second_ctrl_c_goes_through(monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(FlowStream, "_flush", interrupt)
    with pytest.raises(KeyboardInterrupt):
        list(FlowStream(interrupted_after(traffic.records(), 3), interval=10.0, link_type=1))


def test_stop_hands_out_what_is_open():
    other = udp_records([SECOND * tenths // 10 for tenths in (55, 56, 70, 80)], **numbered(7))
    records = udp_records([0, 1000]) + other
    stream = FlowStream(RecordStream(records), interval=5.0, **EVERY_PACKET)
    tables = []
    for table in stream:
        tables.append(table)
        stream.stop()
    assert stream.was_interrupted
    # The packet at 7 s has told that the first flow is over; the second was open, and its last packet is not read.
    assert [table.flows.start_ns.tolist() for table in tables] == [[START_NS], [START_NS + 55 * SECOND // 10]]
    assert stream.metadata["packets_read"] == 5
    assert_all_accounted_for(stream, tables)


@pytest.mark.parametrize("buffering", [0, -1], ids=["raw", "buffered"])
def test_a_pipe_that_stays_open_hands_out_what_has_ended(buffering):
    read_fd, write_fd = os.pipe()
    ended, later = udp_records([0, 1000]), udp_records([20 * SECOND], **numbered(7))
    with open(read_fd, "rb", buffering=buffering) as reader, open(write_fd, "wb", buffering=0) as writer:
        tables = TableReader(FlowStream(reader, interval=5.0, latency_s=0.05))
        writer.write(captures.pcap(ended + later))
        assert pieces_of(tables.next()) == pieces_of(read_batch(ended, 5.0))
        # A record in two parts, long after each other, is one record.
        more = captures.pcap_record(*udp_records([40 * SECOND], **numbered(8))[0])
        writer.write(more[:20])
        time.sleep(0.2)
        writer.write(more[20:])
        writer.close()
        assert tables.next() is None


def test_a_live_pipe_that_falls_silent_hands_out_what_has_ended(pipe, monkeypatch):
    monkeypatch.setattr(flow_stream, "ALLOWED_LATENESS_NS", 10**8)
    reader, writer = pipe
    tables = TableReader(FlowStream(reader, interval=0.1, latency_s=0.05))
    now_ns = time.time_ns() // 1000 * 1000
    writer.write(captures.pcap([(now_ns + i * 1000, traffic.udp_frame()) for i in range(3)]))
    assert tables.next().time_ns.tolist() == [now_ns, now_ns + 1000, now_ns + 2000]
    writer.close()
    assert tables.next() is None


def test_an_old_capture_in_a_pipe_does_not_age(pipe, monkeypatch):
    monkeypatch.setattr(flow_stream, "ALLOWED_LATENESS_NS", 10**8)
    reader, writer = pipe
    # The round comes after a silence longer than interval and slack.
    tables = TableReader(FlowStream(reader, interval=0.1, latency_s=0.4))
    writer.write(captures.pcap(udp_records([0, 1000])))
    with pytest.raises(queue.Empty):
        tables.next(1.0)
    writer.write(captures.pcap_record(*udp_records([2000])[0]))
    writer.close()
    assert len(tables.next().time_ns) == 3


def test_stop_ends_the_wait_for_a_silent_pipe(pipe):
    reader, writer = pipe
    stream = FlowStream(reader, interval=5.0, latency_s=0.05)
    tables = TableReader(stream)
    writer.write(captures.pcap(udp_records([0, 1000])))
    while stream.metadata["packets_read"] < 2:
        time.sleep(0.01)
    stream.stop()
    assert len(tables.next().time_ns) == 2
    assert tables.next() is None


def disorder_ns(path):
    """How far a packet of a capture comes after a later one, at most."""
    assembler = _flowcore.FlowAssembler()
    read_packets(assembler, path)
    time_ns = assembler.take_packets()["time_ns"]
    return int((np.maximum.accumulate(time_ns) - time_ns).max(initial=0))


def test_every_shared_capture_is_the_same_as_in_batch(shared_captures, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1 << 12)  # flushes are between blocks
    paths = sorted(shared_captures.glob("*.pcap*"))
    n_in_order = 0
    for path in paths:
        stream = FlowStream(path, interval=0.5, batch_packets=1)
        tables = list(stream)
        assert_all_accounted_for(stream, tables)
        if disorder_ns(path) <= flow_stream.ALLOWED_LATENESS_NS:
            batch = netml.read_flows(path, flow=netml.FlowOptions(interval=0.5, keep_tail=True))
            assert pieces_of(*tables) == pieces_of(batch), path.name
            n_in_order += 1
    assert n_in_order >= len(paths) - 15
    assert n_in_order >= 150


def test_a_flow_that_goes_on_much_later_has_had_an_end():
    """Whatever comes after the gap: the piece before it can be told."""
    records = udp_records([0, 1000, 3600 * SECOND, 3600 * SECOND + 1000])
    read_fd, write_fd = os.pipe()
    with open(read_fd, "rb") as reader, open(write_fd, "wb", buffering=0) as writer:
        tables = TableReader(FlowStream(reader, interval=5.0, latency_s=0.05))
        writer.write(captures.pcap(records))
        assert pieces_of(tables.next()) == pieces_of(read_batch(records[:2], 5.0))


def test_a_signal_handler_ends_the_waiting_and_spares_the_judging():
    """`interrupt` while a silent pipe is waited for ends that; while a table is being dealt with it only takes note."""
    records = udp_records([0, 1000, 20 * SECOND, 20 * SECOND + 1000])
    read_fd, write_fd = os.pipe()
    with open(read_fd, "rb") as reader, open(write_fd, "wb", buffering=0) as writer:
        stream = FlowStream(reader, interval=5.0, latency_s=0.05)
        before = signal.signal(signal.SIGALRM, lambda *_: stream.interrupt())
        try:
            writer.write(captures.pcap(records))
            tables = iter(stream)
            first = next(tables)
            signal.setitimer(signal.ITIMER_REAL, 0.3)  # the next table is waited for by then
            second = next(tables)
            assert stream.was_interrupted
            with pytest.raises(KeyboardInterrupt):
                stream.interrupt()  # a second time
            assert next(tables, None) is None
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
    assert pieces_of(first, second) == pieces_of(read_batch(records, 5.0))


def test_a_signal_while_a_table_is_dealt_with_loses_nothing():
    records = udp_records([0, 1000, 20 * SECOND, 20 * SECOND + 1000])
    stream = FlowStream(RecordStream(records), interval=5.0, batch_packets=3, latency_s=NEVER_S)
    tables = []
    for table in stream:
        tables.append(table)
        if not stream.was_interrupted:
            stream.interrupt()
    assert_all_accounted_for(stream, tables)
    assert stream.metadata["packets_read"] < len(records)
