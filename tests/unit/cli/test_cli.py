"""The command line, command by command."""

import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import traffic
from builders import captures
from command import PROGRAM, assert_one_line, run_netml

import netml
from netml.families import FamilyOptions

RECORDS = traffic.many_flows()
LABELS = "Src IP,Dst IP,Src Port,Dst Port,Protocol,Label\n10.0.0.1,10.0.0.2,5000,53,17,BENIGN\n"


@pytest.fixture
def path(tmp_path):
    return traffic.write_pcap(tmp_path / "capture.pcap", RECORDS)


def load(path):
    with np.load(path) as archive:
        return dict(archive)


def extract(path, *arguments, **more):
    """Run `netml extract` on a path into an .npz and give its arrays."""
    output = path.parent / "out.npz"
    run = run_netml("extract", path, *arguments, "--quiet", "-o", output, **more)
    assert (run.status, run.out, run.err) == (0, "", "")
    return load(output)


def test_extract_alone(path):
    arrays = extract(path)
    expected = netml.extract(path)
    np.testing.assert_array_equal(arrays["X"], expected.X)
    assert tuple(arrays["columns"]) == expected.columns
    assert expected.columns[0] == "iat_0"


ALL_FAMILIES = ["IAT", "SIZE", "IAT_SIZE", "STATS", "SAMP_NUM", "SAMP_SIZE"]
FLOW = netml.FlowOptions
OPTIONS = {
    "-f SIZE": {"families": "SIZE"},
    "--family iat --family STATS": {"families": ["IAT", "STATS"]},
    "-f FFT-IAT": {"families": "IAT", "fft": True},
    " ".join(f"-f {family}" for family in ALL_FAMILIES): {"families": ALL_FAMILIES},
    "--fft": {"fft": True},
    "--header": {"header": True},
    "--interval 0.01": {"flow": FLOW(interval=0.01)},
    "--q-interval 0.0": {"flow": FLOW(q_interval=0.0)},
    "--tcp-timeout 0.008": {"flow": FLOW(tcp_timeout=0.008)},
    "--udp-timeout 0.008": {"flow": FLOW(udp_timeout=0.008)},
    "--min-packets 12": {"flow": FLOW(min_packets=12)},
    "--interval 0.01 --keep-tail": {"flow": FLOW(interval=0.01, keep_tail=True)},
    "--dim 5": {"dim": 5},
    "-f SAMP_NUM --rate 0.02": {"families": "SAMP_NUM", "rate": 0.02},
    "-f SIZE --size wire": {"families": "SIZE", "size": "wire"},
    "--max-packets 3": {"max_packets": 3},
    "-f STATS --max-packets 2": {"families": "STATS", "max_packets": 2},
}


@pytest.mark.parametrize("arguments", OPTIONS)
def test_every_option_does_what_its_argument_does(tmp_path, arguments):
    cut = [(time_ns, frame, len(frame) + i) for i, (time_ns, frame) in enumerate(RECORDS)]
    path = traffic.write_pcap(tmp_path / "capture.pcap", cut)
    arrays, expected, plain = (
        extract(path, *arguments.split()),
        netml.extract(path, **OPTIONS[arguments]),
        None,
    )
    np.testing.assert_array_equal(arrays["X"], expected.X)
    assert tuple(arrays["columns"]) == expected.columns
    plain = netml.extract(path)
    assert expected.X.shape != plain.X.shape or not np.array_equal(expected.X, plain.X)


@pytest.mark.parametrize(
    ("arguments", "family", "chosen"),
    [
        (
            "--cic-extra --bulk-gap 2 --bulk-packets 3 --subflow-gap 0.5 --activity-timeout 7",
            "CIC",
            {"cic_extra": True, "bulk_gap": 2, "bulk_packets": 3, "subflow_gap": 0.5, "activity_timeout": 7},
        ),
        ("--bulk-gap 0 --activity-timeout 7", "CIC-2017", {"bulk_gap": 0, "activity_timeout": 7}),
        ("--nprint-headers u,4 --payload-bytes 2", "NPRINT", {"nprint_headers": "ipv4,udp", "payload_bytes": 2}),
    ],
)
def test_options_of_single_families_are_kept(path, arguments, family, chosen):
    given = f"{arguments} -f {family} --max-packets 4 --dim 3".split()
    about = json.loads(str(extract(path, *given)["metadata"]))["representation"]
    assert {name: about["family_options"][name] for name in chosen} == chosen
    assert about["max_packets"] == 4
    made = netml.extract(path, family, dim=3, max_packets=4, family_options=FamilyOptions(**chosen))
    assert made.metadata["representation"] == about


