from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet_kit.errors import ResourceNameInvalid
from trivet_kit.resources import (
    RUN_ID,
    WORKSPACE_ID,
    ExperimentName,
    PromotionRequestName,
    RuleName,
    RunName,
    SavedViewName,
    UploadName,
    WebhookName,
    WorkspaceName,
    parse_experiment,
    parse_promotion_request,
    parse_rule,
    parse_run,
    parse_saved_view,
    parse_upload,
    parse_webhook,
    parse_workspace,
    workspace_of,
)
from trivet_proto.common.v1 import options_pb2

WORKSPACE = options_pb2.RESOURCE_KIND_WORKSPACE
EXPERIMENT = options_pb2.RESOURCE_KIND_EXPERIMENT
RUN = options_pb2.RESOURCE_KIND_RUN
LOGGED_MODEL = options_pb2.RESOURCE_KIND_LOGGED_MODEL
MODEL = options_pb2.RESOURCE_KIND_MODEL
MODEL_VERSION = options_pb2.RESOURCE_KIND_MODEL_VERSION
OWNER = options_pb2.RESOURCE_KIND_ARTIFACT_OWNER
UPLOAD = options_pb2.RESOURCE_KIND_UPLOAD
WEBHOOK = options_pb2.RESOURCE_KIND_WEBHOOK
SAVED_VIEW = options_pb2.RESOURCE_KIND_SAVED_VIEW
RULE = options_pb2.RESOURCE_KIND_RULE
PROMOTION_REQUEST = options_pb2.RESOURCE_KIND_PROMOTION_REQUEST

workspace_ids = st.from_regex(WORKSPACE_ID, fullmatch=True)
run_ids = st.from_regex(RUN_ID, fullmatch=True)
experiment_ids = st.integers(0, 10**18 - 1)
model_ids = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="/:"), min_size=1, max_size=250
).filter(lambda text: text not in {".", ".."})
versions = st.integers(1, 10**18 - 1)


@given(workspace_ids)
def test_workspace_names_are_split_and_joined(workspace: str) -> None:
    name = WorkspaceName(workspace)
    assert str(name) == f"workspaces/{workspace}"
    assert parse_workspace(str(name), "parent") == name
    assert workspace_of(str(name), WORKSPACE, "parent") == workspace


@given(workspace_ids, experiment_ids)
def test_experiment_names_are_split_and_joined(workspace: str, experiment_id: int) -> None:
    name = ExperimentName(workspace, experiment_id)
    assert parse_experiment(str(name), "name") == name
    assert workspace_of(str(name), EXPERIMENT, "name") == workspace


@given(workspace_ids, run_ids)
def test_run_names_are_split_and_joined(workspace: str, run_id: str) -> None:
    name = RunName(workspace, run_id)
    assert parse_run(str(name), "name") == name
    assert workspace_of(str(name), RUN, "name") == workspace
    assert workspace_of(str(name), OWNER, "owner") == workspace


@given(workspace_ids, st.uuids())
def test_upload_names_are_split_and_joined(workspace: str, upload_id: UUID) -> None:
    name = UploadName(workspace, upload_id.hex)
    assert parse_upload(str(name), "upload") == name
    assert workspace_of(str(name), UPLOAD, "upload") == workspace


@given(workspace_ids, st.uuids())
def test_webhook_names_are_split_and_joined(workspace: str, webhook_id: UUID) -> None:
    name = WebhookName(workspace, webhook_id.hex)
    assert parse_webhook(str(name), "webhook") == name
    assert workspace_of(str(name), WEBHOOK, "webhook") == workspace


@given(workspace_ids, st.uuids())
def test_rule_names_are_split_and_joined(workspace: str, rule_id: UUID) -> None:
    name = RuleName(workspace, rule_id.hex)
    assert parse_rule(str(name), "name") == name
    assert workspace_of(str(name), RULE, "name") == workspace


@given(workspace_ids, st.uuids())
def test_promotion_request_names_are_split_and_joined(workspace: str, promotion_request_id: UUID) -> None:
    name = PromotionRequestName(workspace, promotion_request_id.hex)
    assert parse_promotion_request(str(name), "name") == name
    assert workspace_of(str(name), PROMOTION_REQUEST, "name") == workspace


