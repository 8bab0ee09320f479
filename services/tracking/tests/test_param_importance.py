"""Which params tell a metric: against functions whose answer is known, scikit-learn and SciPy, and by the call."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance
from sklearn.tree import DecisionTreeRegressor

from trivet_kit.errors import Overloaded
from trivet_proto.tracking.v1 import param_importance_pb2 as pb
from trivet_proto.tracking.v1.lifecycle_pb2 import LIFECYCLE_VIEW_DELETED
from trivet_proto.tracking.v1.run_pb2 import Run
from trivet_proto.tracking.v1.tracking_service_pb2 import DeleteRunRequest
from trivet_testing.records import create_experiment, create_run, log, metric, write
from trivet_testing.tracking import Tracking
from trivet_tracking.domain.param_columns import param_column
from trivet_tracking.domain.param_importance import MAX_PARAMS, Finding, Importance, MeasuredRun, param_importance
from trivet_tracking.domain.rank_correlation import rank_correlation
from trivet_tracking.domain.ranks import ranks
from trivet_tracking.domain.regression_tree import BINS, bins_of, grow
from trivet_tracking.turns import Turns

RANDOM_SEED = 5


def measured(runs: int, value: Callable[[Mapping[str, float]], float], **more: Sequence[str]) -> list[MeasuredRun]:
    """Runs with params `a` to `d` from 0 to 1; more params are texts that come in turns."""
    random = np.random.default_rng(RANDOM_SEED)
    made = []
    for run in range(runs):
        numbers = {key: float(random.uniform()) for key in "abcd"}
        others = {key: texts[run % len(texts)] for key, texts in more.items()}
        made.append(MeasuredRun({key: str(number) for key, number in numbers.items()} | others, value(numbers)))
    return made


def finding(found: Importance, key: str) -> Finding:
    (one,) = (each for each in found.findings if each.key == key)
    return one


def importances(found: Importance) -> dict[str, float]:
    return {each.key: each.importance or 0.0 for each in found.findings}


def test_importance_is_about_the_part_of_the_variance_that_a_param_makes() -> None:
    # Of independent params from 0 to 1 the parts are as the squares of the factors: 9, 4 and 1 of 14.
    found = param_importance(measured(400, lambda at: 3 * at["a"] + 2 * at["b"] + at["c"]))
    assert [each.key for each in found.findings] == ["a", "b", "c", "d"]
    parts = importances(found)
    for key, part in {"a": 9 / 14, "b": 4 / 14, "c": 1 / 14, "d": 0}.items():
        assert parts[key] == pytest.approx(part, abs=0.1)
    assert sum(parts.values()) == pytest.approx(1)
    assert all(each.is_above_chance for each in found.findings[:3])
    assert found.explained is not None
    assert 0.8 < found.explained < 1


def test_the_order_is_that_of_a_forest_of_scikit_learn_asked_about_other_runs() -> None:
    def value(at: Mapping[str, float]) -> float:
        return math.sin(6 * at["a"]) + at["b"] * at["c"] - 0.6 * at["d"]

    runs = measured(600, value)
    found = param_importance(runs[:300])
    rows = np.array([[float(run.params[key]) for key in "abcd"] for run in runs])
    target = np.array([run.value for run in runs])
    model = RandomForestRegressor(100, random_state=1).fit(rows[:300], target[:300])
    of_sklearn = permutation_importance(model, rows[300:], target[300:], n_repeats=5, random_state=1).importances_mean
    order = sorted("abcd", key=lambda key: -of_sklearn["abcd".index(key)])
    assert [each.key for each in found.findings] == order
    for key, part in zip("abcd", of_sklearn / of_sklearn.sum(), strict=True):
        assert importances(found)[key] == pytest.approx(part, abs=0.1)


@pytest.mark.parametrize(
    "value",
    [
        lambda at: 3 * at["a"] + 2 * at["b"] + at["c"],
        lambda at: (at["a"] - 0.5) * (at["b"] - 0.5) + at["c"] ** 3 / 4,
        lambda at: round(4 * at["a"]) * round(2 * at["d"]) + at["b"],
        lambda at: at["a"] * 1e6 % 7 + at["b"],
    ],
    ids=["sum", "product", "steps", "noise"],
)
def test_as_much_is_explained_as_by_a_forest_of_scikit_learn(value: Callable[[Mapping[str, float]], float]) -> None:
    runs = measured(300, value)
    columns = np.array([[float(run.params[key]) for key in "abcd"] for run in runs])
    # Copies in random order, which the forest is given too, make it harder to learn.
    random = np.random.default_rng(RANDOM_SEED)
    rows = np.column_stack([columns, *(random.permutation(column) for column in [*columns.T] * 3)])
    model = RandomForestRegressor(100, max_features=1 / 3, min_samples_split=5, oob_score=True, random_state=1)
    of_sklearn = model.fit(rows, rankdata([run.value for run in runs])).oob_score_
    # Two seeds of scikit-learn differ by up to this where half of the order can be told.
    assert param_importance(runs).explained == pytest.approx(of_sklearn, abs=0.1)


def test_one_tree_divides_rows_as_a_tree_of_scikit_learn() -> None:
    # Of so few different values that each has a bin, and of all columns, so that nothing is left to chance but ties.
    random = np.random.default_rng(RANDOM_SEED)
    rows = random.integers(0, 20, (200, 3)).astype(np.uint8)
    target = random.normal(size=200) + rows[:, 0] / 4 - (rows[:, 1] > 7)
    weights = random.integers(1, 4, 200).astype(float)
    tree = grow(rows, target, weights, tried=3, least_to_split=60, random=random)
    other = DecisionTreeRegressor(min_samples_split=60).fit(rows, target, weights)
    assert len(tree.columns) == other.tree_.node_count
    assert tree.depth == other.get_depth()
    asked = random.integers(0, 20, (500, 3)).astype(np.uint8)
    assert tree.predict(asked)[0] == pytest.approx(other.predict(asked))


def test_rows_with_a_column_of_another_row() -> None:
    rows = np.array([[number, number % 2, 9] for number in range(10)], np.uint8)
    random = np.random.default_rng(RANDOM_SEED)
    tree = grow(rows, rows[:, 0] / 3, np.ones(10), tried=3, least_to_split=2, random=random)
    said, looked = tree.predict(rows)
    assert said == pytest.approx(rows[:, 0] / 3)
    assert looked[:, 0].all()
    assert not looked[:, 2].any()
    of_row, columns, others = np.array([[row, column, row // 2] for row in range(10) for column in range(3)]).T
    mixed = rows[of_row]
    mixed[np.arange(len(mixed)), columns] = rows[others, columns]
    assert tree.predict_shuffled(rows, of_row, columns, others).tolist() == tree.predict(mixed)[0].tolist()


def test_many_values_share_bins_and_what_is_missing_has_its_own() -> None:
    assert bins_of(np.array([3, -1, 0, 3, 7])).tolist() == [2, 0, 1, 2, 3]
    codes = np.array([-1, *np.random.default_rng(RANDOM_SEED).permutation(1000), *[500] * 200])
    bins = bins_of(codes)
    assert np.flatnonzero(bins == 0).tolist() == [0]
    assert (np.diff(bins[np.argsort(codes, kind="stable")].astype(int)) >= 0).all()
    assert bins.max() < BINS
    # No bin has many more rows than others, but for what is the same.
    other = bins[(bins > 0) & (bins != bins[codes == 500][0])]
    assert np.bincount(other).max() <= 1.1 * 1200 / (BINS - 1)


def test_ranks_are_those_of_scipy() -> None:
    for values in ([3.0, 1.0, 3.0, -math.inf, math.inf, 3.0], [2.0], []):
        assert ranks(np.array(values)).tolist() == rankdata(values).tolist()


def test_correlations_are_those_of_scipy() -> None:
    random = np.random.default_rng(RANDOM_SEED)
    for runs in (5, 20, 200):
        xs, ys = random.integers(0, 8, runs).astype(float), random.normal(size=runs)
        found = rank_correlation(xs, ys)
        assert found is not None
        assert found.coefficient == pytest.approx(spearmanr(xs, ys).statistic, abs=1e-12)
        assert -1 <= found.low < found.coefficient < found.high <= 1


def test_the_interval_is_that_of_bonett_and_wright() -> None:
    # The example of https://en.wikipedia.org/wiki/Spearman%27s_rank_correlation_coefficient: -29/165.
    iq = np.array([106, 100, 86, 101, 99, 103, 97, 113, 112, 110], float)
    hours = np.array([7, 27, 2, 50, 28, 29, 20, 12, 6, 17], float)
    found = rank_correlation(iq, hours)
    assert found is not None
    assert (found.coefficient, found.low, found.high) == pytest.approx((-29 / 165, -0.7278, 0.5145), abs=1e-4)
    # What always falls has no interval, and what never moves no correlation.
    falling = rank_correlation(np.arange(6.0), -np.exp(np.arange(6.0)))
    assert falling is not None
    assert (falling.coefficient, falling.low, falling.high, falling.runs) == (-1, -1, -1, 6)
    assert rank_correlation(np.arange(6.0), np.ones(6)) is None
    assert rank_correlation(np.arange(4.0), np.arange(4.0)) is None


def test_a_scale_makes_no_difference() -> None:
    runs = measured(60, lambda at: at["a"] - at["b"])
    logarithmic = [
        MeasuredRun({**run.params, "a": repr(10 ** (8 * float(run.params["a"]) - 12))}, math.exp(9 * run.value))
        for run in runs
    ]
    assert param_importance(logarithmic) == param_importance(runs)


def test_params_that_say_nothing_are_told_from_those_that_do() -> None:
    # A random text of each run looks important to what asks about the runs that it has learnt from.
    names = [f"name-{number}" for number in np.random.default_rng(RANDOM_SEED).permutation(80)]
    found = param_importance(measured(80, lambda at: at["a"], name=names, kind=["x", "y", "z"]))
    assert found.findings[0].key == "a"
    assert {each.key for each in found.findings if each.is_above_chance} == {"a"}
    noise = param_importance(measured(80, lambda at: (at["a"] * 1e6) % 7))
    assert noise.explained is not None
    assert noise.explained < 0.1


def test_texts_numbers_and_what_is_missing() -> None:
    cost = {"adam": 0.0, "lion": 0.3, "sgd": 0.7}
    optimizers = [["adam", "lion", "sgd"][run * 7 % 3] for run in range(90)]
    runs = [
        MeasuredRun(
            {
                "optimizer": optimizer,
                "augment": ["off", "on"][run % 2],
                "depth": "None" if run % 5 == 0 else str(run % 5),
                **({"warmup": str(run // 7 % 4)} if run // 3 % 3 else {}),
                "epochs": "3",
            },
            cost[optimizer] + (run % 2) * 0.3,
        )
        for run, optimizer in enumerate(optimizers)
    ]
    found = param_importance(runs)
    assert (found.runs, found.same) == (90, 1)
    assert [each.key for each in found.findings[:2]] == ["optimizer", "augment"]
    # Three texts have no order; two have one, which is said.
    assert finding(found, "optimizer").correlation is None
    augment = finding(found, "augment")
    assert augment.correlation is not None
    assert (augment.towards, augment.correlation.coefficient > 0.3) == ("on", True)
    # `None` among numbers is no value, and so is nothing.
    depth, warmup = finding(found, "depth").correlation, finding(found, "warmup").correlation
    assert depth is not None
    assert warmup is not None
    assert (depth.runs, warmup.runs) == (72, 60)


def test_columns_of_params() -> None:
    numbers = param_column("lr", ["1e-3", "None", "inf", None, "0.001", "-2"])
    assert numbers.categories is None
    assert numbers.codes().tolist() == [1, -1, 2, -1, 1, 0]
    close = param_column("close", ["0.1", "0.10000000000000001", "0.1000000000000001"])
    assert close.codes().tolist() == [0, 0, 1]
    texts = param_column("kind", ["b", "1", None, "a", "b"])
    assert (texts.categories, texts.codes().tolist()) == (("1", "a", "b"), [2, 0, -1, 1, 2])
    nothing = param_column("seed", ["None", "None", None])
    assert (nothing.categories, nothing.differs) == (("None",), True)
    assert not param_column("same", ["1", "1.0", "1"]).differs


def test_the_same_runs_in_another_order_give_the_same_params() -> None:
    # Of 40 runs, no forest tells b from chance, be it ours or one of scikit-learn.
    runs = measured(100, lambda at: at["a"] + at["b"] / 4)
    assert param_importance(runs) == param_importance(runs)
    turned = param_importance(runs[::-1])
    assert [each.key for each in turned.findings[:2]] == ["a", "b"]


def test_few_runs_have_correlations_alone_and_very_few_nothing() -> None:
    nine = param_importance(measured(9, lambda at: at["a"]))
    assert nine.explained is None
    assert nine.findings[0].key == "a"
    assert {each.importance for each in nine.findings} == {None}
    assert nine.findings[0].correlation is not None
    four = param_importance(measured(4, lambda at: at["a"]))
    assert {(each.importance, each.correlation) for each in four.findings} == {(None, None)}
    assert param_importance([]) == Importance(0, 0, 0, 0, None, ())


def test_a_metric_that_is_always_the_same_and_params_that_are() -> None:
    same = param_importance(measured(20, lambda _: 1.0))
    assert same.explained is None
    assert {(each.importance, each.correlation) for each in same.findings} == {(None, None)}
    alike = param_importance([MeasuredRun({"lr": "0.1"}, run) for run in range(20)])
    assert (alike.same, alike.explained, alike.findings) == (1, None, ())


def test_values_that_are_not_finite_do_not_count() -> None:
    runs = measured(30, lambda at: at["a"])
    spoilt = [MeasuredRun(run.params, value) for run, value in zip(runs, (math.nan, math.inf, -math.inf), strict=False)]
    found = param_importance([*spoilt, *runs[3:]])
    assert (found.runs, found.not_finite) == (27, 3)
    assert param_importance(runs[3:]).findings == found.findings


def test_of_too_many_params_those_that_most_runs_have_are_looked_at() -> None:
    runs = [
        MeasuredRun({"a": str(run), **{f"p{number}": str(run % 3) for number in range(MAX_PARAMS + 20) if run}}, run)
        for run in range(12)
    ]
    found = param_importance(runs)
    assert (len(found.findings), found.left_out) == (MAX_PARAMS, 21)
    assert "a" in importances(found)


def test_who_waits_too_long_for_a_turn_is_told_to_come_again() -> None:
    turns = Turns("importances", at_once=1, patience_seconds=0.01)
    with turns.turn(), pytest.raises(Overloaded) as refused, turns.turn():
        pass
    assert refused.value.metadata == {"queue": "importances"}
    with turns.turn():
        pass


# --- by the call


def ask(tracking: Tracking, **fields: object) -> pb.ParamImportance:
    request = pb.ReadParamImportanceRequest(parent=tracking.parent, metric_key="loss", **fields)  # type: ignore[arg-type] # fields of the request
    return tracking.stub.ReadParamImportance(request)


def make_runs(tracking: Tracking, experiment: str, count: int) -> list[Run]:
    """Runs whose loss falls as lr rises, and ends where it began; the seed tells nothing."""
    runs = []
    for number in range(count):
        params = {"lr": str(10.0 ** -(number % 6)), "seed": str(number * 7 % 11), "epochs": "3"}
        run = create_run(tracking, experiment=experiment, params=params)
        write(tracking, run.name, metrics=metric("loss", (0, 0, 9.0), (1, 1, float(number % 6)), (2, 2, 9.0)))
        runs.append(run)
    return runs


def test_params_of_runs_tell_a_metric(tracking: Tracking) -> None:
    experiment = create_experiment(tracking).name
    runs = make_runs(tracking, experiment, 18)
    elsewhere = create_run(tracking, experiment=create_experiment(tracking).name, params={"lr": "9"})
    log(tracking, elsewhere.name, loss=3.0)
    create_run(tracking, experiment=experiment, params={"lr": "5"})  # without the metric
    spoilt = create_run(tracking, experiment=experiment, params={"lr": "7"})
    log(tracking, spoilt.name, loss=math.nan)
    found = ask(tracking, experiments=[experiment], figure=pb.METRIC_FIGURE_MIN)
    assert (found.runs, found.not_finite_runs, found.same_params, found.has_more_runs) == (18, 1, 1, False)
    assert [(each.key, each.above_chance) for each in found.findings] == [("lr", True), ("seed", False)]
    assert found.findings[0].importance > 0.9
    assert found.findings[0].correlation.coefficient == pytest.approx(-1)
    assert found == ask(tracking, experiments=[experiment], figure=pb.METRIC_FIGURE_MIN)
    # The current value is the same in all, and so is the largest one.
    for figure in (pb.METRIC_FIGURE_UNSPECIFIED, pb.METRIC_FIGURE_LAST, pb.METRIC_FIGURE_MAX):
        same = ask(tracking, experiments=[experiment], figure=figure)
        assert not same.HasField("explained")
        assert not any(each.HasField("correlation") for each in same.findings)
    few = ask(
        tracking, experiments=[experiment], figure=pb.METRIC_FIGURE_MIN, filter="params.seed < 5", param_keys=["lr"]
    )
    assert (few.runs, [each.key for each in few.findings]) == (8, ["lr"])
    assert not few.findings[0].HasField("importance")
    tracking.stub.DeleteRun(DeleteRunRequest(name=runs[0].name))
    assert ask(tracking, experiments=[experiment]).runs == 17
    assert ask(tracking, experiments=[experiment], view=LIFECYCLE_VIEW_DELETED).runs == 1


def test_no_run_has_the_metric(tracking: Tracking) -> None:
    create_run(tracking, params={"lr": "1"})
    assert ask(tracking) == pb.ParamImportance()
