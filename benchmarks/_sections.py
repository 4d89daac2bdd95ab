"""The sections of the comparison; each takes a `Setting`, lets contenders take turns, returns figures."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

import _rivals as rivals
from _report import Figure
from _timing import Contender, run_process, take_turns, warm

MEGA = 1_000_000
N_BIG, N_MANY_FLOWS, N_FEW_FLOWS = 2 * MEGA, MEGA, 10_000
# The memory allowed beside the matrix: the interpreter and libraries, each packet kept, each flow.
BASE_BYTES, PACKET_BYTES, FLOW_BYTES = 150 * MEGA, 32, 100


@dataclass
class Setting:
    """What the sections need to know, and every contender that ran, by section."""

    capture: Path | None
    small_capture: Path | None
    folder: Path
    n_rounds: int
    n_slow_rounds: int
    timeout_s: float
    nfstream_python: str | None
    original_python: str | None
    limit_program: Path | None
    ran: dict = field(default_factory=dict)

    def compete(self, section, contenders):
        """Run those that are there in turns; the ones that finished, by name."""
        present = [one for one in contenders if one]
        self.ran[section] = self.ran.get(section, []) + present
        return take_turns(present, self.n_rounds, self.timeout_s)

    def count_records(self, capture):
        """Records in a capture."""
        return rivals.ask_worker("count", capture, self.timeout_s)["records"]


def throughput(setting):
    """Whole processes on the big capture."""
    capture, n_slow = setting.capture, setting.n_slow_rounds
    warm(capture)
    done = setting.compete(
        "throughput",
        [
            rivals.extract(capture, "IAT", setting.folder / "iat.npz"),
            rivals.tcpdump(capture),
            rivals.extract(capture, "STATS", setting.folder / "stats.npz"),
            rivals.argus(capture),
            rivals.worker("dpkt_loop", capture, label="dpkt loop", max_runs=n_slow),
            rivals.nfstream(capture, setting.nfstream_python, n_slow),
        ],
    )
    bars = (
        ("netml extract -f IAT", "tcpdump -w /dev/null", 1.0, False),
        ("netml extract -f STATS", "tcpdump -w /dev/null", 1.3, False),
        ("netml extract -f IAT", "NFStream", 40.0, True),
        ("netml extract -f IAT", "argus -w /dev/null", None, True),
        ("netml extract -f IAT", "dpkt loop", None, True),
    )
    return [
        Figure(f"{ours} : {theirs}", done[ours].best_s, done[theirs].best_s, "s", bar, at_least)
        for ours, theirs, bar, at_least in bars
        if ours in done and theirs in done
    ]


def kernel(setting):
    """Capture to flow table to IAT matrix in one process, against the limit and dpkt's loop."""
    capture = setting.capture
    warm(capture)
    n_records = setting.count_records(capture)
    done = setting.compete(
        "kernel",
        [
            rivals.worker("kernel", capture, 5, label="netml kernel"),
            rivals.limit(setting.limit_program, capture),
            rivals.worker("dpkt_loop", capture, label="dpkt loop", max_runs=setting.n_slow_rounds),
        ],
    )
    if "netml kernel" not in done:
        return []
    ours_ns = rivals.best_inside_s(done["netml kernel"]) * 1e9 / n_records
    figures = []
    if "limit" in done:
        figures.append(Figure("kernel : limit", ours_ns, rivals.best_limit_ns(done["limit"]), "ns/rec", 1.6))
    if "dpkt loop" in done:
        theirs_ns = rivals.best_inside_s(done["dpkt loop"]) * 1e9 / n_records
        figures.append(Figure("kernel : dpkt loop", ours_ns, theirs_ns, "ns/rec", 11.0, at_least=True))
    return figures


def original(setting):
    """Compare with the original on one smaller capture, whose start-up times would drown ours.

    So the bar is held against the time inside the process, from capture to matrix, imports left out on both
    sides; the whole processes are for the record.
    """
    capture = setting.small_capture or setting.capture
    warm(capture)
    done = setting.compete(
        "original",
        [
            rivals.worker("kernel", capture, 5, label="netml kernel"),
            rivals.extract(capture, "IAT", setting.folder / "small.npz"),
            rivals.original(capture, setting.original_python, setting.n_slow_rounds),
        ],
    )
    if "original netml" not in done:
        return []
    theirs, figures = done["original netml"], []
    if "netml kernel" in done:
        inside_s = rivals.best_inside_s(done["netml kernel"]), rivals.best_inside_s(theirs)
        figures.append(Figure("capture to matrix : original", *inside_s, "s", 1000.0, at_least=True))
    if "netml extract -f IAT" in done:
        whole_s = done["netml extract -f IAT"].best_s, theirs.best_s
        figures.append(Figure("whole process : original", *whole_s, "s", None, at_least=True))
    return figures