@given(workspace_ids, st.uuids())
def test_saved_view_names_are_split_and_joined(workspace: str, saved_view_id: UUID) -> None:
    name = SavedViewName(workspace, saved_view_id.hex)
    assert parse_saved_view(str(name), "name") == name
    assert workspace_of(str(name), SAVED_VIEW, "name") == workspace


@given(workspace_ids, run_ids, model_ids, versions)
def test_names_of_all_other_kinds_are_known_by_their_workspace(
    workspace: str, logged_model: str, model: str, version: int
) -> None:
    of_logged_model = f"workspaces/{workspace}/loggedModels/{logged_model}"
    of_model = f"workspaces/{workspace}/models/{model}"
    of_version = f"{of_model}/versions/{version}"
    assert workspace_of(of_logged_model, LOGGED_MODEL, "name") == workspace
    assert workspace_of(of_model, MODEL, "name") == workspace
    assert workspace_of(of_version, MODEL_VERSION, "name") == workspace
    assert workspace_of(of_logged_model, OWNER, "owner") == workspace
    assert workspace_of(of_version, OWNER, "owner") == workspace
    # An owner is not just anything that has a workspace.
    for other in (of_model, f"workspaces/{workspace}"):
        with pytest.raises(ResourceNameInvalid):
            workspace_of(other, OWNER, "owner")


@given(st.text(max_size=80))
def test_text_of_any_kind_is_a_name_that_is_joined_the_same_again_or_refused(text: str) -> None:
    for prefix, parse in (
        ("workspaces/", parse_workspace),
        ("workspaces/default/experiments/", parse_experiment),
        ("workspaces/default/runs/", parse_run),
    ):
        try:
            name: Any = parse(prefix + text, "name")
        except ResourceNameInvalid:
            continue
        assert str(name) == prefix + text


NASTY_IDS = [
    *("", " ", ".", "..", "/", "\\", "~", "*", "%", "?", "#", "&", "=", "+", "-", "_", "'", '"', "`", "$HOME"),
    *("a/b", "a//b", "/a", "a/", "../a", "..%2fa", "%2e%2e", "%252e", "a%00", "a\\b", "a:b", "a;b", "a,b", "a|b"),
    *("a b", " a", "a ", "a\n", "\na", "a\r\n", "a\t", "a\0", "\0", "a\x7f", "a\x1b[0m", "a\u2028", "a\u200b"),
    *("\ufeff", "\xe4", "\u0430", "\uff41", "\u0661", "\u00b2", "\uff11", "\u202ea", "e\u0301", "\U0001d41a"),
    *("\U0001f600", "$(id)", "{a}", "<a>", "a@b", "a.b", "-a", "_a", "a" * 257, "a" * 4096, "' OR 1=1 --"),
    *("file:///etc/passwd", "//host/a", "C:\\a", "a?b#c"),
]


def test_there_are_at_least_sixty_nasty_ids() -> None:
    assert len(set(NASTY_IDS)) == len(NASTY_IDS) >= 60


@pytest.mark.parametrize("nasty", NASTY_IDS, ids=ascii)
def test_nasty_ids_are_refused_in_every_place(nasty: str) -> None:
    for name, kind in (
        (f"workspaces/{nasty}", WORKSPACE),
        (f"workspaces/{nasty}/experiments/1", EXPERIMENT),
        (f"workspaces/default/experiments/{nasty}", EXPERIMENT),
        (f"workspaces/{nasty}/runs/a", RUN),
        (f"workspaces/default/runs/{nasty}", RUN),
        (f"workspaces/default/runs/{nasty}", OWNER),
        (f"workspaces/default/loggedModels/{nasty}", LOGGED_MODEL),
        (f"workspaces/default/models/m/versions/{nasty}", MODEL_VERSION),
        (f"workspaces/default/uploads/{nasty}", UPLOAD),
        (f"workspaces/default/webhooks/{nasty}", WEBHOOK),
        (f"workspaces/default/savedViews/{nasty}", SAVED_VIEW),
        (f"workspaces/default/rules/{nasty}", RULE),
        (f"workspaces/default/promotionRequests/{nasty}", PROMOTION_REQUEST),
    ):
        with pytest.raises(ResourceNameInvalid):
            workspace_of(name, kind, "name")


