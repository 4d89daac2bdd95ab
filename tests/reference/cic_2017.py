"""`CIC-2017`: the CIC family under the headers of the CIC-IDS2017 CSV files.

Those are of an older CICFlowMeter: 77 columns, since the forward header length stands there twice, and blanks before
most of the names, which readers of those files rely on. The values are the same.
"""

HEADERS = (
    *(" Flow Duration", " Total Fwd Packets", " Total Backward Packets"),
    *("Total Length of Fwd Packets", " Total Length of Bwd Packets"),
    *(" Fwd Packet Length Max", " Fwd Packet Length Min", " Fwd Packet Length Mean", " Fwd Packet Length Std"),
    *("Bwd Packet Length Max", " Bwd Packet Length Min", " Bwd Packet Length Mean", " Bwd Packet Length Std"),
    *("Flow Bytes/s", " Flow Packets/s"),
    *(" Flow IAT Mean", " Flow IAT Std", " Flow IAT Max", " Flow IAT Min"),
    *("Fwd IAT Total", " Fwd IAT Mean", " Fwd IAT Std", " Fwd IAT Max", " Fwd IAT Min"),
    *("Bwd IAT Total", " Bwd IAT Mean", " Bwd IAT Std", " Bwd IAT Max", " Bwd IAT Min"),
    *("Fwd PSH Flags", " Bwd PSH Flags", " Fwd URG Flags", " Bwd URG Flags"),
    *(" Fwd Header Length", " Bwd Header Length", "Fwd Packets/s", " Bwd Packets/s"),
    *(" Min Packet Length", " Max Packet Length"),
    *(" Packet Length Mean", " Packet Length Std", " Packet Length Variance"),
    *("FIN Flag Count", " SYN Flag Count", " RST Flag Count", " PSH Flag Count"),
    *(" ACK Flag Count", " URG Flag Count", " CWE Flag Count", " ECE Flag Count"),
    *(" Down/Up Ratio", " Average Packet Size", " Avg Fwd Segment Size", " Avg Bwd Segment Size"),
    " Fwd Header Length",
    *("Fwd Avg Bytes/Bulk", " Fwd Avg Packets/Bulk", " Fwd Avg Bulk Rate"),
    *(" Bwd Avg Bytes/Bulk", " Bwd Avg Packets/Bulk", "Bwd Avg Bulk Rate"),
    *("Subflow Fwd Packets", " Subflow Fwd Bytes", " Subflow Bwd Packets", " Subflow Bwd Bytes"),
    *("Init_Win_bytes_forward", " Init_Win_bytes_backward", " act_data_pkt_fwd", " min_seg_size_forward"),
    *("Active Mean", " Active Std", " Active Max", " Active Min"),
    *("Idle Mean", " Idle Std", " Idle Max", " Idle Min"),
)
SECOND_HEADER_LENGTH = 54  # before the column that CIC has at this place


def cic_2017_row(row):
    """The row of `cic_row` -> [(header, value)]: a list, because a header stands there twice."""
    values = list(row.values())
    values.insert(SECOND_HEADER_LENGTH, row["Fwd Header Length"])
    return list(zip(HEADERS, values, strict=True))
