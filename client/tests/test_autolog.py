"""What is wrapped, watched and undone when trainings are logged unasked, and that no call is changed by it."""

from __future__ import annotations

import importlib
import inspect
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sklearn.linear_model import LinearRegression
from sklearn.utils.metaestimators import available_if

import trivet
import trivet.sklearn
from trivet import ServerUnavailable
from trivet._autologging.importing import ImportWatch
from trivet._autologging.options import Settings
from trivet._autologging.patching import Around, Call, Patch, Patches
from trivet._autologging.sessions import training
from trivet._autologging.training_log import TrainingLog
from trivet._connection import Pauses

ROWS, TARGETS = [[1.0], [2.0], [3.0]], [2.0, 4.0, 6.0]


class Library:
    """What is patched."""

    def double(self, value: int) -> int:
        """Twice as much."""
        if value < 0:
            raise ValueError(value)
        return 2 * value

    @available_if(lambda self: self.is_able)  # type: ignore[untyped-decorator] # scikit-learn has no types
    def halve(self, value: int) -> int:
        return value // 2

    is_able = True


class Derived(Library):
    pass


@pytest.fixture(autouse=True)
def off() -> Iterator[None]:
    """Nothing is logged unasked after a test."""
    yield
    trivet.autolog(disable=True)


@pytest.fixture
def patches() -> Iterator[Patches]:
    """Those of a framework that is logged."""
    patches = Patches(Settings)
    yield patches
    patches.undo()


