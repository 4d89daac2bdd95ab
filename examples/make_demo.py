#!/usr/bin/env python3
"""Write the demo: a capture of a small office's traffic with attacks in it, and the labels of its flows.

    python examples/make_demo.py [FOLDER]          (default: examples/data)

FOLDER/demo.pcap is a classic microsecond pcap of 20 minutes; FOLDER/demo.csv has one row a biflow in the form
of the CIC-IDS2017 data set, blanks in the column names included.
All of it is synthetic, and the bytes are the same each time.
"""

import argparse
import csv
import struct
import time
from pathlib import Path

import numpy as np
from demo_traffic.attacks import all_attacks
from demo_traffic.office import SECOND, office_day
from demo_traffic.sessions import Capture

START_S = 1_717_404_600  # 2024-06-03 08:50:00 UTC
DURATION_US = 20 * 60 * SECOND
CSV_COLUMNS = (
    "Flow ID",
    " Source IP",
    " Source Port",
    " Destination IP",
    " Destination Port",
    " Protocol",
    " Timestamp",
    " Flow Duration",
    " Total Fwd Packets",
    " Total Backward Packets",
    " Label",
)


def write_pcap(path, frames):
    """Write `(time_us, frame)` pairs, in time order, as a little-endian microsecond pcap."""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1))
        # Sorted by time only: equal times stay in the order in which they were made.
        for time_us, frame in sorted(frames, key=lambda pair: pair[0]):
            second, microsecond = divmod(time_us, SECOND)
            out.write(struct.pack("<IIII", START_S + second, microsecond, len(frame), len(frame)) + frame)


def write_labels(path, biflows):
    """Write one row a biflow, in order of their first packets; times are UTC, durations microseconds."""
    with open(path, "w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(CSV_COLUMNS)
        for key, biflow in sorted(biflows.items(), key=lambda pair: pair[1].first_us):
            src, src_port, dst, dst_port, protocol = key
            begin = time.gmtime(START_S + biflow.first_us // SECOND)
            writer.writerow(
                (
                    f"{src}-{dst}-{src_port}-{dst_port}-{protocol}",
                    *key,
                    time.strftime("%d/%m/%Y %H:%M:%S", begin),
                    biflow.last_us - biflow.first_us,
                    biflow.n_forward,
                    biflow.n_backward,
                    biflow.label,
                )
            )


def main():
    """Run the command line."""
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent / "data")
    folder = cli.parse_args().folder
    # RandomState: numpy promises never to change its numbers, so no version of numpy changes the capture.
    capture = Capture(np.random.RandomState(20))
    office_day(capture, DURATION_US)
    all_attacks(capture, DURATION_US)
    folder.mkdir(parents=True, exist_ok=True)
    write_pcap(folder / "demo.pcap", capture.frames)
    write_labels(folder / "demo.csv", capture.biflows)
    print(f"{folder}: {len(capture.frames)} packets, {len(capture.biflows)} biflows")


if __name__ == "__main__":
    main()
