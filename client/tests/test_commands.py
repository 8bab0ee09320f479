"""The commands of `trivet` against real servers: what they print and refuse. docs/cli.md has the ways that work."""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from pathlib import Path

import pytest
from typer.testing import Result

import trivet
from trivet_testing.command_line import invoke
from trivet_testing.servers import free_port

RUN = "0192f0c1a7d47b6e9c3e5a8b1f2d4c60"


def run(*arguments: str) -> Result:
    ended = invoke(*arguments)
    assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exc_info
    return ended


def answer(*arguments: str) -> object:
    ended = run(*arguments, "--json")
    assert (ended.exit_code, ended.stderr) == (0, "")
    return json.loads(ended.stdout)


def only(*arguments: str) -> dict[str, object]:
    """The one object of a list."""
    listed = answer(*arguments)
    assert isinstance(listed, list)
    (found,) = listed
    assert isinstance(found, dict)
    return found


def failure(*arguments: str) -> tuple[str, str]:
    """Reason and message, which must be the same in both forms."""
    ended = run(*arguments, "--json")
    assert (ended.exit_code, ended.stdout) == (1, "")
    error = json.loads(ended.stderr)["error"]
    assert set(error) == {"reason", "message"}
    for_people = run(*arguments)
    assert (for_people.exit_code, for_people.stdout) == (1, "")
    assert for_people.stderr == f"trivet: {error['message']}\n"
    return error["reason"], error["message"]


@pytest.fixture
def run_id(client: trivet.Client) -> str:
    """A run of the experiment 0 with a file in a folder."""
    client.tracking.create_run(run_id=RUN, run_name="lasso")
    return RUN


@pytest.fixture
def owner(client: trivet.Client) -> str:
    """The run, as the owner of its files."""
    return f"workspaces/{client.workspace}/runs/{RUN}"


@pytest.fixture
def weights(client: trivet.Client, run_id: str, tmp_path: Path) -> Path:
    """A file that is stored as `model/weights`."""
    file = tmp_path / "weights"
    file.write_bytes(bytes(range(256)))
    client.log_artifact(run_id, str(file), "model")
    return file


# --- what all commands share


@pytest.mark.parametrize(
    ("arguments", "reason", "said"),
    [
        (("runs", "show", RUN), "RUN_NOT_FOUND", RUN),
        (("runs", "show", "a/b"), "INVALID_ARGUMENT", "run_id is 'a/b'"),
        (("runs", "restore", RUN), "RUN_NOT_FOUND", RUN),
        (("runs", "rm", RUN, "--yes"), "RUN_NOT_FOUND", RUN),
        (("runs", "ls", "--experiment", "taxi"), "EXPERIMENT_NOT_FOUND", "`trivet experiments ls`"),
        (("runs", "ls", "--experiment-id", "77"), "EXPERIMENT_NOT_FOUND", "77"),
        (("runs", "ls", "--filter", "metrics.rmse <"), "FILTER_INVALID", "character 15"),
        (("runs", "ls", "--order-by", "speed ASC"), "ORDER_BY_INVALID", "speed"),
        (("experiments", "show", "taxi"), "EXPERIMENT_NOT_FOUND", "'taxi'"),
        (("experiments", "show", "77"), "EXPERIMENT_NOT_FOUND", "77"),
        (("experiments", "create", "Default"), "EXPERIMENT_NAME_TAKEN", "Default"),
        (("experiments", "rename", "taxi", "tram"), "EXPERIMENT_NOT_FOUND", "'taxi'"),
        (("artifacts", "ls", RUN), "RUN_NOT_FOUND", RUN),
        (("artifacts", "get", RUN), "RUN_NOT_FOUND", RUN),
        (("artifacts", "put", RUN, os.devnull), "RUN_NOT_FOUND", RUN),
        (("artifacts", "rm", RUN, "--all", "--yes"), "RUN_NOT_FOUND", RUN),
        (("artifacts", "rm", RUN, "/", "--yes"), "INVALID_ARGUMENT", "absolute"),
        (("artifacts", "ls", RUN, "../x"), "INVALID_ARGUMENT", "'..'"),
        (("logged-models", "show", "m-1"), "LOGGED_MODEL_NOT_FOUND", "m-1"),
        (("logged-models", "rm", "m-1", "--yes"), "LOGGED_MODEL_NOT_FOUND", "m-1"),
        (("logged-models", "ls", "--filter", "status = 'LOST'"), "FILTER_INVALID", "PENDING, READY"),
        (("logged-models", "ls", "--experiment", "taxi"), "EXPERIMENT_NOT_FOUND", "`trivet experiments ls`"),
        (("models", "show", "taxi"), "MODEL_NOT_FOUND", "taxi"),
        (("models", "rm", "taxi", "--yes"), "MODEL_NOT_FOUND", "taxi"),
        (("models", "register", "taxi", "taxi"), "INVALID_ARGUMENT", "runs:/RUN_ID/PATH"),
        (("runs", "ls", "--workspace", "nowhere"), "WORKSPACE_NOT_FOUND", "nowhere"),
        (("runs", "ls", "--workspace", "No Where"), "TARGET_INVALID", "'No Where'"),
        (("runs", "ls", "--url", "ftp://x"), "TARGET_INVALID", "grpc://HOST:PORT"),
    ],
)
def test_failed_call_says_why_in_one_line_or_as_an_object(
    environment: object, arguments: tuple[str, ...], reason: str, said: str
) -> None:
    if arguments[:2] == ("experiments", "create"):
        run("experiments", "ls")  # makes `Default`
    told_reason, message = failure(*arguments)
    assert told_reason == reason
    assert said in message


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("runs", "ls", "--fly"), "--fly"),
        (("runs", "ls", "--max", "0"), "--max"),
        (("runs", "ls", "--view", "some"), "--view"),
        (("runs", "ls", "--columns", "rmse"), "metrics.KEY"),
        (("runs", "ls", "--columns", "metrics."), "metrics.KEY"),
        (("runs", "show"), "RUN_ID"),
        (("experiments", "create", "taxi", "--tag", "team"), "KEY=VALUE"),
        (("artifacts", "rm", RUN, "--yes"), "--all"),
        (("artifacts", "rm", RUN, "", "--yes"), "--all"),
        (("artifacts", "rm", RUN, "model", "--all", "--yes"), "--all"),
        (("models", "show", "taxi", "0"), "VERSION"),
        (("models", "stage", "taxi", "one", "Staging"), "VERSION"),
    ],
)
def test_wrong_command_line_is_told_before_anything_is_done(
    environment: object, arguments: tuple[str, ...], said: str
) -> None:
    ended = run(*arguments)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert said in ended.stderr


