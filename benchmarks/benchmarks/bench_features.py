"""Features: each family from capture to matrix, with and without its header block and its spectrum."""

import netml

from ._measure import UNIT, make_capture, ns_per_packet

FAMILIES = ("IAT", "SIZE", "IAT_SIZE", "STATS", "SAMP_NUM", "SAMP_SIZE")
N_PACKETS, N_FLOWS = 1_000_000, 50_000


class Families:
    """One family at a time."""

    params = (FAMILIES, ("plain", "header", "fft"))
    param_names = ("family", "form")
    timeout = 300

    def setup_cache(self):
        return make_capture(N_PACKETS, N_FLOWS, "imix")

    def track_extract(self, capture, family, form):
        forms = {"header": form == "header", "fft": form == "fft"}
        return ns_per_packet(lambda: netml.extract(capture, family, **forms), N_PACKETS)

    track_extract.unit = UNIT


class Together:
    """All families in one pass over the capture."""

    timeout = 300

    def setup_cache(self):
        return make_capture(N_PACKETS, N_FLOWS, "imix")

    def track_all_families(self, capture):
        return ns_per_packet(lambda: netml.extract(capture, FAMILIES, header=True), N_PACKETS)

    track_all_families.unit = UNIT

    def peakmem_all_families(self, capture):
        netml.extract(capture, FAMILIES, header=True)