@pytest.mark.parametrize(
    "model", ["", ".", "..", "a/b", "/a", "a/", "a:b", ":", "a\0", "a\nb", "a\x1b", "a\x7f", "a\x85", "\x9f", "m" * 251]
)
def test_models_whose_names_cannot_stand_in_a_path_are_refused(model: str) -> None:
    for name, kind in (
        (f"workspaces/default/models/{model}", MODEL),
        (f"workspaces/default/models/{model}/versions/1", MODEL_VERSION),
    ):
        with pytest.raises(ResourceNameInvalid):
            workspace_of(name, kind, "name")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("", WORKSPACE),
        ("workspaces", WORKSPACE),
        ("workspaces/", WORKSPACE),
        ("/workspaces/default", WORKSPACE),
        ("workspaces/default/", WORKSPACE),
        ("workspaces/default/runs/a", WORKSPACE),
        ("Workspaces/default", WORKSPACE),
        ("workspaces/Default", WORKSPACE),
        ("workspaces/1a", WORKSPACE),
        ("workspaces/a-", WORKSPACE),
        ("workspaces/" + "a" * 64, WORKSPACE),
        ("experiments/1", EXPERIMENT),
        ("workspaces/default/experiments/01", EXPERIMENT),
        ("workspaces/default/experiments/-1", EXPERIMENT),
        ("workspaces/default/experiments/+1", EXPERIMENT),
        ("workspaces/default/experiments/1.0", EXPERIMENT),
        ("workspaces/default/experiments/1e3", EXPERIMENT),
        ("workspaces/default/experiments/0x1", EXPERIMENT),
        ("workspaces/default/experiments/1_0", EXPERIMENT),
        ("workspaces/default/experiments/" + "9" * 19, EXPERIMENT),
        ("workspaces/default/experiments/1/runs/a", EXPERIMENT),
        ("workspaces/default/experiment/1", EXPERIMENT),
        ("workspaces/default/runs/a/runs/b", RUN),
        ("workspaces/default/runs", RUN),
        ("workspaces/default/experiments/1", RUN),
        ("runs/a", RUN),
        ("projects/default/runs/a", RUN),
        ("https://host/workspaces/default/runs/a", RUN),
        ("workspaces/default/models/m/versions/0", MODEL_VERSION),
        ("workspaces/default/models/m/versions/01", MODEL_VERSION),
        ("workspaces/default/models/m/version/1", MODEL_VERSION),
        ("workspaces/default/models/m", MODEL_VERSION),
        ("workspaces/default/models/m/versions/1", MODEL),
        ("workspaces/default/loggedmodels/m", LOGGED_MODEL),
    ],
)
def test_names_of_another_form_are_refused(name: str, kind: int) -> None:
    with pytest.raises(ResourceNameInvalid):
        workspace_of(name, kind, "name")


@pytest.mark.parametrize("model", ["my model", "模型", "a.b", "...", "..a", "a%2fb", "a?b#c", "'x'", "😀", "m" * 250])
def test_models_are_named_by_people(model: str) -> None:
    assert workspace_of(f"workspaces/team-a/models/{model}", MODEL, "name") == "team-a"
    assert workspace_of(f"workspaces/team-a/models/{model}/versions/1", MODEL_VERSION, "name") == "team-a"


def test_error_tells_the_field_and_the_form_but_not_the_name() -> None:
    with pytest.raises(ResourceNameInvalid) as failure:
        parse_run("workspaces/default/runs/<script>", "runs[3].name")
    assert failure.value.message == "runs[3].name must have the form workspaces/{workspace}/runs/{run}."
    assert failure.value.metadata == {"field": "runs[3].name", "pattern": "workspaces/{workspace}/runs/{run}"}


def test_error_of_a_kind_with_several_forms_tells_all_of_them() -> None:
    with pytest.raises(ResourceNameInvalid) as failure:
        workspace_of("workspaces/default", OWNER, "owner")
    assert failure.value.metadata["pattern"] == (
        "workspaces/{workspace}/runs/{run} or workspaces/{workspace}/loggedModels/{logged_model} or "
        "workspaces/{workspace}/models/{model}/versions/{version}"
    )


@pytest.mark.parametrize("kind", [value for value in options_pb2.ResourceKind.values() if value])
def test_every_kind_of_the_contract_has_a_form(kind: int) -> None:
    with pytest.raises(ResourceNameInvalid) as failure:
        workspace_of("", kind, "name")
    assert re.match(r"workspaces/\{workspace\}", failure.value.metadata["pattern"])