def test_removing_needs_yes_where_nobody_can_be_asked(client: trivet.Client, weights: Path, workspace: str) -> None:
    client.register_model(f"runs:/{RUN}/model", "taxi")
    client.set_registered_model_alias("taxi", "best", 1)
    model_id = client.create_logged_model("0").model_id
    for arguments in (
        ("logged-models", "rm", model_id),
        ("experiments", "rm", "0"),
        ("runs", "rm", RUN),
        ("artifacts", "rm", RUN, "model"),
        ("models", "alias", "rm", "taxi", "best"),
        ("models", "rm", "taxi", "1"),
        ("models", "rm", "taxi"),
        ("models", "webhooks", "rm", client.registry.webhooks.create("https://ci.example/").webhook_id),
    ):
        ended = run(*arguments)
        assert (ended.exit_code, ended.stdout) == (2, ""), arguments
        assert "--yes" in ended.stderr
    assert client.get_experiment("0").lifecycle_stage == client.get_run(RUN).info.lifecycle_stage == "active"
    assert client.list_artifacts(RUN)
    assert client.get_model_version_by_alias("taxi", "best").version == 1


def test_options_win_over_the_environment(
    servers: object, environment: object, client: trivet.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.create_experiment("taxi")
    url = os.environ["TRIVET_TRACKING_URL"]
    monkeypatch.setenv("TRIVET_TRACKING_URL", f"grpc://127.0.0.1:{free_port()}")
    monkeypatch.setenv("TRIVET_WORKSPACE", "nowhere")
    assert run("experiments", "show", "taxi", "--url", url, "--workspace", client.workspace).exit_code == 0
    assert run("experiments", "show", "taxi", "--url", f"{url}/{client.workspace}").exit_code == 0


def test_more_than_asked_for_is_said(client: trivet.Client) -> None:
    for name in ("taxi", "tram", "metro"):
        client.create_experiment(name)
    ended = run("experiments", "ls", "--max", "2")
    assert ended.stdout.count("active") == 2
    assert ended.stderr == "There are more than these 2; --max says how many to show.\n"
    assert run("experiments", "ls", "--max", "4").stderr == ""


def test_nothing_found_is_said_and_is_no_failure(environment: object) -> None:
    for noun in ("runs", "models"):
        ended = run(noun, "ls")
        assert (ended.exit_code, ended.stdout, ended.stderr) == (0, "", f"There are no such {noun}.\n")
        assert answer(noun, "ls") == []


# --- status


def test_status_of_services_that_cannot_be_used_says_what_to_do(
    environment: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = f"grpc://127.0.0.1:{free_port()}"
    monkeypatch.setenv("TRIVET_REGISTRY_URL", nobody)
    monkeypatch.setenv("TRIVET_ARTIFACTS_URL", nobody)
    ended = run("status")
    assert (ended.exit_code, ended.stderr) == (1, "")
    assert ended.stdout.count(f"No Trivet server answers at {nobody}") == 1
    assert "`trivet up` starts one" in ended.stdout
    ended = run("status", "--json")
    assert (ended.exit_code, ended.stderr) == (1, "")
    tracking, artifacts, registry = json.loads(ended.stdout)["services"]
    assert tracking == {
        "service": "tracking",
        "address": os.environ["TRIVET_TRACKING_URL"],
        "reachable": True,
        "version": trivet.__version__,
        "user": "anonymous",
        "authenticated": False,
        "problem": "",
    }
    assert (artifacts["reachable"], registry["reachable"], registry["service"]) == (False, False, "registry")
    assert nobody in registry["problem"]


# --- experiments and runs


def test_number_is_an_id_and_anything_else_a_name(client: trivet.Client) -> None:
    experiment_id = client.create_experiment("2024 taxi", tags={"team": "a"})
    client.delete_experiment(experiment_id)
    by_name = answer("experiments", "show", "2024 taxi")
    assert by_name == answer("experiments", "show", experiment_id)
    assert isinstance(by_name, dict)
    assert (by_name["lifecycle_stage"], by_name["tags"]) == ("deleted", {"team": "a"})


def test_values_that_json_has_no_numbers_for_are_texts(client: trivet.Client, run_id: str) -> None:
    for key, value in {"nan": float("nan"), "up": float("inf"), "down": -float("inf"), "third": 1 / 3}.items():
        client.log_metric(run_id, key, value)
    client.flush()
    for shown in (answer("runs", "show", run_id), answer("runs", "ls")[0]):  # type: ignore[index] # a list
        assert isinstance(shown, dict)
        assert shown["metrics"] == {"nan": "NaN", "up": "Infinity", "down": "-Infinity", "third": 1 / 3}
        assert (shown["end_time"], shown["duration_seconds"]) == (None, None)
    table = run("runs", "ls", "--columns", "metrics.third, metrics.down,metrics.unknown").stdout.splitlines()
    assert table[0].split()[-3:] == ["metrics.third", "metrics.down", "metrics.unknown"]
    assert table[1].split()[-2:] == ["0.333333", "-inf"]


def test_times_are_local_for_people_and_utc_for_programs(
    client: trivet.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.tracking.create_run(run_id=RUN, start_time=1_793_611_800_123)
    client.tracking.create_run(run_id="early", start_time=0)
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        assert "Started     2026-11-02 18:30:00\n" in run("runs", "show", RUN).stdout
        assert "Started     1970-01-01 09:00:00\n" in run("runs", "show", "early").stdout
        shown = answer("runs", "show", RUN)
    time.tzset()
    assert isinstance(shown, dict)
    assert shown["start_time"] == "2026-11-02T09:30:00.123Z"


def test_texts_of_others_do_nothing_to_the_terminal(client: trivet.Client) -> None:
    hostile = "[red]\x1b[2J\u202eevil\u2066\x9b\nrow\t"
    written = r"[red]\x1b[2J\u202eevil\u2066\x9b\nrow\t"
    # Servers refuse control characters in names, but not in all texts.
    client.tracking.create_run(run_id=RUN, run_name="[red]\u202e", description="one\n\x1b[1mtwo")
    client.set_tag(RUN, "note", hostile)
    client.flush()
    table = run("runs", "ls", "--columns", "tags.note").stdout
    assert table.count("\n") == 2
    assert r"  [red]\u202e  " in table
    assert written in table
    shown = run("runs", "show", RUN).stdout
    assert "Description  one\n             \\x1b[1mtwo\n" in shown
    assert f"  note  {written}\n" in shown
    as_json = run("runs", "show", RUN, "--json").stdout
    assert as_json.isascii()
    assert "\x1b" not in as_json
    assert json.loads(as_json)["tags"] == {"note": hostile}


def test_columns_align_by_what_is_seen(client: trivet.Client) -> None:
    for name in ("計算", "tram"):
        client.create_experiment(name)
    lines = run("experiments", "ls", "--view", "all").stdout.splitlines()
    wide = next(line for line in lines if "計算" in line)
    narrow = next(line for line in lines if "tram" in line)
    # Each of the two characters takes two columns.
    assert narrow.index("active") == wide.index("active") + 2


# --- artifacts


def test_download_replaces_nothing_unless_told_to(weights: Path, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "weights").write_text("mine", encoding="utf-8")
    for path in ("model", "model/weights", ""):
        reason, message = failure("artifacts", "get", RUN, path, "--to", str(folder))
        assert (reason, "--force" in message) == ("LOCAL_FILE", True)
    assert (folder / "model" / "weights").read_text(encoding="utf-8") == "mine"
    assert answer("artifacts", "get", RUN, "model", "--to", str(folder), "--force") == {"path": str(folder / "model")}
    assert (folder / "model" / "weights").read_bytes() == weights.read_bytes()


def test_cat_writes_the_bytes_and_nothing_else(weights: Path) -> None:
    ended = run("artifacts", "cat", RUN, "model/weights")
    assert (ended.exit_code, ended.stdout_bytes, ended.stderr) == (0, weights.read_bytes(), "")
    for path in ("model", "nothing"):
        ended = run("artifacts", "cat", RUN, path)
        assert (ended.exit_code, ended.stdout) == (1, "")
        assert path in ended.stderr


def test_artifact_that_is_not_there_is_a_failure(owner: str, weights: Path, tmp_path: Path) -> None:
    for command in (("ls",), ("get",), ("rm", "--yes")):
        reason, message = failure("artifacts", command[0], RUN, "nothing", *command[1:])
        assert (reason, "nothing" in message) == ("ARTIFACT_NOT_FOUND", True)
    reason, message = failure("artifacts", "put", RUN, str(tmp_path / "missing"))
    assert (reason, message) == ("LOCAL_FILE", f"There is no file or folder {tmp_path / 'missing'}.")
    assert answer("artifacts", "rm", RUN, "--all", "--yes") == {"owner": owner, "deleted_files": 1}
    ended = run("artifacts", "ls", RUN)
    assert (ended.exit_code, ended.stdout, ended.stderr) == (0, "", f"The run {RUN} has no artifacts.\n")


@pytest.fixture
def tree(client: trivet.Client, run_id: str, tmp_path: Path) -> Path:
    """A folder whose files are in the run."""
    folder = tmp_path / "tree"
    for name in ("a.txt", "b.csv", "plots/one.png", "plots/two.png", "plots/deep/three.png", "plots/[x].png", "p*"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name, encoding="utf-8")
    client.log_artifacts(run_id, str(folder))
    return folder


def paths(*arguments: str) -> list[str]:
    listed = answer("artifacts", "ls", RUN, *arguments)
    assert isinstance(listed, list)
    return [file["path"] for file in listed]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.txt", ["a.txt"]),
        ("?.*", ["a.txt", "b.csv"]),
        ("[!a].*", ["b.csv"]),
        ("[a-b].[ct]*", ["a.txt", "b.csv"]),
        ("pl*", ["plots"]),
        ("plots/*.png", ["plots/[x].png", "plots/one.png", "plots/two.png"]),
        ("plots/*", ["plots/[x].png", "plots/deep", "plots/one.png", "plots/two.png"]),
        ("**/*.png", ["plots/[x].png", "plots/deep/three.png", "plots/one.png", "plots/two.png"]),
        ("**/three.*", ["plots/deep/three.png"]),
        ("plots/[x].png", ["plots/[x].png"]),
        ("p*", ["p*"]),
        ("(a|b).*", None),
        ("*.zip", None),
    ],
)
def test_patterns_mean_files_and_folders_by_name(tree: Path, pattern: str, found: list[str] | None) -> None:
    if found is None:
        assert failure("artifacts", "ls", RUN, pattern)[0] == "ARTIFACT_NOT_FOUND"
    else:
        assert paths(pattern) == found


def test_list_of_all_below_has_digests(tree: Path) -> None:
    assert paths("plots", "--recursive") == [
        "plots/[x].png",
        "plots/deep/three.png",
        "plots/one.png",
        "plots/two.png",
    ]
    file = only("artifacts", "ls", RUN, "a.txt")
    assert file["sha256"] == hashlib.sha256(b"a.txt").hexdigest()
    assert (file["reference_uri"], file["is_verified"]) == ("", True)


def test_pattern_is_downloaded_written_and_removed(owner: str, tree: Path, tmp_path: Path) -> None:
    got = answer("artifacts", "get", RUN, "plots/*.png", "--to", str(tmp_path / "got"), "--quiet")
    assert got == {"paths": [str(tmp_path / "got" / "plots" / name) for name in ("[x].png", "one.png", "two.png")]}
    assert (tmp_path / "got" / "plots" / "one.png").read_text(encoding="utf-8") == "plots/one.png"
    assert failure("artifacts", "get", RUN, "plots/t*", "--to", str(tmp_path / "got"))[0] == "LOCAL_FILE"
    assert run("artifacts", "cat", RUN, "?.*").stdout == "a.txtb.csv"
    assert answer("artifacts", "rm", RUN, "plots/*e.png", "--yes") == {"owner": owner, "deleted_files": 1}
    # The file of that name, and nothing else that it would mean.
    assert answer("artifacts", "rm", RUN, "p*", "--yes") == {"owner": owner, "deleted_files": 1}
    assert failure("artifacts", "rm", RUN, "*.zip", "--yes")[0] == "ARTIFACT_NOT_FOUND"
    assert paths() == ["a.txt", "b.csv", "plots"]


def test_pattern_of_files_here_is_uploaded(owner: str, run_id: str, tree: Path) -> None:
    stored = answer("artifacts", "put", RUN, str(tree / "plots" / "*.png"), "again")
    assert stored == {"owner": owner, "paths": ["again/[x].png", "again/one.png", "again/two.png"]}
    assert paths("again") == ["again/[x].png", "again/one.png", "again/two.png"]


def test_check_lists_what_is_not_well(tree: Path, tmp_path: Path) -> None:
    checks = answer("artifacts", "verify", RUN)
    assert isinstance(checks, list)
    assert {check["state"] for check in checks} == {"ok"}
    (tree / "a.txt").write_text("changed", encoding="utf-8")
    (tree / "b.csv").unlink()
    ended = run("artifacts", "verify", RUN, "--local", str(tree))
    assert ended.exit_code == 1
    assert [line.split()[:2] for line in ended.stdout.splitlines()] == [
        ["Path", "State"],
        ["a.txt", "changed"],
        ["b.csv", "missing"],
    ]
    assert failure("artifacts", "verify", RUN, "--local", str(tmp_path / "no"))[0] == "LOCAL_FILE"
    assert failure("artifacts", "verify", RUN, "nothing")[0] == "ARTIFACT_NOT_FOUND"


def test_space_is_shown_and_freed(tree: Path) -> None:
    usage = answer("artifacts", "du")
    assert isinstance(usage, dict)
    assert (usage["stored_contents"], usage["unreferenced_contents"], usage["open_uploads"]) == (7, 0, 0)
    assert [(kind["owner_kind"], kind["file_count"]) for kind in usage["owner_kinds"]] == [("run", 7)]
    answer("artifacts", "rm", RUN, "plots", "--yes")
    dry = answer("artifacts", "gc", "--dry-run", "--grace", "0s")
    assert isinstance(dry, dict)
    assert (dry["dry_run"], dry["freed_contents"], dry["has_more"]) == (True, 4, False)
    assert answer("artifacts", "gc", "--grace", "0s", "--yes") == dry | {"dry_run": False}
    usage = answer("artifacts", "du")
    assert isinstance(usage, dict)
    assert (usage["stored_contents"], usage["unreferenced_contents"]) == (3, 0)
    ended = run("artifacts", "gc", "--grace", "soon")
    assert (ended.exit_code, "--grace" in ended.stderr) == (2, True)


def test_held_files_stay_and_retention_is_kept(owner: str, tree: Path) -> None:
    assert answer("artifacts", "hold", RUN, "--reason", "audit") == {"owner": owner, "reason": "audit"}
    held = only("artifacts", "holds")
    assert (str(held["owner"]).rpartition("/")[2], held["reason"]) == (RUN, "audit")
    assert failure("artifacts", "rm", RUN, "a.txt", "--yes")[0] == "ARTIFACTS_HELD"
    assert answer("artifacts", "release", RUN) == {"owner": owner}
    assert answer("artifacts", "holds") == []
    keep = {"run": 36 * 3600.0, "logged_model": None, "model_version": 60.0}
    assert answer("artifacts", "retention", "--runs", "1d12h", "--model-versions", "1m") == {"keep_seconds": keep}
    assert "runs: 1d12h, logged models: forever, model versions: 1m" in run("artifacts", "retention").stdout
    forever = keep | {"model_version": None}
    assert answer("artifacts", "retention", "--model-versions", "forever") == {"keep_seconds": forever}


def test_folder_that_cannot_be_written_is_said(weights: Path) -> None:
    # A file is in the way of the folder; permissions would not stop root.
    reason, message = failure("artifacts", "get", RUN, "model", "--to", str(weights / "below"))
    assert (reason, str(weights) in message) == ("LOCAL_FILE", True)


# --- artifacts of other owners

MODEL = "m-0051d54e914b4d798556ff691fb7b02b"


@pytest.fixture
def model(client: trivet.Client) -> str:
    """The URI of a logged model without files."""
    client.tracking.logged_models.create("0", name="lasso", model_id=MODEL)
    return f"models:/{MODEL}"


@pytest.fixture
def version(client: trivet.Client, weights: Path) -> str:
    """The URI of a version that has the file `weights`, and is the `champion`."""
    client.register_model(f"runs:/{RUN}/model", "taxi")
    client.set_registered_model_alias("taxi", "champion", 1)
    return "models:/taxi/1"


def test_files_of_a_logged_model_are_put_read_checked_and_removed(
    model: str, tree: Path, tmp_path: Path, workspace: str
) -> None:
    owner = f"workspaces/{workspace}/loggedModels/{MODEL}"
    ended = run("artifacts", "ls", model)
    assert (ended.exit_code, ended.stderr) == (0, f"The logged model {MODEL} has no artifacts.\n")
    assert answer("artifacts", "put", model, str(tree / "a.txt"), "notes") == {"owner": owner, "path": "notes/a.txt"}
    # A path of the URI and a path after it are one.
    stored = answer("artifacts", "put", f"{model}/notes", str(tree / "plots"), "more")
    assert stored == {"owner": owner, "path": "notes/more/plots"}
    assert only("artifacts", "ls", f"{model}/notes/*.txt")["path"] == "notes/a.txt"
    assert run("artifacts", "cat", f"{model}/notes", "a.txt").stdout == "a.txt"
    got = answer("artifacts", "get", f"{model}/notes/more", "--to", str(tmp_path / "got"))
    assert got == {"path": str(tmp_path / "got" / "notes" / "more")}
    assert (tmp_path / "got/notes/more/plots/deep/three.png").read_text(encoding="utf-8") == "plots/deep/three.png"
    checks = answer("artifacts", "verify", model)
    assert isinstance(checks, list)
    assert [check["state"] for check in checks] == ["ok"] * 5
    assert answer("artifacts", "hold", model) == {"owner": owner, "reason": ""}
    assert failure("artifacts", "rm", f"{model}/notes/a.txt", "--yes")[0] == "ARTIFACTS_HELD"
    assert answer("artifacts", "release", model) == {"owner": owner}
    assert answer("artifacts", "rm", f"{model}/notes/m*", "--yes") == {"owner": owner, "deleted_files": 4}
    assert only("artifacts", "ls", model, "--recursive")["path"] == "notes/a.txt"
    assert answer("artifacts", "rm", model, "--all", "--yes") == {"owner": owner, "deleted_files": 1}


@pytest.mark.parametrize("name", ["models:/taxi/1", "models:/taxi@champion", "models:/taxi/latest"])
def test_files_of_a_version_are_read_by_every_name(version: str, weights: Path, tmp_path: Path, name: str) -> None:
    file = only("artifacts", "ls", name)
    assert (file["path"], file["sha256"]) == ("weights", hashlib.sha256(weights.read_bytes()).hexdigest())
    assert run("artifacts", "cat", f"{name}/w*").stdout_bytes == weights.read_bytes()
    answer("artifacts", "get", name, "weights", "--to", str(tmp_path / "got"))
    assert (tmp_path / "got" / "weights").read_bytes() == weights.read_bytes()
    assert only("artifacts", "verify", name, "weights", "--local", str(weights))["state"] == "ok"


def test_files_of_a_version_are_never_changed(version: str, weights: Path) -> None:
    before = answer("artifacts", "du", version)
    for arguments in (
        ("put", version, str(weights), "more"),
        ("put", "models:/taxi@champion", str(weights)),
        ("rm", version, "weights", "--yes"),
        ("rm", version, "--all", "--yes"),
        ("rm", version),  # said before anybody is asked whether they are sure
        ("reference", version, "s3://bucket/x"),
        ("copy", RUN, version),
    ):
        reason, message = failure("artifacts", *arguments)
        assert reason == "FAILED_PRECONDITION", arguments
        assert "Version 1 of 'taxi' is read only" in message
    assert answer("artifacts", "du", version) == before


def test_sdk_refuses_to_change_a_version(client: trivet.Client, version: str, weights: Path) -> None:
    owner = client.find_artifacts(version).owner
    with pytest.raises(trivet.FailedPrecondition, match="read only"):
        client.artifacts.log_artifact(owner, weights)
    with pytest.raises(trivet.FailedPrecondition, match="read only"):
        client.artifacts.log_artifacts(owner, weights.parent)
    with pytest.raises(trivet.FailedPrecondition, match="read only"):
        client.artifacts.delete_artifacts(owner)
    assert [info.path for info in client.artifacts.list_artifacts(owner)] == ["weights"]


@pytest.mark.parametrize(
    "command", [("ls",), ("get",), ("put", os.devnull), ("rm", "x", "--yes"), ("verify",), ("du",)]
)
@pytest.mark.parametrize(
    ("owner", "reason", "said"),
    [
        (f"models:/{MODEL}", "LOGGED_MODEL_NOT_FOUND", MODEL),
        ("models:/tram/1", "MODEL_NOT_FOUND", "tram"),
        ("models:/tram@best", "MODEL_NOT_FOUND", "tram"),
        (f"runs:/{RUN}", "RUN_NOT_FOUND", RUN),
        ("models:/taxi", "INVALID_ARGUMENT", "models:/NAME/VERSION"),
        ("runs:/", "INVALID_ARGUMENT", "runs:/RUN_ID/PATH"),
        ("s3://bucket/x", "INVALID_ARGUMENT", "does not keep 's3://bucket/x'"),
        ("a/b", "INVALID_ARGUMENT", "run_id is 'a/b'"),
    ],
)
def test_owner_that_is_not_there_or_cannot_be_is_said(
    environment: object, command: tuple[str, ...], owner: str, reason: str, said: str
) -> None:
    told_reason, message = failure("artifacts", command[0], owner, *command[1:])
    assert told_reason == reason
    assert said in message


def test_version_without_files_here_is_said(client: trivet.Client) -> None:
    client.register_model("s3://bucket/model", "outside")
    reason, message = failure("artifacts", "ls", "models:/outside/1")
    assert (reason, "s3://bucket/model" in message) == ("ARTIFACT_NOT_FOUND", True)
    with pytest.raises(trivet.ModelSourceUnusable):
        client.register_model("runs:/0192f0c1a7/nothing", "broken")
    reason, message = failure("artifacts", "get", "models:/broken/1")
    assert (reason, "FAILED" in message) == ("MODEL_VERSION_NOT_READY", True)


def test_room_of_an_owner_is_that_of_its_files(tree: Path, model: str) -> None:
    usage = answer("artifacts", "du", RUN, "plots")
    assert isinstance(usage, dict)
    names = ("plots/[x].png", "plots/one.png", "plots/two.png", "plots/deep/three.png")
    assert (usage["file_count"], usage["total_bytes"]) == (4, sum(map(len, names)))
    answer("artifacts", "copy", f"runs:/{RUN}/plots", model)
    # The same files have the same digest, whoever has them.
    assert answer("artifacts", "du", model) == usage
    assert failure("artifacts", "du", RUN, "nothing")[0] == "ARTIFACT_NOT_FOUND"


def test_reference_is_recorded_with_what_is_known(owner: str, model: str, run_id: str) -> None:
    uri = "s3://bucket/raw/trips.csv"
    recorded = answer("artifacts", "reference", RUN, uri, "--size", "7", "--sha256", "ab" * 32)
    assert recorded == {"owner": owner, "path": "trips.csv", "reference_uri": uri}
    assert only("artifacts", "ls", RUN) == {
        "path": "trips.csv",
        "is_dir": False,
        "file_size": 7,
        "sha256": "ab" * 32,
        "reference_uri": uri,
        "is_verified": False,
    }
    answer("artifacts", "reference", f"{model}/data", "https://example.com/x?v=2#part", "in/x")
    assert only("artifacts", "ls", model, "-R")["path"] == "data/in/x"
    answer("artifacts", "reference", model, "https://example.com/y?v=2/3")
    assert only("artifacts", "ls", model, "y")["reference_uri"] == "https://example.com/y?v=2/3"
    usage = answer("artifacts", "du", model)
    assert isinstance(usage, dict)
    assert (usage["file_count"], usage["reference_count"]) == (2, 2)
    assert only("artifacts", "verify", RUN)["state"] == "reference"
    ended = run("artifacts", "cat", RUN, "trips.csv")
    assert (ended.exit_code, ended.stdout, uri in ended.stderr) == (1, "", True)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((RUN, "trips.csv", "x"), "FIELD_INVALID"),
        ((RUN, "s3://user:secret@bucket/x"), "FIELD_INVALID"),
        ((RUN, "s3://bucket/x", "../x"), "INVALID_ARGUMENT"),
        ((RUN, "s3://bucket/x", "--sha256", "abc"), "INVALID_ARGUMENT"),
        (("0192f0c1a7", "s3://bucket/x"), "RUN_NOT_FOUND"),
    ],
)
def test_reference_that_can_be_none_is_refused(run_id: str, arguments: tuple[str, ...], reason: str) -> None:
    assert failure("artifacts", "reference", *arguments)[0] == reason
    assert answer("artifacts", "ls", RUN) == []


