"""Small captures for tests: a few flows of TCP and UDP, with what netml must make of them."""

from builders import captures, frames

START_NS = 1_700_000_000 * 10**9
MS = 10**6


def udp_frame(payload=b"question", *, source="10.0.0.1", destination="10.0.0.2", ports=(5000, 53)):
    """An Ethernet frame with a UDP datagram."""
    packet = frames.ip(frames.udp(*ports, payload), source=source, destination=destination)
    return frames.ethernet(packet)


def tcp_frame(payload=b"", *, source="10.0.0.1", destination="10.0.0.3", ports=(40000, 443), flags=frames.ACK):
    """An Ethernet frame with a TCP segment."""
    segment = frames.tcp(*ports, payload, flags=flags)
    return frames.ethernet(frames.ip(segment, source=source, destination=destination, protocol=frames.TCP))


def icmp_frame():
    """An Ethernet frame that is IP, and neither TCP nor UDP."""
    return frames.ethernet(frames.ipv4(frames.icmp(), protocol=frames.ICMP))


def records(n_packets=6, *, start_ns=START_NS):
    """Packets of a UDP and a TCP flow in turn, a millisecond apart, each of another size."""
    made = []
    for i in range(n_packets):
        frame = tcp_frame(b"x" * i) if i % 2 else udp_frame(b"q" * i)
        made.append((start_ns + i * MS, frame))
    return made


def many_flows(n_packets=200, n_flows=17, *, start_ns=START_NS):
    """Packets of IPv4 and IPv6 flows in turn, of changing sizes, flags and gaps; to the microsecond."""
    made, time_ns = [], start_ns
    for i in range(n_packets):
        flow = i * 7 % n_flows
        time_ns += (i * 7919 % 1000 + 1) * 1000
        hosts = ("2001:db8::1", f"2001:db8::{flow + 2:x}") if flow % 3 == 0 else ("10.0.0.1", f"10.0.1.{flow}")
        kind = {"source": hosts[0], "destination": hosts[1], "ports": (1024 + flow, 53)}
        size = i * 104729 % 600
        frame = tcp_frame(b"t" * size, flags=i % 256, **kind) if flow % 2 else udp_frame(b"u" * size, **kind)
        made.append((time_ns, frame))
    return made


def write_pcap(path, made=None, **layout):
    """Write records as a pcap file and give its path."""
    path.write_bytes(captures.pcap(records() if made is None else made, **layout))
    return path
