"""Build the harness, make the corpus, replay it with all regressions, then mutate; a table, and JSON.

    python tests/fuzz/run.py --seconds 120                  # two minutes over all targets, as .ci/run does
    python tests/fuzz/run.py --executions 24000000 --json tests/fuzz/results.json
    python tests/fuzz/run.py --replay                       # only what is there already

Exit status 0: nothing found; 1: findings, which lie in FOLDER/findings; 77: no clang with libFuzzer here.
"""

import argparse
import datetime
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import harness_build  # noqa: E402
from harness_build import TARGETS  # noqa: E402
from make_corpus import make_corpus  # noqa: E402

REGRESSIONS = HERE / "regressions"
NOT_BUILT = 77
LARGEST = {"pcap": 1024, "pcapng": 1024, "pipeline": 1024, "fragments": 512, "stream": 160}  # bytes; else 320
LARGEST |= {"biflows": 1024, "biflow_stream": 640, "rows": 1024, "tcp_options": 64, "bits": 640}
# Parts of the time, or of the executions: what is composed of everything, and what is called by all, gets more.
WEIGHTS = {"pcap": 2, "pcapng": 4, "link_1": 3, "ipv4": 3, "ipv6": 2, "fragments": 4, "pipeline": 6, "stream": 3}
WEIGHTS |= {"biflows": 6, "biflow_stream": 6, "rows": 4, "bits": 3}
EXECUTION_WEIGHTS = WEIGHTS | {
    "stream": 0.5,
    "fragments": 2,
    "biflow_stream": 1,
    "biflows": 2,
    "rows": 1,
    "bits": 2,
}  # these take longer


def sanitizer_environment():
    """What the sanitizers are to do."""
    address = "quarantine_size_mb=16:malloc_context_size=6:detect_stack_use_after_return=1:abort_on_error=0"
    return os.environ | {"ASAN_OPTIONS": address, "UBSAN_OPTIONS": "print_stacktrace=1"}


def run_target(name, program, folder, arguments, *, replays):
    """One run of one target: dict of executions, seconds and findings."""
    found = folder / "findings" / name
    found.mkdir(parents=True, exist_ok=True)
    inputs = [folder / "corpus" / name]
    if (REGRESSIONS / name).is_dir():
        inputs.append(REGRESSIONS / name)
    fixed = [f"-dict={HERE / 'netml.dict'}", f"-max_len={LARGEST.get(name, 320)}", "-timeout=20", "-rss_limit_mb=2048"]
    fixed += [f"-artifact_prefix={found}/", "-print_final_stats=1", "-verbosity=1"]
    if replays:
        files = sorted(path for place in inputs for path in place.iterdir())
        arguments, inputs, fixed = [], files, fixed[2:]
    before = set(found.iterdir())
    start = time.monotonic()
    command = [str(part) for part in (program, *fixed, *arguments, *inputs)]
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", check=False, env=sanitizer_environment()
    )
    told = re.search(r"number_of_executed_units:\s*(\d+)", done.stderr)
    executions = len(inputs) if replays else int(told[1]) if told else 0
    covered = re.findall(r"cov: (\d+)", done.stderr)
    artifacts = sorted(path.name for path in set(found.iterdir()) - before)
    is_clean = done.returncode == 0 and not artifacts
    if not is_clean:
        (found / "log.txt").write_text(done.stderr[-20000:])
        print(f"{name}: status {done.returncode}\n{done.stderr[-4000:]}", file=sys.stderr)
    return {
        "executions": executions,
        "seconds": round(time.monotonic() - start, 1),
        "edges": int(covered[-1]) if covered else None,
        "findings": [] if is_clean else artifacts or [f"status {done.returncode}"],
    }


def share(names, total, weights):
    """A total, divided by the targets' weights."""
    wanted = {name: weights.get(name, 1) for name in names}
    return {name: total * weight / sum(wanted.values()) for name, weight in wanted.items()}