def test_reference_needs_a_path_and_a_size_that_can_be(run_id: str) -> None:
    for arguments, said in (
        (("s3://bucket/folder/",), "PATH"),
        (("https://example.com",), "PATH"),
        (("s3://bucket/x", "--size", "-1"), "--size"),
    ):
        ended = run("artifacts", "reference", RUN, *arguments)
        assert (ended.exit_code, said in ended.stderr) == (2, True)
    assert answer("artifacts", "ls", RUN) == []


def test_files_are_copied_between_owners(tree: Path, owner: str, model: str, client: trivet.Client) -> None:
    before = answer("artifacts", "du")
    assert isinstance(before, dict)
    copied = answer("artifacts", "copy", f"runs:/{RUN}/plots", f"{model}/figures")
    assert isinstance(copied, dict)
    digest = client.artifacts.get_manifest(RUN, path="plots").sha256
    assert copied == {
        "source_owner": owner,
        "source_path": "plots",
        "destination_owner": f"workspaces/{client.workspace}/loggedModels/{MODEL}",
        "destination_path": "figures",
        "file_count": 4,
        "total_bytes": 59,
        "sha256": digest,
    }
    assert client.artifacts.get_manifest(client.find_artifacts(model).owner, path="figures").sha256 == digest
    after = answer("artifacts", "du")
    assert isinstance(after, dict)
    assert after["stored_bytes"] == before["stored_bytes"]
    # Again changes nothing; a file keeps its name; a version gives what it has.
    assert answer("artifacts", "copy", f"runs:/{RUN}/plots", f"{model}/figures") == copied
    answer("artifacts", "copy", f"runs:/{RUN}/a.txt", f"{model}/notes")
    assert run("artifacts", "cat", model, "notes/a.txt").stdout == "a.txt"
    client.register_model(f"{model}/notes", "taxi")
    answer("artifacts", "copy", "models:/taxi/1", f"runs:/{RUN}/again")
    assert paths("again") == ["again/a.txt"]


