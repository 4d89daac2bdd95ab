"""Formats of captures, probed from their first bytes: dpkt reads the header, the kernel's framing is set up from it."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import io
import sys
from types import ModuleType
from typing import Any, NamedTuple

from netml import _flowcore
from netml.errors import CaptureError, NotACaptureError, damaged_capture, describe_damage

PCAP_HEADER_BYTES = 24
_MODIFIED_RECORD_BYTES = 24
_SECTION_START_BYTES = 12  # a section header block up to its byte-order magic
_LINK_TYPE_BITS = 0x03FFFFFF
_STARTS = tuple(map(bytes.fromhex, ("d4c3b2a1", "a1b2c3d4", "4d3cb2a1", "a1b23c4d", "0a0d0d0a")))
_PRIVATE_DPKT = "netml._dpkt"


class Probed(NamedTuple):
    """A capture's format, framing and header, from its first bytes."""

    format: str  # "pcap" or "pcapng"
    framer: _flowcore.Framer
    header_bytes: int  # what stands before the first record or block
    link_type: int | None  # of a pcap
    resolution: str  # of its times, in words
    warnings: list[CaptureError]


def probe_capture(head: bytes, name: str) -> Probed:
    """Probe the format of a capture by its first `PCAP_HEADER_BYTES` bytes, or fewer if it has no more.

    Raises `NotACaptureError` if it is neither pcap nor pcapng, `TruncatedCaptureError` if it is cut in its header.
    """
    found = _probe_pcap(head, name) or _probe_pcapng(head, name)
    if found is None:
        raise _refusal(head, name)
    return found


def _refusal(head: bytes, name: str) -> CaptureError:
    if not head:
        return NotACaptureError("the file is empty", path=name, offset=0)
    if len(head) < PCAP_HEADER_BYTES and any(start.startswith(head[:4]) for start in _STARTS):
        return damaged_capture("header cut", name, offset=0, n_left=len(head))
    text = head.decode("ascii", "backslashreplace")[:16] if head.isascii() else head[:4].hex(" ")
    return NotACaptureError(f"neither pcap nor pcapng: it begins with {text!r}", path=name, offset=0)


def _probe_pcap(head: bytes, name: str) -> Probed | None:
    if len(head) < PCAP_HEADER_BYTES:
        return None
    pcap = _load_dpkt("pcap")
    try:
        reader = pcap.Reader(io.BytesIO(head))
    except ValueError:
        return None
    is_swapped = head[0] == 0xA1
    magic = int.from_bytes(head[:4], "big" if is_swapped else "little")
    is_nano = magic == pcap.TCPDUMP_MAGIC_NANO
    link_type = reader.datalink() & _LINK_TYPE_BITS
    framer = _flowcore.Framer(
        "pcap",
        is_swapped=is_swapped,
        header_bytes=_MODIFIED_RECORD_BYTES if magic == pcap.MODPCAP_MAGIC else 16,
        fraction_ns=1 if is_nano else 1000,
        link_type=link_type,
    )
    odd = []
    if reader.snaplen == 0:
        odd.append(CaptureError("a snaplen of 0, read as no limit", path=name, offset=16))
    return Probed("pcap", framer, PCAP_HEADER_BYTES, link_type, "ns" if is_nano else "us", odd)


def _probe_pcapng(head: bytes, name: str) -> Probed | None:
    if len(head) < _SECTION_START_BYTES or not head.startswith(_STARTS[-1]):
        return None
    pcapng = _load_dpkt("pcapng")
    section = pcapng.SectionHeaderBlock()
    section.unpack_hdr(head.ljust(section.__hdr_len__, b"\0"))
    if section.bom not in (pcapng.BYTE_ORDER_MAGIC, pcapng.BYTE_ORDER_MAGIC_LE):
        raise NotACaptureError(describe_damage("section"), path=name, offset=8)
    return Probed("pcapng", _flowcore.Framer("pcapng"), 0, None, "units of each interface", [])


def name_link_type(link_type: int) -> str | None:
    """Return dpkt's name of a LINKTYPE_ value ("USB_LINUX"), None if it has none."""
    names = vars(_load_dpkt("pcap"))
    return next((name[4:] for name, number in names.items() if name.startswith("DLT_") and number == link_type), None)


def _load_dpkt(name: str) -> Any:
    """Load `dpkt.pcap` or `dpkt.pcapng` without the hundred protocols that `import dpkt` loads.

    Those take 30 ms, more than a small capture takes. So the module is loaded from dpkt's folder as part of a package
    of another name, unless dpkt is loaded already; where that fails, dpkt is imported as usual.
    """
    if "dpkt" not in sys.modules:
        try:
            return importlib.import_module(f"{_private_dpkt().__name__}.{name}")
        except ImportError:
            pass
    return importlib.import_module(f"dpkt.{name}")


def _private_dpkt() -> ModuleType:
    """Make a package of dpkt's modules without running dpkt's `__init__`."""
    package = sys.modules.get(_PRIVATE_DPKT)
    if package is None:
        spec = importlib.util.find_spec("dpkt")
        if spec is None or spec.submodule_search_locations is None:
            raise ImportError("dpkt is not installed as a package")
        package = ModuleType(_PRIVATE_DPKT)
        package.__path__ = list(spec.submodule_search_locations)
        package.__spec__ = importlib.machinery.ModuleSpec(_PRIVATE_DPKT, None, is_package=True)
        sys.modules[_PRIVATE_DPKT] = package
    return package
