"""Families of tests' own, and packages that offer some."""

import numpy as np

from netml.families import custom

PAYLOADS = ("payload_max_bytes", "payload_packets")


def payloads(table):
    """Largest payload, packets with one."""
    starts = table.offsets[:-1]
    largest = np.maximum.reduceat(table.payload_bytes, starts)
    return np.column_stack([largest, np.add.reduceat(table.payload_bytes > 0, starts, dtype=np.int64)])


def reference_payloads(table):
    """The same, flow by flow."""
    rows = []
    for start, end in zip(table.offsets[:-1], table.offsets[1:], strict=True):
        found = [int(n_bytes) for n_bytes in table.payload_bytes[start:end]]
        rows.append([max(found), sum(n_bytes > 0 for n_bytes in found)])
    return np.array(rows, float)


def register(name="PAYLOADS", function=payloads, columns=PAYLOADS, packet_columns=("payload_bytes",), **more):
    return custom.register_family(name, columns=columns, packet_columns=packet_columns, **more)(function)


MODULE = """
import numpy as np
import netml

@netml.register_family("{name}", columns=["{column}"])
def largest(table):
    '''The largest packet, bytes.'''
    return np.maximum.reduceat(table.size, table.offsets[:-1])
"""


def write_package(folder, package, points, source):
    """A package as pip would install it, without pip: a module, and the metadata with its entry points."""
    (folder / f"{package}.py").write_text(source)
    about = folder / f"{package}-1.5.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.5\n")
    lines = "".join(f"{name} = {target}\n" for name, target in points.items())
    (about / "entry_points.txt").write_text(f"[netml.families]\n{lines}")
