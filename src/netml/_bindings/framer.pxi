"""Captures into the kernel: the framing of one capture, the kind of its damage, times from Python."""
from libc.math cimport fabs, isfinite, rint
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint32_t

import numpy as np

from netml._core.capture.pcapng cimport free_pcapng
from netml._core.capture.registry cimport FORMAT_PCAP, FORMAT_PCAPNG, Framing, next_frame
from netml._core.link.registry cimport is_supported_link_type
from netml._core.octets cimport netml_fail_allocations, netml_populate
from netml._core.packet cimport Frame
from netml._core.status cimport (
    STATUS_BAD_BLOCK, STATUS_BAD_LENGTH, STATUS_BAD_SECTION, STATUS_FRAME, STATUS_NEED_MORE, STATUS_NO_FRAME,
    STATUS_NO_INTERFACE, STATUS_NO_MEMORY, STATUS_OK, STATUS_TOO_MANY, STATUS_UNREADABLE, Status,
)

from netml.errors import CaptureError

# Kinds of damage, by `Status`; `netml.errors.describe_damage` has the words.
DAMAGE_KINDS = {
    STATUS_BAD_LENGTH: "length",
    STATUS_BAD_BLOCK: "block",
    STATUS_BAD_SECTION: "section",
    STATUS_NO_INTERFACE: "interface",
    STATUS_UNREADABLE: "unreadable",
}


def is_supported(uint32_t link_type):
    """Return True if the kernel decodes frames of this LINKTYPE_ value."""
    return bool(is_supported_link_type(link_type))


def populate(const uint8_t[::1] mapped, size_t start, size_t length):
    """Enter a part of a mapped file in the page table, so that its next reader meets no page faults."""
    if start < <size_t> mapped.shape[0] and length > 0:
        with nogil:
            netml_populate(&mapped[start], min(length, <size_t> mapped.shape[0] - start))


def fail_allocations(int64_t n):
    """Let the kernel's next `n` allocations succeed and all others fail; -1: no more faults. For tests.

    Only builds with NETML_FAULTS=1, NETML_DEBUG=1 or NETML_SANITIZE=1 can; return True if this one is such a build.
    """
    return bool(netml_fail_allocations(n))


cdef str find_damage(Status status):
    """Return the kind of damage, "" if there is none; raise for a lack of memory and for too many packets."""
    if status == STATUS_OK or status == STATUS_NEED_MORE:
        return ""
    if status == STATUS_TOO_MANY:
        raise OverflowError("more than 4,294,967,295 packets or flows: split the capture")
    if status == STATUS_NO_MEMORY:
        raise MemoryError("no memory for the packet columns or the flow table")
    return DAMAGE_KINDS[<int> status]


cdef class Framer:
    """Framing of one capture: its format, and for pcapng what its sections have said so far."""

    cdef Framing framing

    def __cinit__(self, str capture_format, *, bint is_swapped=False, uint32_t header_bytes=16,
                  uint32_t fraction_ns=1000, uint32_t link_type=1):
        if capture_format not in ("pcap", "pcapng") or header_bytes not in (16, 24):
            raise ValueError(f"no framing for {capture_format!r} with record headers of {header_bytes} bytes")
        self.framing.format = FORMAT_PCAP if capture_format == "pcap" else FORMAT_PCAPNG
        self.framing.pcap.is_swapped = is_swapped
        self.framing.pcap.header_bytes = header_bytes
        self.framing.pcap.fraction_ns = fraction_ns
        self.framing.pcap.link_type = link_type

    def __dealloc__(self):
        free_pcapng(&self.framing.pcapng)

    def take_frames(self, const uint8_t[::1] block, size_t start, size_t length):
        """Frame `length` octets of a block from `start` on without decoding the frames.

        Returns
        -------
        frames : list of (int, bytes, int)
            Time since 1970, ns; the frame as captured; its LINKTYPE_ value.
        n_left, n_wanted, damage
            As of `FlowAssembler.assemble`.
        """
        cdef Frame frame
        cdef Status status = STATUS_OK
        cdef const uint8_t *at
        cdef const uint8_t *end
        cdef size_t size
        frames = []
        if length == 0 or start > <size_t> block.shape[0] or length > block.shape[0] - start:
            raise ValueError("start and length are beyond the block")
        at = &block[start]
        end = at + length
        while True:
            size = 0
            status = next_frame(&self.framing, at, end, &frame, &size)
            if status == STATUS_FRAME:
                frames.append((frame.time_ns, frame.octets[:frame.caplen], frame.link_type))
            elif status != STATUS_NO_FRAME:
                return frames, end - at, size, find_damage(status)
            at += size
            self.framing.n_passed += 1

    @property
    def n_passed(self):
        """Records (pcap) or blocks (pcapng) passed so far."""
        return self.framing.n_passed

    @property
    def seen(self):
        """Dict: link_types (set of the LINKTYPE_ values of all interfaces so far), n_sections, n_interfaces."""
        cdef size_t i
        link_types = {self.framing.pcapng.link_types[i] for i in range(self.framing.pcapng.n_link_types)}
        return {
            "link_types": {self.framing.pcap.link_type} if self.framing.format == FORMAT_PCAP else link_types,
            "n_sections": self.framing.pcapng.n_sections,
            "n_interfaces": self.framing.pcapng.n_interfaces_seen,
        }


cpdef int64_t convert_time(object time) except? -1:
    """Convert a time in seconds (float, int, Decimal, Fraction) to ns.

    A float since 1970 is rounded to the microsecond it came from; only below 2**22 s are there digits for nanoseconds.
    """
    cdef double seconds
    if isinstance(time, (float, np.floating)):
        seconds = time
        if not isfinite(seconds) or fabs(seconds) > 9.2e9:
            raise CaptureError(f"a packet's time is {time!r} s: out of range")
        if fabs(seconds) >= 4194304.0:
            return <int64_t> rint(seconds * 1e6) * 1000
        return <int64_t> rint(seconds * 1e9)
    if isinstance(time, (int, np.integer)):
        exact = int(time)
    else:
        from fractions import Fraction

        try:
            exact = Fraction(time)
        except (TypeError, ValueError, OverflowError):
            raise CaptureError(f"a packet's time is {time!r}: no number of seconds") from None
    exact = int(exact * 1000000000)
    if not -INT64_MAX <= exact <= INT64_MAX:
        raise CaptureError(f"a packet's time is {time} s: out of range")
    return exact
