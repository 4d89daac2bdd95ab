"""Summary lines of a run: packets read, kept, skipped and dropped, every packet accounted for."""

from __future__ import annotations

from typing import Any

# Rule of `metadata["dropped"]` -> words; all rules but "short_flow" drop subflows.
DROP_TEXTS = {
    "short_flow": "in flows with too few packets",
    "idle_tail": "in last subflows cut off by the idle timeout",
    "short_subflow": "in subflows with too few packets",
    "interval_tail": "in last subflows cut off by the interval",
}

EARLY_TEXTS = {
    "long_flow": "as they grew too long",
    "memory": "to keep to the memory allowed (--max-memory)",
    "flows": "to keep to the number of flows allowed (--max-flows)",
}


def plural(count: int, noun: str) -> str:
    """Return a count with its noun.

    Examples
    --------
    >>> plural(1, "flow"), plural(1200, "flow")
    ('1 flow', '1,200 flows')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def summarise_table(metadata: dict[str, Any], n_flows: int) -> list[str]:
    """Describe what became of the packets.

    Parameters
    ----------
    metadata : dict
        Of a `FlowTable` or a `FeatureMatrix`.
    n_flows : int
        Flows that came out.

    Returns
    -------
    list of str
        Lines.
    """
    n_read, n_kept = metadata["packets_read"], metadata["packets_kept"]
    dropped = {name: count for name, count in metadata["dropped"].items() if count["packets"]}
    n_dropped = sum(count["packets"] for count in dropped.values())
    flow = metadata.get("flow", {})
    kind = "over IP" if flow.get("protocols") == "all" else "of TCP or UDP"
    lines = [f"read     {plural(n_read, 'packet')}: {n_kept:,} {kind}, {n_read - n_kept:,} skipped"]
    for reason, count in metadata["skipped"].items():
        if count:
            lines.append(f"skipped  {count:,} {reason.replace('_', ' ')}")
    for name, count in dropped.items():
        n_flows_dropped = plural(count["flows"], "flow" if name == "short_flow" else "subflow")
        lines.append(f"dropped  {plural(count['packets'], 'packet')} {DROP_TEXTS[name]} ({n_flows_dropped})")
    cut = f"interval {metadata['interval_s']:.6g} s"
    if flow.get("definition", "original") != "original":
        cut = f"{flow['definition']}, idle {flow['idle_timeout']:.6g} s, active {flow['active_timeout']:.6g} s"
    lines.append(f"flows    {plural(n_flows, 'flow')} of {plural(n_kept - n_dropped, 'packet')}; {cut}")
    for limit, count in metadata.get("ended_early", {}).items():
        if count["flows"]:
            lines.append(f"early    {plural(count['flows'], 'flow')} ended early {EARLY_TEXTS[limit]}")
    if "spilled" in metadata:
        lines.append(_describe_spilled(metadata["spilled"]))
    return lines


def _describe_spilled(spilled: dict[str, int]) -> str:
    where = f"a temporary file ({_bytes(spilled['bytes'])}, {plural(spilled['runs'], 'run')})"
    allowed = f"{_bytes(spilled['max_memory'])} were allowed"
    return f"memory   {plural(spilled['packets'], 'packet')} by way of {where}: {allowed}"


def _bytes(count: int) -> str:
    """Format a number of bytes.

    Examples
    --------
    >>> _bytes(800), _bytes(20_000), _bytes(2_100_000_000)
    ('800 bytes', '20.0 kB', '2,100.0 MB')
    """
    if count < 1000:
        return plural(count, "byte")
    return f"{count / 1e3:,.1f} kB" if count < 10**6 else f"{count / 1e6:,.1f} MB"
