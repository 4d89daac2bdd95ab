"""Another thread looks at what a stream holds while it reads: no memory is touched that changes meanwhile."""

import io
import threading
import time

import pytest
import traffic
from builders import captures

import netml
from netml import _flowcore
from netml.streaming.feature_batches import extract_batches
from netml.streaming.flow_stream import FlowStream

PAUSE_S = 1e-4  # one that never paused would keep the interpreter's lock from the stream for most of the time
N_FLOWS = 20_000
FRAMES = [traffic.udp_frame(source=f"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}") for i in range(N_FLOWS)]
RECORDS = [(traffic.START_NS + i * 1000 + t * 10**8, FRAMES[i]) for t in range(8) for i in range(N_FLOWS)]
CAPTURE = captures.pcap(RECORDS)
FLOW = netml.FlowOptions(interval=0.3, keep_tail=True)
STREAMS = {
    "original": lambda: FlowStream(
        io.BytesIO(CAPTURE), interval=0.3, flow=FLOW, columns=(), batch_packets=1 << 24, max_memory=1 << 45
    ),
    "flushes": lambda: FlowStream(io.BytesIO(CAPTURE), interval=0.3, flow=FLOW, columns=(), batch_packets=1 << 12),
    "bi": lambda: extract_batches(io.BytesIO(CAPTURE), "FLOW", batch_packets=1 << 14).stream,
}


@pytest.mark.parametrize("name", ["n_keys", "n_open_packets"])
@pytest.mark.parametrize("kind", STREAMS)
def test_polling_what_is_held(kind, name):
    stream = STREAMS[kind]()
    has_ended = threading.Event()
    seen = []

    def poll():
        while not has_ended.is_set():
            seen.append(getattr(stream, name))
            time.sleep(PAUSE_S)

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        for _ in stream:
            pass
    finally:
        has_ended.set()
        thread.join()
    assert stream.metadata["packets_kept"] == 8 * N_FLOWS
    assert max(seen) > 0
    assert max(seen) <= 8 * N_FLOWS


def test_two_threads_read_into_one_assembler():
    """The second one is told so, or comes after the first; no packet is entered twice."""
    assembler = _flowcore.FlowAssembler()
    block = memoryview(CAPTURE)
    errors = []

    def read():
        framer = _flowcore.Framer("pcap")
        for _ in range(5):
            try:
                assembler.assemble(framer, block, 24, len(CAPTURE) - 24)
            except ValueError as error:
                errors.append(str(error))

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(errors) <= {"another thread is reading"}
    assert assembler.counters["packets_kept"] == (15 - len(errors)) * 8 * N_FLOWS
    assert len(assembler.take_packets()["time_ns"]) == (15 - len(errors)) * 8 * N_FLOWS
    assert assembler.n_keys == N_FLOWS
