"""The leaderboard of a comparison: ordered by the validation flows, for people, for programs, for a plot."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from netml.comparison.candidates import Entry
from netml.evaluation.metrics import FEW_FLOWS
from netml.files.output import atomic_output

if TYPE_CHECKING:
    from netml.comparison.study import Study

COLUMNS = (
    *("rank", "representation", "detector", "scale", "params", "n_features", "dim", "rate_s", "n_tried"),
    *("validation_auc", "test_auc", "test_auc_low", "test_auc_high", "test_average_precision"),
    *("test_precision", "test_recall", "test_false_positive_rate", "fit_s", "predict_us", "reason"),
)
_TITLES = ("", "representation", "detector", "scale", "columns", "validation", "test AUC (95 %)", "fit s", "us/flow")
_RIGHT = (0, 4, 5, 7, 8)  # places of numbers
_N_ALWAYS = 5  # cells that a failed candidate has, too


class Standing(NamedTuple):
    """One line of a leaderboard, as plots show it."""

    name: str
    validation_auc: float | None  # None: the candidate failed
    reason: str = ""  # of the failure
    test_auc: float = math.nan
    test_low: float = math.nan
    test_high: float = math.nan


@dataclass(frozen=True)
class Comparison:
    """Result of a comparison.

    Parameters
    ----------
    entries : tuple of Entry
        By validation AUC, the best first; then those that failed.
    flows : dict
        Numbers of flows of each class for training, validation and test; the interval; the captures.
    how : dict
        split_by, random_state, tune, max_train_rows.
    """

    entries: tuple[Entry, ...]
    flows: dict[str, Any]
    how: dict[str, Any]

    @classmethod
    def of(cls, entries: Sequence[Entry], study: Study, flows: dict[str, Any]) -> Comparison:
        """Put lines in order: of equals, what was tried first stands first."""
        ranked = sorted(
            (one for one in entries if one.validation_auc is not None), key=lambda one: -(one.validation_auc or 0.0)
        )
        failed = [one for one in entries if one.validation_auc is None]
        how = {name: getattr(study, name) for name in ("split_by", "random_state", "tune", "max_train_rows")}
        return cls((*ranked, *failed), flows, how)

    @property
    def best(self) -> Entry | None:
        """The best on the validation flows; None if all failed."""
        return self.entries[0] if self.entries and self.entries[0].validation_auc is not None else None

    def to_dict(self) -> dict[str, Any]:
        """Return all of it for JSON: None for missing figures, never NaN."""
        entries = [{"rank": rank, **one.to_dict()} for rank, one in self._ranked()]
        return {"flows": self.flows, "how": self.how, "entries": entries}

    def _ranked(self) -> list[tuple[int | None, Entry]]:
        return [(None if one.validation_auc is None else i, one) for i, one in enumerate(self.entries, start=1)]

    def to_csv(self) -> str:
        """Return the leaderboard as CSV: a line for each candidate, empty where a figure is missing."""
        stream = io.StringIO(newline="")
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for rank, one in self._ranked():
            params = " ".join(f"{name}={value}" for name, value in one.params.items())
            test = one.test
            figures: list[Any] = [None] * 7
            if test is not None:
                figures = [test.auc, test.auc_low, test.auc_high, test.average_precision]
                figures += [test.precision, test.recall, test.false_positive_rate]
            about = [one.representation, one.detector, one.scale, params]
            sizes = [one.n_features, one.dim, one.rate_s, one.n_tried]
            writer.writerow([rank, *about, *sizes, one.validation_auc, *figures, one.fit_s, one.predict_us, one.reason])
        return stream.getvalue()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the leaderboard as CSV; the file appears whole or not at all, or `OutputError` is raised."""
        with atomic_output(path) as partial, open(partial, "w", encoding="utf-8", newline="") as stream:
            stream.write(self.to_csv())

    def to_text(self) -> str:
        """Return the leaderboard as a table for people."""
        return "\n".join([*self.header_lines(), "", *self.table_lines(), "", *self.note_lines()])

    def standings(self) -> list[Standing]:
        """Return the lines for `netml.visual.plot_leaderboard`."""
        lines = []
        for one in self.entries:
            test = one.test
            figures = (
                {} if test is None else {"test_auc": test.auc, "test_low": test.auc_low, "test_high": test.auc_high}
            )
            lines.append(Standing(one.name, one.validation_auc, **figures, reason=one.reason))
        return lines

    def header_lines(self) -> list[str]:
        """Return lines that describe the flows for training, validation and test."""
        train, validation, test = (self.flows[name] for name in ("train", "validation", "test"))
        kept = "; flows of a connection stay together" if self.how["split_by"] == "connection" else ""
        lines = [
            f"train       {train['normal']:,} normal flows; dim and rate are learned from them",
            f"validation  {validation['normal']:,} normal, {validation['abnormal']:,} abnormal: all is chosen here",
            f"test        {test['normal']:,} normal, {test['abnormal']:,} abnormal: reported only{kept}",
        ]
        rest = [
            f"{self.flows[name]:,} {text}"
            for name, text in (("n_unlabelled", "without a label"), ("n_unused", "not needed"))
            if self.flows[name]
        ]
        return [*lines, *([f"left out    {'; '.join(rest)}"] if rest else [])]

    def table_lines(self) -> list[str]:
        """Return the title line, then a line for each candidate; the best has a `*`."""
        rows = [list(_TITLES)]
        for rank, one in self._ranked():
            mark = "-" if rank is None else f"{rank}{'*' if rank == 1 else ' '}"
            start = [mark, one.representation, one.detector, one.scale, str(one.n_features)]
            if one.test is None or one.validation_auc is None:
                rows.append([*start, f"failed: {one.reason}"])
                continue
            auc = f"{one.test.auc:.3f} ({one.test.auc_low:.3f}-{one.test.auc_high:.3f})"
            times = [_brief(one.fit_s), _brief(one.predict_us)]
            rows.append([*start, f"{one.validation_auc:.3f}", auc, *times])
        return _aligned(rows)

    def note_lines(self) -> list[str]:
        """Return notes on reading the leaderboard."""
        best = self.best
        if best is None or best.test is None:
            return ["note        nothing could be trained: see the reasons"]
        n_ranked = sum(one.validation_auc is not None for one in self.entries)
        lines = [f"best        {best.name}: test AUC {best.test.auc:.3f}, chosen of {n_ranked} by validation AUC"]
        if best.params:
            lines.append(f"            with {', '.join(f'{name}={value}' for name, value in best.params.items())}")
        lines.append("note        whoever picks another line by its test AUC chooses on the test flows")
        fewest = min(self.flows["validation"].values())
        if fewest < FEW_FLOWS:
            lines.append(f"note        warning: {fewest} flows of a class to choose by: the order can be chance")
        return [*lines, *(f"note        {note}" for note in best.test.notes())]


def _brief(number: float | None) -> str:
    if number is None:
        return "-"
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    whole = [row for row in rows if len(row) == len(_TITLES)]
    lines = []
    widths = [max(len(row[place]) for row in (rows if place < _N_ALWAYS else whole)) for place in range(len(_TITLES))]
    for row in rows:
        cells = [
            text.rjust(width) if (place in _RIGHT and len(row) == len(_TITLES)) or place == 0 else text.ljust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=False))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines
