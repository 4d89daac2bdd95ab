"""Closed sets of option values, as types: a misspelled name fails in a type checker.

Nothing here is needed at run time: modules import it below `if TYPE_CHECKING:`. Tests hold each set against its table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NewType, TypeAlias

Definition = Literal["original", "uni", "bi"]
Tunnels = Literal["inner", "outer"]
Fragments = Literal["first", "track"]
TcpEnd = Literal["none", "rst", "fin", "reopen"]
Direction = Literal["first", "syn"]
Protocols = Literal["tcp-udp", "all"]
Size = Literal["captured", "wire", "ip", "payload"]
Scale = Literal["none", "standard", "robust", "log"]
TrainOn = Literal["all", "normal"]

# fmt: off
FamilyName = Literal[
    "IAT", "SIZE", "IAT_SIZE", "STATS", "SAMP_NUM", "SAMP_SIZE", "FLOW", "SPLT", "CIC", "CIC-2017", "TCP",
    "NPRINT",
    "FFT-IAT", "FFT-SIZE", "FFT-IAT_SIZE", "FFT-STATS", "FFT-SAMP_NUM", "FFT-SAMP_SIZE", "FFT-FLOW", "FFT-SPLT",
    "FFT-CIC", "FFT-CIC-2017", "FFT-TCP",
]
DetectorName = Literal[
    "ocsvm", "kde", "gmm", "if", "pca", "ae", "oc-nystroem", "oc-kjl", "ocsvm-sgd", "abod", "anogan",
    "auto_encoder", "cblof", "cd", "cof", "copod", "deep_svdd", "dif", "ecod", "feature_bagging", "hbos",
    "hdbscan", "inne", "knn", "kpca", "lmdd", "loci", "loda", "lof", "lscp", "lunar", "mcd", "rgraph", "rod",
    "sampling", "sod", "sos", "vae", "iforest",
]
# fmt: on

CustomFamilyName = NewType("CustomFamilyName", str)  # the name that `netml.register_family` was given
AnyFamilyName: TypeAlias = FamilyName | CustomFamilyName
Families: TypeAlias = AnyFamilyName | Sequence[AnyFamilyName]
