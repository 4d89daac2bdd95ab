"""Abnormal traffic, one function a kind. Addresses are from the documentation ranges (RFC 5737)."""

import struct

from . import frames
from .frames import ACK, RST, SYN, make_host
from .office import FILE_SERVER, OUTER_RESOLVER, SECOND, WORKSTATIONS, ssh_login, tls_record
from .sessions import TcpConnection, UdpExchange

SCANNER = make_host("203.0.113.66", hop_limit=49)
GUESSER = make_host("203.0.113.87", hop_limit=45)
FLOODER = make_host("203.0.113.140", hop_limit=54)
CONTROLLER = make_host("198.51.100.23", hop_limit=44)
WEB_SERVER = make_host("10.20.0.6", bytes.fromhex("020000002006"))
HIGH_PORTS = (111, 135, 139, 143, 389, 443, 445, 993, 1433, 3306, 3389, 5432, 5900, 8080, 8443)
OPEN_PORTS = (22, 80, 139, 443, 445, 8080)
MSS_ONLY = b"\x02\x04\x05\xb4"


def scan_ports(capture, start_us):
    """Scan one server by TCP connect: ports refuse, are filtered (the client tries again) or are open."""
    ports = [*range(20, 110), *HIGH_PORTS]
    capture.rng.shuffle(ports)
    for number, port in enumerate(ports):
        probe = TcpConnection(capture, start_us + number * 45_000, SCANNER, FILE_SERVER, port, "PortScan", rtt_us=180)
        if port in OPEN_PORTS:
            probe.open()
            probe.wait(100, 900)
            probe.close(reset=True)
        elif number % 9 < 5:
            for delay_us in (0, 1_000_000, 2_000_000):
                probe.wait(delay_us, delay_us + 9_000)
                probe.segment(True, SYN)
                probe.seq[True] -= 1  # the same SYN again
        else:
            probe.segment(True, SYN)
            probe.wait(150, 220)
            probe.segment(False, RST | ACK, options=b"")


def flood_syn(capture, start_us, n_sources):
    """Send SYNs from forged sources; the server answers until its backlog is full, three times each."""
    for number in range(n_sources):
        source = make_host(f"203.0.113.{160 + number % 80}", hop_limit=40 + number % 20)
        at_us = start_us + number * 21_000 + capture.between(0, 15_000)
        client_port = capture.between(1_024, 65_000)
        half = TcpConnection(capture, at_us, source, WEB_SERVER, 80, "SYN Flood", rtt_us=150, client_port=client_port)
        half.segment(True, SYN, options=MSS_ONLY)
        if number % 3 == 0:
            for _ in range(capture.between(1, 5)):
                half.wait(200, 4_000)
                half.seq[True] = capture.between(1, 1 << 31)
                half.segment(True, SYN, options=MSS_ONLY)
        if number < 60:
            for delay_us in (110, 1_000_000, 2_000_000):
                half.wait(delay_us, delay_us + 800)
                half.segment(False, SYN | ACK, options=MSS_ONLY)
                half.seq[False] -= 1


def leak_by_dns(capture, start_us, end_us, n_sessions):
    """Carry a file out in the labels of DNS queries, slowly; TXT answers say which piece comes next."""
    for number in range(n_sessions):
        at_us = start_us + (end_us - start_us) * number // n_sessions + capture.between(0, 8 * SECOND)
        leak = UdpExchange(capture, at_us, WORKSTATIONS[7][0], OUTER_RESOLVER, 53, "DNS Exfiltration")
        for piece in range(6 + capture.between(0, 4)):
            label = capture.rng.bytes(31).hex()[:60]
            name = f"{label}.{capture.rng.bytes(20).hex()}.{number:x}{piece:x}.tunnel.example"
            identification = capture.between(0, 1 << 16)
            leak.send(True, frames.dns_message(identification, name, 16))
            leak.wait(24_000, 70_000)
            text = capture.rng.bytes(16).hex().encode()
            leak.send(False, frames.dns_message(identification, name, 16, [bytes((len(text),)) + text], ttl_s=0))
            leak.wait(int(2.2 * SECOND), int(4.5 * SECOND))


def call_home(capture, start_us, end_us, period_s):
    """Ask a controller for orders at a steady beat, as a bot does, with a short TLS connection each time."""
    at_us = start_us
    while at_us < end_us:
        call = TcpConnection(capture, at_us, WORKSTATIONS[3][0], CONTROLLER, 8443, "C2 Beacon", rtt_us=61_000)
        call.open()
        call.wait(700, 900)
        call.say(True, tls_record(capture, 22, 245))
        call.wait(1_000, 3_000)
        call.say(False, tls_record(capture, 22, 122) + tls_record(capture, 23, 90))
        call.wait(500, 800)
        call.say(True, tls_record(capture, 20, 1) + tls_record(capture, 23, 53) + tls_record(capture, 23, 128))
        call.wait(1_500, 3_000)
        call.say(False, tls_record(capture, 23, 64))
        call.wait(300, 600)
        call.close()
        at_us += int(period_s * SECOND * (1 + 0.03 * capture.rng.uniform(-1, 1)))


def guess_passwords(capture, start_us, n_connections):
    """Guess passwords over SSH: two tries a connection, one connection after the other."""
    at_us = start_us
    for _ in range(n_connections):
        guess = TcpConnection(capture, at_us, GUESSER, FILE_SERVER, 22, "SSH Brute Force", rtt_us=420)
        ssh_login(guess, attempts=2)
        guess.close()
        at_us += capture.between(int(2.6 * SECOND), int(3.9 * SECOND))


def flood_udp(capture, start_us, n_ports, n_each):
    """Send datagrams to random ports from a handful of source ports, faster than anyone listens."""
    for number in range(n_ports):
        client_port = 20_000 + 17 * number
        flood = UdpExchange(
            capture,
            start_us + number * 90_000,
            FLOODER,
            WEB_SERVER,
            capture.between(1_024, 65_536),
            "UDP Flood",
            client_port=client_port,
        )
        for sequence in range(n_each):
            flood.send(True, struct.pack("!II", number, sequence) + bytes(56))
            flood.wait(700, 1_300)


def all_attacks(capture, end_us):
    """Add all of the abnormal traffic."""
    scan_ports(capture, 185 * SECOND)
    guess_passwords(capture, 300 * SECOND, 24)
    leak_by_dns(capture, 400 * SECOND, end_us - 60 * SECOND, 24)
    flood_syn(capture, 560 * SECOND, 150)
    flood_udp(capture, 705 * SECOND, 24, 12)
    call_home(capture, 45 * SECOND, end_us, 31)
