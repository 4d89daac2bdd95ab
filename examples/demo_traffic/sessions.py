"""The capture being made, and conversations in it (UDP, TCP), each with a clock of its own."""

import struct
from dataclasses import dataclass

from . import frames
from .frames import ACK, FIN, PSH, RST, SYN

SEGMENT_BYTES = 1448  # Ethernet's 1500 minus IPv4, TCP and its timestamps


@dataclass
class Biflow:
    """Both directions of a conversation; the initiator's address comes first."""

    label: str
    first_us: int
    last_us: int
    n_forward: int = 0
    n_backward: int = 0


class Capture:
    """The frames made so far, with times in microseconds since the capture's start, and their biflows."""

    def __init__(self, rng):
        self.rng = rng
        self.frames = []  # (time_us, frame), in the order of making
        self.biflows = {}  # (src, src_port, dst, dst_port, protocol) of the initiator -> Biflow
        self._next_ports = {}

    def add(self, time_us, frame):
        """Add a frame that belongs to no biflow."""
        self.frames.append((int(time_us), frame))

    def add_packet(self, time_us, conversation, from_client, protocol, frame):
        """Add a frame and count it in its conversation's biflow."""
        self.add(time_us, frame)
        one = conversation
        key = (one.client.text, one.client_port, one.server.text, one.server_port, protocol)
        time_us = int(time_us)
        biflow = self.biflows.setdefault(key, Biflow(one.label, time_us, time_us))
        biflow.first_us = min(biflow.first_us, time_us)
        biflow.last_us = max(biflow.last_us, time_us)
        if from_client:
            biflow.n_forward += 1
        else:
            biflow.n_backward += 1

    def next_port(self, host):
        """Return the next ephemeral port of a host, as its kernel would count them."""
        port = self._next_ports.get(host.ip) or int(self.rng.randint(49_152, 56_000))
        self._next_ports[host.ip] = port + 1 + int(self.rng.randint(0, 3))
        return port

    def between(self, low, high):
        """Draw a random whole number, `high` excluded."""
        return int(self.rng.randint(low, high))


class Conversation:
    """Two ends, two ports, a label and the time at which the next packet passes the capture point."""

    protocol = frames.UDP

    def __init__(self, capture, start_us, client, server, server_port, label="BENIGN", rtt_us=20_000, client_port=None):
        self.capture, self.client, self.server = capture, client, server
        self.client_port = client_port or capture.next_port(client)
        self.server_port, self.label = server_port, label
        self.now_us, self.rtt_us = int(start_us), rtt_us
        self.identification = capture.between(0, 1 << 16)

    def wait(self, low_us, high_us=None):
        """Let time pass: `low_us`, or a random time up to `high_us`."""
        self.now_us += int(low_us) if high_us is None else self.capture.between(int(low_us), int(high_us))

    def ends(self, from_client):
        """Return sender, its port, receiver, its port."""
        ends = (self.client, self.client_port, self.server, self.server_port)
        return ends if from_client else ends[2:] + ends[:2]

    def emit(self, from_client, body, after_us=0):
        """Record one packet with this transport header and payload."""
        src, _, dst, _ = self.ends(from_client)
        self.identification = (self.identification + 1) & 0xFFFF
        frame = frames.internet(src, dst, self.protocol, body, self.identification)
        self.capture.add_packet(self.now_us + after_us, self, from_client, self.protocol, frame)


class UdpExchange(Conversation):
    """Datagrams between two ports."""

    def send(self, from_client, payload):
        """Record a datagram."""
        self.emit(from_client, frames.udp_datagram(*self.ends(from_client), payload))


class TcpConnection(Conversation):
    """A TCP connection with sequence numbers, options and acknowledgements as Linux sends them."""

    protocol = frames.TCP

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.seq = {True: self.capture.between(1, 1 << 31), False: self.capture.between(1, 1 << 31)}
        self.epoch_ms = {True: self.capture.between(1, 1 << 30), False: self.capture.between(1, 1 << 30)}
        self.last_timestamp = {True: 0, False: 0}

    def segment(self, from_client, flags, payload=b"", after_us=0, options=None):
        """Record one segment `after_us` microseconds from now."""
        timestamp = self.epoch_ms[from_client] + (self.now_us + after_us) // 1000
        if options is None:
            times = struct.pack("!BBII", 8, 10, timestamp, self.last_timestamp[not from_client])
            prefix = b"\x02\x04\x05\xb4\x04\x02" if flags & SYN else b"\x01\x01"
            options = prefix + times + (b"\x01\x03\x03\x07" if flags & SYN else b"")
        self.last_timestamp[from_client] = timestamp
        ack = self.seq[not from_client] if flags & ACK else 0
        window = 64_240 if flags & SYN else 502
        body = frames.tcp_segment(*self.ends(from_client), self.seq[from_client], ack, flags, payload, options, window)
        self.emit(from_client, body, after_us)
        self.seq[from_client] = (self.seq[from_client] + len(payload) + bool(flags & (SYN | FIN))) & 0xFFFFFFFF

    def open(self):
        """Shake hands three ways."""
        self.segment(True, SYN)
        self.wait(self.rtt_us, self.rtt_us * 1.1)
        self.segment(False, SYN | ACK)
        self.wait(60, 250)
        self.segment(True, ACK)

    def say(self, from_client, payload):
        """Send `payload` in segments; the other end acknowledges every second one, and the last."""
        ack_us = self.capture.between(*((self.rtt_us, int(self.rtt_us * 1.2)) if from_client else (50, 200)))
        for first in range(0, len(payload), SEGMENT_BYTES):
            part = payload[first : first + SEGMENT_BYTES]
            is_last = first + len(part) == len(payload)
            self.segment(from_client, ACK | PSH if is_last else ACK, part)
            if is_last or first // SEGMENT_BYTES % 2:
                self.segment(not from_client, ACK, after_us=ack_us)
            self.wait(12, 160)
        self.wait(ack_us)

    def close(self, reset=False):
        """End the connection from the client's side."""
        if reset:
            self.segment(True, RST | ACK)
            return
        self.segment(True, FIN | ACK)
        self.wait(self.rtt_us, self.rtt_us * 1.1)
        self.segment(False, FIN | ACK)
        self.wait(60, 250)
        self.segment(True, ACK)
