"""The CIC oracle's own tests: each expectation is worked out by hand, from the definitions and not from the code."""

import csv
import math

import pytest
from _cic import EXTRA, bulk, bwd, fwd, pick
from hypothesis import given
from hypothesis import strategies as st
from reference import biflow_packet, cic_2017
from reference.biflow_packet import ACK, CWR, ECE, FIN, PSH, RST, SYN, UDP, URG, BiflowPacket
from reference.cic import cic_extra_row, cic_row

MS, S = 10**6, 10**9


def stats(prefix, *names):
    return [f"{prefix} {name}" for name in names]


NAMES = [
    *("Flow Duration", "Total Fwd Packet", "Total Bwd packets"),
    *("Total Length of Fwd Packet", "Total Length of Bwd Packet"),
    *stats("Fwd Packet Length", "Max", "Min", "Mean", "Std"),
    *stats("Bwd Packet Length", "Max", "Min", "Mean", "Std"),
    *("Flow Bytes/s", "Flow Packets/s"),
    *stats("Flow IAT", "Mean", "Std", "Max", "Min"),
    *stats("Fwd IAT", "Total", "Mean", "Std", "Max", "Min"),
    *stats("Bwd IAT", "Total", "Mean", "Std", "Max", "Min"),
    *("Fwd PSH Flags", "Bwd PSH Flags", "Fwd URG Flags", "Bwd URG Flags"),
    *("Fwd Header Length", "Bwd Header Length", "Fwd Packets/s", "Bwd Packets/s"),
    *stats("Packet Length", "Min", "Max", "Mean", "Std", "Variance"),
    *(f"{flag} Flag Count" for flag in ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "CWR", "ECE")),
    *("Down/Up Ratio", "Average Packet Size", "Fwd Segment Size Avg", "Bwd Segment Size Avg"),
    *("Fwd Bytes/Bulk Avg", "Fwd Packet/Bulk Avg", "Fwd Bulk Rate Avg"),
    *("Bwd Bytes/Bulk Avg", "Bwd Packet/Bulk Avg", "Bwd Bulk Rate Avg"),
    *("Subflow Fwd Packets", "Subflow Fwd Bytes", "Subflow Bwd Packets", "Subflow Bwd Bytes"),
    *("FWD Init Win Bytes", "Bwd Init Win Bytes", "Fwd Act Data Pkts", "Fwd Seg Size Min"),
    *stats("Active", "Mean", "Std", "Max", "Min"),
    *stats("Idle", "Mean", "Std", "Max", "Min"),
]


# Names, order, units


def test_the_76_names_and_their_order():
    assert len(NAMES) == 76
    assert list(cic_row([fwd(0)])) == NAMES


def test_places_by_number():
    expected = {14: "Flow Bytes/s", 30: "Fwd PSH Flags", 42: "Packet Length Variance", 51: "Down/Up Ratio"}
    expected |= {61: "Subflow Fwd Packets", 68: "Fwd Seg Size Min", 76: "Idle Min"}
    names = list(cic_row([fwd(0)]))
    assert {place: names[place - 1] for place in expected} == expected


def test_the_10_extra_names_and_their_order():
    assert tuple(cic_extra_row([fwd(0)])) == EXTRA


def test_cic_2017_headers_are_those_of_the_csv(shared_captures):
    with open(shared_captures / "netml-demo.csv", encoding="utf-8-sig", newline="") as lines:
        header = next(csv.reader(lines))
    wanted = header[header.index(" Flow Duration") : header.index(" Idle Min") + 1]
    # pandas wrote that file: it marks a name that stands there twice.
    wanted = [name.removesuffix(".1") for name in wanted]
    assert len(cic_2017.HEADERS) == 77
    assert list(cic_2017.HEADERS) == wanted


def test_cic_2017_has_the_same_values():
    row = {name: float(number) for number, name in enumerate(NAMES, start=1)}
    renamed = cic_2017.cic_2017_row(row)
    assert [value for _, value in renamed] == [*range(1, 55), 34, *range(55, 77)]
    values = dict(renamed)
    assert values[" Fwd Header Length"] == 34
    assert pick(values, " Min Packet Length", " CWE Flag Count", "Fwd Avg Bytes/Bulk") == (38, 49, 55)
    assert pick(values, "Init_Win_bytes_forward", " min_seg_size_forward", "Active Mean", " Idle Min") == (
        *(65, 68),
        *(69, 76),
    )


def test_times_are_microseconds_and_keep_nanoseconds():
    start_ns = 1_700_000_000 * S + 1
    row = cic_row([fwd(start_ns), fwd(start_ns + 1500), fwd(start_ns + 1501)])
    assert row["Flow Duration"] == 1.501
    assert pick(row, "Flow IAT Mean", "Flow IAT Max", "Flow IAT Min") == (0.7505, 1.5, 0.001)


def test_packets_in_time_order_and_equal_times_as_they_came():
    row = cic_row([fwd(2 * MS, window=3), fwd(MS, window=1), fwd(MS, window=2)])
    assert row["FWD Init Win Bytes"] == 1
    assert row["Flow Duration"] == 1000