def print_table(results):
    """For people."""
    print(f"{'target':<12} {'replayed':>9} {'executions':>12} {'per s':>9} {'edges':>6}  findings")
    for name, one in results.items():
        speed = one["executions"] / one["seconds"] if one["seconds"] else 0
        found = ", ".join(one["findings"]) or "none"
        numbers = f"{one['replayed']:>9} {one['executions']:>12,} {speed:>9,.0f} {one['edges'] or 0:>6}"
        print(f"{name:<12} {numbers}  {found}")
    total = sum(one["executions"] + one["replayed"] for one in results.values())
    print(f"{'all':<12} {total:>22,} executions, {sum(len(one['findings']) for one in results.values())} findings")


def describe_machine():
    """Where, and with what."""
    model = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    command = [harness_build.find_clang(), "--version"]
    clang = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return {"machine": f"{platform.machine()}, {model[1] if model else '?'}", "clang": clang.split("\n")[0]}


def describe_command(chosen):
    """The command again, without its folders."""
    amount = f"--executions {chosen.executions}" if chosen.executions else f"--seconds {chosen.seconds:.0f}"
    limited = "" if tuple(chosen.targets) == TARGETS else " --targets " + " ".join(chosen.targets)
    return f"python tests/fuzz/run.py {amount} --jobs {chosen.jobs}{limited}"


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--seconds", type=float, default=120, help="of mutating, all targets together")
    amount.add_argument("--executions", type=int, help="of mutating, all targets together")
    amount.add_argument("--replay", action="store_true", help="do not mutate")
    parser.add_argument("--targets", nargs="+", choices=TARGETS, default=TARGETS, metavar="TARGET")
    parser.add_argument("--jobs", type=int, default=1, help="targets at the same time")
    parser.add_argument("--seed", type=int, default=0, help="0: another one each time")
    parser.add_argument("--folder", type=Path, help="keeps the build, the grown corpus and the findings")
    parser.add_argument("--json", type=Path, help="write the results there")
    return parser.parse_args()


def run_all(chosen, folder):
    """Results by target."""
    programs = harness_build.build(folder / "build")
    make_corpus(folder / "corpus")
    seconds = share(chosen.targets, chosen.seconds, WEIGHTS)
    executions = share(chosen.targets, chosen.executions or 0, EXECUTION_WEIGHTS)

    def run_one(name):
        replayed = run_target(name, programs[name], folder, [], replays=True)
        result = {"executions": 0, "seconds": 0, "edges": None, "findings": []}
        if not chosen.replay and not replayed["findings"]:
            limit = f"-max_total_time={max(1, round(seconds[name]))}"
            if chosen.executions:
                limit = f"-runs={executions[name]:.0f}"
            result = run_target(name, programs[name], folder, [limit, f"-seed={chosen.seed}"], replays=False)
        return {"replayed": replayed["executions"], **result, "findings": replayed["findings"] + result["findings"]}

    with ThreadPoolExecutor(chosen.jobs) as pool:
        return dict(zip(chosen.targets, pool.map(run_one, chosen.targets), strict=True))


def main():
    chosen = read_arguments()
    folder = (chosen.folder or Path(tempfile.mkdtemp(prefix="netml-fuzz-"))).resolve()
    try:
        results = run_all(chosen, folder)
        machine = describe_machine()
    except harness_build.CannotBuild as error:
        print(f"fuzzing is skipped: {error}", file=sys.stderr)
        return NOT_BUILT
    print_table(results)
    if chosen.json:
        told = {
            "date": datetime.date.today().isoformat(),
            **machine,
            "command": describe_command(chosen),
            "executions": sum(one["executions"] + one["replayed"] for one in results.values()),
            "findings": sum(len(one["findings"]) for one in results.values()),
            "targets": results,
        }
        chosen.json.write_text(json.dumps(told, indent=1) + "\n")
    return 1 if any(one["findings"] for one in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
