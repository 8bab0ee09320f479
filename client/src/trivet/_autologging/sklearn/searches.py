"""What is logged of a search of parameters: the best, all results as a table, and a run for each of the best ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, Final

from trivet._at_once import Stop, run_at_once
from trivet._autologging.sessions import AUTOLOGGING_TAG, AutologgedRun, cut_params
from trivet._clock import now_millis
from trivet._entities import Dataset, DatasetInput

_CHILDREN_AT_ONCE: Final = 8
_OF_EACH_SPLIT: Final = ("param", "split")
"""Prefixes of columns that are no metrics of a candidate: its params again, and what each split gave."""
_TRAIN: Final = {"mlflow.data.context": "train"}


@dataclass(frozen=True)
class _Candidate:
    """A row of `cv_results_`."""

    params: Mapping[str, Any]
    metrics: Mapping[str, float]


def is_search(estimator: Any) -> bool:
    """Whether it searches for the params of another estimator, such as `GridSearchCV`."""
    # What they have in common has no public name: those that halve their candidates derive from it too.
    return any(kind.__name__ == "BaseSearchCV" for kind in type(estimator).__mro__)


def tags_of(estimator: Any) -> dict[str, str]:
    """What a run says of the estimator that it is of."""
    kind = type(estimator)
    return {"estimator_name": kind.__name__, "estimator_class": f"{kind.__module__}.{kind.__name__}"}


def log_search(
    run: AutologgedRun,
    search: Any,
    *,
    max_runs: int | None,
    dataset: Dataset | None,
    model_id: str | None,
    best_model_id: str | None,
) -> None:
    """Logs what a search has found.

    Args:
        run: That of the search.
        search: It, fitted.
        max_runs: Of how many candidates at most there are runs, the best; None for all.
        dataset: What it was fitted to.
        model_id: Of the search itself, which has the score of the best.
        best_model_id: Of the best estimator, which has what its candidate scored.
    """
    if hasattr(search, "best_score_"):
        best = {"best_cv_score": search.best_score_}
        run.attempt(
            "best_cv_score",
            lambda: run.client.tracking.log_metrics(run.run_id, best, model_id=model_id, dataset=dataset),
            waits=False,
        )
    if hasattr(search, "best_params_"):
        params = {f"best_{key}": value for key, value in search.best_params_.items()}
        run.attempt("best params", lambda: run.log_params(params), waits=False)
    if hasattr(search, "cv_results_"):
        run.attempt(
            "child runs", lambda: _log_candidates(run, search, max_runs, dataset=dataset, best_model_id=best_model_id)
        )
        run.attempt("cv_results.csv", lambda: _log_table(run, search.cv_results_))


def _log_table(run: AutologgedRun, results: Mapping[str, Any]) -> None:
    import pandas as pd  # noqa: PLC0415 - not every user of scikit-learn has it

    run.client.log_text(run.run_id, pd.DataFrame(results).to_csv(index=False), "cv_results.csv")


def _candidates(results: Mapping[str, Any], max_runs: int | None) -> list[_Candidate]:
    """The best ones, the best first; all, in their own order, where there is no limit."""
    rows: list[int] = list(range(len(results["params"])))
    if max_runs is not None:
        names = [key for key in results if key.startswith("rank_test_")]
        rank = results["rank_test_score" if "rank_test_score" in names else names[0]]
        rows = sorted(rows, key=lambda row: rank[row])[:max_runs]
    measured = [key for key in results if not key.startswith(_OF_EACH_SPLIT)]
    return [
        _Candidate(
            results["params"][row],
            {key: float(results[key][row]) for key in measured if isinstance(results[key][row], Real)},
        )
        for row in rows
    ]


def _log_candidates(
    run: AutologgedRun, search: Any, max_runs: int | None, *, dataset: Dataset | None, best_model_id: str | None
) -> None:
    seed = search.estimator
    base = seed.get_params(deep=not is_search(seed))
    best = getattr(search, "best_params_", None)

    def step(candidate: _Candidate) -> Callable[[], None]:
        model_id = best_model_id if best is not None and candidate.params == best else None
        return lambda: _log_candidate(run, seed, base, candidate, dataset=dataset, model_id=model_id)

    # Each waits for the server twice, as it is made and as it ends.
    run_at_once(map(step, _candidates(search.cv_results_, max_runs)), _CHILDREN_AT_ONCE, Stop())


def _log_candidate(
    run: AutologgedRun,
    seed: Any,
    base: Mapping[str, Any],
    candidate: _Candidate,
    *,
    dataset: Dataset | None,
    model_id: str | None,
) -> None:
    tracking, parent = run.client.tracking, run.run.info
    child = tracking.create_run(
        parent.experiment_id,
        start_time=parent.start_time,  # when it was tried is not known
        tags={AUTOLOGGING_TAG: "sklearn", **tags_of(seed)},
        parent_run_id=parent.run_id,
        user=parent.user_id,
        source=parent.source,
        git_commit=parent.git_commit,
    ).info.run_id
    tracking.log_batch(child, params=cut_params({**base, **candidate.params}))
    if dataset is not None:
        tracking.log_inputs(child, [DatasetInput(dataset, _TRAIN)])
    if candidate.metrics:
        tracking.log_metrics(child, candidate.metrics, model_id=model_id, dataset=dataset)
    tracking.set_terminated(child, end_time=now_millis())
