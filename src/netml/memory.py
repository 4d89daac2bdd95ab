"""How much memory this process may still take: of the machine's, and of its control groups'."""

from __future__ import annotations

import os
from pathlib import Path

_UNLIMITED_BYTES = 1 << 60  # version 1 says so with a number near 2**63


def available_bytes(root: str | os.PathLike[str] = "/") -> int | None:
    """Give the memory that is available, bytes: the least of what the machine and the control groups leave.

    Parameters
    ----------
    root : path, default "/"
        Where `proc` and `sys` are.

    Returns
    -------
    int or None
        None where the system does not say.

    Notes
    -----
    Of the machine it is MemAvailable of /proc/meminfo, or else its physical memory; of a control group and of those
    above it the limit less what is used, where pages of files that are not in use count as free. Both versions of
    control groups are read.
    """
    base = Path(root)
    found = [_machine_bytes(base), *(_group_bytes(folder) for folder in _groups(base))]
    known = [n_bytes for n_bytes in found if n_bytes is not None]
    return max(0, min(known)) if known else None


def _machine_bytes(base: Path) -> int | None:
    for line in _read(base / "proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        if name == "MemAvailable" and rest.split():
            return int(rest.split()[0]) * 1024
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return None


def _groups(base: Path) -> list[Path]:
    """The folders of this process's memory control groups and of those above them."""
    folders = []
    for line in _read(base / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0":
            top = base / "sys/fs/cgroup"
        elif "memory" in controllers.split(","):
            top = base / "sys/fs/cgroup/memory"
        else:
            continue
        # Inside a container the path may be that of the host, where only the top is mounted.
        folder = top / path.strip("/")
        folders += [folder, *(above for above in folder.parents if above.is_relative_to(top))]
    return folders


def _group_bytes(folder: Path) -> int | None:
    """Limit less use, of either version; None without a limit."""
    for limit_name, use_name, idle_name in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        limit, use = _read(folder / limit_name).strip(), _read(folder / use_name).strip()
        if limit.isdigit() and use.isdigit() and int(limit) < _UNLIMITED_BYTES:
            counts = dict(line.split()[:2] for line in _read(folder / "memory.stat").splitlines() if " " in line)
            return int(limit) - int(use) + int(counts.get(idle_name, 0))
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""
