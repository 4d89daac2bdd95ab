"""Tunnels and fragments: the kernel against the reference, frame by frame, on random stacks of headers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stacks import records_of_stacks, stacks

pytest.importorskip("netml._flowcore", reason="needs the compiled core")

from builders import frames, tunnels
from outcomes import kernel_outcomes, reference_outcomes  # only where there is a kernel to test
from reference.decode import SKIP_REASONS, Decoded

PORTS = (5000, 53, 0, 65535, *tunnels.PORTS.values())


@st.composite
def tunnel_ports(draw):
    """Some kinds with some ports each, a port for one kind only."""
    kinds = draw(st.lists(st.sampled_from(list(tunnels.PORTS)), max_size=3, unique=True))
    ports = draw(st.lists(st.sampled_from(PORTS), max_size=7, unique=True))
    return {kind: tuple(ports[i :: len(kinds)]) for i, kind in enumerate(kinds)}


decodings = st.fixed_dictionaries(
    {
        "tunnels": st.sampled_from(("inner", "inner", "inner", "outer")),
        "fragments": st.sampled_from(("first", "track", "track")),
        "tunnel_ports": st.none() | tunnel_ports(),
    }
)


@settings(deadline=None)
@given(records_of_stacks(), decodings)
def test_random_stacks_and_fragments(records, options):
    assert kernel_outcomes(records, **options) == reference_outcomes(records, **options)


@settings(deadline=None, max_examples=30)
@given(stacks(), st.sampled_from(("first", "track")))
def test_a_stack_cut_at_every_byte(packets, fragments):
    frame = frames.ethernet(packets[0])
    records = [(i, 1, frame[:i]) for i in range(len(frame) + 1)]
    assert kernel_outcomes(records, fragments=fragments) == reference_outcomes(records, fragments=fragments)


@settings(deadline=None)
@given(st.binary(max_size=120), st.sampled_from(list(tunnels.PORTS.values())))
def test_junk_behind_the_port_of_a_tunnel(junk, port):
    records = [(0, 228, frames.ipv4(frames.udp(1, port, junk))), (0, 228, frames.ipv4(junk, protocol=tunnels.GRE))]
    assert kernel_outcomes(records) == reference_outcomes(records)


@settings(deadline=None)
@given(records_of_stacks(), decodings)
def test_the_reference_gives_a_packet_or_a_reason(records, options):
    for outcome in reference_outcomes(records, **options):
        assert isinstance(outcome, Decoded) or outcome in SKIP_REASONS
