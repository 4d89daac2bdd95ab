"""TCP segments of a biflow, and what each of them says again, late, or for the first time."""

from typing import NamedTuple

from reference.headers import NONE
from reference.sequence_space import SequenceSpace, sequence_length

FIN, SYN, RST, PSH, ACK = (1 << bit for bit in range(5))
MOST_RANGES = 64  # that are remembered of what one direction has sent


class Segment(NamedTuple):
    """A packet that has a TCP header."""

    time_ns: int
    is_forward: bool
    flags: int = ACK
    sequence: int = 0
    acknowledgement: int = 0
    window: int = 1000  # as in the header
    payload_bytes: int = 0
    tcp_options: int = 0  # as `tcp_options.py` has them


def segments_of(flow):
    """Those of a `biflows.Flow`, in time order; later fragments have no header, and are none."""
    return [
        Segment(packet.time_ns, is_forward, *(getattr(packet, name) for name in Segment._fields[2:]))
        for packet, is_forward in flow.packets
        if packet.sequence != NONE
    ]


class Placed(NamedTuple):
    """What a segment is, by the sequence numbers that its direction had sent before it."""

    is_retransmitted: bool = False  # it has numbers, and all were sent before
    is_out_of_order: bool = False  # some were not sent before, and lie below the highest end so far
    is_keep_alive: bool = False
    retransmitted_bytes: int = 0  # of the payload: sent before
    out_of_order_bytes: int = 0  # of the payload: not sent before, below the highest end so far


class SentNumbers(SequenceSpace):
    """What one direction has sent; of more than `MOST_RANGES` ranges the lowest two count as one, hole and all."""

    def place(self, segment):
        """`Placed` of the direction's next segment, which is sent now."""
        start = self.unwrap(segment.sequence)
        stop = start + sequence_length(segment)
        if self._is_keep_alive(segment, start):
            return Placed(is_keep_alive=True)
        if start == stop:
            return Placed()
        if segment.flags & SYN and self._begins_anew(start, stop):
            self.ranges = []
        payload = range(start + bool(segment.flags & SYN), start + bool(segment.flags & SYN) + segment.payload_bytes)
        placed = Placed(
            is_retransmitted=self.has(start, stop),
            is_out_of_order=self._count_late(start, stop) > 0,
            retransmitted_bytes=self._count_sent(payload.start, payload.stop),
            out_of_order_bytes=self._count_late(payload.start, payload.stop),
        )
        self.add(start, stop)
        if len(self.ranges) > MOST_RANGES:
            (first, _), (_, last), *others = self.ranges
            self.ranges = [(first, last), *others]
        return placed

    def _is_keep_alive(self, segment, start):
        is_plain = not segment.flags & (SYN | FIN | RST)
        return bool(self.ranges) and is_plain and segment.payload_bytes <= 1 and start == self.end - 1

    def _begins_anew(self, start, stop):
        """Whether a SYN is of a new connection: it was neither sent before, nor is it right in front of the lowest."""
        return bool(self.ranges) and not self.has(start, start + 1) and not start < self.ranges[0][0] <= stop

    def _count_sent(self, start, stop):
        return sum(max(0, min(stop, last) - max(start, first)) for first, last in self.ranges)

    def _count_late(self, start, stop):
        stop = min(stop, self.end) if self.ranges else start
        return max(0, stop - start - self._count_sent(start, stop))


def place_segments(segments):
    """[(segment, its `Placed`)], each direction by its own numbers."""
    sent = {True: SentNumbers(), False: SentNumbers()}
    return [(segment, sent[segment.is_forward].place(segment)) for segment in segments]
