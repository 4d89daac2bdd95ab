"""Small captures cut after each of their bytes: netml's own error or warning, and counts that hold."""

import public_api
import public_biflows
import pytest
from make_corpus import BIFLOW_OPTIONS, SHARED, built_captures

SMALL = (
    *("among_us.pcap", "NTPv3.pcap", "6in6tunnel.pcap", "hsrp0.pcap", "ipv6_in_gtp.pcap", "sctp.cap", "NTPv2.pcap"),
    *("gtp_prime.pcapng", "kerberos-error.pcap", "ripe_atlas.pcap", "gre.pcapng", "srvloc-v1.pcapng", "tk.pcap"),
    *("xdmcp.pcap", "rtcp_multiple_pkts_in_the_same_datagram.pcap", "ossfuzz_seed_fake_traces_3.pcapng"),
    *("4in4tunnel.pcap", "ldp.pcap", "nano.pcapng", "dlt_ppp.pcap"),
)
BUILT = [content for _, content in built_captures()]
STEP = len(BUILT) // 20


def require_own_ends(content):
    """Cut everywhere; only the whole capture, and one cut between records, may end without a word."""
    ends = [public_api.read_capture(content[:n_bytes]) for n_bytes in range(len(content))]
    assert set(ends) <= {"", "NotACaptureError", "TruncatedCaptureError", "CaptureWarning"}
    assert ends[0] == "NotACaptureError"
    assert ends[-1] == "CaptureWarning", "a capture without its last byte is cut"
    assert ends.count("") < len(content) // 12, "a cut within a record goes unnoticed"


@pytest.mark.parametrize("name", SMALL)
def test_shared_captures_cut_after_each_byte(shared_captures, name):
    require_own_ends((shared_captures / name).read_bytes())


@pytest.mark.parametrize("number", range(0, STEP * 20, STEP))
def test_built_captures_cut_after_each_byte(number):
    require_own_ends(BUILT[number])


@pytest.mark.parametrize("name", SMALL)
def test_shared_captures_cut_after_each_byte_as_biflows(shared_captures, name):
    content = (shared_captures / name).read_bytes()
    step = max(1, len(content) // 200)  # run as a program, this file cuts after every byte
    for n_bytes in range(24, len(content), step):
        public_biflows.run_biflows(content[:n_bytes], BIFLOW_OPTIONS[n_bytes % len(BIFLOW_OPTIONS)])


if __name__ == "__main__":  # every cut of all of them
    for capture in SMALL:
        whole = (SHARED / capture).read_bytes()
        for cut in range(24, len(whole)):
            public_biflows.run_biflows(whole[:cut], BIFLOW_OPTIONS[cut % len(BIFLOW_OPTIONS)])
        print(capture, len(whole) - 24, "cuts", flush=True)
