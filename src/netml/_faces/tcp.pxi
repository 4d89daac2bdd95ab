"""TCP beyond numbers: what a SYN offers, and what happened to each connection, as text."""
from netml._core.net.tcp_options cimport read_tcp_options as read_options


def read_tcp_options(const uint8_t[::1] header):
    """What the captured octets of a TCP header offer, as the packet column `tcp_options` has it for a SYN."""
    cdef uint32_t n_octets = <uint32_t> min(header.shape[0], 60)
    return read_options(&header[0], n_octets) if n_octets else 0