def test_copy_that_cannot_be_changes_nothing(tree: Path, model: str) -> None:
    (tree / "a.txt").write_text("another", encoding="utf-8")
    answer("artifacts", "put", model, str(tree / "a.txt"))
    for arguments, reason in (
        ((RUN, model), "ARTIFACT_EXISTS"),
        ((f"runs:/{RUN}/nothing", model), "ARTIFACT_NOT_FOUND"),
        ((f"runs:/{RUN}/a.txt", f"{model}/a.txt"), "ARTIFACT_PATH_TAKEN"),
        (("0192f0c1a7", model), "RUN_NOT_FOUND"),
        ((RUN, "0192f0c1a7"), "RUN_NOT_FOUND"),
        ((RUN, f"{model}/../x"), "INVALID_ARGUMENT"),
    ):
        assert failure("artifacts", "copy", *arguments)[0] == reason, arguments
    assert only("artifacts", "ls", model, "-R")["path"] == "a.txt"
    assert run("artifacts", "cat", model, "a.txt").stdout == "another"


def test_hold_is_of_all_files_of_an_owner(weights: Path) -> None:
    for command in ("hold", "release"):
        ended = run("artifacts", command, f"runs:/{RUN}/model")
        assert (ended.exit_code, "OWNER" in ended.stderr) == (2, True)
    assert answer("artifacts", "holds") == []