def make_flow_captures(folder):
    """Two captures of 2 million packets of 60 bytes: a million flows open at once, and ten thousand."""
    captures = {}
    for name, n_flows in (("many", N_MANY_FLOWS), ("few", N_FEW_FLOWS)):
        captures[name] = folder / f"{name}.pcap"
        numbers = ["--packets", str(N_BIG), "--flows", str(n_flows)]
        argv = [sys.executable, str(rivals.HERE / "generate.py"), str(captures[name]), *numbers]
        made = run_process(argv, timeout_s=600)
        if made.exit_status:
            sys.exit(f"compare.py: generate.py failed: {made.complaint}")
        warm(captures[name])
    return captures


def flows(setting):
    """A million flows open at once against ten thousand, by us and by the limit; NFStream on the million."""
    contenders = []
    for name, capture in make_flow_captures(setting.folder).items():
        # Each capture's own width is what a user's run makes; the limit always makes 16 columns.
        contenders += [
            rivals.worker("kernel", capture, 2, 0, label=f"netml kernel, {name} flows"),
            rivals.worker("kernel", capture, 2, 17, label=f"netml kernel, 16 columns, {name} flows"),
            rivals.limit(setting.limit_program, capture, f"limit, {name} flows"),
            rivals.extract(capture, "IAT", setting.folder / f"{name}.npz", f"netml extract, {name} flows"),
        ]
        if name == "many":
            contenders.append(rivals.nfstream(capture, setting.nfstream_python, 1))
    done = setting.compete("flows", contenders)

    figures = []
    for who, nanoseconds, bar in (
        ("netml kernel", lambda one: rivals.best_inside_s(one) * 1e9 / N_BIG, 2.0),
        ("netml kernel, 16 columns", lambda one: rivals.best_inside_s(one) * 1e9 / N_BIG, None),
        ("limit", rivals.best_limit_ns, None),
        ("netml extract", lambda one: one.best_s * 1e9 / N_BIG, 2.0),
    ):
        pair = [done.get(f"{who}, {name} flows") for name in ("many", "few")]
        if all(pair):
            figures.append(Figure(f"{who}: 1,000,000 : 10,000 flows", *map(nanoseconds, pair), "ns/pkt", bar))
    ours, theirs = done.get("netml extract, many flows"), done.get("NFStream")
    if ours and theirs:
        whole_s = ours.best_s, theirs.best_s
        figures.append(Figure("netml extract : NFStream, 1,000,000 flows", *whole_s, "s", 200.0, at_least=True))
    return figures


def memory(setting):
    """Peak memory of the whole process against the budget."""
    out = setting.folder / "memory.npz"
    warm(setting.capture)
    done = setting.compete("memory", [rivals.extract(setting.capture, "IAT", out)])
    if not done:
        return []
    kept = rivals.ask_worker("shape", out, setting.timeout_s)
    # The flows of the result: fewer than were in memory, so the budget is on the strict side.
    budget_bytes = BASE_BYTES + PACKET_BYTES * kept["packets"] + FLOW_BYTES * kept["flows"] + kept["matrix_bytes"]
    peak_bytes = done["netml extract -f IAT"].peak_bytes
    return [Figure("peak memory : budget", peak_bytes / MEGA, budget_bytes / MEGA, "MB", 1.0)]


def doors(setting):
    """Compare a dpkt reader as source with dpkt's own loop, both in one process."""
    warm(setting.capture)
    contender = rivals.worker("doors", setting.capture, setting.n_slow_rounds, label="netml and dpkt doors", max_runs=1)
    done = setting.compete("doors", [contender])
    if not done:
        return []
    (answer,) = rivals.answers(contender)
    return [Figure("dpkt reader as source : dpkt loop", min(answer["ours_s"]), min(answer["theirs_s"]), "s", 1.3)]


def startup(setting, n_rounds=20):
    """Start-up times: the shortest of 20, the interpreter's own taken off."""
    codes = {"pass": "pass", "numpy": "import numpy", "netml": "import netml"}
    contenders = [Contender(f"python: {name}", [sys.executable, "-c", code]) for name, code in codes.items()]
    contenders.append(Contender("netml --help", [rivals.netml_command(), "--help"]))
    setting.ran["startup"] = contenders
    done = take_turns(contenders, n_rounds, setting.timeout_s)
    idle_s = done["python: pass"].best_s
    figures = []
    if "netml --help" in done:
        help_ms = (done["netml --help"].best_s - idle_s) * 1e3
        figures.append(Figure("netml --help, beyond python -c pass : 150 ms", help_ms, 150.0, "ms", 1.0))
    if {"python: numpy", "python: netml"} <= done.keys():
        ours_ms, theirs_ms = ((done[f"python: {name}"].best_s - idle_s) * 1e3 for name in ("netml", "numpy"))
        figures.append(Figure("import netml : import numpy", ours_ms, theirs_ms, "ms", 1.2))
    return figures
