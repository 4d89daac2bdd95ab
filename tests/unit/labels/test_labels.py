"""Label files, and the flows that their rows belong to."""

import io
import re

import numpy as np
import pytest
from _indices import build_index

from netml.errors import LabelFileError, OptionError
from netml.labels.csv_columns import parse_time
from netml.labels.matching import binary_labels, join_labels, original_labels
from netml.labels.reader import read_labels

DNS = ("10.0.0.1", "10.0.0.2", 40000, 53, 17)
DNS_BACK = ("10.0.0.2", "10.0.0.1", 53, 40000, 17)
WEB = ("10.0.0.1", "10.0.0.3", 40001, 443, 6)
WEB6 = ("2001:db8::1", "2001:db8::2", 40001, 443, 6)
S = 10**9

# The form of the CIC-IDS2017 files: a byte-order mark, blanks in front of most names, times of its own kind.
CIC = (
    "\ufeffFlow ID, Source IP, Source Port, Destination IP, Destination Port, Protocol, Timestamp,"
    " Flow Duration, Label\n"
    "a,10.0.0.1,40000,10.0.0.2,53,17,03/07/2017 09:08:11,650,BENIGN\n"
    "b,10.0.0.1,40001,10.0.0.3,443,6,03/07/2017 09:08:12,7,PortScan\n"
    "c,8.6.0.1,0,8.0.6.4,0,0,03/07/2017 09:08:12,7,BENIGN\n"
    ",,,,,,,,\n"
)


