"""docs/import.md, run as it stands over a real database of MLflow."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

import trivet
from trivet_testing.command_line import invoke
from trivet_testing.mlflow_stores import mlflow_database
from trivet_testing.pages import matches, steps_of

PAGE = Path(__file__).parents[2] / "docs" / "import.md"


def test_every_command_of_the_page_answers_as_shown(
    mlflow: Path, client: trivet.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(mlflow_database(12).folder)
    for step in steps_of(PAGE.read_text(encoding="utf-8")):
        program, *arguments = shlex.split(step.command)
        assert program == "trivet"
        ended = invoke(*arguments)
        assert matches(step.shown, ended.output), f"{step.command}\nanswers\n{ended.output}"
        assert ended.exit_code == 0
