"""Bulks, thresholds and `--cic-extra` of the CIC oracle: expectations worked out by hand, from the definitions."""

import pytest
from _cic import EXTRA, bulk, bwd, fwd, pick
from reference.biflow_packet import ACK, FIN, ICMP, ICMPV6, RST, SYN
from reference.bulks import CicOptions
from reference.cic import cic_extra_row, cic_row

MS, S = 10**6, 10**9


def retransmissions(packets):
    return pick(cic_extra_row(packets), *EXTRA[6:9])


# Bulks


def test_three_packets_are_no_bulk():
    assert bulk(cic_row([fwd(number, 9) for number in range(3)]), "Fwd") == (0, 0, 0)


def test_a_bulk_without_time_has_no_rate():
    assert bulk(cic_row([fwd(7, 9) for _ in range(4)]), "Fwd") == (36, 4, 0)


def test_a_gap_of_exactly_1_s_keeps_a_bulk_and_more_breaks_it():
    assert bulk(cic_row([fwd(number * S, 3) for number in range(4)]), "Fwd") == (12, 4, 4)
    assert bulk(cic_row([fwd(number * (S + 1), 3) for number in range(4)]), "Fwd") == (0, 0, 0)


def test_data_of_the_other_side_breaks_a_bulk():
    packets = [fwd(0, 1), fwd(1, 1), bwd(2, 1), fwd(3, 1), fwd(4, 1)]
    assert bulk(cic_row(packets), "Fwd") == (0, 0, 0)


def test_packets_without_data_neither_break_nor_bridge_a_bulk():
    empty_between = [fwd(0, 1), bwd(1), fwd(2, 1), fwd(3), fwd(4, 1), fwd(S, 1)]
    assert bulk(cic_row(empty_between), "Fwd") == (4, 4, 4)
    packets = [fwd(0, 1), fwd(1, 1), fwd(S - 1), fwd(S + 2, 1), fwd(S + 3, 1)]
    assert bulk(cic_row(packets), "Fwd") == (0, 0, 0)


def test_bulks_of_several_runs_are_averaged():
    first = [fwd(number * MS, 10) for number in range(4)]  # 40 bytes, 3 ms
    second = [fwd(5 * S + number * MS, 20) for number in range(6)]  # 120 bytes, 5 ms
    assert bulk(cic_row(first + second), "Fwd") == (80, 5, 20000)


def test_thresholds_are_options():
    packets = [fwd(0, 5), fwd(2 * S, 5), bwd(4 * S, 1)]
    options = CicOptions(bulk_gap=2.0, bulk_packets=2, subflow_gap=1.5, activity_timeout=1.9)
    row = cic_row(packets, options)
    assert bulk(row, "Fwd") == (10, 2, 5)
    assert row["Subflow Fwd Packets"] == pytest.approx(2 / 3)
    assert pick(row, "Idle Mean", "Active Mean") == (2e6, 0)


# --cic-extra


def test_extra_counts_of_each_side():
    packets = [fwd(0, flags=RST), bwd(1, 7, flags=RST), bwd(2, flags=RST, transport_header_bytes=20)]
    assert pick(cic_extra_row(packets), *EXTRA[:6]) == (1, 2, 1, 20, -1, -1)


@pytest.mark.parametrize("protocol", [ICMP, ICMPV6])
def test_extra_icmp_of_the_first_packet(protocol):
    fields = {"protocol": protocol, "transport_header_bytes": 0}
    packets = [fwd(0, icmp_type=8, icmp_code=1, **fields), bwd(1, icmp_type=0, icmp_code=2, **fields)]
    assert pick(cic_extra_row(packets), "ICMP Code", "ICMP Type") == (1, 8)


def test_retransmissions_of_data_syn_and_fin():
    packets = [fwd(0, flags=SYN, sequence=9), fwd(1, flags=SYN, sequence=9), bwd(2, flags=SYN | ACK, sequence=9)]
    packets += [fwd(3, 5, sequence=10), fwd(4, 5, sequence=10), fwd(5, 2, sequence=12), fwd(6, sequence=10, flags=ACK)]
    packets += [bwd(7, flags=FIN, sequence=10), bwd(8, flags=FIN, sequence=10)]
    assert retransmissions(packets) == (3, 1, 4)


def test_a_range_that_is_partly_new_is_no_retransmission():
    assert retransmissions([fwd(0, 10, sequence=0), fwd(1, 10, sequence=1)]) == (0, 0, 0)


def test_a_late_packet_that_fills_a_hole_is_no_retransmission():
    packets = [fwd(0, 10, sequence=0), fwd(1, 10, sequence=20), fwd(2, 10, sequence=10), fwd(3, 30, sequence=0)]
    assert retransmissions(packets) == (1, 0, 1)  # the last one: its pieces had all been sent by then


def test_retransmissions_where_sequence_numbers_wrap_around():
    packets = [fwd(0, 20, sequence=2**32 - 10), fwd(1, 5, sequence=10), fwd(2, 10, sequence=2**32 - 5)]
    packets += [fwd(3, 5, sequence=0), fwd(4, 5, sequence=15)]
    assert retransmissions(packets) == (2, 0, 2)


def test_the_same_number_one_turn_later_is_new():
    quarter = 2**30
    packets = [fwd(turn, quarter, sequence=turn * quarter % 2**32) for turn in range(6)]
    assert retransmissions(packets) == (0, 0, 0)


def test_connection_time_counts_from_its_first_piece():
    piece = [fwd(10 * S), bwd(12 * S)]
    assert cic_extra_row(piece)["Total Connection Flow Time"] == 2e6
    assert cic_extra_row(piece, connection_start_ns=S)["Total Connection Flow Time"] == 11e6