# --- logged models


def test_logged_models_are_answered_as_objects(client: trivet.Client, weights: Path) -> None:
    made = client.create_logged_model("0", "lasso", RUN, params={"alpha": 1})
    client.log_metric(
        RUN, "rmse", math.nan, timestamp=1000, model_id=made.model_id, dataset=trivet.Dataset("trips", "1")
    )
    client.log_outputs(RUN, [trivet.LoggedModelOutput(made.model_id)])
    client.flush()
    shown = answer("logged-models", "show", made.model_id)
    assert isinstance(shown, dict)
    assert (shown["name"], shown["status"], shown["params"]) == ("lasso", "PENDING", {"alpha": "1"})
    (metric,) = shown["metrics"]
    assert (metric["key"], metric["dataset_name"], metric["run_id"]) == ("rmse", "trips", RUN)
    assert (metric["value"], metric["timestamp"]) == ("NaN", "1970-01-01T00:00:01.000Z")
    listed = answer("logged-models", "ls", "--order-by", "name")
    assert isinstance(listed, list)
    assert [model["model_id"] for model in listed] == [made.model_id]
    of_run = answer("runs", "show", RUN)
    assert isinstance(of_run, dict)
    assert (of_run["datasets"], of_run["models_made"], of_run["models_used"]) == ({"trips@1": ""}, [made.model_id], [])
    assert answer("logged-models", "rm", made.model_id, "--yes") == {"model_id": made.model_id}
    ended = run("logged-models", "ls")
    assert (ended.exit_code, ended.stdout, ended.stderr) == (0, "", "There are no such logged models.\n")


