"""Runs side by side, for people and for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, TypeVar

import trivet
from trivet._commands.answers import notice
from trivet._commands.kinds import duration, local_time, number, printable
from trivet._commands.screen import Head, show_table

_Value = TypeVar("_Value")

_TIMES: Final = frozenset({"start_time", "end_time", "create_time", "update_time", "last_write_time"})


@dataclass(frozen=True)
class Compared:
    """What runs have under each key."""

    comparison: trivet.RunComparison
    run_ids: Sequence[str]
    exit_code: int = 0

    def to_json(self) -> object:
        """By kind and key: whether it differs, and the value of each run that has one."""
        groups: Mapping[str, Sequence[trivet.ComparedKey[Any]]] = {
            "attributes": self.comparison.attributes,
            "params": self.comparison.params,
            "metrics": self.comparison.metrics,
            "tags": self.comparison.tags,
        }
        return {
            name: {
                key.key: {
                    "differs": key.differs,
                    "values": {
                        run_id: asdict(value) if isinstance(value, trivet.MetricSummary) else value
                        for run_id, value in key.values.items()
                    },
                }
                for key in keys
            }
            for name, keys in groups.items()
        }

    def show(self) -> None:
        """A row for each key, a column for each run."""
        rows = list(self._rows())
        if not rows:
            notice("They are the same in all that was logged.")
            return
        # Whole ids are as wide as a screen; what they end in tells runs of one time apart.
        heads = [Head("", is_whole=True), *(Head(f"…{run_id[-8:]}", is_number=True) for run_id in self.run_ids)]
        show_table(heads, rows)

    def _rows(self) -> Iterator[list[str]]:
        yield from self._rows_of("", self.comparison.attributes, _attribute)
        yield from self._rows_of("params.", self.comparison.params, lambda _, value: printable(value))
        yield from self._rows_of("metrics.", self.comparison.metrics, lambda _, value: number(value.value))
        yield from self._rows_of("tags.", self.comparison.tags, lambda _, value: printable(value))

    def _rows_of(
        self, prefix: str, keys: Sequence[trivet.ComparedKey[_Value]], show: Callable[[str, _Value], str]
    ) -> Iterator[list[str]]:
        for key in keys:
            texts = [show(key.key, key.values[run_id]) if run_id in key.values else "" for run_id in self.run_ids]
            yield [printable(f"{prefix}{key.key}"), *texts]


def _attribute(key: str, value: str) -> str:
    if key in _TIMES and value.isdigit():
        return local_time(int(value))
    if key == "duration" and value.isdigit():
        return duration(int(value) / 1000)
    return printable(value)
