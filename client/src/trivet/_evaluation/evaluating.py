"""`trivet.evaluate`. Its module loads nothing of the extra, so that the function is there without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from trivet._contents import needed

if TYPE_CHECKING:
    from trivet._client import Client
    from trivet._entities import Dataset
    from trivet._evaluation.results import Evaluation

ModelType = Literal["regressor", "classifier"]


def evaluate(
    model: Any,
    data: Any,
    targets: Any,
    model_type: ModelType,
    *,
    predictions: Any = None,
    probabilities: Any = None,
    labels: Sequence[Any] | None = None,
    pos_label: Any = None,
    slices: Sequence[str] | Mapping[str, object] = (),
    extra_metrics: Mapping[str, Callable[[Any, Any], float]] | None = None,
    dataset: Dataset | str | None = None,
    model_id: str | None = None,
    prefix: str = "",
    plots: bool = True,
    run_id: str | None = None,
    client: Client | None = None,
) -> Evaluation:
    """Measures a model on data, logs metrics, plots and tables to the active run, and returns them.

    Where no run is active, one is started, and ended afterwards. Nothing is logged where it raises. The dataset becomes
    an input of the run; the metrics are of that dataset and, where the model is a logged model, of that too. Of what
    was evaluated in the run before, metrics of the same keys and files of the same names are replaced, and all others
    stay: those of other slices, or plots where none are made now. Needs the extra `evaluate`.

    Args:
        model: A URI, as `trivet.pyfunc.load_model` takes it, or what that returned; an object with `predict`, and
            perhaps `predict_proba`, as those of scikit-learn and XGBoost are; a function of the features. None where
            `predictions` are given. It gets the columns that it says it takes, else all but the targets, as a copy.
        data: A DataFrame of pandas or polars, an array with a row each, a `.csv`, `.parquet` or `.jsonl` file, or a
            `Dataset` of such a file, which must not have changed since.
        targets: What was to be predicted: a column of the data, or a value each row.
        model_type: `regressor` or `classifier`.
        predictions: In place of a model, what it predicted: a column of the data, or a value each row.
        probabilities: Beside predictions, those of each class, as columns or an array in the order of `labels`; or one
            column, of the positive class.
        labels: All classes, where the model does not say which there are and the data does not have all.
        pos_label: Of two classes, the positive one. Default: the last in order.
        slices: Columns, each value of which is measured on its own too, at most 100 values a column; or by names masks
            of a boolean each row.
        extra_metrics: By their names, functions of targets and predictions.
        dataset: What the data is called; or the `Dataset` to note in place of one that is made of the data.
        model_id: The logged model that is measured. Default: as the model says.
        prefix: Before the keys of metrics and the names of files, such as `test/`.
        plots: Whether to make any.
        run_id: The run to log to, which stays as it is. Default: the active run, else a new one.
        client: Of whom the model is loaded, and whose run `run_id` is. Default: the client of this process.

    Returns:
        The evaluation. A metric that is not defined on the data, such as the recall of a class that no row has, is in
        `left_out` with the reason, and is not logged; so it is on a slice.

    Raises:
        InvalidArgument: data, targets and what the model answered do not go together: missing values, other lengths, no
            such column, no rows, several outputs, labels that cannot be compared; says which. Or `prefix` or a name in
            `extra_metrics` makes keys or files that no run can have, or the extra is not installed.
        TrivetError: what loading the model raises.
    """
    check_extra()
    from trivet._evaluation.into_runs import evaluate_into  # noqa: PLC0415 - these load the extra
    from trivet._evaluation.measuring import Wanted  # noqa: PLC0415 - as above
    from trivet._evaluation.writing import run_to_log_to  # noqa: PLC0415 - as above

    return evaluate_into(
        run_to_log_to(client, run_id),
        model,
        data,
        targets,
        Wanted(model_type, labels, pos_label, slices, extra_metrics),
        predictions=predictions,
        probabilities=probabilities,
        dataset=dataset,
        model_id=model_id,
        prefix=prefix,
        plots=plots,
        client=client,
    )


def check_extra() -> None:
    """Raises InvalidArgument where the extra is not installed."""
    for module in ("pandas", "sklearn", "matplotlib"):
        needed(module, "trivet[evaluate]", f"evaluations use {module}")