# --- models


def test_model_is_known_by_a_name_with_quotes(client: trivet.Client, weights: Path) -> None:
    name = 'o\'brien "x"'
    for _ in range(2):
        assert run("models", "register", f"runs:/{RUN}/model", name).exit_code == 0
    shown = answer("models", "show", name)
    assert isinstance(shown, dict)
    assert [version["version"] for version in shown["versions"]] == [2, 1]
    assert (shown["latest_versions"], shown["name"]) == ({"None": 2}, name)


def test_move_that_cannot_be_is_refused_and_changes_nothing(client: trivet.Client, weights: Path) -> None:
    client.register_model(f"runs:/{RUN}/model", "taxi")
    assert "has no file at 'nothing'" in run("models", "register", f"runs:/{RUN}/nothing", "taxi").stderr
    _, message = failure("models", "stage", "taxi", "1", "Live")
    assert "Production" in message
    assert failure("models", "stage", "taxi", "9", "Production")[0] == "MODEL_VERSION_NOT_FOUND"
    assert failure("models", "alias", "set", "taxi", "best", "9")[0] == "MODEL_VERSION_NOT_FOUND"
    assert failure("models", "alias", "rm", "taxi", "best", "--yes")[0] == "MODEL_ALIAS_NOT_FOUND"
    assert failure("models", "rm", "taxi", "9", "--yes")[0] == "MODEL_VERSION_NOT_FOUND"
    shown = answer("models", "show", "taxi", "1")
    assert isinstance(shown, dict)
    assert (shown["current_stage"], shown["aliases"]) == ("None", [])