@pytest.fixture
def write(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "labels.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_cic_files_are_read_as_they_come(write):
    labels = read_labels(write(CIC))
    assert labels.five_tuples == [DNS, WEB]
    assert labels.texts == ["BENIGN", "PortScan"]
    assert labels.windows_ns is None


def test_bytes_that_are_no_text_do_not_stop_the_reading(write):
    path = write(CIC.removeprefix("\ufeff").replace("PortScan", "Web Attack \x96 XSS"), "latin-1")
    assert read_labels(path).texts[1] == "Web Attack \ufffd XSS"


@pytest.mark.parametrize(
    "header",
    [
        "src_ip,src_port,dst_ip,dst_port,protocol,label",
        "SourceAddress,Source Port,Destination Address,Destination Port,Proto,Class",
        "saddr,sport,daddr,dport,proto,attack",
        "id.orig_h,id.orig_p,id.resp_h,id.resp_p,proto,label",
        " Source IP, Source Port, Destination IP, Destination Port, Protocol, Label",
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_common_spellings(write, header, delimiter):
    text = f"{header}\n10.0.0.1,40000,10.0.0.2,53,udp,x\n2001:DB8:0::1,40001,2001:db8::2,443,TCP,y\n"
    labels = read_labels(write(text.replace(",", delimiter)))
    assert labels.five_tuples == [DNS, WEB6]
    assert labels.texts == ["x", "y"]


def test_named_columns(write):
    path = write("from,sport,to,dport,proto,verdict,label\n10.0.0.1,40000,10.0.0.2,53,17,bad,1\n")
    labels = read_labels(path, columns={"src_ip": "from", "dst_ip": "to", "label": "verdict"})
    assert (labels.five_tuples, labels.texts) == ([DNS], ["bad"])


def test_missing_columns_are_named_with_those_found(write):
    path = write("srcip,sport, foo\n")
    with pytest.raises(LabelFileError) as caught:
        read_labels(path)
    missing = "no column for dst_ip, dst_port, protocol, label (name them with columns= or --label-column)"
    assert str(caught.value) == f"{path}: {missing}; columns found: srcip, sport, foo"
    with pytest.raises(LabelFileError, match=r"no column for src_ip \('source'\), dst_ip"):
        read_labels(path, columns={"src_ip": "source"})


def test_unknown_fields_are_named(write):
    with pytest.raises(OptionError, match="source_ip"):
        read_labels(write(CIC), columns={"source_ip": "x"})


def test_an_empty_file_is_named(write):
    with pytest.raises(LabelFileError, match=r"labels\.csv: no header line: the file is empty"):
        read_labels(write(""))


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ("10.0.0.999,1,10.0.0.2,2,6,x", "column 'srcip': '10.0.0.999' does not appear to be an IPv4 or IPv6 address"),
        ("10.0.0.1,http,10.0.0.2,2,6,x", "column 'sport': 'http' is no port"),
        ("10.0.0.1,1,10.0.0.2,65536,6,x", "column 'dport': '65536' is no port"),
        ("10.0.0.1,1", None),
    ],
)
def test_a_row_that_cannot_be_read_is_named_by_its_line(write, row, text):
    path = write(f"srcip,sport,dstip,dport,proto,label\n10.0.0.1,1,10.0.0.2,2,6,x\n{row}\n")
    if text is None:
        assert len(read_labels(path)) == 1
        return
    with pytest.raises(LabelFileError) as caught:
        read_labels(path)
    assert str(caught.value) == f"{path}: line 3: {text}"


def test_ports_of_other_programs(write):
    path = write("srcip,sport,dstip,dport,proto,label\n10.0.0.1,40000.0,10.0.0.2,0x0035,17.0,x\n")
    assert read_labels(path).five_tuples == [DNS]


def test_labels_become_numbers_if_the_abnormal_ones_are_named(write):
    assert read_labels(write(CIC), abnormal=["portscan"]).texts == ["0", "1"]
    assert read_labels(write(CIC), abnormal=["Bot"]).texts == ["0", "0"]


def test_join_by_five_tuple_and_direction(write):
    labels = read_labels(write(CIC))
    flows = build_index([WEB6, DNS_BACK, WEB, DNS])
    assert join_labels(labels, flows).tolist() == ["", "BENIGN", "PortScan", "BENIGN"]
    assert join_labels(labels, flows, both_directions=False).tolist() == ["", "", "PortScan", "BENIGN"]
    assert join_labels(labels, flows).dtype.kind == "U"
    assert join_labels(labels, build_index([])).shape == (0,)


@pytest.mark.parametrize("text", ["::ffff:1.2.3.4", "::FFFF:102:304", "0:0:0:0:0:ffff:0102:0304"])
def test_addresses_of_ipv4_in_ipv6(write, text):
    """Python writes them in one way up to 3.12 and in another one since; flows have RFC 5952's."""
    labels = read_labels(write(f"src_ip,dst_ip,src_port,dst_port,protocol,label\n{text},::1,10,20,17,BAD\n"))
    assert labels.five_tuples == [("::ffff:1.2.3.4", "::1", 10, 20, 17)]
    assert join_labels(labels, build_index([("::ffff:1.2.3.4", "::1", 10, 20, 17)])).tolist() == ["BAD"]


def test_a_flows_own_direction_comes_first(write):
    own_then_reverse = write(CIC + "d,10.0.0.2,53,10.0.0.1,40000,17,x,1,Back\n")
    assert join_labels(read_labels(own_then_reverse), build_index([DNS, DNS_BACK])).tolist() == [
        "BENIGN",
        "Back",
    ]


def test_of_several_rows_the_last_counts(write):
    path = write(CIC + "d,10.0.0.1,40000,10.0.0.2,53,17,x,1,Bot\n")
    assert join_labels(read_labels(path), build_index([DNS])).tolist() == ["Bot"]
    assert original_labels(path, [DNS])[1].tolist() == [1]


@pytest.mark.parametrize(
    ("times", "first", "second"),
    [
        ("start,end", "0.5,1.5", "100,200"),
        ("stime,ltime", "0.5,1.5", "100,200"),
        ("start_ms,end_ms", "500,1500", "100000,200000"),
        ("start (us),duration (us)", "500000,1000000", "100000000,100000000"),
        ("start_ns,end_ns", "500000000,1500000000", "100000000000,200000000000"),
        ("StartTime,Dur", "1970-01-01T00:00:00.5Z,1.0", "1970-01-01 00:01:40,100"),
        (
            "start,end",
            "1970-01-01T02:00:00.5+02:00,1970-01-01T00:00:01.5",
            "1970-01-01 00:01:40,1970-01-01 00:03:20",
        ),
        ("ts,duration", "0.5,1.0", "100,100"),
    ],
)
def test_windows(write, times, first, second):
    row = "10.0.0.1,40000,10.0.0.2,53,udp"
    path = write(f"srcip,sport,dstip,dport,proto,{times},label\n{row},{first},early\n{row},{second},late\n")
    labels = read_labels(path)
    # Each flow lasts 1 s.
    starts = [0, 1 * S, 10 * S, 98 * S, 99 * S, 150 * S, 300 * S]
    joined = join_labels(labels, build_index([DNS] * len(starts), starts))
    assert joined.tolist() == ["early", "early", "", "", "late", "late", ""]


def test_a_window_reaches_to_the_end_of_its_last_digit(write):
    row = "10.0.0.1,40000,10.0.0.2,53,udp"
    header = "srcip,sport,dstip,dport,proto,start,end,label"
    inside, after = 7 * S + 999_999_999, 8 * S
    labels = read_labels(write(f"{header}\n{row},7,7,x\n"))
    assert join_labels(labels, build_index([DNS] * 2, [inside, after])).tolist() == ["x", ""]
    labels = read_labels(write(f"{header}\n{row},7.00,7.00,x\n"))
    assert join_labels(labels, build_index([DNS], [7 * S + 10_000_000])).tolist() == [""]


def test_a_window_without_duration_is_a_moment(write):
    path = write("srcip,sport,dstip,dport,proto,ts,duration,label\n10.0.0.1,40000,10.0.0.2,53,udp,7.25,-,x\n")
    assert read_labels(path).windows_ns == [(7_250_000_000, 8_249_999_999)]


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        ("03/07/2017 9:08", "7", "column 'start': '03/07/2017 9:08' is no time: neither a number nor ISO 8601"),
        ("8", "6", "column 'end': '6': the window ends before it starts"),
        ("nan", "6", "column 'start': 'nan' is no time"),
    ],
)
def test_times_that_cannot_be_read(write, start, end, text):
    path = write(f"srcip,sport,dstip,dport,proto,start,end,label\n10.0.0.1,1,10.0.0.2,2,udp,{start},{end},x\n")
    with pytest.raises(LabelFileError, match=f"line 2: {text}"):
        read_labels(path)


