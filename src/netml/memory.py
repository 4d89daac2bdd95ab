"""Memory that this process may still take: available memory of the machine and of its control groups."""

from __future__ import annotations

import os

_UNLIMITED_BYTES = 1 << 60  # version 1 says so with a number near 2**63


def available_bytes(root: str | os.PathLike[str] = "/") -> int | None:
    """Return the available memory, bytes: the least of the machine's and of each control group's.

    Parameters
    ----------
    root : path, default "/"
        Where `proc` and `sys` are.

    Returns
    -------
    int or None
        None where the system gives no figure.

    Notes
    -----
    The machine's figure is MemAvailable of /proc/meminfo, or else its physical memory. A control group's figure is its
    limit less its use; cached pages of files count as free.
    """
    base = os.fspath(root)
    found = [_machine_bytes(base), *(_group_bytes(folder) for folder in _groups(base))]
    known = [n_bytes for n_bytes in found if n_bytes is not None]
    return max(0, min(known)) if known else None


def _machine_bytes(base: str) -> int | None:
    for line in _read(base, "proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        if name == "MemAvailable" and rest.split():
            return int(rest.split()[0]) * 1024
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not on every system
        return None


def _groups(base: str) -> list[str]:
    """List the folders of this process's memory control groups and of those above them."""
    folders = []
    for line in _read(base, "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0":
            top = os.path.join(base, "sys/fs/cgroup")
        elif "memory" in controllers.split(","):
            top = os.path.join(base, "sys/fs/cgroup/memory")
        else:
            continue
        # Inside a container the path may be that of the host, where only the top is mounted.
        names = [name for name in path.split("/") if name]
        folders += [os.path.join(top, *names[:depth]) for depth in range(len(names), -1, -1)]
    return folders


def _group_bytes(folder: str) -> int | None:
    """Return the limit less the use of a control group of version 1 or 2, bytes; None without a limit."""
    for limit_name, use_name, idle_name in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        limit, use = _read(folder, limit_name).strip(), _read(folder, use_name).strip()
        if limit.isdigit() and use.isdigit() and int(limit) < _UNLIMITED_BYTES:
            counts = dict(line.split()[:2] for line in _read(folder, "memory.stat").splitlines() if " " in line)
            return int(limit) - int(use) + int(counts.get(idle_name, 0))
    return None


def _read(folder: str, name: str) -> str:
    try:
        with open(os.path.join(folder, name), encoding="utf-8") as stream:
            return stream.read()
    except (OSError, UnicodeDecodeError):
        return ""