def test_history_of_a_model_is_answered_as_objects(client: trivet.Client, weights: Path) -> None:
    client.register_model(f"runs:/{RUN}/model", "taxi")
    assert run("models", "stage", "taxi", "1", "Staging", "--reason", "try it").exit_code == 0
    entries = answer("models", "history", "taxi", "1")
    assert isinstance(entries, list)
    assert [entry["action"] for entry in entries] == ["VERSION_CREATED", "VERSION_READY", "VERSION_MOVED"]
    moved = entries[-1]
    assert (moved["version"], moved["reason"], moved["actor"]) == (1, "try it", "anonymous")
    assert moved["changes"] == [{"field": "stage", "before": "None", "after": "Staging"}]
    assert moved["previous_sha256"] == entries[-2]["sha256"]
    then = answer("models", "as-of", "taxi", moved["timestamp"])
    assert isinstance(then, dict)
    assert (then["exists"], then["name"], then["stages"], then["sequence"]) == (True, "taxi", {"Staging": "1"}, 4)
    shown = answer("models", "lineage", "taxi", "1")
    assert isinstance(shown, dict)
    assert (shown["run_id"], [file["path"] for file in shown["files"]]) == (RUN, ["weights"])


def test_verify_compares_with_what_was_kept(client: trivet.Client) -> None:
    client.create_registered_model("taxi")
    whole = answer_of_verify("taxi")
    kept = f"{whole['sequence']}:{whole['sha256']}"
    client.update_registered_model("taxi", "more")
    assert answer_of_verify("taxi", "--known", kept)["is_intact"] is True
    ended = run("models", "verify", "taxi", "--known", f"1:{'0' * 64}", "--json")
    assert (ended.exit_code, json.loads(ended.stdout)["faults"][0]["kind"]) == (1, "KNOWN_ENTRY_ALTERED")
    assert failure("models", "verify", "tram")[0] == "MODEL_NOT_FOUND"
    for wrong in ("1", "one:two", ":"):
        assert run("models", "verify", "taxi", "--known", wrong).exit_code == 2
    assert failure("models", "verify", "taxi", "--known", "1:two")[0] == "INVALID_ARGUMENT"


def answer_of_verify(*arguments: str) -> dict[str, object]:
    ended = run("models", "verify", *arguments, "--json")
    assert ended.exit_code == 0, ended.output
    found = json.loads(ended.stdout)
    assert isinstance(found, dict)
    return found


def test_stages_and_protection_are_answered_and_refused(client: trivet.Client) -> None:
    rules = answer("models", "stages")
    assert isinstance(rules, dict)
    assert rules["stages"] == ["None", "Staging", "Production", "Archived"]
    assert failure("models", "stages", "Canary")[0] == "FIELD_INVALID"
    client.register_model("s3://bucket/model", "taxi")
    client.set_registered_model_alias("taxi", "champion", 1)
    protected = answer("models", "protect", "--stage", "staging", "--alias", "champion")
    assert isinstance(protected, dict)
    assert (protected["protected_stages"], protected["protected_aliases"]) == (["Staging"], ["champion"])
    assert failure("models", "alias", "rm", "taxi", "champion", "--yes")[0] == "ALIAS_PROTECTED"
    assert failure("models", "rm", "taxi", "--yes")[0] == "ALIAS_PROTECTED"
    assert failure("models", "protect", "--stage", "Nowhere")[0] == "FIELD_INVALID"
    for command in ("protect", "unprotect"):
        assert run("models", command).exit_code == 2
    freed = answer("models", "unprotect", "--stage", "Staging", "--alias", "champion")
    assert isinstance(freed, dict)
    assert (freed["protected_stages"], freed["protected_aliases"]) == ([], [])


