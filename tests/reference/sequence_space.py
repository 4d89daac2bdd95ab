"""Which sequence numbers one direction of a TCP connection has sent.

Numbers are unwrapped: each is taken as the one nearest to the end of what was sent so far (the distance is a signed
32-bit number), so a direction may send any number of gigabytes. What was sent is kept exactly, holes and all.
"""

from reference.biflow_packet import FIN, NONE, SYN

WRAP = 2**32


def sequence_length(packet):
    """Sequence numbers that a segment takes up: its payload, and one each for SYN and FIN."""
    return packet.payload_bytes + bool(packet.flags & SYN) + bool(packet.flags & FIN)


class SequenceSpace:
    """Half-open ranges of unwrapped sequence numbers: sorted, and none touches the next."""

    def __init__(self):
        self.ranges = []

    @property
    def end(self):
        """One more than the highest number sent."""
        return self.ranges[-1][1]

    def unwrap(self, sequence):
        """A 32-bit number -> the number that it stands for."""
        if not self.ranges:
            return sequence
        distance = (sequence - self.end) % WRAP
        return self.end + (distance if distance < WRAP // 2 else distance - WRAP)

    def has(self, start, stop):
        """Was the whole range sent before?"""
        return any(first <= start and stop <= last for first, last in self.ranges)

    def add(self, start, stop):
        """Take a range as sent."""
        apart = [(first, last) for first, last in self.ranges if last < start or stop < first]
        touching = [(first, last) for first, last in self.ranges if first <= stop and start <= last]
        merged = (min([start, *(first for first, _ in touching)]), max([stop, *(last for _, last in touching)]))
        self.ranges = sorted([*apart, merged])


def retransmitted(packets):
    """Those TCP packets whose sequence numbers, one at least, their direction had all sent before."""
    spaces = {True: SequenceSpace(), False: SequenceSpace()}
    again = []
    for packet in packets:
        n_numbers = sequence_length(packet)
        if packet.sequence == NONE or n_numbers == 0:
            continue
        space = spaces[packet.is_forward]
        start = space.unwrap(packet.sequence)
        if space.has(start, start + n_numbers):
            again.append(packet)
        space.add(start, start + n_numbers)
    return again