NUMBERS = [
    "1e999980",
    "1e9999999",
    "-1e999980",
    "1e999999999999999999",
    "1e99999999999999999999",
    "1e-999980",
    "1e-9999999",
    "1e-999999999999999999",
    "0e999999999999999999",
    "1" * 5000,
    "1" * 130_000,
    "0." + "0" * 100_000 + "1",
    "0x" + "f" * 100_000,
    "0x10",
    "0x",
    "0x_1",
    "nan",
    "snan",
    "-nan123",
    "inf",
    "-Infinity",
    "\u0661\u0662\u0663",  # Arabic-Indic digits
    "\uff11\uff12",  # fullwidth digits
    "\u00b2",
    "1_000",
    "1__0",
    "1e1_0",
    "1e",
    "+-1",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "2017-07-03T24:00:00",
    "\0",
]


@pytest.mark.parametrize("text", NUMBERS, ids=lambda text: ascii(text[:30]))
@pytest.mark.parametrize(
    "row",
    [
        "10.0.0.1,1,10.0.0.2,2,udp,{},7,x",
        "10.0.0.1,1,10.0.0.2,2,udp,7,{},x",
        "10.0.0.1,{},10.0.0.2,2,udp,7,7,x",
        "{},1,10.0.0.2,2,udp,7,7,x",
        "10.0.0.1,1,10.0.0.2,2,{},7,7,x",
    ],
    ids=["start", "end", "sport", "srcip", "proto"],
)
@pytest.mark.parametrize("last", ["end", "duration"])
def test_every_form_of_number_is_a_value_or_an_error_line(write, row, text, last):
    path = write(f"srcip,sport,dstip,dport,proto,start,{last},label\n{row.format(text)}\n")
    message = ""
    try:
        labels = read_labels(path)
    except LabelFileError as error:
        labels, message = [], str(error).removeprefix(str(path))
    assert len(labels) <= 1
    assert re.fullmatch(r"|: line 2: column '\w+': '.{,220}", message)
    assert message.isprintable()


@pytest.mark.parametrize("text", ["1e999980", "1e9999999", "-1e20"])
def test_a_time_of_too_many_digits_is_named(write, text):
    path = write(f"srcip,sport,dstip,dport,proto,start,end,label\n10.0.0.1,1,10.0.0.2,2,udp,{text},7,x\n")
    with pytest.raises(LabelFileError) as caught:
        read_labels(path)
    assert str(caught.value) == f"{path}: line 2: column 'start': '{text}' is no time: must be below 1e20"


def test_times_are_exact_to_the_nanosecond():
    assert parse_time("1499083689.704042123", "start") == (1_499_083_689_704_042_123, 1)
    assert parse_time("1499083689704042123", "start_ns") == (1_499_083_689_704_042_123, 1)


def test_original_labels_as_the_original():
    five_tuples = [WEB6, WEB, DNS_BACK, DNS, WEB]
    kept, labels = original_labels(io.StringIO(CIC), five_tuples)
    assert (kept.dtype, kept.tolist()) == (np.int64, [1, 3, 4])
    assert (labels.dtype, labels.tolist()) == (np.int64, [1, 0, 1])
    kept, labels = original_labels(io.BytesIO(CIC.encode()), [])
    assert (kept.shape, labels.shape, labels.dtype) == ((0,), (0,), np.int64)


def test_original_labels_on_the_seeds_demo(shared_captures):
    # What the original gives there: 88 of its 196 flows are labelled, 15 of them abnormal.
    path = shared_captures / "netml-demo.csv"
    labels = read_labels(path)
    # Two of its 5,020 rows are neither TCP nor UDP.
    assert len(labels) == 5018
    assert labels.windows_ns is None
    five_tuples = sorted(set(labels.five_tuples))
    kept, numbers = original_labels(path, [WEB6, *five_tuples])
    assert kept.tolist() == list(range(1, len(five_tuples) + 1))
    assert set(numbers.tolist()) == {0, 1}


def test_binary_labels():
    texts = ["BENIGN", "normal", "Bot", "0", "1", ""]
    assert binary_labels(texts).tolist() == [0, 0, 1, 0, 1, -1]
    assert binary_labels(texts, abnormal=["BOT"]).tolist() == [0, 0, 1, 0, 0, -1]
    assert binary_labels([]).tolist() == []


def test_a_field_without_end_is_no_label(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("src_ip,dst_ip,src_port,dst_port,protocol,label\n10.0.0.1,10.0.0.2,1,2,17," + "x" * 200_000)
    with pytest.raises(LabelFileError, match=r"labels\.csv: not a CSV file \(field larger"):
        read_labels(path)