def test_deviations_are_of_the_sample():
    row = cic_row([fwd(0, 2), fwd(3 * MS, 4), bwd(4 * MS, 9), fwd(10 * MS, 9)])
    # lengths 2, 4, 9, 9: mean 6, squares 16 + 4 + 9 + 9 = 38
    assert row["Packet Length Variance"] == pytest.approx(38 / 3)
    assert row["Packet Length Std"] == pytest.approx(math.sqrt(38 / 3))
    # forward 2, 4, 9: mean 5, squares 9 + 1 + 16 = 26
    assert row["Fwd Packet Length Std"] == pytest.approx(math.sqrt(13))
    # forward gaps 3000, 7000: mean 5000, squares 2 * 2000^2
    assert pick(row, "Fwd IAT Total", "Fwd IAT Mean", "Fwd IAT Max", "Fwd IAT Min") == (10000, 5000, 7000, 3000)
    assert row["Fwd IAT Std"] == pytest.approx(2000 * math.sqrt(2))
    assert pick(row, "Bwd Packet Length Std", "Bwd IAT Total", "Bwd IAT Std") == (0, 0, 0)


def test_a_small_flow_whole():
    row = cic_row([fwd(0, 10, flags=SYN), bwd(S // 2, 30, flags=SYN | ACK), fwd(2 * S, 20, flags=ACK | FIN)])
    assert pick(row, *NAMES[:5]) == (2e6, 2, 1, 30, 30)
    assert pick(row, *stats("Fwd Packet Length", "Max", "Min", "Mean")) == (20, 10, 15)
    assert pick(row, *stats("Bwd Packet Length", "Max", "Min", "Mean", "Std")) == (30, 30, 30, 0)
    assert pick(row, "Flow Bytes/s", "Flow Packets/s", "Fwd Packets/s", "Bwd Packets/s") == (30, 1.5, 1, 0.5)
    assert pick(row, "Fwd Header Length", "Bwd Header Length", "Fwd Seg Size Min") == (40, 32, 20)
    assert pick(row, "Fwd Segment Size Avg", "Bwd Segment Size Avg") == (15, 30)


# Lengths


def test_lengths_come_from_the_ip_fields():
    assert biflow_packet.ipv4_payload_bytes(60, 24, 32) == 4
    assert biflow_packet.ipv6_payload_bytes(48, 8, 20) == 20  # the fixed 40 bytes are not in that field


def test_a_length_is_never_below_0():
    assert biflow_packet.ipv4_payload_bytes(30, 20, 20) == 0
    assert biflow_packet.ipv6_payload_bytes(4, 0, 8) == 0


# The corrections, one by one


def test_correction_14_15_rates_without_duration_are_0():
    for packets in ([fwd(5, 100)], [fwd(5, 100), bwd(5, 100)]):
        row = cic_row(packets)
        assert pick(row, "Flow Bytes/s", "Flow Packets/s", "Fwd Packets/s", "Bwd Packets/s") == (0, 0, 0, 0)


def test_correction_30_to_33_psh_and_urg_of_every_packet():
    packets = [fwd(0, flags=SYN), bwd(1, flags=PSH | ACK), fwd(2, flags=PSH), fwd(3, flags=PSH | URG)]
    packets += [bwd(4, flags=URG), bwd(5, flags=URG | PSH), bwd(6, flags=URG)]
    names = ("Fwd PSH Flags", "Bwd PSH Flags", "Fwd URG Flags", "Bwd URG Flags")
    assert pick(cic_row(packets), *names) == (2, 2, 1, 3)


def test_correction_38_to_42_first_packet_counted_once():
    row = cic_row([fwd(0, 100), bwd(1, 0), bwd(2, 50)])
    # mean 50, squares 2500 + 2500; with the first packet twice they would be 62.5 and 2291.7
    assert pick(row, *stats("Packet Length", "Min", "Max", "Mean", "Std", "Variance")) == (0, 100, 50, 50, 2500)


def test_correction_51_down_up_ratio_is_a_fraction():
    assert cic_row([fwd(0), fwd(1), bwd(2), bwd(3), bwd(4)])["Down/Up Ratio"] == 1.5


def test_down_up_ratio_without_forward_packets_is_0():
    assert cic_row([bwd(0), bwd(1)])["Down/Up Ratio"] == 0


def test_correction_52_average_size_is_the_mean():
    row = cic_row([fwd(0, 100), bwd(1, 20), bwd(2, 30)])
    assert row["Average Packet Size"] == row["Packet Length Mean"] == 50  # not (100 + 150) / 3


def test_correction_55_to_57_forward_bulks_are_found():
    row = cic_row([fwd(number * S // 2, 100 + number) for number in range(5)])
    assert bulk(row, "Fwd") == (510, 5, 255)  # 510 bytes in 2 s
    assert bulk(row, "Bwd") == (0, 0, 0)


def test_correction_58_to_60_backward_bulks_hold_one_direction():
    packets = [fwd(number * MS, 1000) for number in range(4)]
    packets += [bwd(10 * MS + number * S, 10) for number in range(4)]
    row = cic_row(packets)
    assert bulk(row, "Bwd") == (40, 4, pytest.approx(40 / 3))
    assert bulk(row, "Fwd") == (4000, 4, pytest.approx(4000 / 0.003))


def test_correction_61_to_64_subflows_are_one_more_than_gaps():
    packets = [fwd(0, 10), bwd(S, 5), fwd(2 * S, 20)]
    names = ("Subflow Fwd Packets", "Subflow Fwd Bytes", "Subflow Bwd Packets", "Subflow Bwd Bytes")
    assert pick(cic_row(packets), *names) == (2, 30, 1, 5)  # gaps of exactly 1 s part nothing
    packets.append(fwd(3 * S + 1, 1))
    assert pick(cic_row(packets), *names) == (1.5, 15.5, 0.5, 2.5)


def test_correction_66_first_window_of_the_other_side():
    packets = [fwd(0, window=100), bwd(1, window=200), fwd(2, window=300), bwd(3, window=400)]
    assert pick(cic_row(packets), "FWD Init Win Bytes", "Bwd Init Win Bytes") == (100, 200)


def test_windows_that_are_not_there_are_minus_1():
    assert pick(cic_row([fwd(0, window=0)]), "FWD Init Win Bytes", "Bwd Init Win Bytes") == (0, -1)
    udp = [fwd(0, protocol=UDP), bwd(1, protocol=UDP)]
    assert pick(cic_row(udp), "FWD Init Win Bytes", "Bwd Init Win Bytes") == (-1, -1)


def test_correction_67_first_packet_with_data_counts():
    assert cic_row([fwd(0, 1), fwd(1), fwd(2, 5), bwd(3, 5)])["Fwd Act Data Pkts"] == 2


def test_correction_69_to_72_last_active_period_counts():
    row = cic_row([fwd(0), bwd(4 * S), fwd(10 * S), fwd(12 * S)])  # 4 s active, 6 s idle, 2 s active
    assert pick(row, "Active Mean", "Active Max", "Active Min") == (3e6, 4e6, 2e6)
    assert row["Active Std"] == pytest.approx(math.sqrt(2) * 1e6)
    assert pick(row, *stats("Idle", "Mean", "Std", "Max", "Min")) == (6e6, 0, 6e6, 6e6)


def test_flow_without_idle_gap_is_one_active_period():
    row = cic_row([fwd(0), bwd(5 * S)])  # exactly the threshold is no idle gap
    assert pick(row, "Active Mean", "Active Max", "Idle Mean", "Idle Max") == (5e6, 5e6, 0, 0)


def test_active_periods_of_length_0_do_not_count():
    row = cic_row([fwd(0), fwd(6 * S), fwd(7 * S), fwd(20 * S)])
    assert pick(row, *stats("Active", "Mean", "Std", "Max", "Min")) == (1e6, 0, 1e6, 1e6)
    assert pick(row, "Idle Mean", "Idle Max", "Idle Min") == (9.5e6, 13e6, 6e6)


def test_fwd_seg_size_min_is_the_smallest_header():
    assert cic_row([fwd(0, transport_header_bytes=40), fwd(1), bwd(2)])["Fwd Seg Size Min"] == 20
    assert cic_row([bwd(0)])["Fwd Seg Size Min"] == 0


def test_each_flag_has_its_column():
    order = (FIN, SYN, RST, PSH, ACK, URG, CWR, ECE)
    packets = [fwd(0, flags=flag) for place, flag in enumerate(order) for _ in range(place)]
    assert pick(cic_row([*packets, bwd(1, flags=FIN)]), *NAMES[42:50]) == (1, 1, 2, 3, 4, 5, 6, 7)


# Never Infinity or NaN

PACKETS = st.builds(
    BiflowPacket,
    time_ns=st.integers(-(2**63), 2**63 - 1) | st.integers(0, 20).map(lambda half_seconds: half_seconds * S // 2),
    is_forward=st.booleans(),
    payload_bytes=st.integers(0, 2) | st.integers(0, 2**32 - 1),
    transport_header_bytes=st.sampled_from([0, 8, 20, 60]),
    flags=st.integers(0, 255),
    window=st.integers(0, 65535),
    sequence=st.integers(0, 2**32 - 1),
)


@given(st.lists(PACKETS, min_size=1, max_size=12))
def test_values_are_finite_and_agree_with_each_other(packets):
    row = cic_row(packets)
    assert list(row) == NAMES
    assert all(math.isfinite(value) for value in (row | cic_extra_row(packets)).values())
    assert row["Total Fwd Packet"] + row["Total Bwd packets"] == len(packets)
    assert row["Average Packet Size"] == row["Packet Length Mean"]
    for what in ("Flow IAT", "Fwd IAT", "Bwd IAT", "Active", "Idle", "Fwd Packet Length", "Packet Length"):
        assert row[f"{what} Min"] <= row[f"{what} Mean"] <= row[f"{what} Max"]
