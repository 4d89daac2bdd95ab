"""The kernel against the reference on random captures: the same flows, packets, counters and matrices."""

import io
import warnings

import numpy as np
import pytest
from builders import captures, frames
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import families, pipeline
from reference.flows import FlowOptions, nanoseconds
from strategies import Scenario, frames_of_any_link, scenarios

pytest.importorskip("netml._flowcore", reason="needs the compiled core")

import netml  # only where there is a kernel to test

UDP_FRAME = frames.ethernet(frames.ipv4(frames.udp(1000, 53, b"payload")))
COLUMNS = ("time_ns", "size", "caplen", "wirelen", "flags", "ttl")


def kernel_options(options):
    """The public options of the reference's."""
    return netml.FlowOptions(**vars(options))


def read_both(scenario):
    """(kernel's FlowTable, reference's Table)."""
    source = io.BytesIO(scenario.content)
    table = netml.read_flows(source, flow=kernel_options(scenario.options), size=scenario.size)
    return table, pipeline.read_flows(scenario.content, flow=scenario.options, size=scenario.size)


def assert_same_tables(table, expected):
    """Keys in order, packets per flow, every packet column, every counter."""
    assert table.flows.five_tuples() == expected.keys
    offsets = np.cumsum([0] + [len(piece) for piece in expected.pieces])
    np.testing.assert_array_equal(table.offsets, offsets)
    for name in COLUMNS:
        column = [getattr(packet, name) for piece in expected.pieces for packet in piece]
        np.testing.assert_array_equal(getattr(table, name), np.array(column, dtype=np.int64), err_msg=name)
    found, wanted = table.metadata, expected.metadata
    assert found["packets_read"] == wanted["packets_read"]
    assert found["packets_kept"] == wanted["packets_kept"]
    assert without_zeros(found["skipped"]) == without_zeros(wanted["skipped"])
    assert found["dropped"] == wanted["dropped"]
    if expected.pieces:
        assert found["interval_s"] == pytest.approx(wanted["interval_s"], rel=1e-12, abs=0)


def without_zeros(counters):
    """Only the reasons that occurred: whether the others are there does not matter."""
    return {reason: n for reason, n in counters.items() if n}


def assert_same_matrix(matrix, expected, columns):
    """Equal to 1e-9, relative to the value; after a transform, where values cancel, to the row's largest."""
    assert tuple(matrix.columns) == columns
    assert matrix.X.shape == expected.shape
    is_fft = any(name.startswith("fft_") for name in columns)
    scale = np.abs(expected).max(axis=1, keepdims=True, initial=1.0) if is_fft else np.abs(expected)
    # 1e-12 is below any time in seconds, of which the smallest is 1e-9, and any size.
    assert (np.abs(matrix.X - expected) <= 1e-9 * scale + 1e-12).all()


def assert_same_extract(scenario, chosen, **arguments):
    """The matrix of both sides for the same arguments of `extract`."""
    expected_table = pipeline.read_flows(scenario.content, flow=scenario.options, size=scenario.size)
    q = scenario.options.q_interval
    expected, columns = pipeline.extract(expected_table, chosen, q_interval=q, **arguments)
    options = {"flow": kernel_options(scenario.options), "size": scenario.size}
    matrix = netml.extract(io.BytesIO(scenario.content), list(chosen), **options, **arguments)
    assert_same_matrix(matrix, expected, columns)
    assert matrix.flows.five_tuples() == expected_table.keys


@settings(deadline=None)
@given(scenarios())
def test_flows_packets_and_counters(scenario):
    assert_same_tables(*read_both(scenario))


@settings(deadline=None)
@given(
    scenario=scenarios(),
    chosen=st.one_of(
        st.sampled_from(families.FAMILIES).map(lambda family: (family,)),
        st.lists(st.sampled_from(families.FAMILIES), min_size=1, unique=True).map(tuple),
    ),
    is_fft=st.booleans(),
    has_header=st.booleans(),
    dim=st.sampled_from((None, None, 2, 5, 30)),
    rate=st.sampled_from((None, None, 0.3, 1e-9, 1.03e-8, 5.0)),
)
def test_matrices(scenario, chosen, is_fft, has_header, dim, rate):
    assert_same_extract(scenario, chosen, fft=is_fft, header=has_header, dim=dim, rate=rate)


@settings(deadline=None, max_examples=300)
@given(frames_of_any_link())
def test_decoding_of_any_frame(link_and_frame):
    link_type, frame = link_and_frame
    content = captures.pcap([(0, frame), (1000, frame)], link_type=link_type)  # twice, so that it makes a flow
    assert_same_tables(*read_both(Scenario(content)))


@settings(deadline=None)
@given(scenario=scenarios(), place=st.floats(0, 1))
def test_what_stands_before_the_damage(scenario, place):
    n_header_bytes = 24 if scenario.content[:4] != b"\n\r\r\n" else 120  # a section and its interfaces
    n_kept = n_header_bytes + int(place * max(len(scenario.content) - n_header_bytes, 0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", netml.CaptureWarning)
        tables = read_both(Scenario(scenario.content[:n_kept], scenario.options, scenario.size))
    assert_same_tables(*tables)


@settings(deadline=None)
@given(gaps_ns=st.lists(st.integers(0, 130), min_size=1, max_size=12), tenths=st.integers(1, 400))
def test_intervals_and_rates_of_tenths_of_a_nanosecond(gaps_ns, tenths):
    """Where rounding in an anchor or a window's edge would show: multiples of what no float64 holds."""
    times_ns = np.cumsum([0, *gaps_ns]).tolist()
    content = captures.pcap([(time_ns, UDP_FRAME) for time_ns in times_ns], magic=captures.MAGIC_NS)
    seconds = tenths * 1e-10
    assert nanoseconds(seconds) == pytest.approx(tenths / 10)
    assert_same_tables(*read_both(Scenario(content, FlowOptions(1, interval=seconds, keep_tail=True))))
    assert_same_extract(Scenario(content, FlowOptions(interval=1.0)), ["SAMP_NUM"], dim=40, rate=seconds)


def test_clocks_at_the_ends_of_time():
    """Times saturate, and so does the gap between them: no overflow, and the same rows."""
    content = captures.section_header()
    for offset_s in (-(2**62), 2**62):
        content += captures.interface(tsresol=9, tsoffset=offset_s)
    for interface_no in (0, 0, 1, 1):
        content += captures.enhanced_packet(0, UDP_FRAME, interface_no=interface_no)
    for timeout in (600.0, 1e10):
        scenario = Scenario(content, FlowOptions(udp_timeout=timeout, keep_tail=True))
        assert_same_tables(*read_both(scenario))
        assert_same_extract(scenario, families.FAMILIES, header=True)
