"""Every call of the SDK has a deadline: a server that never answers is not waited for without end."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import trivet
from trivet_testing.call_recorder import recorded_calls
from trivet_testing.servers import ServerProcess

# They last as long as somebody listens. The first is given up when nothing comes, not even a sign of life; the second
# is gRPC's own, of a connection.
WATCHES = {"/trivet.tracking.v1.TrackingService/WatchRuns", "/grpc.health.v1.Health/Watch"}


def use_everything(client: trivet.Client, folder: Path) -> None:
    """A bit of all that the SDK calls."""
    file = folder / "model.bin"
    file.write_bytes(b"m" * 3_000_000)
    experiment = client.create_experiment("all")
    client.rename_experiment(experiment, "everything")
    client.set_experiment_tag(experiment, "k", "v")
    client.search_experiments()
    run = client.create_run(experiment).info.run_id
    client.log_metric(run, "loss", 1.0, step=1)
    client.log_batch(run, [trivet.Metric("loss", 0.5, 1, 2)], {"a": 1}, {"t": "v"})
    client.log_inputs(run, [trivet.DatasetInput(trivet.Dataset("d", "1"))])
    client.flush()
    client.get_run(run)
    client.search_runs([experiment], "metrics.loss < 1")
    client.list_run_keys("metric", [experiment])
    client.compare_runs([run])
    client.get_metric_history(run, "loss")
    client.log_artifact(run, str(file), "model")
    client.log_text(run, "t", "t.txt")
    client.list_artifacts(run)
    client.download_artifacts(run, "", str(folder / "down"))
    client.artifacts.verify_artifacts(run)
    client.artifacts.housekeeping.get_space_usage()
    logged = client.create_logged_model(experiment, "m", source_run_id=run).model_id
    client.log_model_artifact(logged, str(file))
    client.finalize_logged_model(logged, "READY")
    client.search_logged_models([experiment])
    client.registry.register_model(f"runs:/{run}/model", "registered", tags={"a": "b"})
    client.transition_model_version_stage("registered", 1, "Staging")
    client.set_registered_model_alias("registered", "best", 1)
    client.get_model_version_by_alias("registered", "best")
    client.get_latest_versions("registered")
    client.copy_model_version("models:/registered/1", "copy")
    client.search_registered_models()
    client.search_model_versions("name = 'registered'")
    client.get_model_history("registered")
    client.verify_model("registered")
    client.set_terminated(run)
    client.delete_run(run)
    client.restore_run(run)
    client.export(folder / "export", [experiment])
    client.check_services()


def test_every_call_has_a_deadline(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "trivet_standalone", "--grpc-port", "0", "--http-port", "0"]
    with (
        ServerProcess.start(
            [*command, "--data", str(tmp_path / "data")], {}, r"^Trivet is ready: grpc (\S+)$", cwd=tmp_path
        ) as server,
        recorded_calls(server.address) as recorder,
        trivet.Client(f"grpc://{recorder.address}") as client,
    ):
        use_everything(client, tmp_path)
        with client.watch_runs() as watch:
            threading.Thread(target=client.create_run, args=("0",)).start()
            next(iter(watch))
    called = {method for method, _ in recorder.deadlines}
    assert len(called) > 40
    assert {method for method, left in recorder.deadlines if left is None} <= WATCHES
    longest = max((left or 0, method) for method, left in recorder.deadlines)
    assert longest[0] < 3600, longest
