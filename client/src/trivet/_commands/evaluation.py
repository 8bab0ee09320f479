"""`trivet models evaluate` and `compare`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

import trivet
from trivet._commands.answers import Answer, Details, Field, Listing
from trivet._commands.declaring import client_command
from trivet._commands.kinds import COUNT, FLAG, ID, NUMBER
from trivet._commands.options import parse_pairs
from trivet._evaluation.evaluating import check_extra

if TYPE_CHECKING:
    from trivet._evaluation.writing import RunLog

app = typer.Typer()


class ModelType(StrEnum):
    """What a model predicts."""

    REGRESSOR = "regressor"
    CLASSIFIER = "classifier"


@dataclass(frozen=True)
class _Measured:
    """One metric, and of how many rows it is."""

    key: str
    value: float
    rows: int


_METRIC: Final[Sequence[Field[_Measured]]] = (
    Field("key", "Metric", ID),
    Field("value", "Value", NUMBER),
    Field("rows", "Rows", COUNT),
)
_EVALUATION: Final[Sequence[Field[trivet.Evaluation]]] = (
    Field("run_id", "Run", ID),
    Field("model", "Model", ID),
    Field("model_id", "Logged model", ID),
    Field("dataset", "Dataset", ID, lambda found: f"{found.dataset.name}@{found.dataset.digest}"),
)
_COMPARISON: Final[Sequence[Field[trivet.Comparison]]] = (
    Field("run_id", "Run", ID),
    Field("baseline", "Baseline", ID, lambda found: found.baseline.model),
    Field("candidate", "Candidate", ID, lambda found: found.candidate.model),
    Field("passed", "Passed", FLAG),
)
_CHECK: Final[Sequence[Field[trivet.ThresholdCheck]]] = (
    Field("passed", "Passed", FLAG),
    Field("metric", "Metric", ID, is_listed=False),
    Field("candidate", "Candidate", NUMBER, is_listed=False),
    Field("baseline", "Baseline", NUMBER, is_listed=False),
    Field("reason", "Why"),
)

_DataArgument = Annotated[
    Path, typer.Argument(metavar="DATA", help="A .csv, .parquet or .jsonl file.", show_default=False)
]
_TargetsOption = Annotated[
    str, typer.Option("--targets", metavar="COLUMN", help="What was to be predicted.", show_default=False)
]
_TypeOption = Annotated[ModelType, typer.Option("--type", help="What the model predicts.", show_default=False)]
_SlicesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--slice",
        metavar="COLUMN",
        help="Measure the rows of each of its values on their own too; may be given several times.",
        show_default=False,
    ),
]
_NameOption = Annotated[
    str,
    typer.Option(
        "--dataset", metavar="NAME", help="What the data is called. Default: as the file.", show_default=False
    ),
]
_ExperimentOption = Annotated[
    str,
    typer.Option(
        "--experiment", metavar="NAME", help="Where the run goes, made where there is none. Default: Default."
    ),
]
_LIMITS_HELP: Final = "may be given several times"


@client_command(
    app,
    "evaluate",
    example="trivet models evaluate models:/taxi@champion trips.parquet --targets minutes --type regressor",
)
def evaluate(
    client: trivet.Client,
    model_uri: Annotated[
        str, typer.Argument(metavar="MODEL", help="A models:/ or runs:/ URI, or a folder.", show_default=False)
    ],
    data: _DataArgument,
    targets: _TargetsOption,
    model_type: _TypeOption,
    slices: _SlicesOption = None,
    dataset: _NameOption = "",
    experiment: _ExperimentOption = "Default",
) -> Answer:
    """Measure a model on data, as trivet.evaluate does, in a run of its own."""
    check_extra()
    from trivet._evaluation.into_runs import evaluate_into  # noqa: PLC0415 - these load the extra
    from trivet._evaluation.measuring import Wanted  # noqa: PLC0415 - as above

    found = evaluate_into(
        _new_run(client, experiment),
        model_uri,
        data,
        targets,
        Wanted(model_type.value, slices=slices or ()),
        dataset=dataset or None,
        client=client,
    )
    rows = {each.key(metric): each.rows for each in found.slices for metric in each.metrics}
    in_all = int(found.metrics["example_count"])
    metrics = [_Measured(key, value, rows.get(key, in_all)) for key, value in found.all_metrics().items()]
    return Details(_EVALUATION, found, {"metrics": Listing(_METRIC, metrics, nothing="")})


@client_command(
    app,
    "compare",
    example="trivet models compare models:/taxi/Production models:/taxi/3 trips.parquet --targets minutes "
    "--type regressor --min-relative-change root_mean_squared_error=0.01",
)
def compare(
    client: trivet.Client,
    baseline: Annotated[
        str, typer.Argument(metavar="BASELINE", help="What is in use: a URI, or a folder.", show_default=False)
    ],
    candidate: Annotated[
        str, typer.Argument(metavar="CANDIDATE", help="What may come into its place.", show_default=False)
    ],
    data: _DataArgument,
    targets: _TargetsOption,
    model_type: _TypeOption,
    limits: Annotated[
        list[str] | None,
        typer.Option(
            "--threshold",
            metavar="METRIC=VALUE",
            help=f"What the candidate must reach; {_LIMITS_HELP}.",
            show_default=False,
        ),
    ] = None,
    absolute: Annotated[
        list[str] | None,
        typer.Option(
            "--min-absolute-change",
            metavar="METRIC=VALUE",
            help=f"By how much it must be better, 0 for no worse; {_LIMITS_HELP}.",
            show_default=False,
        ),
    ] = None,
    relative: Annotated[
        list[str] | None,
        typer.Option(
            "--min-relative-change",
            metavar="METRIC=SHARE",
            help=f"The same as a share of the baseline, such as 0.05, or -0.02; {_LIMITS_HELP}.",
            show_default=False,
        ),
    ] = None,
    slices: _SlicesOption = None,
    dataset: _NameOption = "",
    experiment: _ExperimentOption = "Default",
) -> Answer:
    """Compare two models on data, as trivet.compare_models does; the exit code is 1 where the candidate fails."""
    thresholds = _thresholds(limits, absolute, relative)
    check_extra()
    from trivet._evaluation.into_runs import compare_into  # noqa: PLC0415 - these load the extra
    from trivet._evaluation.measuring import Wanted  # noqa: PLC0415 - as above

    found = compare_into(
        _new_run(client, experiment),
        (baseline, candidate),
        data,
        targets,
        Wanted(model_type.value, slices=slices or ()),
        thresholds=thresholds,
        dataset=dataset or None,
        client=client,
    )
    checks = Listing(_CHECK, found.checks, nothing="")
    return Details(_COMPARISON, found, {"checks": checks}, exit_code=0 if found.passed else 1)


@contextmanager
def _new_run(client: trivet.Client, experiment: str) -> Iterator[RunLog]:
    """A run of the command alone, made once there is something to log."""
    from trivet._evaluation.writing import RunLog  # noqa: PLC0415 - it loads the extra

    found = client.get_experiment_by_name(experiment)
    experiment_id = client.create_experiment(experiment) if found is None else found.experiment_id
    run_id = client.create_run(experiment_id).info.run_id
    try:
        yield RunLog(client, run_id)
    except BaseException:
        client.set_terminated(run_id, "FAILED")
        raise
    client.set_terminated(run_id)


def _thresholds(
    limits: Sequence[str] | None, absolute: Sequence[str] | None, relative: Sequence[str] | None
) -> Mapping[str, trivet.Threshold]:
    thresholds: dict[str, trivet.Threshold] = {}
    for metric, value in _numbers(limits, "--threshold").items():
        thresholds[metric] = trivet.Threshold(threshold=value)
    for metric, value in _numbers(absolute, "--min-absolute-change").items():
        thresholds[metric] = replace(thresholds.get(metric, trivet.Threshold()), min_absolute_change=value)
    for metric, value in _numbers(relative, "--min-relative-change").items():
        thresholds[metric] = replace(thresholds.get(metric, trivet.Threshold()), min_relative_change=value)
    if not thresholds:
        raise typer.BadParameter(
            "Without a threshold a comparison cannot fail; give at least one.", param_hint="--threshold"
        )
    return thresholds


def _numbers(texts: Sequence[str] | None, option: str) -> dict[str, float]:
    numbers = {}
    for metric, text in parse_pairs(texts, option).items():
        try:
            numbers[metric] = float(text)
        except ValueError:
            numbers[metric] = math.nan
        if math.isnan(numbers[metric]):
            raise typer.BadParameter(f"{text!r} is no number.", param_hint=option)
    return numbers
