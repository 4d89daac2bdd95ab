"""The registry of capture formats. A new format is a file and its lines here."""
from libc.stdint cimport uint8_t, uint64_t

from netml._core.capture.pcap cimport PcapClock, next_pcap_record
from netml._core.capture.pcapng cimport Pcapng, next_pcapng_block
from netml._core.packet cimport Frame
from netml._core.status cimport Status


cdef enum CaptureFormat:
    FORMAT_PCAP
    FORMAT_PCAPNG


cdef struct Framing:
    CaptureFormat format
    PcapClock pcap
    Pcapng pcapng
    uint64_t n_passed            # records or blocks passed, for error messages


cdef inline Status next_frame(
    Framing *framing, const uint8_t *at, const uint8_t *end, Frame *frame, size_t *n_used,
) noexcept nogil:
    """Frame the record or block at `at`; it takes `n_used` octets."""
    if framing.format == FORMAT_PCAP:
        return next_pcap_record(&framing.pcap, at, end, frame, n_used)
    return next_pcapng_block(&framing.pcapng, at, end, frame, n_used)
