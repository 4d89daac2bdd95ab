"""Tunnels' names in the options and in the kernel; options that cannot be."""

import pytest
from command import invoke

from netml import FlowOptions, _flowcore
from netml.errors import OptionError, UnknownNameError
from netml.flow import options


def test_options_name_the_kernels_tunnels():
    assert tuple(_flowcore.TUNNELS) == options.TUNNEL_KINDS


@pytest.mark.parametrize(
    ("chosen", "error"),
    [
        ({"tunnels": "both"}, OptionError),
        ({"fragments": "all"}, OptionError),
        ({"tunnel_ports": {"gre": [1]}}, UnknownNameError),
        ({"tunnel_ports": {"vxlan": [65536]}}, OptionError),
        ({"tunnel_ports": {"vxlan": [-1]}}, OptionError),
        ({"tunnel_ports": {"vxlan": range(33)}}, OptionError),
    ],
)
def test_what_cannot_be(chosen, error):
    with pytest.raises(error):
        FlowOptions(**chosen)


def test_as_many_ports_as_may_be_fit_into_the_kernel():
    chosen = FlowOptions(tunnel_ports={"vxlan": list(range(options.MAX_TUNNEL_PORTS))})
    _flowcore.FlowAssembler(**chosen.decoding)


@pytest.mark.parametrize("port", ["vxlan", "vxlan=x", "vxlan=-1", "moon=1", "vxlan=70000"])
def test_ports_that_are_none_on_the_command_line(port):
    run = invoke("info", "--tunnel-port", port, "nothing.pcap")
    assert run.status == 2
    assert "Traceback" not in run.err
