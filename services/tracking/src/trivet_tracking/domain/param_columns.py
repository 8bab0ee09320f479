"""What runs have of a param, as a column of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from trivet_tracking.domain.numbers import number_in

Numbers: TypeAlias = npt.NDArray[np.float64]
Codes: TypeAlias = npt.NDArray[np.int64]

# What programs write where they have no number.
_NO_NUMBERS: Final = frozenset({"none", "nan", "null"})


@dataclass(frozen=True)
class ParamColumn:
    """One param of some runs."""

    key: str
    values: Numbers
    """[n_runs]: numbers as they are, texts by the places of the different ones in their alphabetical order. NaN where a
    run has none."""
    categories: tuple[str, ...] | None
    """The different texts, in the order of `values`; None of numbers."""

    @property
    def differs(self) -> bool:
        """Whether two runs have different values, or one has none."""
        return len(np.unique(self.values)) > 1

    def codes(self) -> Codes:
        """[n_runs] whole numbers that rise with the values; -1 where there is none."""
        codes = np.unique(self.values, return_inverse=True)[1].astype(np.int64)
        codes[np.isnan(self.values)] = -1
        return codes


def param_column(key: str, texts: Sequence[str | None]) -> ParamColumn:
    """The column of a param: of numbers where each text is one, or says that there is none.

    Args:
        key: The param's.
        texts: What each run has; None: nothing.
    """
    there = [text for text in texts if text is not None]
    numbers = {text: number_in(text) for text in there}
    if all(number is not None or text.lower() in _NO_NUMBERS for text, number in numbers.items()) and any(
        number is not None for number in numbers.values()
    ):
        found = [None if text is None else numbers[text] for text in texts]
        return ParamColumn(key, np.array([np.nan if each is None else each for each in found], np.float64), None)
    categories = sorted(set(there))
    places = {text: place for place, text in enumerate(categories)}
    values = [np.nan if text is None else places[text] for text in texts]
    return ParamColumn(key, np.array(values, np.float64), tuple(categories))
