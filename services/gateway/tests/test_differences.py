"""The same requests to a real MLflow server and to the gateway are answered alike, but where we say otherwise."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from trivet_testing.mlflow_told import told_by_mlflow
from trivet_testing.servers import run_to_exit
from trivet_testing.workspaces import unused_workspace

from .differences import experiments, finding_runs, logged, logging, registry, runs
from .differences.case import Group
from .differences.explained import is_json_instead, is_refused_instead, told
from .differences.known import DIFFERENCES
from .differences.side import Answer, Side

GROUPS = [group for module in (experiments, runs, logging, finding_runs, registry, logged) for group in module.GROUPS]
RULES: Mapping[str, Callable[[Answer, Answer], bool]] = {
    "Faults of the server": is_refused_instead,
    "What there is not": is_json_instead,
}
CASES = sorted(Path(__file__).with_name("differences").glob("*.py"))
PROGRAM = Path(__file__).with_name("client_cases_program.py")
PAGE = Path(__file__).parents[3] / "docs" / "mlflow.md"


@pytest.fixture(scope="module")
def answers_of_mlflow(mlflow: Path) -> dict[str, dict[str, Answer]]:
    """By the names of groups, then of cases."""
    del mlflow  # it is there

    def play(url: str) -> dict[str, dict[str, Any]]:
        with closing(Side(url)) as side:
            return {group.name: {case: asdict(answer) for case, answer in side.play(group).items()} for group in GROUPS}

    told_of = told_by_mlflow("differences", CASES, play)
    return {group: {case: Answer(**answer) for case, answer in told_of[group].items()} for group in told_of}


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name.replace(" ", "-"))
def test_answers_are_those_of_mlflow(
    group: Group, answers_of_mlflow: dict[str, dict[str, Answer]], gateway: str
) -> None:
    theirs = answers_of_mlflow[group.name]
    with closing(Side(gateway, {"x-mlflow-workspace": unused_workspace()})) as side:
        ours = side.play(group)
    known = {
        case: difference for groups in DIFFERENCES.values() for case, difference in groups.get(group.name, {}).items()
    }
    wrong = []
    for case in group.cases:
        pair = theirs[case.name], ours[case.name]
        said, expected = told(*pair), known.pop(case.name, "")
        if said != expected and (expected or not any(holds(*pair) for holds in RULES.values())):
            wrong.append(f"{case.name!r}: {said!r}," + (f"  # not {expected!r}" if expected else ""))
    assert not known, "there are no such cases"
    assert not wrong, f"{group.name}: {len(wrong)} of {len(group.cases)} cases:\n" + "\n".join(wrong)


def of_client(python: Path, url: str) -> dict[str, Any]:
    """What MLflow's client finds at a server."""
    settings = {
        "MLFLOW_TRACKING_URI": url,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    }
    ended = run_to_exit([str(python), "-W", "ignore", str(PROGRAM)], settings)
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found


def test_the_client_finds_the_same(gateway: str, mlflow: Path) -> None:
    find = partial(of_client, mlflow / "bin" / "python")
    theirs = told_by_mlflow("client-cases", [PROGRAM], find)
    ours = find(f"{gateway}/w/{unused_workspace()}")
    assert {name: (theirs[name], ours[name]) for name in theirs if theirs[name] != ours[name]} == {}


def test_the_page_has_a_reason_for_each_difference() -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## What differs and why")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (?!What \|)(?!---)(.*?) \|.*\|.*\|.*\S.* \|$", section, re.MULTILINE)
    assert sorted(rows) == sorted({*DIFFERENCES, *RULES})
