"""Who moves models, what is kept of it, and what is refused: by the SDK, against real services."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

import trivet

MLMODEL = """\
artifact_path: model
flavors:
  python_function:
    loader_module: mlflow.sklearn
signature:
  inputs: '[{"type": "double", "name": "distance", "required": true}, {"type": "string",
    "name": "driver''s name", "required": false}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}]'
  params: null
"""


@pytest.fixture
def run_id(client: trivet.Client, tmp_path: Path) -> str:
    """A run with two datasets and a model."""
    run = client.tracking.create_run("0", tags={"a": "b"}, source="train.py", git_commit="c0ffee")
    run_id = run.info.run_id
    client.log_param(run_id, "alpha", 0.01)
    client.log_inputs(
        run_id,
        [
            trivet.DatasetInput(trivet.Dataset("trips", "4fb5574f"), {"mlflow.data.context": "training"}),
            trivet.DatasetInput(trivet.Dataset("weather", "77aa")),
        ],
    )
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "MLmodel").write_text(MLMODEL, encoding="utf-8")
    (tmp_path / "model" / "model.pkl").write_bytes(b"pickled")
    client.log_artifact(run_id, str(tmp_path / "model"))
    return run_id


@pytest.fixture
def outside(client: trivet.Client) -> trivet.Client:
    """Three versions of the model `taxi` whose files are outside."""
    for _ in range(3):
        client.register_model("s3://bucket/model", "taxi")
    return client


# --- where a version came from


def test_version_notes_what_its_run_said_and_keeps_it(client: trivet.Client, run_id: str) -> None:
    version = client.register_model(f"runs:/{run_id}/model", "taxi")
    assert (version.run_id, version.git_commit) == (run_id, "c0ffee")
    assert version.datasets == (
        trivet.ModelDataset("trips", "4fb5574f", "training"),
        trivet.ModelDataset("weather", "77aa"),
    )
    assert version.signature is not None
    assert [column["name"] for column in json.loads(version.signature.inputs)] == ["distance", "driver's name"]
    assert json.loads(version.signature.outputs)[0]["type"] == "tensor"
    assert version.signature.params == ""
    lineage = client.get_model_version_lineage("taxi", 1)
    assert lineage.run is not None
    assert lineage.run.data.params == {"alpha": "0.01"}
    assert [file.path for file in lineage.files] == ["MLmodel", "model.pkl"]
    assert all(file.sha256 for file in lineage.files)
    for where in (f"run_id = '{run_id}'", "datasets.name = 'weather'", "datasets.context = 'training'"):
        assert [found.version for found in client.search_model_versions(where)] == [1]
    assert client.search_model_versions("datasets.name = 'snow'") == []
    client.delete_run(run_id)
    client.delete_artifacts(run_id)
    kept = client.get_model_version("taxi", 1)
    assert (kept.datasets, kept.signature, kept.git_commit) == (version.datasets, version.signature, "c0ffee")
    assert Path(client.download_artifacts(artifact_uri="models:/taxi/1/model.pkl")).read_bytes() == b"pickled"


def test_version_of_a_logged_model_knows_it_and_its_run(client: trivet.Client, run_id: str, tmp_path: Path) -> None:
    model_id = client.create_logged_model("0", source_run_id=run_id).model_id
    client.log_model_artifacts(model_id, str(tmp_path / "model"))
    version = client.register_model(f"models:/{model_id}", "taxi")
    assert (version.model_id, version.run_id, version.git_commit) == (model_id, run_id, "c0ffee")
    assert [dataset.name for dataset in version.datasets] == ["trips", "weather"]
    assert version.signature is not None
    assert [found.version for found in client.search_model_versions(f"logged_model_id = '{model_id}'")] == [1]


def test_files_registered_again_note_what_the_version_noted(client: trivet.Client, run_id: str) -> None:
    first = client.register_model(f"runs:/{run_id}/model", "taxi")
    again = client.register_model("models:/taxi/latest", "taxi")
    part = client.create_model_version("taxi", "models:/taxi/1/model.pkl", description="a part")
    for version in (again, part):
        assert (version.run_id, version.git_commit, version.datasets) == (run_id, "c0ffee", first.datasets)
        assert version.signature == first.signature
    assert part.description == "a part"


def test_version_says_what_it_is_told_where_nothing_is_looked_up(client: trivet.Client, run_id: str) -> None:
    with pytest.raises(trivet.ModelNotFound):
        client.create_model_version("taxi", f"runs:/{run_id}/model")
    client.create_registered_model("taxi")
    plain = client.create_model_version("taxi", f"runs:/{run_id}/model", tags={"kind": "plain"})
    assert (plain.run_id, plain.git_commit, plain.datasets, plain.signature) == (run_id, "", (), None)
    told = client.registry.create_model_version(
        "taxi",
        "s3://bucket/model",
        run_id="of-another-tracker",
        git_commit="f00d",
        datasets=[trivet.ModelDataset("snow", "1", "training")],
        signature=trivet.ModelSignature(inputs="[]"),
    )
    assert (told.run_id, told.git_commit, told.datasets[0].name) == ("of-another-tracker", "f00d", "snow")
    assert told.signature == trivet.ModelSignature(inputs="[]")
    lineage = client.get_model_version_lineage("taxi", 2)
    assert (lineage.run, lineage.files) == (None, ())
    with pytest.raises(trivet.InvalidArgument, match="signature"):
        client.registry.create_model_version(
            "taxi", "s3://bucket/model", signature=trivet.ModelSignature(inputs="no JSON")
        )


def test_file_that_is_no_mlmodel_gives_no_signature(client: trivet.Client, run_id: str, tmp_path: Path) -> None:
    for number, text in enumerate(("a: [", "just text", "signature: 1", "signature: {inputs: 1}", "\x00")):
        (tmp_path / "model" / "MLmodel").write_text(text, encoding="utf-8")
        client.log_artifacts(run_id, str(tmp_path / "model"), f"model{number}")
        assert client.register_model(f"runs:/{run_id}/model{number}", "taxi").signature is None


def test_copy_keeps_digest_and_origin(client: trivet.Client, run_id: str) -> None:
    client.register_model(f"runs:/{run_id}/model", "taxi", tags={"team": "a"})
    client.set_registered_model_alias("taxi", "champion", 1)
    source = client.get_model_version("taxi", 1)
    copied = client.copy_model_version("models:/taxi@champion", "release")
    assert (copied.name, copied.version, copied.status, copied.current_stage) == ("release", 1, "READY", "None")
    assert (copied.copied_from, copied.aliases, copied.tags) == ("models:/taxi/1", (), {"team": "a"})
    assert (copied.manifest_sha256, copied.run_id, copied.datasets, copied.signature) == (
        source.manifest_sha256,
        run_id,
        source.datasets,
        source.signature,
    )
    client.delete_registered_model("taxi")
    back = Path(client.download_artifacts(artifact_uri="models:/release/1"))
    assert (back / "model.pkl").read_bytes() == b"pickled"
    with pytest.raises(trivet.ModelNotFound):
        client.copy_model_version("models:/taxi/1", "release")


@pytest.mark.parametrize("uri", ["runs:/0192f0c1a7/model", "models:/taxi/1/part", "s3://bucket/model", "taxi"])
def test_only_whole_versions_can_be_copied(client: trivet.Client, uri: str) -> None:
    with pytest.raises(trivet.InvalidArgument, match="models:/NAME/VERSION"):
        client.copy_model_version(uri, "release")


# --- moves


def test_of_many_movers_who_have_seen_the_same_one_wins(outside: trivet.Client) -> None:
    etag = outside.get_registered_model("taxi").etag
    barrier = threading.Barrier(16)

    def move(number: int) -> bool:
        barrier.wait()
        try:
            outside.registry.set_registered_model_alias("taxi", "champion", 1 + number % 3, etag=etag)
        except trivet.Conflict:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(move, range(16)))
    assert won.count(True) == 1
    model = outside.get_registered_model("taxi")
    assert model.aliases == {"champion": 1 + won.index(True) % 3}
    assert [entry.action for entry in outside.get_model_history("taxi")].count("ALIAS_SET") == 1


def test_change_by_an_old_etag_is_refused(outside: trivet.Client) -> None:
    registry = outside.registry
    model, version = outside.get_registered_model("taxi"), outside.get_model_version("taxi", 1)
    outside.update_registered_model("taxi", "newer")
    outside.update_model_version("taxi", 1, "newer")
    refused: list[Callable[[], object]] = [
        lambda: registry.update_registered_model("taxi", description="old", etag=model.etag),
        lambda: registry.set_registered_model_alias("taxi", "best", 1, etag=model.etag),
        lambda: registry.delete_registered_model_alias("taxi", "best", etag=model.etag),
        lambda: registry.delete_registered_model("taxi", etag=model.etag),
        lambda: registry.update_model_version("taxi", 1, description="old", etag=version.etag),
        lambda: registry.transition_model_version_stage("taxi", 1, "Staging", etag=version.etag),
        lambda: registry.delete_model_version("taxi", 1, etag=version.etag),
    ]
    for change in refused:
        with pytest.raises(trivet.Conflict):
            change()
    assert outside.get_registered_model("taxi").description == "newer"
    now = outside.get_model_version("taxi", 1)
    assert (now.description, now.current_stage) == ("newer", "None")
    assert registry.transition_model_version_stage("taxi", 1, "Staging", etag=now.etag).current_stage == "Staging"


def test_tags_are_set_and_removed(outside: trivet.Client) -> None:
    outside.set_registered_model_tag("taxi", "team", "routes")
    outside.set_model_version_tag("taxi", 2, "kind", "best")
    assert outside.get_registered_model("taxi").tags == {"team": "routes"}
    for _ in range(2):
        outside.delete_registered_model_tag("taxi", "team")
        outside.delete_model_version_tag("taxi", 2, "kind")
    assert outside.get_registered_model("taxi").tags == {}
    assert outside.get_model_version("taxi", 2).tags == {}


def test_workspace_has_stages_of_its_own(outside: trivet.Client) -> None:
    assert outside.get_model_version_stages("taxi", 1) == ["None", "Staging", "Production", "Archived"]
    promotion = outside.registry.promotion
    rules = promotion.update_rules(stages=["None", "Canary", "Live", "Archived"])
    assert rules.stages == ("None", "Canary", "Live", "Archived")
    outside.transition_model_version_stage("taxi", 1, "LIVE")
    outside.transition_model_version_stage("taxi", 2, "live", archive_existing_versions=True)
    assert outside.copy_model_version("models:/taxi/live", "release").copied_from == "models:/taxi/2"
    assert [version.current_stage for version in outside.get_latest_versions("taxi")] == ["None", "Live", "Archived"]
    with pytest.raises(trivet.InvalidArgument, match="Canary"):
        outside.transition_model_version_stage("taxi", 1, "Production")
    with pytest.raises(trivet.StageInUse):
        promotion.update_rules(stages=["None", "Canary", "Archived"])
    with pytest.raises(trivet.InvalidArgument):
        promotion.update_rules(stages=["Canary", "Live"])
    with pytest.raises(trivet.InvalidArgument):
        promotion.update_rules()
    with pytest.raises(trivet.Conflict):
        promotion.update_rules(stages=["None", "Live", "Archived"], etag="1")


def test_what_is_protected_stays_where_it_is(client: trivet.Client, run_id: str) -> None:
    client.register_model(f"runs:/{run_id}/model", "taxi")
    client.register_model(f"runs:/{run_id}/model", "taxi")
    client.register_model("s3://bucket/model", "taxi")
    client.transition_model_version_stage("taxi", 1, "Production")
    client.set_registered_model_alias("taxi", "champion", 2)
    promotion = client.registry.promotion
    promotion.protect(stages=["production"])
    rules = promotion.protect(stages=["Production"], aliases=["champion"])
    assert (rules.protected_stages, rules.protected_aliases) == (("Production",), ("champion",))
    before = client.get_model_history("taxi")
    moves: list[Callable[[], object]] = [
        lambda: client.transition_model_version_stage("taxi", 2, "Production"),
        lambda: client.transition_model_version_stage("taxi", 1, "Archived"),
        lambda: client.delete_model_version("taxi", 1),
    ]
    for move in moves:
        with pytest.raises(trivet.StageProtected, match="Production") as refused:
            move()
        assert refused.value.metadata["permission"] == "ADMIN"
    moves_of_aliases: list[Callable[[], object]] = [
        lambda: client.set_registered_model_alias("taxi", "champion", 1),
        lambda: client.delete_registered_model_alias("taxi", "champion"),
        lambda: client.delete_model_version("taxi", 2),
    ]
    for move in moves_of_aliases:
        with pytest.raises(trivet.AliasProtected, match="champion"):
            move()
    with pytest.raises((trivet.AliasProtected, trivet.StageProtected)):
        client.delete_registered_model("taxi")
    assert client.get_model_history("taxi") == before
    rules = promotion.unprotect(stages=["PRODUCTION", "Staging"], aliases=["champion", "nobody"])
    assert (rules.protected_stages, rules.protected_aliases) == ((), ())
    client.delete_model_version("taxi", 1)
    client.set_registered_model_alias("taxi", "champion", 3)


def test_outside_source_cannot_enter_a_protected_stage(outside: trivet.Client) -> None:
    outside.registry.promotion.protect(stages=["Staging"])
    with pytest.raises((trivet.ModelVersionUnverified, trivet.StageProtected)):
        outside.transition_model_version_stage("taxi", 1, "Staging")
    assert outside.get_model_version("taxi", 1).current_stage == "None"


def test_all_who_protect_at_once_are_heard(client: trivet.Client) -> None:
    aliases = [f"alias{number}" for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda alias: client.registry.promotion.protect(aliases=[alias]), aliases))
    assert client.registry.promotion.get_rules().protected_aliases == tuple(aliases)


# --- what happened


def test_history_tells_who_did_what_and_why(outside: trivet.Client) -> None:
    outside.transition_model_version_stage("taxi", 1, "Production", reason="the best")
    outside.registry.set_registered_model_alias("taxi", "champion", 1, reason="agreed")
    outside.registry.rename_registered_model("taxi", "cab", reason="too narrow")
    outside.transition_model_version_stage("cab", 2, "Production", archive_existing_versions=True)
    entries = outside.get_model_history("cab")
    assert [entry.sequence for entry in entries] == list(range(1, len(entries) + 1))
    assert [(entry.action, entry.version, entry.reason) for entry in entries[4:7]] == [
        ("VERSION_MOVED", 1, "the best"),
        ("ALIAS_SET", 1, "agreed"),
        ("MODEL_RENAMED", None, "too narrow"),
    ]
    assert entries[4].changes == (trivet.FieldChange("stage", "None", "Production"),)
    assert entries[6].changes == (trivet.FieldChange("model_id", "taxi", "cab"),)
    assert {entry.actor for entry in entries} == {"anonymous"}
    assert all(later.previous_sha256 == earlier.sha256 for earlier, later in pairwise(entries))
    of_one = outside.registry.history.list("cab", version=1, newest_first=True, max_results=2)
    assert [entry.action for entry in of_one] == ["VERSION_MOVED", "ALIAS_SET"]
    rest = outside.registry.history.list("cab", version=1, newest_first=True, page_token=of_one.token)
    assert [entry.action for entry in rest] == ["VERSION_MOVED", "VERSION_CREATED"]
    with pytest.raises(trivet.ModelNotFound):
        outside.get_model_history("taxi")
    with pytest.raises(trivet.InvalidArgument):
        outside.get_model_history("cab", version=0)


def test_what_was_in_production_at_some_time_is_known_by_uid_after_the_end(outside: trivet.Client) -> None:
    uid = outside.get_registered_model("taxi").uid
    outside.transition_model_version_stage("taxi", 1, "Production")
    outside.set_registered_model_alias("taxi", "champion", 1)
    outside.transition_model_version_stage("taxi", 2, "Production", archive_existing_versions=True)
    outside.rename_registered_model("taxi", "cab")
    outside.registry.delete_registered_model("cab", reason="replaced")
    history = outside.get_model_history(uid)
    times = {entry.action: entry.timestamp for entry in history}
    # Moves of one millisecond are one moment.
    moved = next(entry for entry in history if entry.action == "VERSION_MOVED")
    if moved.timestamp < times["ALIAS_SET"]:
        assert outside.get_model_as_of(uid, moved.timestamp).stages["Production"] == (1,)
    if times["MODEL_RENAMED"] < times["MODEL_DELETED"]:
        then = outside.get_model_as_of(uid, datetime.fromtimestamp(times["MODEL_RENAMED"] / 1000, UTC))
        assert (then.exists, then.name, then.aliases) == (True, "cab", {"champion": 1})
        assert then.stages == {"None": (3,), "Production": (2,), "Archived": (1,)}
    gone = outside.get_model_as_of(uid, datetime.now(UTC))
    assert (gone.exists, gone.name, gone.stages, gone.sequence) == (False, "", {}, history[-1].sequence)
    before = outside.get_model_as_of(uid, 0)
    assert (before.exists, before.sequence) == (False, 0)
    assert history[-1].reason == "replaced"
    assert outside.verify_model(uid).is_intact


def test_verification_remembers_what_was_kept_elsewhere(outside: trivet.Client) -> None:
    checked = outside.verify_model("taxi")
    assert (checked.is_intact, checked.sequence, len(checked.sha256)) == (True, 4, 64)
    history = outside.registry.history
    assert history.verify("taxi", known_sequence=checked.sequence, known_sha256=checked.sha256).is_intact
    other = history.verify("taxi", known_sequence=checked.sequence, known_sha256="00" * 32)
    assert [fault.kind for fault in other.faults] == ["KNOWN_ENTRY_ALTERED"]
    with pytest.raises(trivet.InvalidArgument, match="64 hexadecimal digits"):
        history.verify("taxi", known_sequence=1, known_sha256="no digest")
    with pytest.raises(trivet.InvalidArgument):
        history.verify("taxi", known_sequence=1)


def test_watch_tells_of_models_and_goes_on_where_it_was(outside: trivet.Client) -> None:
    with outside.watch_model_events(["taxi"], actions=["alias_set", "VERSION_MOVED"]) as events:
        outside.create_registered_model("tram")
        outside.set_registered_model_tag("taxi", "team", "routes")
        outside.transition_model_version_stage("taxi", 1, "Staging", reason="try it")
        event = next(events)
        token = events.resume_token
    assert (event.name, event.entry.action, event.entry.version) == ("taxi", "VERSION_MOVED", 1)
    assert event.entry.reason == "try it"
    assert event.event_id == f"{event.model_uid}-{event.entry.sequence}"
    outside.set_registered_model_alias("taxi", "champion", 1)
    with outside.watch_model_events(resume_token=token) as events:
        assert next(events).entry.action == "ALIAS_SET"
    with pytest.raises(trivet.InvalidArgument, match="ALIAS_DELETED"):
        outside.watch_model_events(actions=["ALIAS_LOST"])
    with pytest.raises(trivet.InvalidArgument):
        outside.watch_model_events(resume_token="no token")


# --- webhooks


def test_webhook_is_changed_and_deleted(client: trivet.Client) -> None:
    webhooks = client.registry.webhooks
    made = webhooks.create("https://ci.example/a", actions=["alias_set"], description="one", secret="s" * 16)
    assert (made.secret, made.actions, made.is_disabled) == ("s" * 16, ("ALIAS_SET",), False)
    assert "ssss" not in repr(made)
    changed = webhooks.update(
        made.webhook_id, url="https://ci.example/b", actions=[], description="", is_disabled=True, etag=made.etag
    )
    assert (changed.url, changed.actions, changed.description) == ("https://ci.example/b", (), "")
    assert (changed.is_disabled, changed.secret) == (True, "")
    with pytest.raises(trivet.Conflict):
        webhooks.update(made.webhook_id, description="old", etag=made.etag)
    assert webhooks.list() == [webhooks.get(made.webhook_id)]
    webhooks.delete(made.webhook_id)
    for act in (webhooks.get, webhooks.delete, webhooks.list_deliveries):
        with pytest.raises(trivet.WebhookNotFound):
            act(made.webhook_id)


@pytest.mark.parametrize(
    "url", ["", "ci.example", "ftp://ci.example", "https://user:secret@ci.example", "https://a/#b"]
)
def test_webhook_needs_a_url(client: trivet.Client, url: str) -> None:
    with pytest.raises(trivet.InvalidArgument):
        client.registry.webhooks.create(url)
    assert client.registry.webhooks.list() == []


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "[::1]"])
def test_webhook_is_never_sent_to_an_address_that_is_not_public(client: trivet.Client, host: str) -> None:
    hook = client.registry.webhooks.create(f"https://{host}/latest")
    client.create_registered_model("taxi")
    deliveries: list[trivet.WebhookDelivery] = []
    while not deliveries or not deliveries[0].problem:
        deliveries = client.registry.webhooks.list_deliveries(hook.webhook_id)
    assert (deliveries[0].state, deliveries[0].http_status) == ("PENDING", None)
    assert host.strip("[]") in deliveries[0].problem


def test_change_of_a_webhook_that_says_nothing_is_refused(client: trivet.Client) -> None:
    webhooks = client.registry.webhooks
    made = webhooks.create("https://ci.example/a")
    assert len(made.secret) >= 16
    changes: list[Callable[[], object]] = [
        lambda: webhooks.update(made.webhook_id),
        lambda: webhooks.update(made.webhook_id, secret=""),
        lambda: webhooks.update(made.webhook_id, secret="short"),
        lambda: webhooks.update(made.webhook_id, actions=["LOST"]),
        lambda: webhooks.list_deliveries(made.webhook_id, state="lost"),
        lambda: webhooks.create("https://ci.example/a", secret="short"),
    ]
    for change in changes:
        with pytest.raises(trivet.InvalidArgument):
            change()
