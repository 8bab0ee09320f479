"""A little of everything that Trivet keeps, written and read through the client; what was read is kept for later."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import grpc

import trivet
from trivet.rules import Divergence, NotANumber
from trivet_proto.artifacts.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from trivet_proto.artifacts.v1.upload_pb2 import CreateUploadRequest
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.approvers import Team
from trivet_testing.records import create_saved_view, saved_view_pages
from trivet_testing.tracking import Tracking
from trivet_testing.waiting import wait_until

WORKSPACE: Final = "default"
_WRITER, _APPROVER, _ADMIN = "ann", "cat", "ops"
_ALL: Final = 10_000
_CENTURY: Final = timedelta(days=36_500)
# It fails, and is tried again and again: nobody listens there.
_NOBODY: Final = "https://127.0.0.1:9/told"
_SECRET: Final = "made-up-for-the-sample"
SETTINGS: Final[Mapping[str, str]] = {"TRIVET_WEBHOOK_NETWORKS": "127.0.0.0/8", "TRIVET_AUDIT_DAYS": "36500"}
"""Of a server with a sample: nothing of it is told to anybody, and nothing is removed because it is old."""


@dataclasses.dataclass(frozen=True)
class People:
    """Clients of those who write, approve and administer, and the address of their server."""

    writer: trivet.Client
    approver: trivet.Client
    admin: trivet.Client
    tracking: Tracking
    artifacts: ArtifactServiceStub


@contextmanager
def people(team: Team, address: str) -> Iterator[People]:
    """Those of a team who are needed here, before the server at an address."""
    with ExitStack() as stack:
        writer, approver, admin = (
            stack.enter_context(trivet.Client(f"grpc://{address}", workspace=WORKSPACE, token=team.token(name)))
            for name in (_WRITER, _APPROVER, _ADMIN)
        )
        channel = team.channel(stack.enter_context(grpc.insecure_channel(address)), _WRITER)
        tracking = Tracking(TrackingServiceStub(channel), WORKSPACE)
        yield People(writer, approver, admin, tracking, ArtifactServiceStub(channel))


def write_sample(people: People, folder: Path) -> None:
    """Writes a sample into an empty workspace; `folder` is for files."""
    client = people.writer
    experiment_id = client.create_experiment("taxi", tags={"team": "a"})
    _write_runs(people, experiment_id)
    run_id = _run_id(client, "first")
    _write_files(people, run_id, folder)
    _write_models(client, experiment_id, run_id)
    _write_rules(people, experiment_id)
    create_saved_view(
        people.tracking,
        "losses",
        state='{"panels": []}',
        request_id="6b1d3c1e-6a56-4c0a-9f5e-2f1d6f6c1a01",
        experiment=people.tracking.experiment_name(int(experiment_id)),
    )
    _write_registry(people, run_id)
    # One that is not put together with others yet.
    client.log_metric(run_id, "late", 1.0, step=1, timestamp=1)
    client.flush()


def _write_runs(people: People, experiment_id: str) -> None:
    client = people.writer
    dataset = trivet.Dataset(
        "rides", "1a2b", source_type="local", source="rides.csv", schema="{}", profile='{"rows": 3}'
    )
    first = client.create_run(experiment_id, run_name="first", tags={"team": "a", "grüße": "✓"}).info.run_id
    client.log_batch(
        first,
        metrics=[trivet.Metric("loss", 1 / (step + 1), timestamp=step, step=step) for step in range(1000)],
        params={"alpha": 0.1, "kind": "lasso"},
    )
    odd = (math.nan, math.inf, -math.inf, -0.0, 5e-324)
    client.log_batch(first, metrics=[trivet.Metric("odd", value, timestamp=1, step=n) for n, value in enumerate(odd)])
    client.log_inputs(first, [trivet.DatasetInput(dataset, {"mlflow.data.context": "training"})])
    client.tracking.log_metric(first, "acc", 0.5, timestamp=1, step=1, dataset=dataset)
    client.tracking.log_console(first, [trivet.ConsoleLine(f"epoch {number}", number) for number in range(3)])
    client.flush()
    client.set_terminated(first)
    fork = client.fork_run(first, 100, run_name="fork").info.run_id
    client.delete_metrics(fork, ["odd"])
    client.set_terminated(fork, "FAILED")
    child = client.create_run(experiment_id, run_name="child", tags={"mlflow.parentRunId": first}).info.run_id
    client.set_terminated(child, "KILLED")
    for name in ("purged", "in the bin"):
        run_id = client.create_run(experiment_id, run_name=name).info.run_id
        client.log_metric(run_id, "loss", 1.0, step=1, timestamp=1)
        client.set_terminated(run_id)
        client.delete_run(run_id)
        if name == "purged":
            people.admin.purge(timedelta(0), [run_id])
    client.delete_experiment(client.create_experiment("gone"))


def _write_files(people: People, run_id: str, folder: Path) -> None:
    client = people.writer
    files = folder / "files"
    (files / "größe").mkdir(parents=True)
    for path, content in (("größe/data.txt", b"data"), ("weights.bin", bytes(range(256)) * 2000), ("empty", b"")):
        (files / path).write_bytes(content)
    (files / "MLmodel").write_text("artifact_path: model\nflavors: {}\n", encoding="utf-8")
    client.log_artifacts(run_id, str(files), "model")
    client.artifacts.log_reference(run_id, "s3://elsewhere/rides.csv", "rides.csv", size_bytes=3, sha256="ab" * 32)
    client.log_text(run_id, "read me", "notes/readme.md")
    housekeeping = people.admin.artifacts.housekeeping
    housekeeping.set_retention_policy({"run": _CENTURY})
    housekeeping.hold(run_id, reason="a paper cites it")
    upload = CreateUploadRequest(
        owner=people.tracking.run_name(run_id), path="unfinished.bin", size_bytes=1 << 24, resume_key="k"
    )
    people.artifacts.CreateUpload(upload)


def _write_models(client: trivet.Client, experiment_id: str, run_id: str) -> None:
    model = client.create_logged_model(
        experiment_id, "net", source_run_id=run_id, tags={"k": "v"}, params={"depth": "3"}, model_type="tree"
    )
    evaluation = client.create_run(experiment_id, run_name="evaluation").info.run_id
    client.log_inputs(evaluation, models=[trivet.LoggedModelInput(model.model_id)])
    client.log_outputs(evaluation, [trivet.LoggedModelOutput(model.model_id, step=3)])
    client.tracking.log_metric(evaluation, "acc", 0.75, step=1, timestamp=1, model_id=model.model_id)
    client.set_terminated(evaluation)
    client.finalize_logged_model(model.model_id, "READY")


def _write_rules(people: People, experiment_id: str) -> None:
    client = people.writer
    client.create_rule("no NaN", NotANumber("loss"), experiment_id=experiment_id)
    broken = client.create_run(experiment_id, run_name="broken").info.run_id
    rule = client.create_rule(
        "runs away", Divergence("loss", above=10), run_id=broken, stop=True, webhook_url=_NOBODY, webhook_secret=_SECRET
    )
    client.log_metric(broken, "loss", 11.0, step=1, timestamp=1)
    client.flush()
    wait_until(lambda: bool(client.tracking.rules.list_events(rule_id=rule.rule_id)))
    client.set_terminated(broken)


def _write_registry(people: People, run_id: str) -> None:
    client = people.writer
    people.admin.registry.promotion.update_rules(
        stages=("None", "Canary", "Production", "Archived"),
        protected_stages=("Production",),
        protected_aliases=("champion",),
        stage_approvals={"Production": 1},
        alias_approvals={"champion": 1},
    )
    people.admin.registry.webhooks.create(_NOBODY, description="nobody", secret=_SECRET)
    client.create_registered_model("taxi-0", tags={"k": "v"}, description="rides")
    client.rename_registered_model("taxi-0", "taxi")
    client.register_model(f"runs:/{run_id}/model", "taxi")
    for number in (2, 3):
        client.create_model_version("taxi", f"runs:/{run_id}/model", run_id=run_id, tags={"number": number})
    client.create_model_version("taxi", "s3://elsewhere/model", description="outside")
    client.delete_model_version("taxi", "3")
    client.transition_model_version_stage("taxi", "2", "Canary")
    client.set_registered_model_alias("taxi", "newest", "2")
    client.set_model_version_tag("taxi", "1", "checked", "yes")
    asked = [
        client.request_model_version_stage("taxi", "1", "Production", reason="better"),
        client.request_registered_model_alias("taxi", "champion", "1"),
        client.request_model_version_stage("taxi", "2", "Production"),
        client.request_model_version_stage("taxi", "2", "Production"),
    ]
    people.approver.approve_promotion_request(asked[0].promotion_request_id, "measured")
    people.approver.approve_promotion_request(asked[1].promotion_request_id)
    people.approver.reject_promotion_request(asked[2].promotion_request_id, "too slow")
    client.withdraw_promotion_request(asked[3].promotion_request_id, "never mind")
    client.copy_model_version("models:/taxi/1", "taxi-eu")
    client.create_registered_model("gone")
    client.delete_registered_model("gone")


def read_sample(people: People) -> dict[str, Any]:
    """What clients read of a sample, as JSON has it, by section. What is pending is left out: it goes on by itself."""
    client, registry = people.writer, people.writer.registry
    experiments = [*client.search_experiments(view_type=trivet.ViewType.ALL)]
    ids = [experiment.experiment_id for experiment in experiments]
    runs = [*client.search_runs(ids, run_view_type=trivet.ViewType.ALL)]
    run_ids = sorted(run.info.run_id for run in runs)
    models = [*client.search_logged_models(ids)]
    versions = [*client.search_model_versions(max_results=_ALL)]
    verified = [f"models:/{version.name}/{version.version}" for version in versions if version.verified]
    sections = {
        "experiments": experiments,
        "runs": [client.get_run(run_id) for run_id in run_ids],
        "histories": {
            run.info.run_id: {key: _history(client, run.info.run_id, key) for key in sorted(run.data.metrics)}
            for run in runs
        },
        "console": {run_id: [*client.console(run_id)] for run_id in run_ids},
        "datasets": client.search_datasets(ids),
        "logged models": models,
        "found": [
            run.info.run_name for run in client.search_runs(ids, "metrics.loss < 0.002 and params.kind = 'lasso'")
        ],
        "saved views": [
            {"name": view.name, "display_name": view.display_name, "state": view.state}
            for page in saved_view_pages(people.tracking)
            for view in page
        ],
        "rules": client.tracking.rules.list(),
        "stops": {run_id: client.tracking.rules.get_run_stop(run_id) for run_id in run_ids},
        "files": {owner: _files(client, owner) for owner in (*run_ids, *verified)},
        "store": people.admin.artifacts.housekeeping.verify_store(progress=False),
        "retention": people.admin.artifacts.housekeeping.get_retention_policy(),
        "holds": people.admin.artifacts.housekeeping.list_holds(),
        "registered models": [*client.search_registered_models()],
        "versions": versions,
        "histories of models": {name: client.get_model_history(name) for name in ("taxi", "taxi-eu")},
        "verifications": {name: client.verify_model(name) for name in ("taxi", "taxi-eu")},
        "promotion rules": registry.promotion.get_rules(),
        "promotion requests": client.list_promotion_requests(),
        "webhooks": people.admin.registry.webhooks.list(),
        "audit": _audit(people.admin),
    }
    return {name: _plain(section) for name, section in sections.items()}


def _run_id(client: trivet.Client, name: str) -> str:
    (run,) = client.search_runs(["1"], f"run_name = '{name}'")
    return run.info.run_id


def _history(client: trivet.Client, run_id: str, key: str) -> list[str]:
    """The points of a metric, each as text: there are many."""
    return [f"{each.step} {each.timestamp} {each.value!r}" for each in client.get_metric_history(run_id, key)]


def _files(client: trivet.Client, owner: str) -> dict[str, object]:
    """All files of an owner, and their digest, where there are any."""
    whose = client.find_artifacts(owner).owner
    files = client.artifacts.list_artifacts(whose, recursive=True)
    return {"files": files, "manifest": client.artifacts.get_manifest(whose) if files else None}


def _audit(client: trivet.Client) -> list[trivet.AuditEvent]:
    """What the writer did."""
    return client.list_audit_events(subject=f"trivet/{_WRITER}", max_results=_ALL)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(map(_plain, value))
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, (float, datetime, timedelta)):
        return repr(value)
    return value
