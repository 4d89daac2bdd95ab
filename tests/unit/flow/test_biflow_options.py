"""Flow definitions as options: on the command line, in Python, and what cannot be."""

import csv

import pytest
import traffic
from builders import frames
from command import invoke, run_netml
from traffic import MS, START_NS, tcp_frame

import netml
from netml import FlowOptions, _flowcore
from netml.errors import OptionError
from netml.flow import options
from netml.schema.sizes import SIZES

S = 1000 * MS
FIN, SYN, RST, ACK = 1, 2, 4, 16
CLIENT, SERVER = ("10.0.0.1", 40000), ("10.0.0.3", 443)


def segment(sender, flags=ACK, payload=b"", tags=()):
    receiver = SERVER if sender is CLIENT else CLIENT
    made = frames.tcp(sender[1], receiver[1], payload, flags=flags)
    return frames.ethernet(frames.ip(made, source=sender[0], destination=receiver[0], protocol=frames.TCP), tags=tags)


def write(path, *packets):
    """Packets (seconds, frame), in order of the file."""
    made = [(START_NS + int(seconds * S), frame) for seconds, frame in packets]
    return traffic.write_pcap(path / "capture.pcap", made)


def rows(path):
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


def extract(tmp_path, capture, *arguments):
    """Rows of `netml extract -f FLOW`, and what it says."""
    run = run_netml("extract", capture, "-f", "FLOW", *arguments, "-o", tmp_path / "out.csv")
    assert run.status == 0, run.err
    return rows(tmp_path / "out.csv"), run.err


def test_a_conversation_is_one_flow(tmp_path):
    capture = write(tmp_path, (0, segment(CLIENT, SYN)), (0.5, segment(SERVER, SYN | ACK)), (1, segment(CLIENT)))
    (row,), said = extract(tmp_path, capture)
    assert [row[name] for name in ("src_ip", "src_port", "dst_ip", "dst_port")] == [
        "10.0.0.1",
        "40000",
        "10.0.0.3",
        "443",
    ]
    assert (row["fwd_packets"], row["rev_packets"], row["bi_duration_s"]) == ("2", "1", "1")
    assert (row["end_reason"], row["vlan_id"], row["icmp_type"], row["icmp_code"]) == ("4", "0", "-1", "-1")
    assert "flows    1 flow of 3 packets; bi, idle 120 s, active 1800 s" in said


def test_the_seed_and_one_direction(tmp_path):
    capture = write(tmp_path, *((i / 10, segment(SERVER if i % 3 else CLIENT)) for i in range(7)))
    assert [row["bi_packets"] for row in extract(tmp_path, capture, "--flow", "uni")[0]] == ["3", "4"]
    found, said = extract(tmp_path, capture, "--flow", "original", "--interval", "9")
    assert [(row["bi_packets"], row["rev_packets"]) for row in found] == [("3", "0"), ("4", "0")]
    assert "interval 9 s" in said


@pytest.mark.parametrize(
    ("arguments", "reasons"),
    [
        ((), ["1", "1", "4"]),
        (("--idle-timeout", "120.5"), ["2", "4"]),
        (("--idle-timeout", "121", "--active-timeout", "240.1"), ["4"]),
        (("--active-timeout", "120"), ["1", "1", "4"]),
        (("--idle-timeout", "200", "--active-timeout", "120"), ["2", "2", "4"]),
    ],
)
def test_timeouts_are_inclusive(tmp_path, arguments, reasons):
    arguments = ("--active-timeout", "240", *arguments)
    capture = write(tmp_path, (0, segment(CLIENT)), (120, segment(CLIENT)), (240, segment(CLIENT)))
    assert [row["end_reason"] for row in extract(tmp_path, capture, *arguments)[0]] == reasons


@pytest.mark.parametrize(
    ("tcp_end", "packets"),
    [("none", [9]), ("rst", [7, 2]), ("fin", [4, 3, 2]), ("reopen", [5, 2, 2])],
)
def test_ends_of_tcp(tmp_path, tcp_end, packets):
    talk = [
        segment(CLIENT),
        segment(CLIENT, FIN | ACK),
        segment(SERVER, FIN | ACK),
        segment(CLIENT),  # the last ACK
        segment(SERVER, payload=b"late"),
        segment(CLIENT, SYN),
        segment(SERVER, RST),
        segment(CLIENT, SYN),
        segment(SERVER),
    ]
    capture = write(tmp_path, *enumerate(talk))
    found, _ = extract(tmp_path, capture, "--tcp-end", tcp_end)
    assert [int(row["bi_packets"]) for row in found] == packets


