"""The smaller commands, completion, help, the progress bar, and what a start loads."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import termios
import time

import pytest
import traffic
from builders import captures
from command import PROGRAM, TIMEOUT_S, assert_one_line, run_netml

import netml
from netml import cli, families
from netml.cli.runtime import progress
from netml.comparison.study import FAMILY_NAMES

COMMANDS = list(cli.COMMANDS)
HEAVY = ("numpy", "dpkt", "sklearn", "pyod", "pandas", "pyarrow", "matplotlib", "scipy", "netml._flowcore")


@pytest.fixture
def path(tmp_path):
    return traffic.write_pcap(tmp_path / "capture.pcap")


def test_families():
    run = run_netml("families")
    assert (run.status, run.err) == (0, "")
    for name, family in families.FAMILIES.items():
        assert re.search(rf"^{name} +\S.*{re.escape(family.description)}$", run.out, re.MULTILINE)
    assert re.search(r"^IAT +dim - 1 ", run.out, re.MULTILINE)
    assert re.search(r"^IAT_SIZE +2 dim - 1 ", run.out, re.MULTILINE)
    assert re.search(r"^STATS +12 ", run.out, re.MULTILINE)


def test_info_of_a_pcap(tmp_path):
    records = [*traffic.records(), (traffic.START_NS + 10 * traffic.MS, traffic.icmp_frame())]
    path = traffic.write_pcap(tmp_path / "capture.pcap", records)
    n_bytes = sum(len(frame) for _, frame in records)
    run = run_netml("info", path)
    assert (run.status, run.err) == (0, "")
    assert run.out.splitlines() == [
        f"capture    {path}",
        "format     pcap, times in us",
        "link type  1 (Ethernet)",
        f"packets    7 ({n_bytes} bytes captured)",
        "time       2023-11-14 22:13:20.000000000 to 2023-11-14 22:13:20.010000000 UTC, 0.010000 s",
        "kept       6 TCP or UDP packets of 2 flow keys",
        "skipped    1 other protocol",
    ]


def test_info_of_several(tmp_path, path):
    second = tmp_path / "second.pcapng"
    second.write_bytes(captures.pcapng(traffic.records(), tsresol=9) + captures.pcapng([], link_type=228))
    empty = traffic.write_pcap(tmp_path / "empty.pcap", [], magic=captures.MAGIC_NS)
    run = run_netml("info", path, second, empty)
    assert (run.status, run.err) == (0, "")
    first, second_part, third = run.out.split("\n\n")
    assert first.startswith(f"capture    {path}\n")
    assert "format     pcapng, times in units of each interface\n" in second_part
    assert "link type  1 (Ethernet), 228 (raw IPv4)\nsections   2; interfaces 2\n" in second_part
    assert "format     pcap, times in ns\n" in third
    assert "packets    0 (0 bytes captured)\nkept       0 TCP or UDP packets" in third


def test_info_of_standard_input(path):
    run = run_netml("info", "-", stdin=path.read_bytes())
    assert run.status == 0
    assert run.out.startswith("capture    standard input\n")


def test_info_of_absurd_times(tmp_path):
    content = captures.section_header() + captures.interface(tsoffset=2**62)
    content += captures.enhanced_packet(2**64 - 1, traffic.udp_frame())
    (tmp_path / "late.pcapng").write_bytes(content)
    run = run_netml("info", tmp_path / "late.pcapng")
    assert (run.status, run.err) == (0, "")
    assert "time       2262-04-11 23:47:16.854775807 to 2262-04-11 23:47:16.854775807 UTC" in run.out


def test_packets(path):
    output = path.parent / "packets.csv"
    run = run_netml("packets", path, "-o", output)
    assert (run.status, run.out) == (0, "")
    assert run.err == f"read     6 packets: 6 of TCP or UDP, 0 skipped\ntable    6 packets in {output}\n"
    lines = output.read_text().splitlines()
    assert lines[0] == "time_ns,src_ip,src_port,dst_ip,dst_port,protocol,caplen,wirelen,flags,ttl"
    assert lines[1] == "1700000000000000000,10.0.0.1,5000,10.0.0.2,53,17,42,42,0,64"
    assert lines[2] == "1700000000001000000,10.0.0.1,40000,10.0.0.3,443,6,55,55,16,64"
    assert len(lines) == 7
    every = run_netml("packets", path, "--protocols", "all", "-o", output)
    assert every.err.startswith("read     6 packets: 6 over IP, 0 skipped\n")


SHELLS = {"bash": ["bash", "-n"], "zsh": ["zsh", "-n"], "fish": ["fish", "--no-execute"]}


@pytest.mark.parametrize("shell", SHELLS)
def test_completion(tmp_path, shell):
    run = run_netml("completion", shell)
    assert (run.status, run.err) == (0, "")
    assert f"_NETML_COMPLETE={shell}_complete" in run.out
    script = tmp_path / "script"
    script.write_text(run.out)
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} to check the script's syntax")
    subprocess.run([*SHELLS[shell], script], check=True)


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("netml ", COMMANDS),
        ("netml ex", ["extract"]),
        ("netml extract --fam", ["--family"]),
        ("netml extract a.pcap -f IAT", ["IAT", "IAT_SIZE"]),
        ("netml extract a.pcap -f stats,si", ["STATS,SIZE"]),
        ("netml learn --family FFT-IAT_", ["FFT-IAT_SIZE"]),
        ("netml compare -f SPL", ["SPLT"]),
        ("netml compare -d gm", ["gmm"]),
        ("netml learn --algo", []),
        ("netml learn --labe", ["--labels", "--label-column"]),
        ("netml detectors eco", ["ecod"]),
        # To bash the = of --option=value is a word of its own.
        ("netml learn --pcap = a.pc", ["a.pc"]),
        ("netml learn --pcap =", [""]),
        ("netml learn --pcap = a.pcap --labels = a.c", ["a.c"]),
        ("netml learn --pcap = a.pcap --detector = eco", ["ecod"]),
        ("netml learn --pcap = a.pcap --dete", ["--detector"]),
    ],
)
def test_completion_completes(words, completed):
    place = {"COMP_WORDS": words.replace(" ", "\n"), "COMP_CWORD": str(len(words.split(" ")) - 1)}
    run = run_netml(env={**os.environ, **place, "_NETML_COMPLETE": "bash_complete"})
    lines = [line for line in run.out.splitlines() if line]
    assert [line.split(",", 1)[1] for line in lines] == completed
    kinds = {line.split(",")[0] for line in lines}
    assert kinds <= {"file" if completed in ([""], ["a.pc"], ["a.c"]) else "plain"}


OLD_NAMES = ("--algorithm", "-a", "--label", "--feature", "--help-algorithm", "--flow-pkts-threshold")


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_help_shows_one_name_for_each_option(command):
    run = run_netml(command, "--help")
    assert run.status == 0
    assert not set(OLD_NAMES) & set(re.findall(r"(?<!\S)--?[a-z][a-z-]*", run.out))


def test_old_names_are_accepted_and_may_stand_beside_new_ones():
    from netml.cli.commands import compare, extract, learn

    def values_of(command, *arguments):
        return command.make_context("netml", list(arguments)).params

    given = values_of(
        learn.command, "--feature=f.npz", "--label=a.csv", "--labels=b.csv", "--algorithm=kde", "-d", "gmm"
    )
    assert (given["feature_path"], given["labels"], given["detector"]) == ("f.npz", ("a.csv", "b.csv"), "gmm")
    assert values_of(learn.command, "--flow-pkts-threshold=3")["min_packets"] == 3
    assert values_of(compare.command, "-a", "gmm", "-d", "kde", "--label=a.csv")["detectors"] == ("gmm", "kde")
    assert values_of(extract.command, "a.pcap", "-o", "f.npz", "--label=a.csv")["labels"] == "a.csv"


@pytest.mark.parametrize(("name", "line"), cli.COMMANDS.items())
def test_the_help_of_the_group_says_what_the_command_says(name, line):
    assert cli.LazyGroup().get_command(None, name).help.partition("\n")[0] == line


def test_version_and_help():
    assert run_netml("--version") == (0, f"netml, version {netml.__version__}\n", "")
    for flag in ("-h", "--help"):
        run = run_netml(flag)
        assert (run.status, run.err) == (0, "")
        assert all(re.search(rf"^  {name} +[A-Z]", run.out, re.MULTILINE) for name in cli.COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command(command):
    run = run_netml(command, "--help")
    assert (run.status, run.err) == (0, "")
    assert run.out.startswith(f"Usage: netml {command} ")
    documented = {"extract": ["--family", "--fft", "--interval", "--labels", "--keep-tail", "--quiet", "--strict"]}
    assert all(option in run.out for option in documented.get(command, []))


def test_help_of_compare_says_what_is_compared():
    assert FAMILY_NAMES == ("IAT", "SIZE", "IAT_SIZE", "STATS", "SAMP_NUM", "SAMP_SIZE")
    assert "[default: the six of the original, each alone]" in " ".join(run_netml("compare", "--help").out.split())


def test_no_command_shows_the_help():
    run = run_netml()
    assert "Commands:\n  extract " in run.out + run.err
    assert "Traceback" not in run.err


@pytest.mark.parametrize("arguments", ["extrakt", "extract", "info", "extract x --dim=a -o y.npz", "info --x y"])
def test_usage_errors(arguments):
    assert_one_line(run_netml(*arguments.split()), 2, "--help)\n")


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        ("extrakt", "extract"),
        ("extract x -f STAT -o y.npz", "STATS"),
        ("learn -p x -a ocsvn -o m.netml", "ocsvm"),
        ("extract x -o y.parqet", ".parquet"),
    ],
)
def test_the_nearest_name_is_suggested(arguments, meant):
    assert_one_line(run_netml(*arguments.split()), 2, f" Did you mean {meant}?")


@pytest.mark.parametrize("name", ["", "qqq", "x" * 10**6])
def test_nothing_is_suggested_where_no_name_is_near(name):
    error = netml.UnknownNameError("family", name, families.FAMILIES)
    assert str(error).endswith(f"; known: {', '.join(families.FAMILIES)}")


def run_on_a_terminal(arguments, feed=None, width=0, resized=None):
    """Run netml with stderr on a terminal: (exit status, what the terminal was sent)."""
    master, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, width))
    shown = b""
    try:
        with subprocess.Popen(
            [*PROGRAM, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=terminal,
        ) as process:
            os.close(terminal)
            if feed is not None:
                feed(process.stdin)
            if resized is not None:
                termios.tcsetwinsize(master, (24, resized))
            process.stdin.close()
            end_s = time.monotonic() + TIMEOUT_S
            while time.monotonic() < end_s and select.select([master], [], [], TIMEOUT_S)[0]:
                try:
                    more = os.read(master, 65536)
                except OSError:
                    break  # the other end is closed
                shown += more
        return process.returncode, shown.decode()
    finally:
        os.close(master)


BAR = r"netml .*[\d,]+ MB  [\d,]+ packets  \d+\.\d\d M/s"


def test_a_progress_bar_on_a_terminal(tmp_path):
    path = traffic.write_pcap(tmp_path / "large.pcap", traffic.many_flows(2000))
    content = path.read_bytes()[24:]
    with path.open("ab") as stream:
        for _ in range(99):
            stream.write(content)
    status, shown = run_on_a_terminal(["extract", path, "-f", "STATS", "-o", tmp_path / "out.npz"])
    assert status == 0
    assert re.search(BAR, shown)
    assert f"/{path.stat().st_size / 1e6:,.0f} MB" in shown
    assert re.search(r"read +200,000 packets: ", shown)
    assert shown.index("\r\n") < shown.index("read "), "the summary begins on a line of its own"


def test_a_progress_bar_of_a_tap(tmp_path):
    content = captures.pcap(traffic.many_flows(5000))
    status, shown = run_on_a_terminal(["extract", "-", "-o", tmp_path / "out.npz"], lambda stdin: stdin.write(content))
    assert status == 0
    assert re.search(BAR, shown)
    assert f" {len(content) / 1e6:,.0f} MB  5,000 packets" in shown


def shown_lines(shown):
    """Lines that a progress line has had, without what moves the cursor, erases or hides."""
    before, _, _ = shown.partition("\r\n")
    return [line for line in re.split(r"\r|\x1b\[[?\d]*[A-Za-z]", before) if line]


@pytest.mark.parametrize("width", [80, 40, 10])
def test_a_progress_line_fits_the_terminal(tmp_path, width):
    path = traffic.write_pcap(tmp_path / "large.pcap", traffic.many_flows(100000))
    status, shown = run_on_a_terminal(["extract", path, "-o", tmp_path / "out.npz"], width=width)
    assert status == 0
    lines = shown_lines(shown)
    assert len(lines) >= 2
    assert max(map(len, lines)) < width


def test_a_progress_line_fits_a_terminal_that_is_resized():
    content = captures.pcap(traffic.many_flows(20000))

    def feed(stdin):
        for start in range(0, len(content), len(content) // 4):
            stdin.write(content[start : start + len(content) // 4])
            stdin.flush()
            time.sleep(0.15)

    status, shown = run_on_a_terminal(["info", "-"], feed, width=80, resized=30)
    assert status == 0
    lines = shown_lines(shown)
    assert max(map(len, lines)) < 80
    assert len(lines[-1]) < 30


@pytest.mark.parametrize("length", [None, 0, 10**6, 10**13])
def test_a_progress_line_of_any_width(length):
    for width in range(240):
        for share in (0, 0.3, 1):
            line = progress.progress_line(int((length or 10**12) * share), length, int(10**10 * share), 1e4, width)
            assert len(line) <= max(width - 1, 0)
            assert line.startswith("netml"[: max(width - 1, 0)])
    whole = progress.progress_line(30 * 10**6, 10**8, 5 * 10**5, 60.0, 80)
    assert whole == "netml  30%  [###---------]  30/100 MB  500,000 packets  0.01 M/s  00:02:20 left"


def test_no_progress_bar_where_there_is_no_terminal(path):
    run = run_netml("extract", path, "-o", path.parent / "out.npz")
    assert "\r" not in run.err
    assert run.err.startswith("read     6 packets")
    status, shown = run_on_a_terminal(["extract", path, "--quiet", "-o", path.parent / "out.npz"])
    assert (status, shown) == (0, "")


COMPLETING = """
import os, sys
from netml.cli import main as run

