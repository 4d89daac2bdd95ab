"""Normal traffic of a small office: names, web, time, shells, a film, and the neighbours' ARP and ping."""

import struct

from . import frames
from .frames import make_host
from .sessions import TcpConnection, UdpExchange

SECOND = 1_000_000
WORKSTATIONS = [
    (
        make_host(f"10.20.0.{number}", bytes.fromhex(f"0200000020{number:02x}")),
        make_host(f"2001:db8:20::{number:x}", bytes.fromhex(f"0200000020{number:02x}")),
    )
    for number in range(11, 21)
]
GUEST = make_host("10.20.40.9", bytes.fromhex("020000002809"), vlan=40)  # the host behind an 802.1Q tag
RESOLVER = make_host("10.20.0.2", bytes.fromhex("020000002002"))
RESOLVER_V6 = make_host("2001:db8:20::2", bytes.fromhex("020000002002"))
FILE_SERVER = make_host("10.20.0.5", bytes.fromhex("020000002005"))
GATEWAY = make_host("10.20.0.1")
OUTER_RESOLVER = make_host("203.0.113.53", hop_limit=57)
TIME_SERVER = make_host("203.0.113.123", hop_limit=52)
FILM_SERVER = make_host("198.51.100.200", hop_limit=56)
SITES = [
    ("www", "example.com", 34, 52),
    ("mail", "example.org", 40, 49),
    ("static", "example.net", 51, 58),
    ("api", "intranet.example", 77, 60),
    ("news", "daily.example", 80, 47),
    ("shop", "market.example", 93, 50),
]


def site_addresses(number, hop_limit):
    """Return the IPv4 and the IPv6 host of a web site."""
    return (
        make_host(f"198.51.100.{number}", hop_limit=hop_limit),
        make_host(f"2001:db8:feed::{number:x}", hop_limit=hop_limit),
    )


def look_up(capture, start_us, client, resolver, name, site, label="BENIGN"):
    """Ask for A and AAAA from one socket, as glibc does; returns when the answers are there."""
    asked = UdpExchange(capture, start_us, client, resolver, 53, label)
    cached = capture.between(0, 3) > 0
    first = capture.between(0, 1 << 16)
    asked.send(True, frames.dns_message(first, name, 1))
    asked.wait(10, 90)
    asked.send(True, frames.dns_message(first + 1 & 0xFFFF, name, 28))
    asked.wait(250, 900) if cached else asked.wait(12_000, 60_000)
    asked.send(False, frames.dns_message(first, name, 1, [site[0].ip]))
    asked.wait(20, 400) if cached else asked.wait(500, 9_000)
    asked.send(False, frames.dns_message(first + 1 & 0xFFFF, name, 28, [site[1].ip]))
    return asked.now_us


def tls_record(capture, kind, n_bytes):
    """Make a TLS record of a content type with random content."""
    return struct.pack("!BHH", kind, 0x0303, n_bytes) + capture.rng.bytes(n_bytes)


def browse(capture, start_us, client, server, resumed):
    """Shake hands (TLS 1.3), then exchange requests and responses with a reader's pauses."""
    web = TcpConnection(capture, start_us, client, server, 443, rtt_us=capture.between(8_000, 45_000))
    web.open()
    web.wait(300, 2_000)
    web.say(True, tls_record(capture, 22, capture.between(512, 620)))
    web.wait(400, 4_000)
    web.say(
        False,
        tls_record(capture, 22, 122) + tls_record(capture, 23, 90 if resumed else capture.between(700, 1_250)),
    )
    web.wait(500, 3_000)
    web.say(True, tls_record(capture, 20, 1) + tls_record(capture, 23, 53))
    for request in range(1 + capture.between(0, 3)):
        if request:
            web.wait(min(int(capture.rng.lognormal(13.6, 1.2)), 14 * SECOND))
        web.say(True, tls_record(capture, 23, capture.between(90, 420)))
        web.wait(2_000, 60_000)
        web.say(False, tls_record(capture, 23, min(60 + int(capture.rng.lognormal(5.8, 1.0)), 3_000)))
    web.wait(min(int(capture.rng.lognormal(13.0, 1.5)), 20 * SECOND))
    web.close(reset=capture.between(0, 8) == 0)


def visit(capture, start_us, addresses, resolvers):
    """Look a site up and open one to three connections to it, over IPv6 where the client has it."""
    host, domain, number, hop_limit = SITES[capture.between(0, len(SITES))]
    site = site_addresses(number, hop_limit)
    version = capture.between(0, 3) == 0 and len(addresses) == 2
    now_us = look_up(capture, start_us, addresses[version], resolvers[version], f"{host}.{domain}", site)
    for connection in range(1 + (capture.between(0, 4) == 0)):
        browse(capture, now_us + capture.between(200, 3_000), addresses[version], site[version], connection > 0)


def keep_time(capture, client, start_us, period_s, end_us):
    """Poll an NTP server from port 123."""
    ntp = UdpExchange(capture, start_us, client, TIME_SERVER, 123, client_port=123)
    while ntp.now_us < end_us:
        sent_us = ntp.now_us
        ntp.send(True, struct.pack("!BBbb", 0x23, 0, 6, -24) + bytes(36) + capture.rng.bytes(8))
        ntp.wait(18_000, 24_000)
        ntp.send(False, struct.pack("!BBbb", 0x24, 2, 6, -24) + capture.rng.bytes(44))
        ntp.now_us = sent_us + period_s * SECOND + capture.between(-20_000, 20_000)


