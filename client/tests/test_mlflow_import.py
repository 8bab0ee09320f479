"""What a real MLflow keeps is imported: whole, once, however often and wherever the import is interrupted."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import json
import math
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import trivet
from trivet import ViewType
from trivet._mlflow_import import rest_calls, rest_source
from trivet._mlflow_import.records import LoggedModelRecord, ModelPoint, RunRecord, to_series
from trivet._mlflow_import.source import open_source
from trivet_testing import tracking as tracking_server
from trivet_testing.command_line import invoke
from trivet_testing.mlflow_stores import (
    MlflowDatabase,
    fill_mlflow,
    mlflow_answers,
    mlflow_database,
    mlflow_folder,
    mlflow_server,
    mlflow_tables,
)
from trivet_testing.postgres import PostgresServer
from trivet_testing.recorded_http import replayed
from trivet_testing.servers import free_port
from trivet_testing.tcp_proxy import TcpProxy
from trivet_testing.tracking import full

N_RUNS = 12
COUNTS = {"runs": N_RUNS + 1, "experiments": 3, "files": 18, "logged models": 3, "model versions": 3, "aliases": 2}


pytestmark = pytest.mark.usefixtures("mlflow")


@pytest.fixture(scope="session")
def database(mlflow: Path) -> MlflowDatabase:
    return mlflow_database(N_RUNS)


def imported(source: str, *options: str, exit_code: int = 0) -> dict[str, Any]:
    ended = invoke("import", "mlflow", source, *options, "--json")
    assert ended.exit_code == exit_code, ended.output
    report: dict[str, Any] = json.loads(ended.stdout)
    return report


def whole(database: MlflowDatabase, *options: str, exit_code: int = 0) -> dict[str, Any]:
    return imported(database.url, "--artifacts", str(database.files), *options, exit_code=exit_code)


def counts(report: dict[str, Any]) -> dict[str, int]:
    for kind in report["kinds"]:
        assert (kind["source_count"], kind["source_sha256"]) == (kind["target_count"], kind["target_sha256"])
    return {kind["kind"]: kind["source_count"] for kind in report["kinds"]}


def check_against(database: MlflowDatabase, client: trivet.Client) -> None:
    """Compares what Trivet answers with what MLflow's tables have, without the import's own comparison."""
    runs = {run.info.run_id: run for run in client.search_runs((), run_view_type=ViewType.ALL, max_results=10_000)}
    stored = database.execute("SELECT run_uuid, name, status, start_time, end_time, user_id FROM runs")
    assert len(runs) == len(stored)
    for run_id, *attributes in stored:
        info = runs[str(run_id)].info
        assert [info.run_name, info.status, info.start_time, info.end_time, info.user_id] == attributes
    for table in ("params", "tags"):
        rows = database.execute(f"SELECT run_uuid, key, value FROM {table}")
        assert {(of, *pair) for of, run in runs.items() for pair in getattr(run.data, table).items()} == set(rows)
    points = database.execute("SELECT run_uuid, key, step, timestamp, value, is_nan FROM metrics")
    found = [
        (
            run_id,
            key,
            point.step,
            point.timestamp,
            0.0 if math.isnan(point.value) else point.value,
            math.isnan(point.value),
        )
        for run_id, run in runs.items()
        for key in run.data.metrics
        for point in client.get_metric_history(run_id, key)
    ]
    assert sorted(found) == sorted((*row[:5], bool(row[5])) for row in points)


@pytest.fixture
def filled(client: trivet.Client, database: MlflowDatabase) -> trivet.Client:
    whole(database)
    return client


def test_all_of_a_database_is_there_after_an_import(client: trivet.Client, database: MlflowDatabase) -> None:
    report = whole(database)
    assert report["mismatch_count"] == 0
    (rows,) = database.execute("SELECT count(*) FROM metrics")[0]
    assert counts(report) | COUNTS | {"points": rows} == counts(report)
    check_against(database, client)
    gone = client.get_experiment_by_name("gone")
    assert gone is not None
    assert gone.lifecycle_stage == "deleted"
    assert report["experiment_ids"]["2"] == gone.experiment_id


def test_files_datasets_and_logged_models_are_those_of_their_runs(
    filled: trivet.Client, database: MlflowDatabase
) -> None:
    ((run_id, model_id),) = database.execute(
        "SELECT source_run_id, model_id FROM logged_models WHERE name = 'lasso-0' AND lifecycle_stage = 'active'"
    )
    run = filled.get_run(str(run_id))
    assert run.inputs is not None
    assert run.outputs is not None
    (used,) = run.inputs.dataset_inputs
    assert (used.dataset.name, used.dataset.schema, dict(used.tags)) == (
        "trips-0",
        '{"columns": 3}',
        {"mlflow.data.context": "training"},
    )
    assert run.outputs.model_outputs == (trivet.LoggedModelOutput(str(model_id), 3),)
    model = filled.get_logged_model(str(model_id))
    assert (model.name, model.status, model.params, model.tags) == ("lasso-0", "READY", {"alpha": "0.1"}, {"a": "b"})
    assert {(metric.key, metric.dataset_name, metric.value) for metric in model.metrics} == {
        ("rmse", "", 6.5),
        ("rmse", "trips-0", 7.5),
    }
    # Once each, though MLflow has them twice: of the run, and of the model.
    assert [point.value for point in filled.get_metric_history(str(run_id), "rmse")] == [6.5, 7.5]
    files = {file.path: file.sha256 for file in filled.artifacts.list_artifacts(str(run_id), recursive=True)}
    folder = database.files / "1" / str(run_id) / "artifacts"
    assert files == {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert "plots/with space & ü.txt" in files


def test_versions_keep_their_numbers_over_gaps_with_stage_alias_and_files(
    filled: trivet.Client, tmp_path: Path
) -> None:
    versions = filled.search_model_versions("name = 'taxi'")
    said = {
        version.version: (version.current_stage, version.description, dict(version.tags), version.aliases)
        for version in versions
    }
    assert said == {
        1: ("Archived", "Version 1.", {"number": "1"}, ("older",)),
        3: ("Staging", "Version 3.", {"number": "3"}, ()),
        5: ("Production", "Version 5.", {"number": "5"}, ("champion",)),
    }
    assert {version.version: version.verified for version in versions} == {1: True, 3: False, 5: True}
    folder = filled.artifacts.download_model_version(
        filled.get_model_version_by_alias("taxi", "champion"), dst_path=tmp_path
    )
    assert (Path(folder) / "weights.bin").read_bytes() == bytes(range(256)) * 64
    # As of a version that is registered in Trivet.
    first = next(version for version in versions if version.version == 1)
    assert first.signature is not None
    assert json.loads(first.signature.inputs) == [{"type": "double", "name": "distance"}]
    assert (first.git_commit, first.datasets[0].name) == ("0123abcd" * 5, "trips-0")
    model = filled.get_registered_model("taxi")
    assert (model.description, dict(model.tags)) == ("What it is for.", {"team": "a"})


def test_second_import_changes_nothing(filled: trivet.Client, database: MlflowDatabase) -> None:
    def state() -> tuple[object, ...]:
        runs = filled.search_runs((), run_view_type=ViewType.ALL)
        history = filled.get_model_history("taxi")
        return sorted((run.info.run_id, run.info.last_write_time or 0) for run in runs), len(history)

    before = state()
    assert whole(database)["mismatch_count"] == 0
    assert state() == before


def walk(address: str) -> None:
    """Reads all that an import reads."""
    with contextlib.closing(open_source(address)) as source:
        for experiment in source.experiments():
            runs: list[RunRecord | LoggedModelRecord] = [source.run(run_id) for run_id in source.run_ids(experiment)]
            for owner in [*runs, *source.logged_models(experiment)]:
                with source.files(owner):
                    pass
        list(source.registered_models())


@contextlib.contextmanager
def server_over(database: MlflowDatabase, n_runs: int, folder: Path) -> Iterator[str]:
    """A server of MLflow, or in the short form what it answered when it was asked last."""
    if os.environ.get("TRIVET_TEST_FULL"):
        with mlflow_server(database.copied_to(folder)) as address:
            yield address
        return
    code = b"".join(Path(module.__file__ or "").read_bytes() for module in (rest_calls, rest_source))
    with replayed(mlflow_answers(n_runs, hashlib.sha256(code).hexdigest()[:12], walk)) as address:
        yield address


def test_server_gives_the_same_as_its_database(client: trivet.Client, tmp_path: Path) -> None:
    database = mlflow_database(4)
    with server_over(database, 4, tmp_path) as address:
        report = imported(address)
    assert report["mismatch_count"] == 0
    assert counts(report)["files"] == COUNTS["files"]
    check_against(database, client)
    # Digests and all.
    assert whole(database, "--verify-only") == report


def test_moved_folder_is_imported(client: trivet.Client, tmp_path: Path) -> None:
    moved = shutil.copytree(mlflow_folder(N_RUNS), tmp_path / "moved")
    report = imported(str(moved))
    assert report["mismatch_count"] == 0
    assert counts(report) | COUNTS == counts(report)
    assert filled_points(client) == counts(report)["points"]
    # A folder keeps the infinities, where a database has the greatest number.
    (run, *_) = client.search_runs((), filter_string="run_name = 'run-0'")
    assert client.get_metric_history(run.info.run_id, "odd/one")[0].value == -math.inf


def filled_points(client: trivet.Client) -> int:
    runs = client.search_runs((), run_view_type=ViewType.ALL)
    return sum(len(client.get_metric_history(run.info.run_id, key)) for run in runs for key in run.data.metrics)


def test_postgres_is_imported_into_postgres(
    environment: object, postgres_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres_server.create_database()
    if os.environ.get("TRIVET_TEST_FULL"):
        files = tmp_path
        fill_mlflow(url.replace("postgresql://", "postgresql+psycopg2://", 1), f"file://{files}", 4)
    else:
        tables = mlflow_tables(4, postgres_server)
        tables.copy_to(url)
        files = tables.files
    ours = postgres_server.create_database()
    tracking_server.migrate(ours)
    with tracking_server.start_server(ours) as server:
        monkeypatch.setenv("TRIVET_TRACKING_URL", f"grpc://{server.address}")
        report = imported(url, "--artifacts", str(files))
        assert report["mismatch_count"] == 0
        expected = {"runs": 5, "files": COUNTS["files"], "model versions": 3, "logged models": 3, "aliases": 2}
        assert counts(report) | expected == counts(report)
        assert imported(url, "--artifacts", str(files)) == report
        with trivet.Client() as client:
            assert filled_points(client) == counts(report)["points"]
            assert client.download_artifacts(artifact_uri="models:/taxi@champion", dst_path=str(tmp_path / "here"))


@pytest.mark.parametrize(
    ("service", "marker"),
    [
        ("TRACKING", b"run-7"),
        ("ARTIFACTS", b"report.txt"),
        ("REGISTRY", b"deleted-version"),
        ("REGISTRY", b"Version 5."),
    ],
)
def test_import_that_is_killed_goes_on(
    client: trivet.Client, database: MlflowDatabase, service: str, marker: bytes
) -> None:
    address = os.environ[f"TRIVET_{service}_URL"].removeprefix("grpc://")
    command = [sys.executable, "-c", "from trivet._cli import main; main()", "import", "mlflow", database.url]
    command += ["--artifacts", str(database.files)]
    with TcpProxy(address) as proxy:
        # The server does what is asked, and the import does not hear of it any more.
        proxy.hold_responses_after(marker)
        environment = os.environ | {f"TRIVET_{service}_URL": f"grpc://{proxy.address}"}
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
            proxy.wait_for_request(marker)
            process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    before = whole(database, "--verify-only", exit_code=1)
    assert before["mismatch_count"] > 0
    report = whole(database)
    assert report["mismatch_count"] == 0
    assert counts(report) | COUNTS == counts(report)
    check_against(database, client)
    assert sorted(version.version for version in client.search_model_versions("name = 'taxi'")) == [1, 3, 5]


def test_what_was_altered_in_trivet_is_a_mismatch(filled: trivet.Client, database: MlflowDatabase) -> None:
    ((run_id,),) = database.execute("SELECT run_uuid FROM runs WHERE name = 'run-0'")
    run_id = str(run_id)
    filled.log_metric(run_id, "loss", 0.5, step=1, timestamp=7)
    filled.set_tag(run_id, "kind", "other")
    filled.log_param(run_id, "more", 1)
    filled.flush()
    filled.set_registered_model_alias("taxi", "champion", 1)
    report = whole(database, "--verify-only", exit_code=1)
    said = {(mismatch["kind"], mismatch["key"]): mismatch for mismatch in report["mismatches"]}
    assert set(said) == {("points", "loss"), ("tags", "kind"), ("params", "more"), ("aliases", "champion")}
    assert (said["tags", "kind"]["source"], said["tags", "kind"]["target"]) == ("k0", "other")
    assert said["points", "loss"]["source"].startswith("2500 points")
    assert said["points", "loss"]["target"].startswith("2501 points")
    # An import sets again what MLflow has, and takes nothing away.
    report = whole(database, exit_code=1)
    assert {(mismatch["kind"], mismatch["key"]) for mismatch in report["mismatches"]} == {
        ("points", "loss"),
        ("params", "more"),
    }
    ended = invoke("import", "mlflow", database.url, "--no-artifacts", "--verify-only")
    assert ended.exit_code == 1
    assert ended.stdout.splitlines()[-1] == "2 mismatches."


def test_what_came_to_mlflow_since_is_added(client: trivet.Client, database: MlflowDatabase, tmp_path: Path) -> None:
    copied = database.copied_to(tmp_path / "copy")
    whole(copied)
    ((run_id,),) = copied.execute("SELECT run_uuid FROM runs WHERE name = 'run-3'")
    copied.execute("UPDATE runs SET status = 'FINISHED', end_time = start_time + 5 WHERE run_uuid = ?", run_id)
    copied.execute("INSERT INTO metrics VALUES ('loss', 0.25, 5, ?, 100, 0)", run_id)
    copied.execute("INSERT INTO params VALUES ('later', 'x', ?)", run_id)
    copied.execute("INSERT INTO experiment_tags VALUES ('mlflow.note.content', 'About all.', 0)")
    copied.execute(
        "INSERT INTO model_versions (name, version, current_stage, source, status, workspace) "
        "VALUES ('taxi', 7, 'None', 's3://elsewhere/later', 'READY', 'default')"
    )
    (copied.files / "1" / str(run_id) / "artifacts").mkdir(parents=True)
    (copied.files / "1" / str(run_id) / "artifacts" / "late.txt").write_text("late", encoding="utf-8")
    assert whole(copied)["mismatch_count"] == 0
    check_against(copied, client)
    assert client.get_experiment("0").description == "About all."
    assert client.get_model_version("taxi", 7).source == "s3://elsewhere/later"
    assert [file.path for file in client.artifacts.list_artifacts(str(run_id))] == ["late.txt"]


def test_record_that_is_refused_is_listed_and_the_others_are_there(
    client: trivet.Client, database: MlflowDatabase, tmp_path: Path
) -> None:
    copied = database.copied_to(tmp_path / "copy")
    ((run_id,),) = copied.execute("SELECT run_uuid FROM runs WHERE name = 'run-0'")
    # MLflow counts characters.
    copied.execute("INSERT INTO params VALUES ('long', ?, ?)", "\U0001d11e" * 5_000, run_id)
    copied.execute("UPDATE runs SET user_id = ? WHERE name = 'run-2'", "u" * 256)
    report = whole(copied, exit_code=1)
    refused_ones = {(mismatch["where"], mismatch["kind"]) for mismatch in report["mismatches"] if mismatch["target"]}
    ((other,),) = copied.execute("SELECT run_uuid FROM runs WHERE name = 'run-2'")
    assert refused_ones == {(f"run {run_id}", "records"), (f"run {other}", "runs")}
    assert any("16384" in mismatch["target"] for mismatch in report["mismatches"])
    assert len(client.search_runs((), run_view_type=ViewType.ALL)) == N_RUNS
    assert set(client.get_run(str(run_id)).data.params) == {"lr", "empty", "długa nazwa/ x"}


def test_run_id_that_another_run_has_is_listed_and_that_run_left_alone(
    client: trivet.Client, database: MlflowDatabase
) -> None:
    ((run_id,),) = database.execute("SELECT run_uuid FROM runs WHERE name = 'run-0'")
    client.tracking.create_run(run_id=str(run_id), run_name="mine")
    report = whole(database, exit_code=1)
    assert {mismatch["where"] for mismatch in report["mismatches"] if mismatch["kind"] != "model versions"} == {
        f"run {run_id}"
    }
    run = client.get_run(str(run_id))
    assert (run.info.run_name, run.data.params, client.artifacts.list_artifacts(str(run_id))) == ("mine", {}, [])


def test_what_was_deleted_in_trivet_stays_deleted(filled: trivet.Client, database: MlflowDatabase) -> None:
    ((run_id,),) = database.execute("SELECT run_uuid FROM runs WHERE name = 'run-1'")
    filled.delete_run(str(run_id))
    report = whole(database, exit_code=1)
    assert [(mismatch["where"], mismatch["kind"]) for mismatch in report["mismatches"]] == [(f"run {run_id}", "runs")]
    assert filled.get_run(str(run_id)).info.lifecycle_stage == "deleted"


def test_dry_run_writes_nothing(client: trivet.Client, database: MlflowDatabase) -> None:
    report = whole(database, "--dry-run")
    assert {kind["kind"]: (kind["source_count"], kind["target_count"]) for kind in report["kinds"]}["runs"] == (13, 0)
    assert [experiment.name for experiment in client.search_experiments(view_type=ViewType.ALL)] == ["Default"]
    assert client.search_registered_models() == []
    ended = invoke("import", "mlflow", database.url, "--no-artifacts", "--dry-run")
    assert "Nothing was written" in ended.stdout


def test_chosen_experiments_alone_are_imported(client: trivet.Client, database: MlflowDatabase) -> None:
    report = whole(database, "--experiment", "gone", "--experiment", "0", "--no-artifacts")
    assert counts(report)["runs"] == 2
    assert "files" not in counts(report)
    assert {experiment.name for experiment in client.search_experiments(view_type=ViewType.ALL)} == {"Default", "gone"}
    assert client.search_registered_models() == []
    # The rest, later.
    assert whole(database)["mismatch_count"] == 0
    check_against(database, client)


def test_files_that_cannot_be_read_are_named(client: trivet.Client, database: MlflowDatabase, tmp_path: Path) -> None:
    report = imported(database.url, exit_code=1)
    assert {mismatch["kind"] for mismatch in report["mismatches"]} == {"files"}
    assert all("--artifacts" in mismatch["target"] for mismatch in report["mismatches"])
    assert any(mismatch["target"].startswith("mlflow-artifacts:/1/") for mismatch in report["mismatches"])
    copied = database.copied_to(tmp_path / "copy")
    copied.place_files("mlflow-artifacts:", "/nowhere/at/all")
    report = imported(copied.url, "--verify-only", exit_code=1)
    assert any("there is no folder /nowhere/at/all" in mismatch["target"] for mismatch in report["mismatches"])
    # Versions are there, by the place that MLflow has of their files.
    assert client.get_model_version("taxi", 1).source.startswith("mlflow://mlflow-artifacts:/1/")


def test_file_outside_of_the_given_folder_is_not_read(
    client: trivet.Client, database: MlflowDatabase, tmp_path: Path
) -> None:
    copied = database.copied_to(tmp_path / "copy")
    copied.execute("UPDATE runs SET artifact_uri = 'mlflow-artifacts:/1/../../secrets' WHERE name = 'run-0'")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "key").write_text("secret", encoding="utf-8")
    report = whole(copied, exit_code=1)
    assert any("leads out of" in mismatch["target"] for mismatch in report["mismatches"])
    ((run_id,),) = copied.execute("SELECT run_uuid FROM runs WHERE name = 'run-0'")
    assert client.artifacts.list_artifacts(str(run_id)) == []


def test_model_that_had_other_versions_is_named(client: trivet.Client, database: MlflowDatabase) -> None:
    client.create_registered_model("taxi")
    client.registry.create_model_version("taxi", "s3://own/model")
    client.registry.delete_model_version("taxi", 1)
    report = whole(database, exit_code=1)
    assert any("counts on from 2" in mismatch["target"] for mismatch in report["mismatches"])
    assert client.search_model_versions("name = 'taxi'") == []
    assert client.get_registered_model("without versions").name == "without versions"


def test_model_with_a_name_that_none_has_here_is_named(
    client: trivet.Client, database: MlflowDatabase, tmp_path: Path
) -> None:
    copied = database.copied_to(tmp_path / "copy")
    name = "m" * 300
    copied.execute(f"UPDATE registered_models SET name = '{name}' WHERE name = 'without versions'")
    planned = whole(copied, "--dry-run")
    report = whole(copied, exit_code=1)
    for told in (planned, report):
        assert f"model {name}" in {mismatch["where"] for mismatch in told["mismatches"]}
    assert {mismatch["where"] for mismatch in report["mismatches"]} == {f"model {name}"}
    assert "taxi" in {model.name for model in client.search_registered_models()}


def refused(source: str, *options: str) -> tuple[str, str]:
    ended = invoke("import", "mlflow", source, *options, "--json")
    assert ended.exit_code == 1, ended.output
    error = json.loads(ended.stderr)["error"]
    return error["reason"], error["message"]


def test_source_that_is_none_is_told(environment: object, database: MlflowDatabase, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a database, and longer than the head of one " * 10, encoding="utf-8")
    other = tmp_path / "other.db"
    with contextlib.closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE runs (run_uuid TEXT)")
        connection.commit()
    copied = database.copied_to(tmp_path / "copy")
    copied.execute("ALTER TABLE runs DROP COLUMN artifact_uri")
    for source, said in (
        (str(tmp_path / "nowhere"), "There is no file or folder"),
        ("sqlite:////nowhere/mlflow.db", "There is no file"),
        (str(tmp_path), "is not an mlruns folder"),
        (str(text), "cannot be read as a database"),
        (str(other), "not a database of MLflow"),
        (copied.url, "runs has no artifact_uri"),
        ("mysql://host/db", "the address of a server"),
    ):
        reason, message = refused(source)
        assert reason == "INVALID_ARGUMENT", source
        assert said in message
    assert "no experiment 'nowhere'" in refused(database.url, "--experiment", "nowhere")[1]
    assert "There is no folder" in refused(database.url, "--artifacts", str(tmp_path / "nowhere"))[1]


def test_server_that_is_away_or_another_is_told(environment: object) -> None:
    reason, message = refused(f"http://user:secret@127.0.0.1:{free_port()}")
    assert (reason, "does not answer" in message, "secret" in message) == ("SERVER_UNAVAILABLE", True, False)
    reason, message = refused(f"postgresql://user:secret@127.0.0.1:{free_port()}/mlflow")
    assert (reason, "secret" in message) == ("SERVER_UNAVAILABLE", False)
    with answering(200, b"<html>") as address:
        assert refused(address)[0] == "INVALID_ARGUMENT"
    with answering(404, b"<html>") as address:
        assert "does not answer as an MLflow server does" in refused(address)[1]
    with answering(401, b"{}") as address:
        assert refused(address)[0] == "CREDENTIALS_INVALID"
    with answering(302, b"{}", "http://127.0.0.1:1/") as address:
        assert refused(address)[0] == "INVALID_ARGUMENT"


@contextlib.contextmanager
def answering(status: int, body: bytes, location: str = "") -> Iterator[str]:
    """The address of a server that answers everything alike."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if location:
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


