"""Flows and rows of features as flows end, in bounded memory."""

from netml.streaming.flow_stream import FlowStream

__all__ = ["FlowStream"]