@pytest.mark.parametrize(
    "arguments", ["--max-packets 0", "--bulk-packets 0", "--bulk-gap -1", "--activity-timeout nan"]
)
def test_options_of_single_families_are_checked(path, arguments):
    run = run_netml("extract", path, "-f", "CIC", *arguments.split(), "-o", path.parent / "out.npz")
    assert run.status != 0
    assert f"netml: {arguments.split()[0]} " in run.err
    assert "must be" in run.err


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".csv", ".parquet", ".arrow", ".dat", ".CSV"])
def test_every_suffix(path, suffix):
    output = path.parent / f"out{suffix}"
    run = run_netml("extract", path, "-f", "SIZE", "-o", output)
    assert run.status == 0
    assert run.out == ""
    from netml.features.table_layout import read_matrix

    np.testing.assert_allclose(read_matrix(output).X, netml.extract(path, "SIZE").X)


def test_several_captures_are_one(tmp_path, path):
    first = traffic.write_pcap(tmp_path / "1.pcap", RECORDS[:99])
    second = tmp_path / "2.pcapng"
    second.write_bytes(captures.pcapng(RECORDS[99:]))
    expected = extract(path)
    run = run_netml("extract", first, second, "-q", "-o", tmp_path / "both.npz")
    assert run.status == 0
    arrays = load(tmp_path / "both.npz")
    np.testing.assert_array_equal(arrays["X"], expected["X"])
    np.testing.assert_array_equal(arrays["keys"], expected["keys"])
    assert json.loads(str(arrays["metadata"]))["captures"] == [str(first), str(second)]


def test_standard_input(tmp_path, path):
    expected = extract(path)["X"]
    run = run_netml("extract", "-", "-q", "-o", tmp_path / "piped.npz", stdin=path.read_bytes())
    assert (run.status, run.err) == (0, "")
    np.testing.assert_array_equal(load(tmp_path / "piped.npz")["X"], expected)
    with path.open("rb") as stream:
        done = subprocess.run(
            [*PROGRAM, "extract", "-", "-q", "-o", tmp_path / "redirected.npz"], stdin=stream, check=True
        )
    np.testing.assert_array_equal(load(tmp_path / "redirected.npz")["X"], expected)
    assert done.returncode == 0


def test_a_fifo(tmp_path, path):
    fifo = tmp_path / "tap"
    os.mkfifo(fifo)
    with subprocess.Popen(["cp", path, fifo]) as feeder:
        run = run_netml("extract", fifo, "-q", "-o", tmp_path / "tapped.npz")
    assert feeder.returncode == 0
    assert (run.status, run.err) == (0, "")
    np.testing.assert_array_equal(load(tmp_path / "tapped.npz")["X"], extract(path)["X"])


def test_a_closed_standard_input(tmp_path):
    run = run_netml("extract", "-", "-o", tmp_path / "out.npz", preexec_fn=lambda: os.close(0))
    assert_one_line(run, 1, "netml: standard input: is closed")


def test_labels(tmp_path):
    path = traffic.write_pcap(tmp_path / "capture.pcap")
    (tmp_path / "labels.csv").write_text(LABELS)
    run = run_netml("extract", path, "--labels", tmp_path / "labels.csv", "-o", tmp_path / "out.npz")
    assert run.status == 0
    assert "labels   1 of 2 flows\n" in run.err
    assert load(tmp_path / "out.npz")["labels"].tolist() == ["BENIGN", ""]


