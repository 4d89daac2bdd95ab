"""What streaming hands out, made comparable; and captures that come a few records at a time."""

import io

from builders import captures

NEVER_S = 1e6  # beyond every test: flushes come by the number of packets only


class RecordStream(io.RawIOBase):
    """A pcap whose every read gives `n_records` records, however much is asked for."""

    def __init__(self, records, n_records=1, **layout):
        super().__init__()
        self.head = captures.pcap_header(**layout)
        magic = layout.get("magic", captures.MAGIC_US)
        pieces = [captures.pcap_record(time_ns, frame, magic=magic) for time_ns, frame, *_ in records]
        self.blocks = [b"".join(pieces[i : i + n_records]) for i in range(0, len(pieces), n_records)]

    def readable(self):
        return True

    def read(self, n_bytes=-1):
        taken, self.head = self.head[:n_bytes], self.head[n_bytes:]
        return taken

    def readinto(self, buffer):
        assert not self.head
        block = self.blocks.pop(0) if self.blocks else b""
        buffer[: len(block)] = block
        return len(block)


def pieces_of(*tables):
    """All flows of some tables, sorted: five-tuple, then time, size, flags and TTL of every packet."""
    found = []
    for table in tables:
        for key, flow in zip(table.flows.five_tuples(), table, strict=True):
            columns = (flow.time_ns, flow.size, flow.flags, flow.ttl)
            found.append((key, *(tuple(column.tolist()) for column in columns)))
    return sorted(found)


def reference_pieces(table):
    """The same of the reference's table."""
    columns = ("time_ns", "size", "flags", "ttl")
    return sorted(
        (piece[0].key, *(tuple(getattr(packet, name) for packet in piece) for name in columns))
        for piece in table.pieces
    )


def count_dropped(metadata):
    """Packets that a rule dropped."""
    return sum(count["packets"] for count in metadata["dropped"].values())


def assert_all_accounted_for(stream, tables):
    """Every packet was read, and is in a flow, dropped, or skipped for a reason."""
    metadata = stream.metadata
    assert metadata["packets_read"] == metadata["packets_kept"] + sum(metadata["skipped"].values())
    assert metadata["packets_kept"] == sum(len(table.time_ns) for table in tables) + count_dropped(metadata)