def main(words):
    os.environ |= {"_NETML_COMPLETE": "bash_complete", "COMP_WORDS": "\\n".join(["netml", *words]), "COMP_CWORD": "3"}
    try: run()
    except SystemExit: pass

"""


@pytest.mark.parametrize(
    "code",
    [
        "import netml",
        "import netml.cli",
        "from netml.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass",
        "from netml.cli import main\ntry: main(['families'])\nexcept SystemExit: pass",
        f"{COMPLETING}main(['learn', '-d', 'ec'])",
        f"{COMPLETING}main(['extract', '-f', 'I'])",
    ],
)
def test_a_start_loads_nothing_heavy(code):
    check = f"{code}\nimport sys\nprint([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


OLD_CLICK = """
import click

for kind in list(vars(click).values()):
    if isinstance(kind, type) and issubclass(kind, (click.ParamType, click.Parameter, click.Command, click.Context)):
        kind.__class_getitem__ = None

from netml import cli

for name in cli.COMMANDS:
    cli.group.get_command(None, name)
"""


def test_no_class_of_click_takes_a_type_argument():
    # Below click 8.4 ParamType takes none: the command would not load.
    done = subprocess.run([sys.executable, "-c", OLD_CLICK], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_extract_loads_only_what_it_needs(path):
    unwanted = tuple(name for name in HEAVY if name not in ("numpy", "dpkt", "netml._flowcore"))
    code = (
        f"import netml, sys\nnetml.extract({str(path)!r})\nprint([name for name in {unwanted} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