def test_labels_that_match_no_flow_are_said(tmp_path, path):
    (tmp_path / "labels.csv").write_text(LABELS.replace("10.0.0.", "10.9.9."))
    run = run_netml("extract", path, "--labels", tmp_path / "labels.csv", "-o", tmp_path / "out.npz", "-q")
    assert_one_line(run, 0, "netml: warning: none of the labels of ", "labels.csv (1) belongs to a flow of ")
    assert set(load(tmp_path / "out.npz")["labels"].tolist()) == {""}


def test_a_field_of_labels_that_is_none(tmp_path, path):
    (tmp_path / "labels.csv").write_text(LABELS)
    given = ("--labels", tmp_path / "labels.csv", "-o", tmp_path / "out.npz")
    for each in ("foo=Label", "src_ip"):
        run = run_netml("extract", path, *given, "--label-column", each)
        assert_one_line(run, 2, f"'{each}' is not FIELD=NAME, where FIELD is one of src_ip, dst_ip,")


def test_labels_that_are_none(tmp_path, path):
    output = tmp_path / "out.npz"
    missing = run_netml("extract", path, "--labels", tmp_path / "none.csv", "-o", output)
    assert_one_line(missing, 1, f"netml: {tmp_path / 'none.csv'}: ", "no such file")
    (tmp_path / "odd.csv").write_text("a,b\n1,2\n")
    odd = run_netml("extract", path, "--labels", tmp_path / "odd.csv", "-o", output)
    assert_one_line(odd, 1, f"netml: {tmp_path / 'odd.csv'}: no column for src_ip", "--label-column")
    binary = run_netml("extract", path, "--labels", path, "-o", output)
    assert_one_line(binary, 1, f"netml: {path}: not a CSV file")
    assert not any(ord(character) < 32 for character in binary.err.strip())
    assert not output.exists()


def numbers_of(err):
    """The summary's lines by their first word, as lists of their whole numbers."""
    found = {}
    for line in err.splitlines():
        word, rest = line.split(maxsplit=1)
        numbers = [int(text.replace(",", "")) for text in re.findall(r"(?<![\d.])\d[\d,]*(?![\d.])", rest)]
        found.setdefault(word, []).append(numbers)
    return found


def skippable():
    """A frame for each reason that Ethernet has."""
    from builders import frames

    return {
        "truncated link header": b"\0" * 13,
        "not ip": frames.ethernet(frames.arp(), ethertype=frames.ETHERTYPE_ARP),
        "truncated ip header": traffic.udp_frame()[:30],
        "bad ip header": frames.ethernet(frames.ipv4(version=5), ethertype=frames.ETHERTYPE_IPV4),
        "fragment": frames.ethernet(frames.ipv4(fragment_offset=7)),
        "other protocol": traffic.icmp_frame(),
        "truncated transport header": traffic.udp_frame()[:38],
    }


def test_the_summary_accounts_for_every_packet(tmp_path):
    records = [
        *RECORDS,
        *((traffic.START_NS + 10**9 + i, frame) for i, frame in enumerate(skippable().values())),
    ]
    path = traffic.write_pcap(tmp_path / "capture.pcap", records)
    run = run_netml("extract", path, "--interval", "0.01", "-f", "IAT", "--header", "-o", tmp_path / "out.npz")
    assert run.status == 0
    for reason in skippable():
        assert f"skipped  1 {reason}\n" in run.err
    numbers = numbers_of(run.err)
    n_read, n_kept, n_skipped = numbers["read"][0]
    assert (n_read, n_kept, n_skipped) == (len(records), len(RECORDS), len(skippable()))
    assert n_skipped == sum(line[0] for line in numbers["skipped"])
    n_dropped = sum(line[0] for line in numbers["dropped"])
    assert "packets in last subflows cut off by the interval" in run.err
    assert n_dropped > 0
    n_flows, n_packets = numbers["flows"][0]
    assert n_packets == n_kept - n_dropped
    arrays = load(tmp_path / "out.npz")
    assert numbers["matrix"][0][:2] == list(arrays["X"].shape)
    assert n_flows == len(arrays["X"])
    assert arrays["packets"].sum() == n_packets
    dim = json.loads(str(arrays["metadata"]))["representation"]["dim"]
    assert f"(IAT with header; dim {dim}) in {tmp_path / 'out.npz'}\n" in run.err
    assert re.search(r"\ntime     \d+\.\d\d s, [\d,]+ packets/s\n$", run.err)


