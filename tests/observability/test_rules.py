"""The dashboard and the alerts ask for metrics and labels that the servers have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

import trivet
from trivet_testing.fleets import SERVERS, Fleet
from trivet_testing.gateway_http import Http
from trivet_testing.metrics import Sample
from trivet_testing.waiting import wait_until

FOLDER: Final = Path(__file__).parents[2] / "deploy" / "observability"
DASHBOARD: Final = json.loads((FOLDER / "dashboard.json").read_text())
ALERTS: Final = yaml.safe_load((FOLDER / "alerts.yaml").read_text())
OF_PROMETHEUS: Final = {"up"}
"""What Prometheus makes itself, of each target."""
LABELS_OF_PROMETHEUS: Final = {"job", "instance"}

_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
_SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\s*\{([^}]*)\}")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")
_NAME = re.compile(r"\b([a-zA-Z_:][a-zA-Z0-9_:]*)\b(?!\s*\()")
_WORDS: Final = {"and", "or", "unless", "bool", "offset"}


def panels() -> list[Any]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def rules() -> list[Any]:
    return [rule for group in ALERTS["groups"] for rule in group["rules"]]


def expressions() -> Iterator[str]:
    for panel in panels():
        yield from (target["expr"] for target in panel["targets"])
    yield from (rule["expr"] for rule in rules())


def metrics_in(expression: str) -> dict[str, set[str]]:
    """The metrics that an expression of PromQL asks for, and the labels by which it selects each."""
    bare = _TEXT.sub('""', expression)
    found: dict[str, set[str]] = {}
    for name, selected in _SELECTOR.findall(bare):
        found.setdefault(name, set()).update(re.findall(r"([a-zA-Z_]\w*)\s*[=!]", selected))
    rest = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", _GROUPING.sub("", bare))
    for name in _NAME.findall(rest.replace('""', "")):
        if name not in _WORDS:
            found.setdefault(name, set())
    return found


def grouped_by(expression: str) -> set[str]:
    """The labels that an expression groups by."""
    return {label.strip() for labels in _GROUPING.findall(expression) for label in labels.split(",")}


@pytest.fixture(scope="module")
def measured(running_fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> tuple[Sample, ...]:
    """What servers say after each of the things that they measure has happened."""
    with pytest.MonkeyPatch.context() as patch:
        for name, url in running_fleet.addresses.items():
            patch.setenv(name, url)
        file = tmp_path_factory.mktemp("files") / "weights.bin"
        file.write_bytes(b"weights")
        with trivet.Client() as client:
            run_id = client.create_run("0").info.run_id
            client.tracking.log_metric(run_id, "loss", 1.0)
            client.log_artifact(run_id, str(file))
    Http(running_fleet.gateway_url).run()

    def samples() -> tuple[Sample, ...]:
        return tuple(sample for server in SERVERS for sample in running_fleet.scrape(server).samples)

    wait_until(lambda: any(sample.name == "trivet_artifact_bytes" for sample in samples()))
    wait_until(lambda: any(sample.name == "trivet_unfolded_rows" for sample in samples()))
    return samples()


def test_what_is_asked_for_is_read_from_expressions() -> None:
    expression = 'sum by (le, a) (rate(calls_bucket{code=~"A|{b}", method!="m"}[5m])) / max(other) > 0.5 or up == 0'
    assert metrics_in(expression) == {"calls_bucket": {"code", "method"}, "other": set(), "up": set()}
    assert grouped_by(expression) == {"le", "a"}


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_an_expression_asks_for_what_there_is(expression: str, measured: tuple[Sample, ...]) -> None:
    asked = metrics_in(expression)
    assert asked
    labels: set[str] = set(LABELS_OF_PROMETHEUS)
    for name, selected in asked.items():
        if name in OF_PROMETHEUS:
            assert selected <= LABELS_OF_PROMETHEUS
            continue
        found = [sample for sample in measured if sample.name == name]
        assert found, f"no server has {name}"
        of_metric = {label for sample in found for label in sample.labels} | LABELS_OF_PROMETHEUS
        assert selected <= of_metric, f"{name} has {sorted(of_metric)}"
        labels |= of_metric
    assert grouped_by(expression) <= labels


def test_every_metric_of_ours_is_on_the_dashboard(measured: tuple[Sample, ...]) -> None:
    ours = {re.sub(r"_(bucket|count|sum)$", "", each.name) for each in measured if each.name.startswith("trivet_")}
    shown = {
        re.sub(r"_(bucket|count|sum)$", "", name)
        for panel in panels()
        for target in panel["targets"]
        for name in metrics_in(target["expr"])
    }
    assert ours - shown == set()


def test_the_dashboard_is_one_that_grafana_can_import() -> None:
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(numbers) == len(set(numbers))
    (source,) = DASHBOARD["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == ("source", "datasource", "prometheus")
    for panel in panels():
        assert panel["datasource"] == {"type": "prometheus", "uid": "${source}"}
        assert panel["title"]
        assert panel["description"]
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names))
    for rule in rules():
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert re.fullmatch(r"\d+m", rule["for"])
        assert set(rule["annotations"]) == {"summary", "description"}
        used = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])))
        grouped = grouped_by(rule["expr"])
        # What it was grouped away from is empty in the text.
        assert not grouped or used <= grouped, rule["alert"]
