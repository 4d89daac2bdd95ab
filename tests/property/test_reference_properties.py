"""What must hold of the reference itself on any capture, whoever else agrees with it."""

import numpy as np
from hypothesis import given, settings
from reference import pipeline
from reference.capture import read_capture
from reference.decode import SKIP_REASONS, Decoded, decode_frame
from reference.families import FAMILIES
from strategies import frames_of_any_link, scenarios


@settings(deadline=None)
@given(scenarios())
def test_every_packet_is_accounted_for(scenario):
    table = pipeline.read_flows(scenario.content, flow=scenario.options, size=scenario.size)
    counts = table.metadata
    dropped = sum(count["packets"] for count in counts["dropped"].values())
    assert read_capture(scenario.content).damage is None
    assert counts["packets_read"] == counts["packets_kept"] + sum(counts["skipped"].values())
    assert counts["packets_kept"] == dropped + sum(len(piece) for piece in table.pieces)
    if scenario.options.keep_tail:
        assert counts["dropped"]["idle_tail"]["packets"] == counts["dropped"]["interval_tail"]["packets"] == 0


@settings(deadline=None)
@given(scenarios())
def test_flows_are_of_one_key_sorted_and_long_enough(scenario):
    table = pipeline.read_flows(scenario.content, flow=scenario.options, size=scenario.size)
    for piece in table.pieces:
        times_ns = [packet.time_ns for packet in piece]
        assert times_ns == sorted(times_ns)
        assert {packet.key for packet in piece} == {piece[0].key}
        assert len(piece) >= max(2, scenario.options.min_packets)


@settings(deadline=None)
@given(scenarios())
def test_matrices_are_finite_and_as_wide_as_their_names(scenario):
    table = pipeline.read_flows(scenario.content, flow=scenario.options, size=scenario.size)
    for is_fft in (False, True):
        matrix, names = pipeline.extract(table, FAMILIES, fft=is_fft, header=True)
        assert matrix.shape == (len(table.pieces), len(names))
        assert len(set(names)) == len(names)
        assert np.isfinite(matrix).all()


@settings(deadline=None)
@given(frames_of_any_link())
def test_a_frame_is_a_packet_or_has_a_reason(link_and_frame):
    decoded = decode_frame(*link_and_frame)
    assert isinstance(decoded, Decoded) or decoded in SKIP_REASONS
