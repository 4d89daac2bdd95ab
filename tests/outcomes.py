"""What becomes of each frame, in the order of the capture: a `Decoded` packet or the reason why it is none."""

from fractions import Fraction

from reference.decode import Decoded, Decoder

import netml
from netml import _flowcore
from netml.schema.flow_index import FlowIndex


def kernel_outcomes(records, **options):
    """Records (time_ns, link type, frame) one by one through one `FlowAssembler`; options of `netml.FlowOptions`."""
    assembler = _flowcore.FlowAssembler(("flags", "ttl"), **netml.FlowOptions(**options).decoding)
    outcomes, skipped = [], dict.fromkeys(_flowcore.SKIP_REASONS, 0)
    for time_ns, link_type, frame in records:
        assembler.assemble_packets(iter([(Fraction(time_ns, 10**9), frame)]), link_type, 1)
        before, skipped = skipped, assembler.counters["skipped"]
        outcomes += [reason for reason, n in skipped.items() if n > before[reason]] or [None]
    five_tuples = find_five_tuples(assembler.keys())
    columns = assembler.take_packets()
    kept = zip(*(columns[name].tolist() for name in ("flow", "flags", "ttl")), strict=True)
    outcomes = [outcome or Decoded(five_tuples[(packet := next(kept))[0]], *packet[1:]) for outcome in outcomes]
    assert next(kept, None) is None
    return outcomes


def find_five_tuples(keys):
    """Text of a FLOW_KEY array."""
    zeros = [0] * len(keys)
    return FlowIndex(keys, zeros, zeros, zeros, zeros).five_tuples()


def reference_outcomes(records, **options):
    """The same by the reference."""
    decoder = Decoder(**options)
    return [decoder.decode(link_type, frame, time_ns) for time_ns, link_type, frame in records]
