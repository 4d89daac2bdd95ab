"""CIC: CICFlowMeter's features, right; also under the headers of the CIC-IDS2017 CSV files. See `docs/cic.md`."""

from __future__ import annotations

from netml.families.options import FamilyOptions
from netml.families.spec import Family, constant


def _name_times(what: str) -> tuple[str, ...]:
    return tuple(f"{what} {name}" for name in ("Mean", "Std", "Max", "Min"))


CIC_COLUMNS = (
    *("Flow Duration", "Total Fwd Packet", "Total Bwd packets"),
    *("Total Length of Fwd Packet", "Total Length of Bwd Packet"),
    *(f"{side} Packet Length {name}" for side in ("Fwd", "Bwd") for name in ("Max", "Min", "Mean", "Std")),
    *("Flow Bytes/s", "Flow Packets/s"),
    *_name_times("Flow IAT"),
    *("Fwd IAT Total", *_name_times("Fwd IAT"), "Bwd IAT Total", *_name_times("Bwd IAT")),
    *("Fwd PSH Flags", "Bwd PSH Flags", "Fwd URG Flags", "Bwd URG Flags"),
    *("Fwd Header Length", "Bwd Header Length", "Fwd Packets/s", "Bwd Packets/s"),
    *(f"Packet Length {name}" for name in ("Min", "Max", "Mean", "Std", "Variance")),
    *(f"{flag} Flag Count" for flag in ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "CWR", "ECE")),
    *("Down/Up Ratio", "Average Packet Size", "Fwd Segment Size Avg", "Bwd Segment Size Avg"),
    *(f"{side} {name} Avg" for side in ("Fwd", "Bwd") for name in ("Bytes/Bulk", "Packet/Bulk", "Bulk Rate")),
    *("Subflow Fwd Packets", "Subflow Fwd Bytes", "Subflow Bwd Packets", "Subflow Bwd Bytes"),
    *("FWD Init Win Bytes", "Bwd Init Win Bytes", "Fwd Act Data Pkts", "Fwd Seg Size Min"),
    *_name_times("Active"),
    *_name_times("Idle"),
)
EXTRA_COLUMNS = (
    *("Fwd RST Flags", "Bwd RST Flags", "Bwd Act Data Pkts", "Bwd Seg Size Min", "ICMP Code", "ICMP Type"),
    *("Fwd TCP Retrans. Count", "Bwd TCP Retrans. Count", "Total TCP Retrans. Count", "Total Connection Flow Time"),
)
REPEATED_COLUMN = " Fwd Header Length"  # stands twice in the CIC-IDS2017 files
# The blanks are those of the files; who reads them relies on them.
CIC_2017_COLUMNS = (
    *(" Flow Duration", " Total Fwd Packets", " Total Backward Packets"),
    *("Total Length of Fwd Packets", " Total Length of Bwd Packets"),
    *(" Fwd Packet Length Max", " Fwd Packet Length Min", " Fwd Packet Length Mean", " Fwd Packet Length Std"),
    *("Bwd Packet Length Max", " Bwd Packet Length Min", " Bwd Packet Length Mean", " Bwd Packet Length Std"),
    *("Flow Bytes/s", " Flow Packets/s"),
    *(" Flow IAT Mean", " Flow IAT Std", " Flow IAT Max", " Flow IAT Min"),
    *("Fwd IAT Total", " Fwd IAT Mean", " Fwd IAT Std", " Fwd IAT Max", " Fwd IAT Min"),
    *("Bwd IAT Total", " Bwd IAT Mean", " Bwd IAT Std", " Bwd IAT Max", " Bwd IAT Min"),
    *("Fwd PSH Flags", " Bwd PSH Flags", " Fwd URG Flags", " Bwd URG Flags"),
    *(REPEATED_COLUMN, " Bwd Header Length", "Fwd Packets/s", " Bwd Packets/s"),
    *(" Min Packet Length", " Max Packet Length"),
    *(" Packet Length Mean", " Packet Length Std", " Packet Length Variance"),
    *("FIN Flag Count", " SYN Flag Count", " RST Flag Count", " PSH Flag Count"),
    *(" ACK Flag Count", " URG Flag Count", " CWE Flag Count", " ECE Flag Count"),
    *(" Down/Up Ratio", " Average Packet Size", " Avg Fwd Segment Size", " Avg Bwd Segment Size"),
    REPEATED_COLUMN,
    *("Fwd Avg Bytes/Bulk", " Fwd Avg Packets/Bulk", " Fwd Avg Bulk Rate"),
    *(" Bwd Avg Bytes/Bulk", " Bwd Avg Packets/Bulk", "Bwd Avg Bulk Rate"),
    *("Subflow Fwd Packets", " Subflow Fwd Bytes", " Subflow Bwd Packets", " Subflow Bwd Bytes"),
    *("Init_Win_bytes_forward", " Init_Win_bytes_backward", " act_data_pkt_fwd", " min_seg_size_forward"),
    *("Active Mean", " Active Std", " Active Max", " Active Min"),
    *("Idle Mean", " Idle Std", " Idle Max", " Idle Min"),
)
TIME_OPTIONS = ("bulk_gap", "bulk_packets", "subflow_gap", "activity_timeout")
PACKET_COLUMNS = ("is_forward", "flags", "payload_bytes", "header_bytes", "window")


def _cic_columns(dim: int, options: FamilyOptions) -> tuple[str, ...]:
    return CIC_COLUMNS + EXTRA_COLUMNS if options.cic_extra else CIC_COLUMNS


CIC_FAMILIES = {
    "CIC": Family(
        9,
        "CICFlowMeter's features, corrected, of both directions",
        lambda dim, options: len(_cic_columns(dim, options)),
        _cic_columns,
        packet_columns=PACKET_COLUMNS,
        extra_packet_columns=("sequence",),
        definition="bi",
        has_state=True,
        options=("cic_extra", *TIME_OPTIONS),
    ),
    "CIC-2017": Family(
        10,
        "the same under the headers of the CIC-IDS2017 CSV files",
        *constant(CIC_2017_COLUMNS),
        packet_columns=PACKET_COLUMNS,
        definition="bi",
        has_state=True,
        options=TIME_OPTIONS,
    ),
}