def test_quiet_is_silent(tmp_path, path):
    for command in ("extract", "packets"):
        for flag in ("-q", "--quiet"):
            run = run_netml(command, path, flag, "-o", tmp_path / "out.npz")
            assert run == (0, "", "")


def test_a_reader_that_leaves(tmp_path, path):
    os.mkfifo(tmp_path / "pipe.csv")
    large = traffic.write_pcap(tmp_path / "large.pcap", traffic.many_flows(6000, 250))
    with subprocess.Popen(["head", "-c", "10", tmp_path / "pipe.csv"], stdout=subprocess.DEVNULL):
        run = run_netml("packets", large, "-q", "-o", tmp_path / "pipe.csv")
    assert_one_line(run, 1, f"netml: {tmp_path / 'pipe.csv'}: the reader of the pipe is gone")


def test_names_that_are_no_text(tmp_path, path):
    name = os.path.join(os.fsencode(tmp_path), b"caf\xe9\n.pcap")
    shutil.copy(path, name)
    assert run_netml("packets", os.fsdecode(name), "-q", "-o", os.fsdecode(name + b".parquet")).status == 0
    run = run_netml("extract", os.fsdecode(name) + "-none", "-o", tmp_path / "out.npz")
    assert_one_line(run, 1, "no such file")


@pytest.mark.skipif(sys.platform != "linux", reason="closes the standard streams by number")
@pytest.mark.parametrize("descriptor", [1, 2])
@pytest.mark.parametrize("command", ["extract", "info"])
def test_closed_output_streams(path, command, descriptor):
    arguments = [command, path] if command == "info" else [command, path, "-o", path.parent / "out.npz"]
    run = run_netml(*arguments, preexec_fn=lambda: os.close(descriptor))
    if (command, descriptor) == ("info", 1):  # what it is to say is lost
        assert_one_line(run, 1, "standard output: is closed")
    else:
        assert run.status == 0
        assert "Traceback" not in run.err


def test_an_input_is_never_written_over(tmp_path, path):
    content = path.read_bytes()
    labels = tmp_path / "labels.csv"
    labels.write_text("src_ip,dst_ip,src_port,dst_port,protocol,label\n")
    (tmp_path / "link.npz").symlink_to(path)
    for arguments in (
        ["extract", path, "--labels", labels, "-o", labels],
        ["extract", path, "-o", tmp_path / "link.npz"],
        ["packets", path, "-o", tmp_path / "link.npz"],
    ):
        assert_one_line(run_netml(*arguments), 1, f"netml: {arguments[-1]}: is an input")
    assert (path.read_bytes(), labels.read_text().count("\n")) == (content, 1)


def test_columns_of_labels_are_named(tmp_path, path):
    labels = tmp_path / "labels.csv"
    labels.write_text("from,to,a,b,c,class\n")
    named = {"src_ip": "from", "dst_ip": "to", "src_port": "a", "dst_port": "b", "protocol": "c", "label": "class"}
    options = [f"--label-column={field}={name}" for field, name in named.items()]
    run = run_netml("extract", path, "--labels", labels, *options, "-o", tmp_path / "out.dat")
    assert (run.status, "labels   0 of" in run.err) == (0, True)
    assert "a .dat file leaves the others out" in run.err
    assert "matrix   0 x " in run.err
    wrong = run_netml("extract", path, "--labels", labels, "--label-column", "src_ip", "-o", tmp_path / "out.npz")
    assert_one_line(wrong, 2, "--label-column", "is not FIELD=NAME")
    unknown = run_netml("extract", path, "--labels", labels, "--label-column", "sauce=from", "-o", tmp_path / "out.npz")
    assert_one_line(unknown, 2, "--label-column", "sauce")
