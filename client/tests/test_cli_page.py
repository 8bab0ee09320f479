"""docs/cli.md, run as it stands: only addresses and the workspace differ."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import trivet
import trivet.pyfunc
import trivet.rules
from trivet._commands.root import app
from trivet_testing.command_line import invoke
from trivet_testing.pages import Step, matches, steps_of
from trivet_testing.waiting import wait_until

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
RUN = "0192f0c1a7d47b6e9c3e5a8b1f2d4c60"
JUDGE = "0192f0c1a7d47b6e9c3e5a8b1f2d4c62"
MODEL = "m-0051d54e914b4d798556ff691fb7b02b"
BEGAN = 1_793_611_800_000  # 2026-11-02T09:30:00Z
# The registry chooses the ids of webhooks.
WEBHOOK = "6f1c0b5e9a7d4c3f8e2a1b0c9d8e7f6a"
# The tracking service those of rules.
RULE = "6f1c0b5e9a7d4c3f8e2a1b0c9d8e7f6b"
# And those of promotion requests, which the page itself makes.
REQUEST = "5b1e7f0a9c3d4e2f8a6b1c0d9e8f7a6b"
# They become another program, end by Ctrl-C, take the address of one, or need a model, and are told of in words.
NOT_RUN = {
    *("trivet up", "trivet ui", "trivet token", "trivet policy", "trivet models watch", "trivet login"),
    "trivet logout",
    *("trivet models serve", "trivet models package"),
}


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def commands_of(group: typer.core.TyperGroup, prefix: str) -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, typer.core.TyperGroup):
            yield from commands_of(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}"


def all_commands() -> set[str]:
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    return set(commands_of(group, "trivet"))


def shown_here(step: Step, workspace: str) -> tuple[str, ...]:
    return tuple(
        line.replace("7330", "…").replace("default", workspace)
        if step.command == "trivet status" or "trivet:" in line
        else line
        for line in step.shown
    )


def _fare(trips: Any) -> Any:
    return trips["miles"]


def _exact_fare(trips: Any) -> Any:
    return 2 - trips["miles"] % 2


def test_every_command_of_the_page_answers_as_shown(
    client: trivet.Client, workspace: str, tmp_path: Path, utc: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_bytes(b"w" * 2048)
    # Models of what a trip costs, and trips.
    (tmp_path / "trips.csv").write_text("miles,region,fare\n1,north,1\n2,north,2\n3,south,1\n4,south,2\n")
    trivet.pyfunc.save_model(_fare, tmp_path / "fare", pip_requirements=[])
    trivet.pyfunc.save_model(_exact_fare, tmp_path / "exact", pip_requirements=[])
    (tmp_path / "report.txt").write_text("All is well.\n", encoding="utf-8")
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "MLproject").write_text(
        "entry_points: {main: {parameters: {alpha: float}, command: 'test {alpha} = 0.5'}}", encoding="utf-8"
    )
    # A folder of MLflow with one experiment.
    (tmp_path / "mlruns" / "1" / "tags").mkdir(parents=True)
    (tmp_path / "mlruns" / "1" / "meta.yaml").write_text(
        "experiment_id: '1'\nname: churn\nlifecycle_stage: active\n", encoding="utf-8"
    )
    (tmp_path / "mlruns" / "1" / "tags" / "team").write_text("a", encoding="utf-8")
    experiment_id = client.create_experiment("taxi")
    client.tracking.create_run(
        experiment_id, run_id=RUN, run_name="lasso", start_time=BEGAN, user="ada", source="train.py"
    )
    too_high = trivet.rules.Divergence("rmse", above=6)
    rule = client.create_rule("too-high", too_high, experiment_id=experiment_id, tag=False).rule_id
    client.log_param(RUN, "alpha", 0.01)
    client.log_metric(RUN, "rmse", 6.125, step=1)
    client.tracking.log_console(
        RUN,
        [
            trivet.ConsoleLine("epoch 1: rmse 6.5", BEGAN + 30_000),
            trivet.ConsoleLine("epoch 2: rmse 6.125", BEGAN + 60_000),
        ],
    )
    trips = trivet.Dataset("trips", "4fb5574f")
    client.log_inputs(RUN, [trivet.DatasetInput(trips, {"mlflow.data.context": "validation"})])
    client.tracking.logged_models.create(
        experiment_id, name="lasso", source_run_id=RUN, params={"alpha": 0.01}, model_type="sklearn", model_id=MODEL
    )
    # Measured by another run, outside of the experiment.
    client.tracking.create_run(run_id=JUDGE)
    client.log_metric(JUDGE, "rmse", 6.125, step=1, model_id=MODEL, dataset=trips)
    client.log_outputs(RUN, [trivet.LoggedModelOutput(MODEL)])
    client.log_model_artifact(MODEL, str(tmp_path / "model" / "weights"))
    client.finalize_logged_model(MODEL, "READY")
    client.set_terminated(RUN, end_time=BEGAN + 125_000)
    webhook = client.registry.webhooks.create("https://ci.example/all").webhook_id
    wait_until(lambda: bool(client.tracking.rules.list_events(rule_id=rule)))
    request = REQUEST
    for step in steps_of(PAGE.read_text(encoding="utf-8").replace(WEBHOOK, webhook).replace(RULE, rule)):
        program, *arguments = shlex.split(step.command.replace(REQUEST, request))
        assert program == "trivet"
        ended = invoke(*arguments)
        if step.command.startswith("trivet models promotion request"):
            (request,) = re.findall(r"[0-9a-f]{32}", ended.output)
        shown = tuple(line.replace(REQUEST, request) for line in shown_here(step, workspace))
        assert matches(shown, ended.output), f"{step.command}\nanswers\n{ended.output}"
        fails = step.shown[0].startswith(("trivet:", '{"error"'))
        assert ended.exit_code == int(fails), ended.output
    assert (tmp_path / "downloads" / "model" / "weights").read_bytes() == b"w" * 2048


def test_page_shows_every_command_and_no_other() -> None:
    lines = [step.command for step in steps_of(PAGE.read_text(encoding="utf-8"))]
    commands = all_commands()
    shown = {command for command in commands for line in lines if f"{line} ".startswith(f"{command} ")}
    assert commands - shown == NOT_RUN
    for command in NOT_RUN:
        assert f"`{command}`" in PAGE.read_text(encoding="utf-8")
    assert all(any(f"{line} ".startswith(f"{command} ") for command in commands) for line in lines)


@pytest.mark.parametrize("command", sorted(all_commands() - NOT_RUN))
def test_help_of_every_command_has_an_example_that_is_one(command: str) -> None:
    ended = invoke(*command.split()[1:], "--help", env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert ended.exit_code == 0
    (example,) = (line.strip() for line in ended.stdout.splitlines() if line.strip().startswith("Example: "))
    assert f"{example} ".startswith(f"Example: {command} ")
