"""Asks a model, and measures what it answers: all of an evaluation but that it is logged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from trivet._errors import InvalidArgument
from trivet._evaluation.answers import Answers, ask
from trivet._evaluation.classifier import scored_classifier
from trivet._evaluation.labels import find_classes
from trivet._evaluation.opened_model import OpenedModel
from trivet._evaluation.regressor import scored_regressor
from trivet._evaluation.results import EvaluatedSlice, Evaluation
from trivet._evaluation.rows import Rows
from trivet._evaluation.scores import ExtraMetrics, Scored
from trivet._evaluation.slicing import SlicedRows, Slices, slice_rows
from trivet._records import check_key

_TYPES: Final = ("regressor", "classifier")


@dataclass(frozen=True)
class Wanted:
    """What is to be measured."""

    model_type: str
    labels: Sequence[Any] | None = None
    pos_label: Any = None
    slices: Slices | str = ()
    extra_metrics: ExtraMetrics | None = None

    def check(self) -> None:
        """Raises InvalidArgument where it can be seen without any data."""
        if self.model_type not in _TYPES:
            raise InvalidArgument(f"model_type is {self.model_type!r}; it has to be one of {', '.join(_TYPES)}.")
        if self.model_type == "regressor" and (self.labels is not None or self.pos_label is not None):
            raise InvalidArgument("labels and pos_label are of classifiers; this is a regressor.")
        for name in self.extra_metrics or ():
            check_key(name)


@dataclass(frozen=True)
class Measured:
    """An evaluation that is not logged yet."""

    evaluation: Evaluation
    """Without a run, and without files."""
    scored: Scored
    """What plots are made of."""


@dataclass(frozen=True)
class _Asked:
    """A model that has answered, and is not needed any more."""

    name: str
    model_id: str
    answers: Answers


def measure(models: Iterable[OpenedModel], rows: Rows, wanted: Wanted) -> list[Measured]:
    """Measures models on data by the same metrics, for what was checked to be wanted.

    Args:
        models: One, or those that are to be compared; each is asked before the next one is opened.
        rows: The data.
        wanted: What is to be measured.

    Raises:
        InvalidArgument: the data, the answers and what is wanted do not go together; says why.
    """
    asked = [_Asked(opened.name, opened.model_id, _answers(opened, rows, wanted)) for opened in models]
    scored = _scored(rows, [each.answers for each in asked], wanted)
    return [_measured(each, of_it, rows, wanted) for each, of_it in zip(asked, scored, strict=True)]


def _measured(asked: _Asked, scored: Scored, rows: Rows, wanted: Wanted) -> Measured:
    scores = scored.score(np.ones(len(rows), np.bool_))
    parts = slice_rows(wanted.slices, rows.columns, len(rows))
    slices = tuple(_sliced(scored, part) for part in parts)
    evaluation = Evaluation(
        run_id="",
        model_type=wanted.model_type,
        model=asked.name,
        model_id=asked.model_id,
        dataset=rows.dataset,
        metrics=scores.values,
        left_out=scores.left_out,
        slices=slices,
        tables={**scored.tables(), **_slice_table(parts, slices)},
    )
    return Measured(evaluation, scored)


def _answers(opened: OpenedModel, rows: Rows, wanted: Wanted) -> Answers:
    if opened.model is not None and (rows.predictions is not None or rows.probabilities is not None):
        raise InvalidArgument("Give either a model, or its predictions and probabilities.")
    if opened.model is not None:
        return ask(opened.model, rows, wants_probabilities=wanted.model_type == "classifier")
    if rows.predictions is None:
        raise InvalidArgument("Give a model, or predictions=, the column or the values that it predicted.")
    return Answers(rows.predictions, rows.probabilities)


def _scored(rows: Rows, answers: Sequence[Answers], wanted: Wanted) -> Sequence[Scored]:
    extra = wanted.extra_metrics or {}
    if wanted.model_type == "regressor":
        return [scored_regressor(rows.targets, each, extra) for each in answers]
    classes = find_classes(rows.targets, answers, labels=wanted.labels, pos_label=wanted.pos_label)
    return [scored_classifier(rows.targets, each, classes, extra, labels=wanted.labels) for each in answers]


def _sliced(scored: Scored, part: SlicedRows) -> EvaluatedSlice:
    scores = scored.score(part.mask)
    return EvaluatedSlice(part.name, int(part.mask.sum()), scores.values, scores.left_out)


def _slice_table(parts: Sequence[SlicedRows], slices: Sequence[EvaluatedSlice]) -> Mapping[str, pd.DataFrame]:
    """A row for each slice; none where nothing is sliced."""
    if not slices:
        return {}
    rows = [
        {
            "slice": each.name,
            "column": part.column,
            "value": None if part.value is None else str(part.value),
            "rows": each.rows,
            **each.metrics,
            "left_out": "; ".join(f"{name}: {reason}" for name, reason in each.left_out.items()),
        }
        for part, each in zip(parts, slices, strict=True)
    ]
    return {"slices": pd.DataFrame(rows)}