def ssh_login(shell, attempts=1):
    """Exchange banners and keys, then try passwords; the server thinks longer about a wrong one."""
    capture = shell.capture
    shell.open()
    shell.wait(1_000, 9_000)
    shell.say(False, b"SSH-2.0-OpenSSH_9.6\r\n")
    shell.say(True, b"SSH-2.0-OpenSSH_9.7\r\n" if attempts == 1 else b"SSH-2.0-libssh_0.9.6\r\n")
    shell.say(True, capture.rng.bytes(632 if attempts > 1 else 904))
    shell.say(False, capture.rng.bytes(840))
    shell.say(True, capture.rng.bytes(80))
    shell.wait(2_000, 8_000)
    shell.say(False, capture.rng.bytes(364))
    for attempt in range(attempts):
        shell.say(True, capture.rng.bytes(84 + 8 * (attempt % 3)))
        shell.wait(*((1_500_000, 2_100_000) if attempts > 1 else (20_000, 90_000)))
        shell.say(False, capture.rng.bytes(52))


def work_in_shell(capture, start_us, client, server, n_keys):
    """Use SSH interactively: keys, echoes, now and then a screenful, and pauses to think."""
    shell = TcpConnection(capture, start_us, client, server, 22, rtt_us=capture.between(250, 600))
    ssh_login(shell)
    for _ in range(n_keys):
        shell.say(True, capture.rng.bytes(36))
        shell.wait(200, 900)
        shell.say(False, capture.rng.bytes(36 if capture.between(0, 6) else capture.between(200, 1_200)))
        shell.wait(min(int(capture.rng.lognormal(12.2, 1.4)), 40 * SECOND))
    shell.close()


def watch_film(capture, start_us, client, n_packets):
    """Receive video over RTP: bursts of large datagrams 25 times a second, and a report each second."""
    film = UdpExchange(capture, start_us, client, FILM_SERVER, 5004)
    film.send(True, capture.rng.bytes(40))
    film.wait(30_000)
    for number in range(n_packets):
        header = struct.pack("!BBHII", 0x80, 96, number, number // 3 * 3_600, 0x5EED)
        film.send(False, header + capture.rng.bytes(capture.between(300, 620)))
        film.wait(150, 400) if number % 3 < 2 else film.wait(37_000, 41_000)
        if number % 75 == 74:
            film.send(True, capture.rng.bytes(52))


def neighbours(capture, end_us):
    """Add what has no TCP or UDP header: ARP, pings, and the second fragment of a signed DNS answer."""
    for start_us in range(5 * SECOND, end_us, 75 * SECOND):
        asking, _ = WORKSTATIONS[capture.between(0, len(WORKSTATIONS))]
        capture.add(start_us, frames.arp(1, asking, GATEWAY))
        capture.add(start_us + 210, frames.arp(2, GATEWAY, asking))
    for sequence in range(4):
        for version, server in enumerate(site_addresses(34, 52)):
            client = WORKSTATIONS[2][version]
            sent_us = (90 + sequence) * SECOND + 1_300 * version
            capture.add(sent_us, frames.echo(client, server, True, 77, sequence))
            capture.add(sent_us + capture.between(12_000, 14_000), frames.echo(server, client, False, 77, sequence))
    asked = UdpExchange(capture, 240 * SECOND, RESOLVER, OUTER_RESOLVER, 53)
    asked.send(True, frames.dns_message(4_660, "example.com", 48))
    asked.wait(21_000)
    answer = frames.dns_message(4_660, "example.com", 48, [capture.rng.bytes(520) for _ in range(3)])
    datagram = frames.udp_datagram(OUTER_RESOLVER, 53, RESOLVER, asked.client_port, answer)
    first = frames.internet(OUTER_RESOLVER, RESOLVER, frames.UDP, datagram[:1480], 9, fragment=0x2000)
    capture.add_packet(asked.now_us, asked, False, frames.UDP, first)
    rest = frames.internet(OUTER_RESOLVER, RESOLVER, frames.UDP, datagram[1480:], 9, fragment=1480 // 8)
    capture.add(asked.now_us + 4, rest)


def office_day(capture, end_us):
    """Add all of the normal traffic."""
    for number in range(40):
        addresses = WORKSTATIONS[number % len(WORKSTATIONS)]
        start_us = capture.between(SECOND, end_us - 60 * SECOND)
        visit(capture, start_us, addresses, (RESOLVER, RESOLVER_V6))
    for _ in range(6):
        visit(capture, capture.between(SECOND, end_us - 60 * SECOND), (GUEST,), (OUTER_RESOLVER,))
    for _ in range(40):
        host, domain, number, hop_limit = SITES[capture.between(0, len(SITES))]
        asking, _ = WORKSTATIONS[capture.between(0, len(WORKSTATIONS))]
        site = site_addresses(number, hop_limit)
        look_up(capture, capture.between(SECOND, end_us - SECOND), asking, RESOLVER, f"{host}.{domain}", site)
    for position in (0, 3, 6):
        keep_time(capture, WORKSTATIONS[position][0], (3 + 7 * position) * SECOND, 64, end_us)
    keep_time(capture, FILE_SERVER, SECOND, 32, end_us)
    for position, n_keys in ((1, 30), (4, 20), (8, 12)):
        work_in_shell(capture, (70 + 90 * position) * SECOND, WORKSTATIONS[position][0], FILE_SERVER, n_keys)
    watch_film(capture, 420 * SECOND, WORKSTATIONS[5][0], 75)
    neighbours(capture, end_us)
