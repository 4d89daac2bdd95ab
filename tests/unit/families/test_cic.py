"""CIC of the kernel: each correction of what CICFlowMeter does, worked out by hand; and how the family is asked for."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
from _cic import EXTRA, bulk, bwd, fwd, pick
from cic_rows import cic_matrix, cic_row, cic_rows, make_table
from reference.biflow_packet import ACK, CWR, ECE, FIN, ICMP, ICMPV6, NONE, PSH, RST, SYN, UDP, URG

from netml import _flowcore, families
from netml.errors import MissingColumnError, OptionError, UnknownNameError
from netml.families import FamilyOptions, lay_out, parse_families
from netml.families.cic import CIC_2017_COLUMNS, CIC_COLUMNS, EXTRA_COLUMNS
from netml.features.options import RepresentationOptions

US, MS, S = 1000, 10**6, 10**9
STATISTICS = ("Mean", "Std", "Max", "Min")
SUBFLOWS = ("Subflow Fwd Packets", "Subflow Fwd Bytes", "Subflow Bwd Packets", "Subflow Bwd Bytes")


def named(prefix, *names):
    return [f"{prefix} {name}" for name in names]


def retransmissions(packets):
    return pick(cic_row(packets, cic_extra=True), *EXTRA[6:9])


# What is right in CICFlowMeter, too


def test_a_small_flow_whole():
    row = cic_row([fwd(0, 10, flags=SYN), bwd(S // 2, 30, flags=SYN | ACK), fwd(2 * S, 20, flags=ACK | FIN)])
    assert pick(row, "Flow Duration", "Total Fwd Packet", "Total Bwd packets") == (2e6, 2, 1)
    assert pick(row, "Total Length of Fwd Packet", "Total Length of Bwd Packet") == (30, 30)
    assert pick(row, *named("Fwd Packet Length", "Max", "Min", "Mean")) == (20, 10, 15)
    assert row["Fwd Packet Length Std"] == pytest.approx(math.sqrt(50))
    assert pick(row, *named("Bwd Packet Length", "Max", "Min", "Mean", "Std")) == (30, 30, 30, 0)
    assert pick(row, *named("Flow IAT", "Mean", "Max", "Min")) == (1e6, 1.5e6, 0.5e6)
    assert row["Flow IAT Std"] == pytest.approx(math.sqrt(2) * 0.5e6)
    assert pick(row, "Fwd IAT Total", *named("Fwd IAT", *STATISTICS)) == (2e6, 2e6, 0, 2e6, 2e6)
    assert pick(row, "Bwd IAT Total", *named("Bwd IAT", *STATISTICS)) == (0, 0, 0, 0, 0)
    assert pick(row, "Fwd Header Length", "Bwd Header Length", "Fwd Packets/s", "Bwd Packets/s") == (40, 32, 1, 0.5)
    assert pick(row, "Fwd Segment Size Avg", "Bwd Segment Size Avg") == (15, 30)


def test_times_are_microseconds_and_keep_nanoseconds():
    start_ns = 1_700_000_000 * S + 1
    row = cic_row([fwd(start_ns), fwd(start_ns + 1500), fwd(start_ns + 1501)])
    assert pick(row, "Flow Duration", "Flow IAT Max", "Flow IAT Min") == (1.501, 1.5, 0.001)


def test_each_flag_has_its_column():
    order = (FIN, SYN, RST, PSH, ACK, URG, CWR, ECE)
    packets = [fwd(0, flags=flag) for place, flag in enumerate(order) for _ in range(place)]
    names = [f"{flag} Flag Count" for flag in ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "CWR", "ECE")]
    assert pick(cic_row([*packets, bwd(1, flags=FIN)]), *names) == (1, 1, 2, 3, 4, 5, 6, 7)


def test_every_flow_has_its_own_row():
    flows = [[fwd(0, 1), bwd(MS, 2)], [fwd(5, 9, protocol=UDP)], [bwd(0, 3), fwd(S, 4), bwd(8 * S, 5)]]
    assert cic_rows(flows) == [cic_row(packets) for packets in flows]


# The corrections, one by one


def test_rates_without_duration_are_0_not_infinite():
    row = cic_row([fwd(5, 100), bwd(5, 100)])
    assert pick(row, "Flow Bytes/s", "Flow Packets/s", "Fwd Packets/s", "Bwd Packets/s") == (0, 0, 0, 0)


def test_rates():
    row = cic_row([fwd(0, 100), bwd(S // 2, 20), fwd(4 * S, 0)])
    assert pick(row, "Flow Bytes/s", "Flow Packets/s", "Fwd Packets/s", "Bwd Packets/s") == (30, 0.75, 0.5, 0.25)


def test_psh_and_urg_are_counted_in_every_packet():
    packets = [fwd(0, flags=SYN), bwd(1, flags=PSH | ACK), fwd(2, flags=PSH), fwd(3, flags=PSH | URG)]
    packets += [bwd(4, flags=URG), bwd(5, flags=URG | PSH), bwd(6, flags=URG)]
    row = cic_row(packets)
    assert pick(row, "Fwd PSH Flags", "Bwd PSH Flags", "Fwd URG Flags", "Bwd URG Flags") == (2, 2, 1, 3)
    assert pick(row, "PSH Flag Count", "URG Flag Count") == (4, 4)


def test_first_packet_is_counted_once():
    row = cic_row([fwd(0, 100), bwd(1, 0), bwd(2, 50)])
    # Mean 50, squares 2500 + 2500; with the first packet twice they would be 62.5 and 2291.7.
    assert pick(row, *named("Packet Length", "Min", "Max", "Mean", "Std", "Variance")) == (0, 100, 50, 50, 2500)


def test_down_up_ratio_is_no_integer_division():
    assert cic_row([fwd(0), fwd(1), bwd(2), bwd(3), bwd(4)])["Down/Up Ratio"] == 1.5
    assert cic_row([fwd(0), fwd(1), bwd(2)])["Down/Up Ratio"] == 0.5
    assert cic_row([bwd(0), bwd(1)])["Down/Up Ratio"] == 0


def test_average_packet_size_is_the_mean():
    row = cic_row([fwd(0, 100), bwd(1, 20), bwd(2, 30)])
    assert row["Average Packet Size"] == row["Packet Length Mean"] == 50  # not (100 + 150) / 3


def test_fwd_bulks_are_found():
    row = cic_row([fwd(number * S // 2, 100 + number) for number in range(5)])
    assert bulk(row, "Fwd") == (510, 5, 255)  # 510 bytes in 2 s
    assert bulk(row, "Bwd") == (0, 0, 0)


def test_bwd_bulks_hold_one_direction():
    packets = [fwd(number * MS, 1000) for number in range(4)]
    packets += [bwd(10 * MS + number * S, 10) for number in range(4)]
    row = cic_row(packets)
    assert bulk(row, "Bwd") == (40, 4, pytest.approx(40 / 3))
    assert bulk(row, "Fwd") == (4000, 4, pytest.approx(4000 / 0.003))


def test_bulks_are_broken_by_long_gaps_and_by_the_other_sides_data_only():
    assert bulk(cic_row([fwd(number * S, 3) for number in range(4)]), "Fwd") == (12, 4, 4)
    assert bulk(cic_row([fwd(number * (S + 1), 3) for number in range(4)]), "Fwd") == (0, 0, 0)
    assert bulk(cic_row([fwd(0, 1), fwd(1, 1), bwd(2, 1), fwd(3, 1), fwd(4, 1)]), "Fwd") == (0, 0, 0)
    assert bulk(cic_row([fwd(0, 1), bwd(1), fwd(2, 1), fwd(3), fwd(4, 1), fwd(S, 1)]), "Fwd") == (4, 4, 4)
    assert bulk(cic_row([fwd(0, 1), fwd(1, 1), fwd(S - 1), fwd(S + 2, 1), fwd(S + 3, 1)]), "Fwd") == (0, 0, 0)


def test_bulks_of_several_runs_are_averaged():
    first = [fwd(number * MS, 10) for number in range(4)]  # 40 bytes, 3 ms
    second = [fwd(5 * S + number * MS, 20) for number in range(6)]  # 120 bytes, 5 ms
    assert bulk(cic_row(first + second), "Fwd") == (80, 5, 20000)


def test_a_bulk_without_time_has_no_rate():
    assert bulk(cic_row([fwd(7, 9) for _ in range(4)]), "Fwd") == (36, 4, 0)


def test_subflows_are_one_more_than_long_gaps_and_divide_exactly():
    packets = [fwd(0, 10), bwd(S, 5), fwd(2 * S, 20)]
    assert pick(cic_row(packets), *SUBFLOWS) == (2, 30, 1, 5)  # gaps of exactly 1 s part nothing
    packets.append(fwd(3 * S + 1, 1))
    assert pick(cic_row(packets), *SUBFLOWS) == (1.5, 15.5, 0.5, 2.5)


def test_bwd_init_win_is_of_the_first_packet():
    packets = [fwd(0, window=100), bwd(1, window=200), fwd(2, window=300), bwd(3, window=400)]
    assert pick(cic_row(packets), "FWD Init Win Bytes", "Bwd Init Win Bytes") == (100, 200)


def test_init_win_that_is_not_there_is_minus_1():
    assert pick(cic_row([fwd(0, window=0)]), "FWD Init Win Bytes", "Bwd Init Win Bytes") == (0, -1)
    udp = [fwd(0, protocol=UDP, transport_header_bytes=8), bwd(1, protocol=UDP, transport_header_bytes=8)]
    assert pick(cic_row(udp), "FWD Init Win Bytes", "Bwd Init Win Bytes") == (-1, -1)
    fragment_first = [fwd(0, 9, transport_header_bytes=0), fwd(1, window=7)]
    assert cic_row(fragment_first)["FWD Init Win Bytes"] == -1


def test_fwd_act_data_pkts_have_the_first_packet():
    assert cic_row([fwd(0, 1), fwd(1), fwd(2, 5), bwd(3, 5)])["Fwd Act Data Pkts"] == 2


def test_fwd_seg_size_min_is_the_smallest_header():
    assert cic_row([fwd(0, transport_header_bytes=40), fwd(1), bwd(2)])["Fwd Seg Size Min"] == 20
    assert cic_row([bwd(0)])["Fwd Seg Size Min"] == 0


def test_last_active_period_is_counted():
    row = cic_row([fwd(0), bwd(4 * S), fwd(10 * S), fwd(12 * S)])  # 4 s active, 6 s idle, 2 s active
    assert pick(row, "Active Mean", "Active Max", "Active Min") == (3e6, 4e6, 2e6)
    assert row["Active Std"] == pytest.approx(math.sqrt(2) * 1e6)
    assert pick(row, *named("Idle", *STATISTICS)) == (6e6, 0, 6e6, 6e6)


def test_a_flow_without_idle_gap_is_one_active_period():
    row = cic_row([fwd(0), bwd(5 * S)])  # exactly the threshold is no idle gap
    assert pick(row, *named("Active", *STATISTICS)) == (5e6, 0, 5e6, 5e6)
    assert pick(row, *named("Idle", *STATISTICS)) == (0, 0, 0, 0)


def test_active_periods_of_length_0_do_not_count():
    row = cic_row([fwd(0), fwd(6 * S), fwd(7 * S), fwd(20 * S)])
    assert pick(row, *named("Active", *STATISTICS)) == (1e6, 0, 1e6, 1e6)
    assert pick(row, "Idle Mean", "Idle Max", "Idle Min") == (9.5e6, 13e6, 6e6)


def test_deviations_are_of_the_sample():
    row = cic_row([fwd(0, 2), fwd(3 * MS, 4), bwd(4 * MS, 9), fwd(10 * MS, 9)])
    assert row["Packet Length Variance"] == pytest.approx(38 / 3)  # 2, 4, 9, 9: mean 6, squares 16 + 4 + 9 + 9
    assert row["Fwd Packet Length Std"] == pytest.approx(math.sqrt(13))  # 2, 4, 9: mean 5, squares 9 + 1 + 16
    assert row["Fwd IAT Std"] == pytest.approx(2000 * math.sqrt(2))  # 3000, 7000


def test_nothing_is_infinite_or_nan_where_times_are_as_far_apart_as_they_can_be():
    row = cic_row([fwd(-(2**63), 2**32 - 1), bwd(0), fwd(2**63 - 1, 2**32 - 1)], cic_extra=True)
    assert all(map(math.isfinite, row.values()))
    assert row["Flow Duration"] == pytest.approx((2**64 - 1) / US, rel=1e-15)


# Thresholds


def test_thresholds_are_options():
    packets = [fwd(0, 5), fwd(2 * S, 5), bwd(4 * S, 1)]
    row = cic_row(packets, bulk_gap=2.0, bulk_packets=2, subflow_gap=1.5, activity_timeout=1.9)
    assert bulk(row, "Fwd") == (10, 2, 5)
    assert row["Subflow Fwd Packets"] == pytest.approx(2 / 3)
    assert pick(row, "Idle Mean", "Active Mean") == (2e6, 0)


def test_infinite_thresholds_are_never_exceeded():
    ages = [fwd(-(2**63), 1), fwd(2**63 - 1, 1), fwd(2**63 - 1, 1), fwd(2**63 - 1, 1)]
    row = cic_row(ages, bulk_gap=math.inf, subflow_gap=math.inf, activity_timeout=math.inf)
    assert pick(row, "Fwd Packet/Bulk Avg", "Subflow Fwd Packets", "Idle Max") == (4, 4, 0)


@pytest.mark.parametrize("option", ["bulk_gap", "subflow_gap", "activity_timeout"])
@pytest.mark.parametrize("value", [-1, -1e-9, math.nan, "1", None, True])
def test_times_that_cannot_be(option, value):
    with pytest.raises(OptionError, match=rf"{option}=.*a number of at least 0"):
        FamilyOptions(**{option: value})


@pytest.mark.parametrize("value", [0, -4, 2.5, math.nan, "4", True, 2**31])
def test_numbers_of_packets_that_cannot_be(value):
    with pytest.raises(OptionError, match=r"bulk_packets=.*a whole number from 1 to 2,147,483,647"):
        FamilyOptions(bulk_packets=value)


# --cic-extra


def test_extra_counts_of_each_side():
    packets = [fwd(0, flags=RST), bwd(1, 7, flags=RST), bwd(2, flags=RST, transport_header_bytes=20)]
    assert pick(cic_row(packets, cic_extra=True), *EXTRA[:6]) == (1, 2, 1, 20, -1, -1)


@pytest.mark.parametrize("protocol", [ICMP, ICMPV6])
def test_extra_icmp_of_the_first_packet(protocol):
    fields = {"protocol": protocol, "transport_header_bytes": 0}
    packets = [fwd(0, icmp_type=8, icmp_code=1, **fields), bwd(1, icmp_type=0, icmp_code=2, **fields)]
    assert pick(cic_row(packets, cic_extra=True), "ICMP Code", "ICMP Type") == (1, 8)


def test_retransmissions_of_data_syn_and_fin():
    packets = [fwd(0, flags=SYN, sequence=9), fwd(1, flags=SYN, sequence=9), bwd(2, flags=SYN | ACK, sequence=9)]
    packets += [fwd(3, 5, sequence=10), fwd(4, 5, sequence=10), fwd(5, 2, sequence=12), fwd(6, sequence=10, flags=ACK)]
    packets += [bwd(7, flags=FIN, sequence=10), bwd(8, flags=FIN, sequence=10)]
    assert retransmissions(packets) == (3, 1, 4)


def test_a_range_that_is_partly_new_is_no_retransmission():
    assert retransmissions([fwd(0, 10, sequence=0), fwd(1, 10, sequence=1)]) == (0, 0, 0)
    assert retransmissions([fwd(0, 10, sequence=9), fwd(1, 10, sequence=1)]) == (0, 0, 0)


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


def test_many_holes_that_are_filled_in_any_order():
    n = 3000
    order = np.random.default_rng(2).permutation(n).tolist()
    once = [fwd(time_ns, 10, sequence=10 * place) for time_ns, place in enumerate(order)]
    again = [fwd(n + time_ns, 10, sequence=10 * place) for time_ns, place in enumerate(order)]
    assert retransmissions(once) == (0, 0, 0)
    assert retransmissions(once + again) == (n, 0, n)


def test_with_16384_holes_the_lower_half_counts_as_sent():
    holes = [fwd(place, 1, sequence=2 * place) for place in range(16385)]
    low, high = fwd(20_000, 1, sequence=1), fwd(20_001, 1, sequence=2 * 16_000 + 1)
    assert retransmissions([*holes[:-1], low, high]) == (0, 0, 0)
    assert retransmissions([*holes, low, high]) == (1, 0, 1)


def test_connection_time_counts_from_its_first_piece():
    table = make_table([[fwd(10 * S), bwd(12 * S)]], connection_starts_ns=[S])
    assert cic_matrix(table, cic_extra=True).column("Total Connection Flow Time") == 11e6


# How it is asked for


@pytest.mark.parametrize("name", ["CIC-2017", "cic-2017", "FFT-CIC-2017", " Cic-2017 "])
def test_cic_2017_by_its_name(name):
    assert parse_families(name).names == ("CIC-2017",)


def test_close_names_are_refused():
    with pytest.raises(UnknownNameError):
        parse_families("CIC-2018")


def test_cic_2017_has_the_same_values():
    table = make_table([[fwd(0, 9, window=4), bwd(S, 7, flags=PSH), fwd(9 * S, 1)]])
    values = cic_matrix(table).X[0].tolist()
    found = cic_matrix(table, "CIC-2017", cic_extra=True)
    assert found.X[0].tolist() == [*values[:54], values[33], *values[54:]]
    assert found.columns[33] == found.columns[54] == " Fwd Header Length"
    assert found.column(" Fwd Header Length") == 40
    assert found.metadata["representation"]["families"] == ["CIC-2017"]


def test_cic_beside_other_families():
    table = make_table([[fwd(0, 9), bwd(S, 7)]])
    found = cic_matrix(table, ("SIZE", "CIC", "CIC-2017"))
    assert len(found.columns) == 1 + 76 + 77
    assert (found.columns[0], found.columns[1], found.columns[77]) == (
        *("size_0", "Flow Duration"),
        "cic_2017_ Flow Duration",
    )
    assert found.X[0, 1:77].tolist() == cic_matrix(table).X[0].tolist()
    assert found.X[0, 77:].tolist() == cic_matrix(table, "CIC-2017").X[0].tolist()


def test_sequence_numbers_are_kept_only_for_the_extra_columns():
    plain = RepresentationOptions("CIC", size="payload")
    assert set(plain.packet_columns) == {"is_forward", "flags", "payload_bytes", "header_bytes", "window"}
    extra = RepresentationOptions("CIC", size="payload", family_options=FamilyOptions(cic_extra=True))
    assert set(extra.packet_columns) == {*plain.packet_columns, "sequence"}
    of_2017 = RepresentationOptions("CIC-2017", size="payload", family_options=FamilyOptions(cic_extra=True))
    assert of_2017.packet_columns == plain.packet_columns


@pytest.mark.parametrize("missing", ["flags", "payload_bytes", "header_bytes", "window", "sequence"])
def test_columns_that_are_missing(missing):
    table = make_table([[fwd(0)]], leave_out=(missing,) if missing != "payload_bytes" else ())
    columns = {name: column for name, column in table.columns.items() if name != missing} | {"size": table.size}
    settings = {"rate_ns": 0, "cic_extra": True, "bulk_gap_ns": 1, "subflow_gap_ns": 1, "activity_timeout_ns": 1}
    arguments = table.offsets, columns, settings | {"bulk_packets": 4}, table.attributes
    with pytest.raises(MissingColumnError, match=f"without the packet column '{missing}': name it in columns="):
        _flowcore.fill_family(families.FAMILIES["CIC"].code, np.zeros((1, 86)), 0, 86, *arguments)


@pytest.mark.parametrize(("family", "cic_extra", "width"), [("CIC", False, 76), ("CIC", True, 86), ("CIC-2017", 1, 77)])
def test_rows_that_are_too_narrow(family, cic_extra, width):
    options = FamilyOptions(cic_extra=bool(cic_extra))
    _, columns = lay_out(parse_families(family), 1, header=False, options=options)
    assert len(columns) == width
    table = make_table([[fwd(0)]])
    settings = {"rate_ns": 0, "cic_extra": cic_extra, "bulk_gap_ns": 1, "subflow_gap_ns": 1, "activity_timeout_ns": 1}
    arguments = table.offsets, table.columns | {"size": table.size}, settings | {"bulk_packets": 4}, table.attributes
    X = np.zeros((1, width))
    with pytest.raises(ValueError, match="does not fit into the matrix"):
        _flowcore.fill_family(families.FAMILIES[family].code, X, 0, width - 1, *arguments)
    _flowcore.fill_family(families.FAMILIES[family].code, X, 0, width, *arguments)
    assert NONE in X


def test_the_documentation_has_every_column_in_order():
    text = (Path(__file__).parents[3] / "docs" / "cic.md").read_text()
    rows = re.findall(r"^\| (\d+(?:[-,] ?\d+)?) \| (.*?) \|", text, re.MULTILINE)
    columns = []
    for numbers, names in rows:
        quoted = re.findall(r"`([^`]+)`", names)
        if "each with" in names:
            quoted = [f"{name} {quoted[-1]}" for name in quoted[:-1]]
        elif re.match(r"`[^`]+` `", names):
            quoted = [f"{quoted[0]} {name}" for name in quoted[1:]]
        assert int(re.match(r"\d+", numbers)[0]) == len(columns) + 1
        columns += quoted
        assert int(re.search(r"\d+$", numbers)[0]) == len(columns)
    assert columns == [*CIC_COLUMNS, *EXTRA_COLUMNS]
    assert all(f"`{name}`" in text for name in CIC_2017_COLUMNS if name.strip() not in CIC_COLUMNS)