POINT = st.tuples(
    st.integers(-2, 2), st.integers(0, 2), st.sampled_from([0.0, -0.0, 1.5, math.inf, -math.inf, math.nan])
)


@given(history=st.lists(POINT), of_models=st.lists(st.tuples(st.sampled_from("ab"), POINT)))
def test_every_point_is_in_a_series_and_in_none_twice(
    history: list[tuple[int, int, float]], of_models: list[tuple[str, tuple[int, int, float]]]
) -> None:
    measured = [ModelPoint("loss", model, "", "", point) for model, point in of_models]
    series = to_series({"loss": history}, measured)

    def plain(points: list[tuple[int, int, float]]) -> set[tuple[int, int, str]]:
        return {(step, time, repr(value + 0.0)) for step, time, value in points}

    found = {one.model_id: points.rows() for one, points in series.items()}
    assert all(len(rows) == len(plain(rows)) for rows in found.values())
    assert {model: plain(rows) for model, rows in found.items() if model} == {
        model: plain([point for of, point in of_models if of == model]) for model, _ in of_models
    }
    in_models = plain([point for _, point in of_models])
    assert plain(found.get("", [])) == plain(history) - in_models


@pytest.mark.skipif(not os.environ.get("TRIVET_TEST_FULL"), reason="imports 1,000 runs; a long form")
def test_thousand_runs_are_imported_without_a_mismatch(client: trivet.Client) -> None:
    database = mlflow_database(full(N_RUNS, 1000))
    report = whole(database)
    assert report["mismatch_count"] == 0
    assert counts(report)["runs"] == 1001
    check_against(database, client)
    assert whole(database)["mismatch_count"] == 0