def noting(noted: list[tuple[Any, ...]]) -> Around:
    def around(settings: Settings, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        noted.append((call.name, *args[1:]))
        return call(*args, **kwargs)

    return around


# --- wrappers


def test_method_is_wrapped_and_is_the_same_object_afterwards(patches: Patches) -> None:
    original, noted = Library.double, list[tuple[Any, ...]]()
    around = noting(noted)
    for _ in range(2):
        patches.apply(Patch(Library, "double", around))
    assert Library().double(2) == 4
    assert noted == [("double", 2)]
    assert inspect.signature(Library.double) == inspect.signature(original)
    patches.undo()
    assert Library.double is original
    assert Library().double(2) == 4
    assert noted == [("double", 2)]


def test_inherited_method_is_wrapped_where_it_is_written_alone(patches: Patches) -> None:
    noted: list[tuple[Any, ...]] = []
    patches.apply(Patch(Derived, "double", noting(noted)))
    assert "double" not in vars(Derived)
    patches.apply(Patch(Library, "double", noting(noted)))
    assert (Library().double(1), Derived().double(2)) == (2, 4)
    assert noted == [("double", 1), ("double", 2)]


def test_method_that_not_every_object_has_is_wrapped(patches: Patches) -> None:
    noted: list[tuple[Any, ...]] = []
    original = vars(Library)["halve"]
    signature = inspect.signature(Library().halve)
    patches.apply(Patch(Library, "halve", noting(noted)))
    able, unable = Library(), Library()
    unable.is_able = False
    assert able.halve(4) == 2
    assert noted == [("halve", 4)]
    assert not hasattr(unable, "halve")
    assert inspect.signature(able.halve) == signature
    patches.undo()
    assert vars(Library)["halve"] is original


def test_what_somebody_puts_over_a_wrapper_stays_and_calls_the_original(
    patches: Patches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Library, "double", Library.double)  # so that it is put back
    settings: list[Settings | None] = [Settings()]
    noted: list[tuple[Any, ...]] = []
    of_one = Patches(lambda: settings[0])
    of_one.apply(Patch(Library, "double", noting(noted)))
    wrapper = Library.double

    def over(self: Library, value: int) -> int:
        return wrapper(self, value) + 1

    monkeypatch.setattr(Library, "double", over)
    settings[0] = None
    of_one.undo()
    assert Library.double is over
    assert Library().double(2) == 5
    assert noted == []


def test_nothing_is_wrapped_where_nothing_is_logged_any_more() -> None:
    patches, original = Patches(lambda: None), Library.double
    patches.apply(Patch(Library, "double", noting([])))
    assert Library.double is original


def test_attribute_that_is_not_there_is_no_fault(patches: Patches) -> None:
    patches.apply(Patch(Library, "triple", noting([])))
    assert not hasattr(Library, "triple")


def fails_before(settings: Settings, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    raise RuntimeError("of logging")


def fails_after(settings: Settings, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    try:
        call(*args, **kwargs)
    finally:
        fails_before(settings, call, args, kwargs)


@pytest.mark.parametrize("around", [fails_before, fails_after])
def test_failure_of_logging_changes_no_call(
    around: Around, patches: Patches, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    original = Library.double

    def counted(self: Library, value: int) -> int:
        calls.append(value)
        return original(self, value)

    monkeypatch.setattr(Library, "double", counted)
    patches.apply(Patch(Library, "double", around))
    assert Library().double(2) == 4
    with pytest.raises(ValueError, match="-1") as raised:
        Library().double(-1)
    assert raised.value.__cause__ is None
    assert calls == [2, -1]  # each once
    assert [record.getMessage() for record in caplog.records] == [
        "Autologging of counted() failed: RuntimeError: of logging"
    ] * 2
    patches.undo()


def test_patching_by_several_threads_at_once_is_undone_as_a_whole() -> None:
    original, patches = Library.double, Patches(Settings)
    barrier = threading.Barrier(4)

    def turn(change: Callable[[], None]) -> None:
        barrier.wait()
        for _ in range(200):
            change()

    apply = Patch(Library, "double", noting([]))
    changes: list[Callable[[], None]] = [lambda: patches.apply(apply), patches.undo] * 2
    threads = [threading.Thread(target=turn, args=[change]) for change in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    patches.undo()
    assert Library.double is original


# --- modules that are imported


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a module that can be imported, and is not yet."""
    (tmp_path / "trivet_test_toy.py").write_text("def train():\n    return 1\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "trivet_test_toy"
    sys.modules.pop("trivet_test_toy", None)


@pytest.fixture
def imported() -> Iterator[list[ModuleType]]:
    """The modules that were imported and watched."""
    found: list[ModuleType] = []
    watch = ImportWatch(lambda name: name == "trivet_test_toy", found.append)
    before = list(sys.meta_path)
    watch.watch(wanted=True)
    watch.watch(wanted=True)
    yield found
    watch.watch(wanted=False)
    watch.watch(wanted=False)
    assert sys.meta_path == before


def test_module_is_told_of_and_knows_nothing_of_it(module: str, imported: list[ModuleType]) -> None:
    toy = importlib.import_module(module)
    assert imported == [toy]
    assert toy.train() == 1
    assert inspect.getsource(toy).startswith("def train")
    assert type(toy.__loader__).__name__ == "SourceFileLoader"
    assert toy.__spec__ is not None
    assert toy.__spec__.loader is toy.__loader__


def test_other_finders_that_ask_all_of_them_find_it(module: str, imported: list[ModuleType]) -> None:
    class Asking(MetaPathFinder):
        is_asking = False

        def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:  # noqa: ARG002
            if self.is_asking:
                return None
            self.is_asking = True
            try:
                return importlib.util.find_spec(fullname)
            finally:
                self.is_asking = False

    sys.meta_path.insert(0, asking := Asking())
    try:
        assert importlib.import_module(module).train() == 1
    finally:
        sys.meta_path.remove(asking)
    assert len(imported) == 1


def test_module_that_is_not_there_is_not_found_as_ever(imported: list[ModuleType]) -> None:
    with pytest.raises(ModuleNotFoundError, match="trivet_test_toy"):
        importlib.import_module("trivet_test_toy")


PROGRAM = """
import sys
before = list(sys.meta_path)
import trivet
assert sys.meta_path == before
trivet.autolog(log_models=False)
assert not {"sklearn", "xgboost", "lightgbm", "torch", "numpy"} & {name for name in sys.modules if "." not in name}
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
model = LinearRegression().fit([[1.0], [2.0], [3.0]], [2.0, 4.0, 6.0])
r2_score([2.0, 4.0, 6.0], model.predict([[1.0], [2.0], [3.0]]))
trivet.autolog(disable=True)
assert sys.meta_path == before
assert LinearRegression.fit.__module__ == "sklearn.linear_model._base" and not hasattr(r2_score, "trivet")
LinearRegression().fit([[1.0], [2.0]], [2.0, 4.0])
"""


def test_library_that_is_imported_later_is_logged_from_then_on(tracked: str) -> None:
    environment = os.environ | {"TRIVET_URL": tracked}
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
    (run,) = trivet.search_runs(output_format="list")
    assert run.data.tags["mlflow.autologging"] == "sklearn"
    assert run.data.metrics["r2_score_unknown_dataset"] == pytest.approx(1.0)


def test_module_that_is_otherwise_than_expected_is_said_and_imported(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "joblib.parallel", ModuleType("joblib.parallel"))
    monkeypatch.setitem(sys.modules, "sklearn.experimental.nothing", None)
    trivet.sklearn.autolog()
    (said,) = caplog.records
    assert said.getMessage().startswith("What joblib.parallel has cannot be logged: AttributeError")


# --- what is chosen


def test_what_one_framework_has_chosen_stays(tracked: str) -> None:
    trivet.sklearn.autolog(log_models=False, log_datasets=False)
    trivet.autolog(log_models=False)
    LinearRegression().fit(ROWS, TARGETS)
    trivet.sklearn.autolog(disable=True)
    trivet.autolog(log_models=False)
    LinearRegression().fit(ROWS, TARGETS)
    (run,) = trivet.search_runs(output_format="list")
    read = trivet.get_run(run.info.run_id)
    assert read.inputs is None or read.inputs.dataset_inputs == ()


def test_turning_all_off_and_on_again_forgets_what_one_has_chosen(tracked: str) -> None:
    trivet.sklearn.autolog(disable=True)
    trivet.autolog(disable=True)
    trivet.autolog(log_models=False)
    LinearRegression().fit(ROWS, TARGETS)
    assert len(trivet.search_runs(output_format="list")) == 1


def test_option_that_is_not_there_is_refused() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'log_everything'"):
        trivet.autolog(log_everything=True)  # type: ignore[call-arg] # that is what is shown
    with pytest.raises(TypeError, match="unexpected keyword argument 'log_everything'"):
        trivet.sklearn.autolog(log_everything=True)  # type: ignore[call-arg] # that is what is shown


# --- runs


def test_step_that_waits_in_vain_keeps_no_metric_away(tracked: str) -> None:
    def fails() -> None:
        raise ServerUnavailable("It starts anew.")

    with training("toy", Settings(silent=True)) as run:
        assert run is not None
        log = TrainingLog(run)
        log.attempt("a checkpoint", fails)
        log.log_params({"depth": 3})
        for step, value in enumerate([2.0, 1.0]):
            log.log_points({"loss": value, "k" * 300: value}, step)
        assert log.attempt("the next checkpoint", lambda: 1) is None
    with trivet.Client(tracked) as client:
        read = client.get_run(run.run_id)
        assert (read.data.params, read.data.metrics) == ({"depth": "3"}, {"loss": 1.0})
        assert [point.value for point in client.get_metric_history(run.run_id, "loss")] == [2.0, 1.0]


def test_pauses_leave_the_random_numbers_of_a_program_alone() -> None:
    before = random.getstate()
    assert Pauses().after() > 0
    assert random.getstate() == before


def test_training_within_a_training_is_part_of_it(tracked: str) -> None:
    with training("outer", Settings(extra_tags={"team": "vision"})) as outer:
        assert outer is not None
        with training("inner", Settings()) as inner:
            assert inner is None
        run = trivet.active_run()
        assert run is not None
        assert run.info.run_id == outer.run_id
    assert trivet.active_run() is None
    (read,) = trivet.search_runs(output_format="list")
    assert (read.info.status, read.data.tags) == ("FINISHED", {"mlflow.autologging": "outer", "team": "vision"})


def test_training_that_is_interrupted_is_killed(tracked: str) -> None:
    with pytest.raises(KeyboardInterrupt), training("toy", Settings()):
        raise KeyboardInterrupt
    (read,) = trivet.search_runs(output_format="list")
    assert read.info.status == "KILLED"


def test_params_are_cut_as_mlflow_cuts_them(tracked: str) -> None:
    with training("toy", Settings()) as run:
        assert run is not None
        run.log_params({"long": "x" * 7000, "k" * 300: 1})
    (read,) = trivet.search_runs(output_format="list")
    assert {key: len(value) for key, value in read.data.params.items()} == {"long": 6000, "k" * 247 + "...": 1}


def test_run_that_cannot_be_made_leaves_the_training_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TRIVET_URL", "nowhere")
    trivet.autolog()
    model = LinearRegression().fit(ROWS, TARGETS)
    assert model.predict([[4.0]])[0] == pytest.approx(8)
    (said,) = caplog.records
    assert "made no run: TargetInvalid" in said.getMessage()
    trivet.autolog(silent=True)
    caplog.clear()
    LinearRegression().fit(ROWS, TARGETS)
    assert caplog.records == []
