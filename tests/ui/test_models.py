"""Registered models in a real browser before a real server: the list, a model, its versions, and registering."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

import trivet
from trivet_testing.browser import Watched
from trivet_testing.workspaces import unused_workspace

MLMODEL = """\
flavors:
  python_function:
    loader_module: mlflow.sklearn
signature:
  inputs: '[{"type": "double", "name": "distance", "required": true}, {"type": "string",
    "name": "driver''s zone", "required": false}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}]'
  params: null
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model."""
    folder = tmp_path_factory.mktemp("model")
    (folder / "MLmodel").write_text(MLMODEL, encoding="utf-8")
    (folder / "model.pkl").write_bytes(b"weights")
    return folder


def log_run(client: trivet.Client, files: Path, alpha: float) -> str:
    """A run with a param, a metric, a dataset, and the files of a model."""
    found = client.get_experiment_by_name("trips")
    experiment = client.create_experiment("trips") if found is None else found.experiment_id
    run_id = client.create_run(experiment, run_name=f"alpha {alpha}").info.run_id
    client.log_param(run_id, "alpha", alpha)
    client.log_param(run_id, "model", "xgb")
    client.log_metric(run_id, "rmse", 6 + alpha)
    dataset = trivet.DatasetInput(trivet.Dataset("trips", "4fb5574f"), {"mlflow.data.context": "training"})
    client.log_inputs(run_id, [dataset])
    client.log_artifacts(run_id, str(files), "model")
    client.set_terminated(run_id)
    return run_id


def register_taxi(client: trivet.Client, files: Path) -> None:
    """The model `taxi`: version 1 in Production, 2 with the alias champion, 3."""
    for alpha in (0.1, 0.2, 0.3):
        run_id = log_run(client, files, alpha)
        client.registry.register_model(f"runs:/{run_id}/model", "taxi", tags={"alpha": alpha})
    client.registry.transition_model_version_stage("taxi", 1, "Production", reason="the first one")
    client.set_registered_model_alias("taxi", "champion", 2)


@pytest.fixture(scope="module")
def kept(served: tuple[str, str], files: Path) -> str:
    """A workspace with models that tests only look at."""
    workspace = unused_workspace()
    with trivet.Client(served[1], workspace=workspace) as client:
        register_taxi(client, files)
        client.update_registered_model("taxi", description="How long a *trip* takes")
        client.copy_model_version("models:/taxi@champion", "taxi-release")
        for name, team in (("fraud", "risk"), ("churn", "growth"), ("churn%eu", "growth")):
            client.create_registered_model(name, tags={"team": team})
            client.registry.create_model_version(name, f"s3://bucket/{name}")
    return workspace


@pytest.fixture
def taxi(site: Any, page: Page, files: Path) -> Page:
    """The page of a model that the test may change."""
    with site.client() as client:
        register_taxi(client, files)
    page.goto(site.url("models/taxi"))
    expect(rows(page, "Versions")).to_have_count(3)
    return page


@pytest.fixture
def third(site: Any, taxi: Page) -> Page:
    """The page of its third version."""
    open_version(site, taxi, 3)
    return taxi


def open_version(site: Any, page: Page, version: int) -> None:
    page.goto(site.url(f"models/taxi/versions/{version}"))
    expect(stage_button(page)).to_be_visible()


def rows(page: Page, table: str) -> Locator:
    return page.get_by_role("table", name=table).locator("tbody tr")


def stage_button(page: Page) -> Locator:
    return page.get_by_role("button", name=re.compile(r"^Stage: "))


def ask_to_move(page: Page, stage: str) -> Locator:
    """The dialog that asks before the version is moved."""
    stage_button(page).click()
    page.get_by_role("menuitem", name=f"Move to {stage}").click()
    return page.get_by_role("dialog")


def look_at(served: tuple[str, str], page: Page, kept: str, path: str) -> None:
    page.goto(f"{served[0]}/w/{kept}/{path}")


# --- the list


def test_models_show_their_stages_aliases_and_tags(served: tuple[str, str], kept: str, page: Page) -> None:
    look_at(served, page, kept, "models")
    taxi = page.get_by_role("row", name=re.compile("^taxi v3"))
    expect(taxi.get_by_role("link", name="v3 of taxi")).to_be_visible()
    expect(taxi.get_by_role("link", name="v1 of taxi")).to_be_visible()
    expect(taxi).to_contain_text("@champion v2")
    page.get_by_role("link", name="taxi", exact=True).click()
    expect(page).to_have_url(re.compile(r"/models/taxi$"))


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("TAXI", ["taxi", "taxi-release"]),
        ("n%e", ["churn%eu"]),
        ("team:growth", ["churn", "churn%eu"]),
        ("eu team:growth", ["churn%eu"]),
        ("tags.team = 'risk' OR name = 'taxi'", ["fraud", "taxi"]),
    ],
)
def test_models_are_searched_by_name_and_tag(
    served: tuple[str, str], kept: str, page: Page, typed: str, found: list[str]
) -> None:
    look_at(served, page, kept, "models")
    page.get_by_role("searchbox").fill(typed)
    expect(rows(page, "Models").locator("td:first-child")).to_have_text(found)
    page.reload()
    expect(page.get_by_role("searchbox")).to_have_value(typed)
    expect(rows(page, "Models")).to_have_count(len(found))


def test_a_filter_that_is_wrong_says_where(served: tuple[str, str], kept: str, page: Page) -> None:
    look_at(served, page, kept, "models")
    page.get_by_role("searchbox").fill("name = taxi")
    expect(page.get_by_role("alert")).to_contain_text("character 8")
    expect(page.get_by_role("searchbox")).to_have_value("name = taxi")


def test_models_are_sorted_and_opened_by_keys(served: tuple[str, str], kept: str, page: Page) -> None:
    look_at(served, page, kept, "models?order=name&desc=true")
    expect(rows(page, "Models").locator("td:first-child")).to_have_text(
        ["taxi-release", "taxi", "fraud", "churn%eu", "churn"]
    )
    page.get_by_role("button", name="Name").click()
    expect(rows(page, "Models").first).to_contain_text("churn")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("o")
    expect(page.get_by_role("heading", level=1)).to_contain_text("churn%eu")
    page.go_back()
    expect(rows(page, "Models")).to_have_count(5)


def test_nothing_yet_says_what_to_type_and_a_model_is_created(site: Any, page: Page) -> None:
    page.goto(site.url("models"))
    expect(page.get_by_text("No models yet")).to_be_visible()
    expect(page.get_by_text("trivet.register_model")).to_be_visible()
    page.keyboard.press("n")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("a/b")
    expect(dialog.get_by_text("No / and no : in it")).to_be_visible()
    expect(dialog.get_by_role("button", name="Create")).to_be_disabled()
    dialog.get_by_label("Name").fill("100% ours")
    dialog.get_by_label("Description").fill("New")
    dialog.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("100% ours")
    expect(page.get_by_text("No versions yet")).to_be_visible()
    page.goto(site.url("models"))
    page.get_by_role("button", name="Create", exact=True).click()
    dialog.get_by_label("Name").fill("100% ours")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_role("alert")).to_contain_text("100% ours")
    expect(dialog.get_by_label("Name")).to_have_value("100% ours")


# --- a model


def test_versions_are_filtered_by_stage_and_the_url_keeps_it(served: tuple[str, str], kept: str, page: Page) -> None:
    look_at(served, page, kept, "models/taxi")
    expect(page.get_by_text("How long a trip takes")).to_be_visible()
    page.get_by_label("Which stage").select_option("Production")
    expect(rows(page, "Versions")).to_have_count(1)
    page.reload()
    expect(rows(page, "Versions")).to_contain_text(["v1"])
    page.get_by_label("Which stage").select_option("Staging")
    expect(page.get_by_text("No version is in Staging")).to_be_visible()
    page.go_back()
    expect(rows(page, "Versions")).to_have_count(1)


def test_an_alias_is_set_moved_and_removed_with_a_reason(site: Any, taxi: Page) -> None:
    taxi.get_by_role("button", name="Alias", exact=True).click()
    dialog = taxi.get_by_role("dialog")
    for refused, why in (
        ("latest", "means a version by itself"),
        ("v2", "means a version"),
        ("a b", "letters, digits"),
    ):
        dialog.get_by_label("Alias").fill(refused)
        expect(dialog.get_by_text(why)).to_be_visible()
        expect(dialog.get_by_role("button", name="Set")).to_be_disabled()
    dialog.get_by_label("Alias").fill("challenger")
    dialog.get_by_label("Version").fill("9")
    dialog.get_by_role("button", name="Set").click()
    expect(dialog.get_by_role("alert")).to_contain_text("versions/9")
    dialog.get_by_label("Version").fill("3")
    dialog.get_by_role("button", name="Set").click()
    expect(dialog).to_have_count(0)
    taxi.get_by_role("button", name="Move the alias champion", exact=True).click()
    dialog.get_by_label("Version").fill("3")
    expect(dialog.get_by_text("champion points at version 2 now, and will no longer")).to_be_visible()
    dialog.get_by_label("Reason").fill("better on Mondays")
    dialog.get_by_role("button", name="Move").click()
    expect(dialog).to_have_count(0)
    taxi.get_by_role("button", name="Remove the alias challenger").click()
    dialog.get_by_role("button", name="Remove").click()
    expect(taxi.get_by_role("button", name="Remove the alias challenger")).to_have_count(0)
    with site.client() as client:
        assert dict(client.get_registered_model("taxi").aliases) == {"champion": 3}
        assert [entry.reason for entry in client.get_model_history("taxi")][-2] == "better on Mondays"


def test_a_protected_alias_cannot_be_touched(site: Any, taxi: Page) -> None:
    with site.client() as client:
        client.registry.promotion.protect(aliases=["champion"])
    taxi.reload()
    expect(taxi.get_by_role("img", name="The alias champion is protected")).to_be_visible()
    expect(taxi.get_by_role("button", name="Move the alias champion")).to_have_count(0)
    taxi.get_by_role("button", name="Alias", exact=True).click()
    taxi.get_by_role("dialog").get_by_label("Alias").fill("champion")
    expect(taxi.get_by_role("dialog")).to_contain_text("Ask somebody with the permission ADMIN")
    taxi.keyboard.press("Escape")
    taxi.get_by_role("button", name="Delete", exact=True).click()
    expect(taxi.get_by_role("dialog").get_by_role("alert")).to_contain_text("The alias champion is protected")


def test_description_and_tags_are_changed_and_a_race_is_told(site: Any, taxi: Page) -> None:
    taxi.get_by_role("button", name="Edit the description").click()
    with site.client() as client:
        client.update_registered_model("taxi", description="by a program")
    taxi.get_by_label("Description in markdown").fill("by **me**")
    taxi.get_by_role("button", name="Save").click()
    expect(taxi.get_by_text("Somebody else changed it meanwhile")).to_be_visible()
    expect(taxi.get_by_label("Description in markdown")).to_have_value("by **me**")
    taxi.get_by_role("button", name="Save").click()
    expect(taxi.get_by_label("Description in markdown")).to_have_count(0)
    expect(taxi.get_by_text("by me", exact=True)).to_be_visible()
    side = taxi.get_by_role("complementary")
    side.get_by_role("button", name="Tag", exact=True).click()
    side.get_by_label("Key of the new tag").fill("team")
    side.get_by_label("Value of the new tag").fill("routes")
    side.get_by_role("button", name="Add").click()
    expect(side.get_by_text("routes")).to_be_visible()
    with site.client() as client:
        model = client.get_registered_model("taxi")
        assert (model.description, model.tags) == ("by **me**", {"team": "routes"})


def test_a_model_is_renamed_and_deleted(site: Any, taxi: Page) -> None:
    taxi.get_by_role("button", name="Rename").click()
    dialog = taxi.get_by_role("dialog")
    dialog.get_by_label("New name").fill("cab")
    dialog.get_by_role("button", name="Rename").click()
    expect(taxi).to_have_url(re.compile(r"/models/cab$"))
    expect(rows(taxi, "Versions")).to_have_count(3)
    taxi.get_by_role("button", name="Delete", exact=True).click()
    expect(dialog).to_contain_text("there is no way back")
    expect(dialog.get_by_role("button", name="Delete for good")).to_be_disabled()
    dialog.get_by_label("Type the name of the model").fill("cab")
    dialog.get_by_role("button", name="Delete for good").click()
    expect(taxi.get_by_text("No models yet")).to_be_visible()
    taxi.goto(site.url("models/cab"))
    expect(taxi.get_by_role("alert")).to_contain_text("models/cab")
    taxi.get_by_role("link", name="All models").click()
    expect(taxi.get_by_role("heading", name="Models")).to_be_visible()


def test_versions_stand_side_by_side(served: tuple[str, str], kept: str, page: Page) -> None:
    look_at(served, page, kept, "models/taxi")
    page.get_by_label("Choose version 3").check()
    expect(page.get_by_text("Choose one more to compare")).to_be_visible()
    page.get_by_label("Choose version 1").check()
    page.keyboard.press("c")
    expect(page).to_have_url(re.compile(r"compare="))
    compared = page.get_by_role("table", name="Versions side by side")
    expect(compared.get_by_role("row", name="rmse 6.1 6.3")).to_be_visible()
    expect(compared.get_by_role("row", name="model xgb xgb")).to_be_visible()
    expect(compared.get_by_role("row", name="distance double double")).to_be_visible()
    page.get_by_label("Differences only").check()
    expect(compared.get_by_role("row", name="alpha 0.1 0.3").first).to_be_visible()
    expect(compared.get_by_role("row", name="model xgb xgb")).to_have_count(0)
    expect(compared.get_by_role("row", name="distance double double")).to_have_count(0)
    page.go_back()
    expect(compared.get_by_role("row", name="model xgb xgb")).to_be_visible()
    page.go_back()
    expect(rows(page, "Versions")).to_have_count(3)


def test_a_comparison_of_what_is_not_there_says_so(served: tuple[str, str], kept: str, page: Page) -> None:
    look_at(served, page, kept, "models/taxi?compare=%5B1%2C99%5D")
    expect(page.get_by_role("alert")).to_contain_text("versions/99")
    page.get_by_role("button", name="All versions").click()
    expect(rows(page, "Versions")).to_have_count(3)


# --- what happened to it


def test_the_history_says_who_did_what_and_why(served: tuple[str, str], kept: str, page: Page) -> None:
    look_at(served, page, kept, "models/taxi?tab=history")
    move = page.get_by_role("row", name=re.compile("Version 1 moved to Production"))
    expect(move).to_contain_text("anonymous")
    expect(move).to_contain_text("the first one")
    expect(move).to_contain_text("None → Production")
    page.get_by_label("What was done").select_option("aliases")
    expect(rows(page, "History")).to_have_count(1)
    expect(rows(page, "History")).to_contain_text(["Alias champion set to version 2"])
    page.get_by_label("Version", exact=True).fill("1")
    expect(page.get_by_text("Nothing of that kind happened")).to_be_visible()
    page.reload()
    expect(page.get_by_label("What was done")).to_have_value("aliases")
    page.get_by_label("What was done").select_option("")
    expect(move).to_be_visible()


def test_a_model_is_shown_as_it_stood_at_a_date(site: Any, taxi: Page) -> None:
    with site.client() as client:
        client.registry.transition_model_version_stage("taxi", 3, "Production", archive_existing_versions=True)
        client.set_registered_model_alias("taxi", "champion", 3)
    taxi.get_by_role("tab", name="History").click()
    entry = taxi.get_by_role("row", name=re.compile("Version 1 moved to Production"))
    entry.get_by_role("button", name=re.compile("As of entry")).click()
    stages = taxi.get_by_role("table", name="Stages")
    expect(stages.get_by_role("row", name=re.compile("Production"))).to_have_text(re.compile(r"v1v3changed since$"))
    expect(taxi.get_by_role("table", name="Aliases").get_by_role("row", name=re.compile("@champion"))).to_have_text(
        "@champion—v3changed since"
    )
    taxi.reload()
    expect(stages.get_by_role("row", name=re.compile("Production"))).to_contain_text("v1")
    taxi.get_by_role("textbox", name="As of").fill("2001-01-01T00:00:00")
    expect(taxi.get_by_text("The model was not there then")).to_be_visible()


def test_a_history_is_verified_and_compared_with_what_was_kept(served: tuple[str, str], kept: str, page: Page) -> None:
    look_at(served, page, kept, "models/taxi?tab=history")
    page.get_by_role("button", name="Verify").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("status")).to_contain_text("Intact")
    with trivet.Client(served[1], workspace=kept) as client:
        checked = client.verify_model("taxi")
    keep = f"{checked.sequence} {checked.sha256}"
    expect(dialog).to_contain_text(keep)
    dialog.get_by_label("Against what you kept").fill("12")
    expect(dialog.get_by_text("A sequence, a space, and the 64 digits of a digest")).to_be_visible()
    dialog.get_by_label("Against what you kept").fill(keep)
    dialog.get_by_role("button", name="Verify again").click()
    expect(dialog).to_contain_text("what you kept is among them")
    dialog.get_by_label("Against what you kept").fill(f"2 {'0' * 64}")
    dialog.get_by_role("button", name="Verify again").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Altered behind the registry's back")


# --- a version


def test_a_version_is_moved_and_the_others_archived_for_a_reason(site: Any, third: Page) -> None:
    dialog = ask_to_move(third, "Production")
    expect(dialog.get_by_label("Archive version 1, which is in Production now")).to_be_checked()
    expect(dialog.get_by_label("Reason")).to_be_focused()
    dialog.get_by_label("Reason").fill("rmse 6.3")
    dialog.get_by_role("button", name="Move").click()
    expect(stage_button(third)).to_have_text("Stage: Production")
    with site.client() as client:
        assert client.get_model_version("taxi", 1).current_stage == "Archived"
        assert {entry.reason for entry in client.get_model_history("taxi")[-2:]} == {"rmse 6.3"}
    dialog = ask_to_move(third, "Archived")
    expect(dialog.get_by_role("checkbox")).to_have_count(0)
    dialog.get_by_role("button", name="Move").click()
    expect(stage_button(third)).to_have_text("Stage: Archived")


def test_the_others_may_stay_where_they_are(site: Any, third: Page) -> None:
    dialog = ask_to_move(third, "Production")
    dialog.get_by_label("Archive version 1").uncheck()
    dialog.get_by_role("button", name="Move").click()
    expect(stage_button(third)).to_have_text("Stage: Production")
    with site.client() as client:
        assert client.get_model_version("taxi", 1).current_stage == "Production"


def test_a_move_loses_against_a_faster_one_and_can_be_made_again(site: Any, third: Page) -> None:
    dialog = ask_to_move(third, "Production")
    dialog.get_by_label("Reason").fill("mine")
    with site.client() as client:
        client.registry.transition_model_version_stage("taxi", 3, "Staging")
    dialog.get_by_role("button", name="Move").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Somebody else changed it meanwhile")
    expect(dialog).to_contain_text("Staging")
    expect(dialog.get_by_label("Reason")).to_have_value("mine")
    dialog.get_by_role("button", name="Move").click()
    expect(stage_button(third)).to_have_text("Stage: Production")


def test_a_protected_stage_refuses_and_says_whom_to_ask(site: Any, third: Page) -> None:
    dialog = ask_to_move(third, "Production")
    with site.client() as client:
        client.registry.promotion.protect(stages=["Production"])
    dialog.get_by_role("button", name="Move").click()
    expect(dialog.get_by_role("alert").first).to_contain_text("ADMIN")
    # By now the page knows, and does not offer it.
    expect(dialog.get_by_role("button", name="Move")).to_be_disabled()
    third.reload()
    dialog = ask_to_move(third, "Production")
    expect(dialog.get_by_role("alert")).to_contain_text("The stage Production is protected")
    third.goto(site.url("models/taxi"))
    third.get_by_role("button", name="Delete", exact=True).click()
    expect(third.get_by_role("dialog").get_by_role("alert")).to_contain_text("The stage Production is protected")
    open_version(site, third, 1)
    third.get_by_role("button", name="Delete", exact=True).click()
    expect(third.get_by_role("dialog").get_by_role("button", name="Delete for good")).to_be_disabled()


def test_a_workspace_has_stages_of_its_own(site: Any, third: Page) -> None:
    with site.client() as client:
        client.registry.promotion.update_rules(stages=["None", "Canary", "Production", "Archived"])
    third.reload()
    ask_to_move(third, "Canary").get_by_role("button", name="Move").click()
    expect(stage_button(third)).to_have_text("Stage: Canary")
    third.goto(site.url("models"))
    expect(third.get_by_role("columnheader")).to_have_text(
        ["Name", "Latest", "Canary", "Production", "Aliases", "Created by", "Modified", "Tags"]
    )


def test_a_version_says_what_it_takes_and_where_it_came_from(served: tuple[str, str], kept: str, page: Page) -> None:
    look_at(served, page, kept, "models/taxi/versions/2")
    inputs = page.get_by_role("table", name="Inputs")
    expect(inputs.get_by_role("row", name="distance double yes")).to_be_visible()
    expect(inputs.get_by_role("row", name="driver's zone string no")).to_be_visible()
    origin = page.get_by_role("region", name="Where it came from")
    expect(origin.get_by_role("link", name="alpha 0.2")).to_have_attribute("href", re.compile(r"/runs/\w+$"))
    for said in ("trips", "rmse6.2", "alpha0.2", "trips @4fb5574f training", "taxi-release v1"):
        expect(origin).to_contain_text(said)
    page.get_by_label("The URI to load it by").select_option("models:/taxi@champion")
    expect(page.get_by_role("figure", name="Load it with MLflow and predict")).to_contain_text(
        'mlflow.pyfunc.load_model("models:/taxi@champion")'
    )
    origin.get_by_role("link", name="taxi-release v1").click()
    expect(origin.get_by_role("link", name="taxi v2")).to_be_visible()


def test_files_that_are_elsewhere_are_named(served: tuple[str, str], kept: str, page: Page) -> None:
    look_at(served, page, kept, "models/fraud/versions/1")
    expect(page.get_by_role("region", name="Where it came from")).to_contain_text("s3://bucket/fraud")
    expect(page.get_by_text("its files are outside of Trivet")).to_be_visible()
    expect(page.get_by_role("region", name="Signature")).to_contain_text("Not known")


def test_a_version_is_copied_described_and_deleted(site: Any, third: Page) -> None:
    third.get_by_role("button", name="Edit the description").click()
    third.get_by_label("Description in markdown").fill("the third")
    third.get_by_role("button", name="Save").click()
    expect(third.get_by_role("paragraph").filter(has_text="the third")).to_be_visible()
    expect(third.get_by_label("Description in markdown")).to_have_count(0)
    third.get_by_role("button", name="Copy to a model").click()
    dialog = third.get_by_role("dialog")
    dialog.get_by_role("combobox", name="To the model").fill("taxi-release")
    expect(dialog.get_by_text("A new model")).to_be_visible()
    dialog.get_by_role("button", name="Copy", exact=True).click()
    expect(third).to_have_url(re.compile(r"/models/taxi-release/versions/1$"))
    expect(third.get_by_text("the third")).to_be_visible()
    third.get_by_role("button", name="Delete", exact=True).click()
    dialog.get_by_label("Reason").fill("a mistake")
    dialog.get_by_role("button", name="Delete for good").click()
    expect(third.get_by_text("No versions yet")).to_be_visible()
    with site.client() as client:
        assert client.get_model_history("taxi-release")[-1].reason == "a mistake"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("models/never", "models/never"),
        ("models/taxi/versions/99", "versions/99"),
        ("models/taxi/versions/two", "“two” is no number of a version"),
        ("experiments/99/models", "experiments/99"),
    ],
)
def test_what_is_not_there_says_so(served: tuple[str, str], kept: str, page: Page, path: str, said: str) -> None:
    look_at(served, page, kept, path)
    expect(page.get_by_role("main")).to_contain_text(said)


# --- registering


@pytest.fixture
def logged(site: Any, page: Page, files: Path) -> Page:
    """The logged models of an experiment, of which one is ready."""
    with site.client() as client:
        run_id = log_run(client, files, 0.5)
        experiment = client.get_experiment_by_name("trips").experiment_id
        for name, rmse in (("big", 7), ("small", 9)):
            model = client.create_logged_model(experiment, name=name, source_run_id=run_id, model_type="xgb")
            client.log_model_artifacts(model.model_id, str(files))
            dataset = trivet.Dataset("trips", "4fb5574f")
            client.log_metric(run_id, "rmse", rmse, model_id=model.model_id, dataset=dataset)
            if name == "big":
                client.finalize_logged_model(model.model_id, "READY")
        client.create_registered_model("taxi-big")
        client.create_registered_model("fraud")
    page.goto(site.url(f"experiments/{experiment}/models"))
    expect(rows(page, "Logged models")).to_have_count(2)
    return page


def test_logged_models_are_searched_and_sorted(logged: Page) -> None:
    expect(logged.get_by_role("row", name=re.compile("^small pending"))).to_contain_text("trips @ 4fb5574f")
    expect(logged.get_by_role("button", name="Register small")).to_be_disabled()
    logged.get_by_role("button", name="rmse").click()
    logged.get_by_role("button", name="rmse").click()
    expect(rows(logged, "Logged models").first).to_contain_text("big")
    logged.get_by_role("searchbox").fill("metrics.rmse < 8")
    expect(rows(logged, "Logged models")).to_have_count(1)
    logged.get_by_role("searchbox").fill("SMA")
    expect(rows(logged, "Logged models")).to_contain_text(["small"])


def test_a_model_is_registered_under_a_name_from_the_list(site: Any, logged: Page) -> None:
    logged.get_by_role("button", name="Register big").click()
    dialog = logged.get_by_role("dialog")
    expect(dialog.get_by_role("combobox", name="Model")).to_be_focused()
    logged.keyboard.type("TAXI")
    logged.get_by_role("option", name="taxi-big").click()
    expect(dialog.get_by_text("The next version of this model")).to_be_visible()
    dialog.get_by_label("Description of the version").fill("deeper")
    dialog.get_by_role("button", name="Tag", exact=True).click()
    dialog.get_by_label("Key of the tag").fill("team")
    dialog.get_by_label("Value of the tag").fill("routes")
    dialog.get_by_role("button", name="Register").click()
    dialog.get_by_role("link", name="version 1 of taxi-big").click()
    expect(logged).to_have_url(re.compile(r"/models/taxi-big/versions/1$"))
    expect(
        logged.get_by_role("table", name="Inputs").get_by_role("row", name="driver's zone string no")
    ).to_be_visible()
    with site.client() as client:
        version = client.get_model_version("taxi-big", 1)
        expected = client.registry.register_model(f"models:/{version.model_id}", "by-the-client")
    assert (version.description, version.tags) == ("deeper", {"team": "routes"})
    assert (version.run_id, version.git_commit, version.datasets, version.signature, version.manifest_sha256) == (
        expected.run_id,
        expected.git_commit,
        expected.datasets,
        expected.signature,
        expected.manifest_sha256,
    )
    logged.go_back()
    expect(logged.get_by_role("link", name="taxi-big v1")).to_be_visible()


def test_a_model_is_registered_under_a_new_name(site: Any, logged: Page) -> None:
    logged.get_by_role("button", name="Register big").click()
    dialog = logged.get_by_role("dialog")
    dialog.get_by_role("combobox", name="Model").fill("no:colon")
    expect(dialog.get_by_text("No / and no : in it")).to_be_visible()
    dialog.get_by_role("combobox", name="Model").fill("entirely new")
    expect(dialog.get_by_text("A new model")).to_be_visible()
    dialog.get_by_role("button", name="Register").click()
    expect(dialog.get_by_role("link", name="version 1 of entirely new")).to_be_visible()


def test_what_was_typed_stays_when_registering_fails(watched: Watched, logged: Page) -> None:
    watched.expect_complaint("net::ERR_FAILED")
    logged.get_by_role("button", name="Register big").click()
    dialog = logged.get_by_role("dialog")
    dialog.get_by_role("combobox", name="Model").fill("fresh")
    expect(dialog.get_by_text("A new model")).to_be_visible()
    logged.route("**/CreateModelVersion", lambda route: route.abort())
    dialog.get_by_role("button", name="Register").click()
    # The list of names has an alert of its own, for readers of screens.
    expect(dialog.get_by_role("alert").filter(has_text="The server cannot be reached.")).to_be_visible()
    expect(dialog.get_by_role("combobox", name="Model")).to_have_value("fresh")
    logged.unroute("**/CreateModelVersion")
    dialog.get_by_role("button", name="Register").click()
    expect(dialog.get_by_role("link", name="version 1 of fresh")).to_be_visible()


# --- a server that is away or slow, and people who do not see


def test_a_server_that_is_away_is_named_and_what_was_read_stays(
    served: tuple[str, str], kept: str, page: Page, watched: Watched
) -> None:
    watched.expect_complaint("net::ERR_FAILED")
    look_at(served, page, kept, "models/taxi")
    expect(rows(page, "Versions")).to_have_count(3)
    page.route("**/trivet.**", lambda route: route.abort())
    page.get_by_label("Which stage").select_option("Production")
    expect(page.get_by_role("alert").first).to_contain_text("The server cannot be reached.", timeout=20_000)
    expect(page.get_by_role("heading", level=1)).to_contain_text("taxi")
    page.unroute("**/trivet.**")
    page.get_by_role("button", name="Try again").first.click()
    expect(rows(page, "Versions")).to_have_count(1)


def test_a_slow_answer_leaves_the_rows_dimmed(served: tuple[str, str], kept: str, page: Page) -> None:
    look_at(served, page, kept, "models/taxi")
    expect(rows(page, "Versions")).to_have_count(3)
    held: list[Route] = []
    asked = threading.Event()

    def hold(route: Route) -> None:
        held.append(route)
        asked.set()

    page.route("**/SearchModelVersions", hold)
    page.get_by_label("Which stage").select_option("Production")
    expect(page.get_by_role("table", name="Versions")).to_have_attribute("aria-busy", "true")
    expect(rows(page, "Versions")).to_have_count(3)
    assert asked.is_set()
    for route in held:
        route.continue_()
    page.unroute("**/SearchModelVersions")
    expect(rows(page, "Versions")).to_have_count(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("path", "shows"),
    [
        ("models", "@champion"),
        ("models/taxi", "Registered"),
        ("models/taxi?tab=history", "Version 1 moved to Production"),
        ("models/taxi?tab=as-of", "@champion"),
        ("models/taxi?compare=%5B1%2C2%5D", "rmse"),
        ("models/taxi/versions/2", "alpha"),
    ],
)
def test_people_with_disabilities_can_use_it(
    served: tuple[str, str], kept: str, page: Page, watched: Watched, path: str, shows: str, scheme: Any
) -> None:
    page.emulate_media(color_scheme=scheme)
    look_at(served, page, kept, path)
    expect(page.get_by_role("main")).to_contain_text(shows)
    assert watched.inaccessible() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_people_with_disabilities_can_use_the_dialogs(
    logged: Page, watched: Watched, site: Any, files: Path, scheme: Any
) -> None:
    logged.emulate_media(color_scheme=scheme)
    logged.get_by_role("button", name="Register big").click()
    logged.get_by_role("combobox", name="Model").fill("ta")
    expect(logged.get_by_role("option", name="taxi-big")).to_be_visible()
    assert watched.inaccessible() == []
    with site.client() as client:
        register_taxi(client, files)
    open_version(site, logged, 3)
    expect(ask_to_move(logged, "Production").get_by_role("checkbox")).to_be_visible()
    assert watched.inaccessible() == []
