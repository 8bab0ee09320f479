"""A load tells of each call that fails: what shows that none did would show nothing otherwise."""

from __future__ import annotations

import pytest

from trivet_testing.load import FailedCallError, Load
from trivet_testing.rolling_restarts import Rolled
from trivet_testing.waiting import wait_until


def fail() -> None:
    raise ValueError("away")


def test_calls_that_fail_are_counted_apart() -> None:
    load = Load()
    with pytest.raises(FailedCallError):
        load.call("get_run", fail)
    assert load.call("search_runs", lambda: [1]) == [1]
    assert (load.failed, load.done) == (["get_run: ValueError: away"], {"search_runs": 1})


def test_a_thread_goes_on_after_what_failed_and_notes_wrong_answers() -> None:
    load = Load(pause_seconds=0)

    def act(number: int) -> None:
        if number == 1:
            load.call("get_run", fail)
        if number == 2:
            raise AssertionError("another file")
        load.call("search_runs", list)

    load.keep("reading", act)
    wait_until(lambda: load.done["search_runs"] > 0)
    load.stop()
    assert load.failed == ["get_run: ValueError: away", "reading, 2: AssertionError: another file"]


def test_a_report_tells_what_failed() -> None:
    report = Rolled(failed=["SDK: get_run: away"], sent_again=2).report()
    assert "0 calls succeeded, 1 failed. MLflow's client sent 2 of its requests again." in report
    assert report.endswith("SDK: get_run: away")
