"""What goes wrong, and what the caller is told."""

from __future__ import annotations

import logging
import re
import time

import pytest

import trivet
from trivet_testing.servers import free_port


def test_server_that_is_away_is_named_with_what_to_do(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIVET_FINISH_TIMEOUT", "0")
    port = free_port()
    what_to_do = rf"grpc://127.0.0.1:{port}.*`trivet up`.*TRIVET_URL"
    trivet.set_tracking_uri(f"grpc://127.0.0.1:{port}")
    began = time.monotonic()
    with pytest.raises(trivet.ServerUnavailable, match=what_to_do):
        trivet.search_experiments()
    assert time.monotonic() - began < 10
    # A job goes on, and is told.
    for begin in (lambda: trivet.set_experiment("taxi"), trivet.start_run):
        began = time.monotonic()
        caplog.clear()
        begin()
        assert re.search(what_to_do, caplog.text)
        assert time.monotonic() - began < 10


def test_host_that_is_unknown_is_a_server_that_is_away() -> None:
    with (
        trivet.Client("grpc://no-such-host.invalid:7330", timeout_seconds=2) as client,
        pytest.raises((trivet.ServerUnavailable, trivet.DeadlineExceeded)),
    ):
        client.list_experiments()


@pytest.mark.usefixtures("tracked")
def test_unknown_things_are_not_found() -> None:
    with pytest.raises(trivet.RunNotFound, match="no run") as caught:
        trivet.get_run("0" * 32)
    assert (caught.value.reason, bool(caught.value.request_id)) == ("RUN_NOT_FOUND", True)
    assert caught.value.metadata["name"].endswith("0" * 32)
    with pytest.raises(trivet.RunNotFound):
        trivet.get_metric_history("0" * 32, "m")
    with pytest.raises(trivet.RunNotFound):
        trivet.start_run(run_id="0" * 32)
    with pytest.raises(trivet.ExperimentNotFound):
        trivet.search_runs(experiment_ids=["99"], output_format="list")
    with pytest.raises(trivet.ExperimentNotFound):
        trivet.set_experiment(experiment_id=99)


def test_unknown_workspace_is_not_found(tracking_address: str) -> None:
    trivet.set_tracking_uri(f"grpc://{tracking_address}/nobodys")
    with pytest.raises(trivet.WorkspaceNotFound, match="nobodys"):
        trivet.list_experiments()


@pytest.mark.usefixtures("tracked")
def test_filter_that_cannot_be_understood_says_where() -> None:
    with pytest.raises(trivet.FilterInvalid) as caught:
        trivet.search_runs(filter_string="metrics.rmse <", output_format="list")
    assert caught.value.metadata["position"].isdigit()
    assert isinstance(caught.value, ValueError)
    with pytest.raises(trivet.OrderByInvalid):
        trivet.search_runs(order_by=["metrics.rmse SIDEWAYS"], output_format="list")


@pytest.mark.usefixtures("tracked")
@pytest.mark.parametrize(
    ("key", "value"),
    [("m", "0.5"), ("m", None), ("m", [1]), ("m", 1j), ("", 1), (" ", 1), ("a\nb", 1), ("k" * 251, 1), (3, 1)],
)
def test_metric_that_cannot_be_kept_raises_at_the_call(key: str, value: float) -> None:
    with trivet.start_run() as run:
        with pytest.raises(trivet.InvalidArgument):
            trivet.log_metric(key, value)
        with pytest.raises(trivet.InvalidArgument):
            trivet.log_metrics({"good": 1, key: value})
    assert trivet.get_run(run.info.run_id).data.metrics == {}


@pytest.mark.usefixtures("tracked")
@pytest.mark.parametrize(("step", "timestamp"), [(2**63, None), (0.5, None), ("1", None), (None, -1), (None, 0.5)])
def test_step_and_time_that_cannot_be_kept_raise_at_the_call(step: int, timestamp: int) -> None:
    with trivet.start_run(), pytest.raises(trivet.InvalidArgument):
        trivet.log_metric("m", 1, step=step, timestamp=timestamp)


@pytest.mark.usefixtures("tracked")
def test_text_that_cannot_be_kept_raises_at_the_call() -> None:
    with trivet.start_run():
        for value in ("x" * (16 * 1024 + 1), "nul\0", "\ud800"):
            with pytest.raises(trivet.InvalidArgument):
                trivet.log_param("p", value)
        with pytest.raises(trivet.InvalidArgument):
            trivet.set_tag("t", "x" * (64 * 1024 + 1))
        trivet.log_param("p", "x" * 16 * 1024)


@pytest.mark.usefixtures("tracked")
def test_param_that_this_process_changes_raises_at_the_call() -> None:
    with trivet.start_run() as run:
        trivet.log_param("lr", 0.1)
        trivet.log_param("lr", 0.1)
        with pytest.raises(trivet.ParamChanged, match=r"'lr'.*'0\.1'.*'0\.2'"):
            trivet.log_params({"new": 1, "lr": 0.2})
    assert trivet.get_run(run.info.run_id).data.params == {"lr": "0.1"}


def test_param_that_another_process_logged_is_refused_and_holds_nothing_up(
    tracked: str, caplog: pytest.LogCaptureFixture
) -> None:
    with trivet.Client(tracked) as client, trivet.Client(tracked) as other:
        run_id = client.create_run("0").info.run_id
        client.log_param(run_id, "lr", 1)
        client.flush()
        with caplog.at_level(logging.WARNING, "trivet"):
            other.log_batch(run_id, metrics=[trivet.Metric("m", 1, 1, 1)], params={"lr": 2, "depth": 3})
            assert other.flush() == trivet.Receipt(logged=3, stored=2, refused=1)
        (said,) = [record.getMessage() for record in caplog.records]
        assert "param 'lr' was refused" in said
        read = other.get_run(run_id)
        assert (read.data.params, read.data.metrics) == ({"lr": "1", "depth": "3"}, {"m": 1.0})


def test_records_of_a_deleted_run_are_refused_and_said_once(tracked: str, caplog: pytest.LogCaptureFixture) -> None:
    with trivet.Client(tracked) as client:
        run_id = client.create_run("0").info.run_id
        client.delete_run(run_id)
        with caplog.at_level(logging.WARNING, "trivet"):
            for step in range(10):
                client.log_metric(run_id, "m", 1.0, step=step)
                client.flush()
        assert client.flush() == trivet.Receipt(logged=10, stored=0, refused=10)
        assert len(caplog.records) == 1


def test_closed_client_says_so(tracked: str) -> None:
    client = trivet.Client(tracked)
    run_id = client.create_run("0").info.run_id
    client.close()
    client.close()
    for call in (client.list_experiments, lambda: client.log_metric(run_id, "m", 1.0)):
        with pytest.raises(trivet.ClientClosed):
            call()


def test_call_ends_at_its_timeout(tracked: str) -> None:
    with trivet.Client(tracked, timeout_seconds=0) as client, pytest.raises(trivet.DeadlineExceeded):
        client.list_experiments()