def test_a_syn_ack_that_comes_first_turns_the_flow_round(tmp_path):
    capture = write(tmp_path, (0, segment(SERVER, SYN | ACK)), (1, segment(CLIENT)))
    assert extract(tmp_path, capture)[0][0]["src_ip"] == SERVER[0]
    (row,), _ = extract(tmp_path, capture, "--direction", "syn")
    assert (row["src_ip"], row["fwd_packets"], row["rev_packets"]) == (CLIENT[0], "1", "1")


def test_vlan_ids_part_flows_unless_told_otherwise(tmp_path):
    tagged = [segment(CLIENT, tags=[(0x8100, number)]) for number in (7, 8)]
    capture = write(tmp_path, *enumerate(tagged))
    assert [row["vlan_id"] for row in extract(tmp_path, capture)[0]] == ["7", "8"]
    assert [row["vlan_id"] for row in extract(tmp_path, capture, "--no-vlan-key")[0]] == ["7"]


def test_all_protocols(tmp_path):
    capture = write(tmp_path, (0, traffic.icmp_frame()), (1, tcp_frame()))
    assert [row["protocol"] for row in extract(tmp_path, capture)[0]] == ["6"]
    found, said = extract(tmp_path, capture, "--protocols", "all")
    assert [(row["protocol"], row["src_port"], row["icmp_type"], row["icmp_code"]) for row in found] == [
        ("1", "0", "8", "0"),
        ("6", "40000", "-1", "-1"),
    ]
    assert "read     2 packets: 2 over IP, 0 skipped" in said
    assert "kept       2 IP packets of 2 flow keys" in run_netml("info", capture, "--protocols", "all").out
    assert run_netml("packets", capture, "--protocols", "all", "-q", "-o", tmp_path / "p.csv").status == 0
    assert [row["protocol"] for row in rows(tmp_path / "p.csv")] == ["1", "6"]


@pytest.mark.parametrize("suffix", [".csv", ".npz", ".parquet", ".arrow"])
def test_formats_keep_what_is_known_of_biflows(tmp_path, suffix):
    if suffix in (".parquet", ".arrow"):
        pytest.importorskip("pyarrow", reason="needs the extra parquet")
    capture = write(tmp_path, (0, traffic.icmp_frame()), (1, segment(CLIENT, tags=[(0x8100, 7)])))
    matrix = netml.extract(capture, "FLOW", flow=FlowOptions(protocols="all"))
    matrix.save(tmp_path / f"out{suffix}")
    loaded = netml.FeatureMatrix.load(tmp_path / f"out{suffix}")
    assert loaded.columns == matrix.columns
    assert loaded.flows.end_reason.tolist() == [4, 4]
    for name in ("vlan_id", "icmp_type", "icmp_code"):
        assert loaded.flows.attributes[name].tolist() == matrix.flows.attributes[name].tolist()
        assert loaded.flows.attributes[name].dtype == matrix.flows.attributes[name].dtype


def test_sizes_by_the_ip_header(tmp_path):
    frame = segment(CLIENT, payload=b"12345") + bytes(20)  # padding is no payload
    capture = write(tmp_path, (0, frame))
    sizes = {size: extract(tmp_path, capture, "--size", size)[0][0]["bi_bytes"] for size in SIZES}
    assert sizes == {"captured": "79", "wire": "79", "ip": "45", "payload": "5"}


@pytest.mark.parametrize("next_header", [59, 47, 58])
def test_padding_behind_an_empty_ipv6_packet_is_no_payload(tmp_path, next_header):
    frame = frames.ethernet(frames.ipv6(next_header=next_header, payload_length=0), pad_to=60)
    capture = write(tmp_path, (0, frame))
    sizes = {size: extract(tmp_path, capture, "--protocols", "all", "--size", size)[0][0]["bi_bytes"] for size in SIZES}
    assert sizes == {"captured": "60", "wire": "60", "ip": "40", "payload": "0"}


def test_an_ipv6_length_left_to_the_network_card_reaches_to_the_end(tmp_path):
    packet = frames.ipv6(frames.tcp(1, 2, b"x" * 100), next_header=frames.TCP, payload_length=0)
    capture = write(tmp_path, (0, frames.ethernet(packet)))
    assert extract(tmp_path, capture, "--size", "ip")[0][0]["bi_bytes"] == "160"


def test_like_decides_the_definition(tmp_path):
    capture = write(tmp_path, (0, segment(CLIENT)), (1, segment(SERVER)))
    netml.extract(capture, "STATS", flow=FlowOptions(definition="bi")).save(tmp_path / "like.npz")
    run = run_netml("extract", capture, "--like", tmp_path / "like.npz", "-q", "-o", tmp_path / "again.csv")
    assert run.status == 0, run.err
    assert [row["feature_packets"] for row in rows(tmp_path / "again.csv")] == ["2"]
    run = invoke(
        "extract", capture, "--like", tmp_path / "like.npz", "--flow", "original", "-o", tmp_path / "again.csv"
    )
    assert run.status == 2
    assert "--flow is decided by --like" in run.err