def test_tags_and_descriptions_of_models_and_versions(client: trivet.Client) -> None:
    client.register_model("s3://bucket/model", "taxi")
    assert answer("models", "tag", "taxi", "a=1", "b=2") == {"name": "taxi", "tags": {"a": "1", "b": "2"}}
    assert answer("models", "tag", "taxi", "--rm", "a", "--rm", "b") == {"name": "taxi", "tags": {}}
    tagged = answer("models", "tag", "taxi", "c=3", "--version", "1")
    assert tagged == {"name": "taxi", "version": 1, "tags": {"c": "3"}}
    assert run("models", "tag", "taxi", "--rm", "c", "--version", "1").stdout == "Version 1 of 'taxi' has no tags.\n"
    assert run("models", "tag", "taxi").exit_code == 2
    assert run("models", "tag", "taxi", "a").exit_code == 2
    described = invoke("models", "describe", "taxi", "-", "--version", "1", input="two\nlines")
    assert described.exit_code == 0
    assert client.get_model_version("taxi", 1).description == "two\nlines"
    assert failure("models", "describe", "tram", "no")[0] == "MODEL_NOT_FOUND"
    assert failure("models", "copy", "runs:/1/model", "cab")[0] == "INVALID_ARGUMENT"
    assert run("models", "as-of", "taxi", "yesterday").exit_code == 2


def test_watch_prints_events_and_goes_on_by_its_token(client: trivet.Client) -> None:
    with client.watch_model_events() as events:
        client.create_registered_model("taxi")
        next(events)
        token = events.resume_token
    client.set_registered_model_tag("taxi", "team", "routes\x1b")
    client.registry.rename_registered_model("taxi", "cab", reason="shorter")
    ended = run("models", "watch", "--resume", token, "--max", "2")
    assert ended.exit_code == 0
    first, second = ended.stdout.splitlines()
    assert first.endswith("  taxi  MODEL_TAGGED  tags.team=routes\\x1b")
    assert second.endswith("  cab  MODEL_RENAMED  model_id: taxi → cab  (shorter)")
    ended = run("models", "watch", "cab", "--action", "model_renamed", "--resume", token, "--max", "1", "--json")
    event = json.loads(ended.stdout)
    assert (event["name"], event["action"], event["reason"]) == ("cab", "MODEL_RENAMED", "shorter")
    assert event["resume_token"]
    assert failure_of_watch("--action", "lost") == "INVALID_ARGUMENT"


def failure_of_watch(*arguments: str) -> str:
    ended = run("models", "watch", *arguments, "--json")
    assert (ended.exit_code, ended.stdout) == (1, "")
    return str(json.loads(ended.stderr)["error"]["reason"])


def test_webhooks_are_answered_as_objects(client: trivet.Client) -> None:
    made = answer("models", "webhooks", "create", "https://ci.example/hook", "--action", "alias_set")
    assert isinstance(made, dict)
    assert (made["url"], made["actions"], made["is_disabled"]) == ("https://ci.example/hook", ["ALIAS_SET"], False)
    assert len(made["secret"]) >= 16
    listed = only("models", "webhooks", "ls")
    assert (listed["webhook_id"], "secret" in listed) == (made["webhook_id"], False)
    disabled = answer("models", "webhooks", "disable", made["webhook_id"])
    assert disabled == {"webhook_id": made["webhook_id"], "is_disabled": True}
    shown = answer("models", "webhooks", "show", made["webhook_id"])
    assert isinstance(shown, dict)
    assert (shown["is_disabled"], shown["deliveries"]) == (True, [])
    assert failure("models", "webhooks", "create", "ci.example")[0] == "FIELD_INVALID"
    assert failure("models", "webhooks", "create", "https://ci.example", "--action", "lost")[0] == "INVALID_ARGUMENT"
    assert answer("models", "webhooks", "rm", made["webhook_id"], "--yes") == {"webhook_id": made["webhook_id"]}
    for command in ("show", "enable", "disable"):
        assert failure("models", "webhooks", command, made["webhook_id"])[0] == "WEBHOOK_NOT_FOUND"
    ended = run("models", "webhooks", "ls")
    assert (ended.stdout, ended.stderr) == ("", "There are no webhooks.\n")


def test_compare_puts_what_differs_side_by_side(client: trivet.Client) -> None:
    first, second = (client.create_run("0", run_name=name).info.run_id for name in ("first", "second"))
    for run_id, alpha, rmse in ((first, 0.1, 2.5), (second, 0.2, 1.5)):
        client.log_param(run_id, "alpha", alpha)
        client.log_param(run_id, "kind", "lasso")
        client.log_metric(run_id, "rmse", rmse, step=1)
    client.set_tag(second, "note", "\x1b[31mred")
    client.flush()
    for run_id, millis in ((first, 2_500), (second, 125_000)):
        start = client.get_run(run_id).info.start_time
        assert start is not None
        client.set_terminated(run_id, end_time=start + millis)
    shown = run("runs", "compare", first, second)
    assert shown.exit_code == 0
    rows = {line.split()[0]: line.split()[1:] for line in shown.stdout.splitlines()[1:]}
    assert rows["params.alpha"] == ["0.1", "0.2"]
    assert rows["metrics.rmse"] == ["2.5", "1.5"]
    assert rows["run_name"] == ["first", "second"]
    assert rows["duration"] == ["2.5s", "2m", "5s"]
    assert "params.kind" not in rows
    assert "\x1b" not in shown.stdout
    compared = answer("runs", "compare", first, second, "--all")
    assert isinstance(compared, dict)
    assert compared["params"]["kind"] == {"differs": False, "values": {first: "lasso", second: "lasso"}}
    assert compared["metrics"]["rmse"]["values"][second] == {"value": 1.5, "step": 1, "min": 1.5, "max": 1.5}
    assert compared["tags"]["note"]["values"] == {second: "\x1b[31mred"}
    assert failure("runs", "compare", first, "0192f0c1")[0] == "RUN_NOT_FOUND"


def test_tail_shows_the_newest_lines(client: trivet.Client, run_id: str) -> None:
    lines = [trivet.ConsoleLine(f"line {number}", 1_700_000_000_000 + number) for number in range(30)]
    client.tracking.log_console(run_id, lines)
    client.flush()
    assert run("runs", "tail", run_id).stdout.splitlines() == [f"line {number}" for number in range(10, 30)]
    assert run("runs", "tail", run_id, "-n", "1").stdout == "line 29\n"
    client.set_terminated(run_id)
    assert run("runs", "tail", run_id, "--follow", "-n", "2").stdout.splitlines() == ["line 28", "line 29"]
