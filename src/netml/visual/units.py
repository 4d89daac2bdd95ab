"""The units of features, from their names."""

from __future__ import annotations

import re

from netml.families import FLAG_COLUMNS
from netml.families.cic import CIC_2017_COLUMNS, CIC_COLUMNS, EXTRA_COLUMNS

# Part of a column's name of CIC or CIC-2017 -> its unit; the first match counts.
_CIC_UNITS = {
    r"Duration|IAT|Active|Idle|Flow Time": "us",
    r"Bytes/s|Bulk Rate": "bytes/s",
    r"Packets/s": "packets/s",
    r"Bytes/Bulk|Bytes|bytes|Win": "bytes",
    r"Variance": "bytes^2",
    r"Length|Size|size": "bytes",
    r"[Pp]acket|Flag|Count|Pkts|pkt": "packets",
    r"Ratio": "bwd/fwd",
    r"ICMP": "number",
}
# The beginning of a column's name -> its unit.
UNITS = {
    "iat": "s",
    "size": "bytes",
    "samp_num": "packets",
    "samp_size": "bytes",
    "ttl": "hops",
    "duration_s": "s",
    "packets_per_s": "packets/s",
    "bytes_per_s": "bytes/s",
    "packets": "packets",
    "bytes": "bytes",
    "down_up_ratio": "packets back per packet forth",
    "splt_size": "bytes",
    "splt_flags": "TCP flags",
    "window_scale": "bits",
    "sack_permitted": "0 or 1",
    "conn_state": "code",
    **dict.fromkeys(FLAG_COLUMNS, "packets"),
    **{
        column: next(unit for pattern, unit in _CIC_UNITS.items() if re.search(pattern, column))
        for column in (*CIC_COLUMNS, *EXTRA_COLUMNS, *CIC_2017_COLUMNS)
    },
}


def unit_of(column: str) -> str:
    """Return the unit of a feature; "" if its name has none.

    Examples
    --------
    >>> unit_of("iat_size_size_3"), unit_of("fft_iat_0"), unit_of("mine")
    ('bytes', 's', '')
    >>> unit_of("fwd_iat_mean_s"), unit_of("rev_size_q1"), unit_of("bi_syn")
    ('s', 'bytes', 'packets')
    """
    plain = column.removeprefix("fft_").removeprefix("cic_2017_")
    if re.match(r"iat_size_(iat|size)_", plain):
        plain = plain.removeprefix("iat_size_")
    if re.match(r"pkt_\d+_", plain):
        return "bit"
    plain = re.sub(r"^(bi|fwd|rev)_", "", plain)
    if plain in UNITS:
        return UNITS[plain]
    if re.match(r"(iat|splt_iat)_\w+_s$", plain):
        return "s"
    stem = re.sub(r"_\d+$", "", plain)
    ending = re.search("_(s|bytes|packets)$", stem)
    if ending and stem not in UNITS:
        return ending[1]
    return UNITS.get(stem) or ("bytes" if stem.startswith("size_") else "")