def test_options_name_the_kernels():
    assert tuple(_flowcore.TCP_ENDS) == options.TCP_ENDS


@pytest.mark.parametrize(
    "chosen",
    [
        {"definition": "biflow"},
        {"definition": "bi", "interval": 5.0},
        {"definition": "uni", "keep_tail": True},
        {"definition": "bi", "tcp_timeout": 60.0},
        {"definition": "uni", "udp_timeout": 60.0},
        {"definition": "uni", "direction": "syn"},
        {"definition": "original", "idle_timeout": 10.0},
        {"definition": "original", "active_timeout": 10.0},
        {"definition": "original", "tcp_end": "rst"},
        {"definition": "original", "direction": "syn"},
        {"definition": "original", "vlan_key": False},
        {"idle_timeout": 0.0},
        {"active_timeout": -1.0},
        {"idle_timeout": float("nan")},
        {"tcp_end": "syn"},
        {"direction": "last"},
        {"protocols": "tcp"},
        {"min_packets": 0},
        {"vlan_key": "no"},
        {"definition": "bi", "vlan_key": "no"},
        {"keep_tail": "no"},
    ],
)
def test_what_cannot_be(chosen):
    with pytest.raises(OptionError):
        FlowOptions(**chosen)


@pytest.mark.parametrize(
    "chosen", [{"flow": {"definition": "bi"}}, {"flow": {}}, {"family_options": {"cic_extra": True}}]
)
def test_what_is_no_options(tmp_path, chosen):
    (name,) = chosen
    with pytest.raises(OptionError, match=f"{name}=.*: must be a netml"):
        netml.extract(tmp_path / "none.pcap", "CIC", **chosen)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("-f FLOW --interval 5", "--interval 5.0: must be left out: it is for original flows, and these are bi"),
        ("-f FLOW --keep-tail", "--keep-tail: must be left out: it is for original flows, and these are bi"),
        (
            "-f IAT --idle-timeout 10",
            "--idle-timeout 10.0: must be left out: it is for uni and bi flows, and these are",
        ),
        ("-f IAT --no-vlan-key", "--no-vlan-key: must be left out: it is for uni and bi flows, and these are original"),
        ("-f FLOW --flow uni --direction syn", "--direction syn: must be left out: it is for bi flows, and these are"),
        ("-f FLOW --cic-extra", "--cic-extra is an option of CIC, not of FLOW"),
        ("-f IAT -f FLOW --bulk-gap 0", "--bulk-gap is an option of CIC and CIC-2017, not of IAT, FLOW"),
        ("-f CIC-2017 --cic-extra", "--cic-extra is an option of CIC, not of CIC-2017"),
        ("-f CIC --payload-bytes 3", "--payload-bytes is an option of NPRINT, not of CIC"),
        ("--rate 5", "--rate is an option of SAMP_NUM and SAMP_SIZE, not of IAT"),
        ("-f NPRINT --stream", "--family NPRINT: must be another one in a stream"),
        ("-f NPRINT --stream --dim 3", "--family NPRINT: must be another one in a stream"),
    ],
)
def test_options_of_others(tmp_path, arguments, said):
    capture = write(tmp_path, (0, segment(CLIENT)))
    run = run_netml("extract", capture, *arguments.split(), "-o", tmp_path / "out.csv")
    assert run.status == 2
    assert said in run.err
    assert run.err.count("\n") == 1
    assert not (tmp_path / "out.csv").exists()


def test_a_zero_is_given(tmp_path):
    """A bulk with pauses of 0 s at most: one of four packets at once, and none of four with time between."""
    capture = write(tmp_path, *((i / 10, segment(CLIENT, payload=b"x")) for i in range(5)))
    bulks = {}
    for gap in ("0", "1"):
        run = run_netml("extract", capture, "-f", "CIC", "--bulk-gap", gap, "-q", "-o", tmp_path / "out.csv")
        assert run.status == 0, run.err
        bulks[gap] = float(rows(tmp_path / "out.csv")[0]["Fwd Packet/Bulk Avg"])
    assert bulks == {"0": 0, "1": 5}


def test_learn_refuses_options_of_others(tmp_path):
    capture = write(tmp_path, (0, segment(CLIENT)))
    run = run_netml("learn", "-p", capture, "--family", "FLOW", "--cic-extra", "-o", tmp_path / "model.netml")
    assert run.status == 2
    assert "--cic-extra is an option of CIC, not of FLOW" in run.err
