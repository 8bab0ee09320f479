"""Which params tell a metric, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import trivet
from trivet._commands.answers import notice
from trivet._commands.kinds import printable
from trivet._commands.screen import Head, show_table

# A forest that explains less knows next to nothing.
_LEAST_EXPLAINED: Final = 0.1

_HEADS: Final = (
    Head("Param"),
    Head("Importance", is_number=True, is_whole=True),
    Head("Correlation", is_number=True, is_whole=True),
    Head("95 %", is_whole=True),
    Head("Runs", is_number=True, is_whole=True),
    Head(""),
)


@dataclass(frozen=True)
class Importances:
    """What params tell a metric."""

    found: trivet.ParamImportance
    metric: str
    top: int | None
    """Only so many params."""
    exit_code: int = 0

    def to_json(self) -> object:
        """All of it, with the params in an array."""
        return {**asdict(self.found), "findings": [asdict(finding) for finding in self._shown()]}

    def show(self) -> None:
        """A row for each param, then what that is based on."""
        rows = [_row(finding) for finding in self._shown()]
        if rows:
            show_table(_HEADS, rows)
        notice(" ".join(self._basis()))

    def _shown(self) -> Sequence[trivet.ParamFinding]:
        return self.found.findings[: self.top]

    def _basis(self) -> list[str]:
        found = self.found
        newest = "the newest " if found.has_more_runs else ""
        said = [f"Based on {newest}{found.runs} runs with {self.metric}."]
        if found.not_finite_runs:
            said.append(f"{found.not_finite_runs} more do not have it as a finite number.")
        if found.same_params:
            said.append(f"{_params(found.same_params)} the same in all of them.")
        if found.left_out_params:
            said.append(f"{_params(found.left_out_params)} left out.")
        if not found.findings:
            said.append("None of them has a param that differs.")
        elif found.explained is None:
            said.append("Importance needs 10 runs that differ in it.")
        elif found.explained < _LEAST_EXPLAINED:
            said.append(
                "The params hardly tell the order of runs that were not seen before: do not rely on their importance."
            )
        else:
            said.append(
                f"Together the params tell {found.explained:.0%} of the order of runs that were not seen before."
            )
        return said


def _params(count: int) -> str:
    return "1 param is" if count == 1 else f"{count} params are"


def _row(finding: trivet.ParamFinding) -> list[str]:
    correlation = finding.correlation
    importance = "" if finding.importance is None else f"{finding.importance:.0%}"
    notes = []
    if finding.importance is not None and not finding.is_above_chance:
        notes.append("no more than chance")
    if correlation is not None and finding.towards:
        notes.append(f"+ is towards {printable(finding.towards)}")
    of_correlation = ["", "", ""]
    if correlation is not None:
        interval = f"{correlation.low:+.2f} to {correlation.high:+.2f}"
        of_correlation = [f"{correlation.coefficient:+.2f}", interval, str(correlation.runs)]
    return [printable(finding.key), importance, *of_correlation, "; ".join(notes)]
