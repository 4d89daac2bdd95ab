"""Header bits of every shared capture: the kernel against the reference, each packet or, of large ones, some."""

import numpy as np
import pytest
from reference import nprint
from reference.capture import read_capture

import netml

MOST_PACKETS = 150  # of a capture: the reference writes some thousand bits a second


@pytest.mark.filterwarnings("ignore::netml.CaptureWarning")
@pytest.mark.parametrize("tunnels", ["inner", "outer"])
def test_every_shared_capture(shared_captures, tunnels):
    paths = [path for path in sorted(shared_captures.iterdir()) if path.suffix != ".csv"]
    for path in paths:
        records = read_capture(path.read_bytes()).records
        bits = netml.read_header_bits(path, payload_bytes=8, flow=netml.FlowOptions(protocols="all", tunnels=tunnels))
        decoder = nprint.PieceDecoder(protocols="all", tunnels=tunnels)
        found = [decoder.decode_record(record) for record in records]
        kept = [pieces for pieces in found if not isinstance(pieces, str)]
        assert len(bits) == len(kept), path.name
        step = max(1, len(kept) // MOST_PACKETS)
        for row, pieces in zip(bits.X[::step], kept[::step], strict=True):
            expected = list(nprint.describe(pieces, nprint.BLOCKS, 8).values())
            np.testing.assert_array_equal(row, expected, err_msg=path.name)
    assert len(paths) >= 170
