"""Completion by a shell, beyond commands, options and files: names of families and of detectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    import click


def complete_family(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return the families that begin so: also the last one of `IAT,SI`, and one behind `FFT-`."""
    from netml.families import FAMILIES
    from netml.families.custom import known_custom

    others, comma, begun = incomplete.upper().rpartition(",")
    prefix = "FFT-" if begun.startswith("FFT-") else ""
    known = dict.fromkeys([*FAMILIES, *known_custom()])
    return [f"{others}{comma}{prefix}{name}" for name in known if f"{prefix}{name}".startswith(begun)]


def complete_detector(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return the detectors that begin so."""
    from netml.ndm import ALIASES, DETECTORS

    return [name for name in (*DETECTORS, *ALIASES) if name.startswith(incomplete.lower())]


def join_words(environment: MutableMapping[str, str]) -> None:
    """Remove the `=` of `--option=value` from the words that bash gives, in place.

    To bash it is a word of its own, and click would take it for the option's value.

    Parameters
    ----------
    environment : mutable mapping
        Holds bash's words, one per line, as COMP_WORDS.
    """
    words = environment.get("COMP_WORDS", "").split("\n")
    position = int(environment.get("COMP_CWORD", "0"))
    dropped = [
        place for place in range(1, min(position, len(words))) if words[place] == "=" and words[place - 1][:2] == "--"
    ]
    environment["COMP_WORDS"] = "\n".join(word for place, word in enumerate(words) if place not in dropped)
    environment["COMP_CWORD"] = str(position - len(dropped))
