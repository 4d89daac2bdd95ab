"""Write tcp_tshark.json: what tshark's TCP analysis says of every shared capture. Run by hand; needs tshark.

python tests/golden/make_tcp_tshark_golden.py ../shared/captures
"""

import json
import subprocess
import sys
from pathlib import Path

KINDS = ("retransmission", "out_of_order", "keep_alive", "zero_window")
FIELDS = ("frame.number", "tcp.stream", *(f"tcp.analysis.{kind}" for kind in KINDS), "tcp.analysis.initial_rtt")


def analyse(path):
    """Of one capture: frames by kind, and the initial RTT of each stream with the first frame that has it."""
    names = [part for field in FIELDS for part in ("-e", field)]
    command = ["tshark", "-r", path, "-Y", "tcp", "-T", "fields", "-E", "separator=|", *names]
    lines = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    found = {kind: [] for kind in KINDS} | {"initial_rtt_s": {}}
    for line in lines:
        number, stream, *marks, rtt_s = line.split("|")
        for kind, mark in zip(KINDS, marks, strict=True):
            if mark:
                found[kind].append(int(number))
        if rtt_s:
            found["initial_rtt_s"].setdefault(stream, [int(number), float(rtt_s)])
    found["initial_rtt_s"] = list(found["initial_rtt_s"].values())
    return found


def main():
    """Analyse all captures of a folder."""
    paths = [path for path in sorted(Path(sys.argv[1]).iterdir()) if path.suffix != ".csv"]
    golden = {path.name: found for path in paths if any((found := analyse(path)).values())}
    lines = [f"{json.dumps(name)}: {json.dumps(found)}" for name, found in golden.items()]
    Path(__file__).with_name("tcp_tshark.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
