"""Prometheus itself reads what servers say, understands the dashboard, and alerts when it should and not else."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

import trivet
from trivet_testing.fleets import SERVERS, Fleet
from trivet_testing.gateway_http import Http
from trivet_testing.left_out import leave_out
from trivet_testing.prometheus import Prometheus, Series, measuring
from trivet_testing.tools import ToolMissingError, find_prometheus, find_promtool
from trivet_testing.waiting import wait_until

FOLDER: Final = Path(__file__).parents[2] / "deploy" / "observability"
RULES: Final = {
    rule["alert"]: rule
    for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
}
PANELS: Final = [
    panel for panel in json.loads((FOLDER / "dashboard.json").read_text())["panels"] if panel["type"] != "row"
]
NOTHING_OF_IT: Final = {"Calls that fail", "Requests to S3 that fail"}
"""Panels that are empty while all is well."""
CALLS: Final = 'trivet_calls_total{job="trivet-tracking", method="/t.T/M", code="%s"}'
REQUESTS: Final = 'trivet_http_requests_total{job="trivet-gateway", route="/r", code="%s"}'
TOOK: Final = 'trivet_call_duration_seconds_bucket{method="%s", le="%s"}'
S3_TOOK: Final = 'trivet_s3_request_duration_seconds_bucket{method="PUT", status="200", le="%s"}'
S3: Final = 'trivet_s3_request_duration_seconds_count{method="PUT", status="%s"}'
POOL: Final = 'trivet_database_connections_%s{job="trivet-tracking", instance="a", service="tracking"}'


@dataclass(frozen=True)
class Case:
    """What was measured each minute for half an hour, when an alert fires, and when one that is like it does not."""

    bad: Mapping[str, str]
    """Values of series, as promtool writes them: `0+2x30` is 0 and 2 more each minute."""
    labels: Mapping[str, str]
    summary: str
    good: Mapping[str, str]


CASES: Final = {
    "TrivetDown": Case(
        {'up{job="trivet-tracking", instance="a"}': "0x30"},
        {"job": "trivet-tracking", "instance": "a"},
        "trivet-tracking at a does not answer.",
        {'up{job="trivet-tracking", instance="a"}': "1x30", 'up{job="else", instance="b"}': "0x30"},
    ),
    "TrivetCallsFail": Case(
        {CALLS % "OK": "0+98x30", CALLS % "INTERNAL": "0+2x30"},
        {"job": "trivet-tracking", "method": "/t.T/M"},
        "2% of /t.T/M fail.",
        {CALLS % "OK": "0+98x30", CALLS % "INTERNAL": "0+0x30", CALLS % "NOT_FOUND": "0+50x30"},
    ),
    "TrivetRequestsFail": Case(
        {REQUESTS % "200": "0+98x30", REQUESTS % "503": "0+2x30"},
        {"route": "/r"},
        "2% of /r fail at the gateway.",
        {REQUESTS % "200": "0+98x30", REQUESTS % "404": "0+50x30"},
    ),
    "TrivetCallsSlow": Case(
        {
            TOOK % ("/t.T/M", "2.5"): "0+90x30",
            TOOK % ("/t.T/M", "5"): "0+100x30",
            TOOK % ("/t.T/M", "+Inf"): "0+100x30",
        },
        {"method": "/t.T/M"},
        "/t.T/M takes 4.75s, one time in a hundred.",
        {TOOK % ("/t.T/WatchM", "2.5"): "0+0x30", TOOK % ("/t.T/WatchM", "+Inf"): "0+100x30"},
    ),
    "TrivetWritesWait": Case(
        {'trivet_waiting_writes{instance="a"}': "1001x30"},
        {"instance": "a"},
        "1001 writes wait at a.",
        {'trivet_waiting_writes{instance="a"}': "1000x30"},
    ),
    "TrivetFolderBehind": Case(
        {"trivet_unfolded_age_seconds": "301x30"},
        {},
        "Points wait for 5m 1s to be folded.",
        {"trivet_unfolded_age_seconds": "300x30"},
    ),
    "TrivetNotMeasured": Case(
        {"trivet_artifact_bytes": "5x30"},
        {},
        "A service cannot look up its figures.",
        {"trivet_artifact_bytes": "5x30", "trivet_unfolded_rows": "0x30"},
    ),
    "TrivetPoolFull": Case(
        {POOL % "in_use": "10x30", POOL % "max": "10x30"},
        {"job": "trivet-tracking", "instance": "a", "service": "tracking"},
        "tracking at a has no connections to spare.",
        {POOL % "in_use": "9x30", POOL % "max": "10x30"},
    ),
    "TrivetStoreFails": Case(
        {S3 % "failed": "0+12x30"},
        {"method": "PUT"},
        "PUT of the store of files fails.",
        {S3 % "failed": "0+6x30", S3 % "404": "0+600x30"},
    ),
    "TrivetStoreSlow": Case(
        {S3_TOOK % "5": "0+90x30", S3_TOOK % "10": "0+100x30", S3_TOOK % "+Inf": "0+100x30"},
        {"method": "PUT"},
        "PUT of the store of files takes 9.5s.",
        {S3_TOOK % "5": "0+100x30", S3_TOOK % "10": "0+100x30", S3_TOOK % "+Inf": "0+100x30"},
    ),
}


@pytest.fixture(scope="module")
def promtool() -> str:
    """The program `promtool`."""
    try:
        return str(find_promtool().path)
    except ToolMissingError as missing:
        leave_out("promtool", str(missing))


@pytest.fixture(scope="module")
def prometheus(running_fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """What measures a fleet."""
    try:
        find_prometheus()
    except ToolMissingError as missing:
        leave_out("Prometheus", str(missing))
    targets = {f"trivet-{name}": url for name, url in running_fleet.metrics_urls.items()}
    with measuring(tmp_path_factory.mktemp("prometheus"), targets) as running:
        yield running


def test_the_alert_rules_are_good(promtool: str) -> None:
    checked = said_by([promtool, "check", "rules", str(FOLDER / "alerts.yaml")])
    assert f"SUCCESS: {len(RULES)} rules found" in checked


@pytest.mark.parametrize("server", SERVERS)
def test_what_a_server_says_is_as_metrics_should_be(running_fleet: Fleet, promtool: str, server: str) -> None:
    with urllib.request.urlopen(running_fleet.metrics_urls[server], timeout=60) as answer:
        said = answer.read()
    checked = subprocess.run([promtool, "check", "metrics"], input=said, capture_output=True, timeout=60, check=False)
    assert (checked.returncode, checked.stderr) == (0, b"")


def test_every_alert_fires_when_it_should_and_not_when_all_is_well(promtool: str, tmp_path: Path) -> None:
    assert CASES.keys() == RULES.keys()
    tests = [
        {
            "name": f"{name}: {kind}",
            "interval": "1m",
            "input_series": [{"series": series, "values": values} for series, values in measured.items()],
            "alert_rule_test": [{"eval_time": "30m", "alertname": name, "exp_alerts": expected}],
        }
        for name, case in CASES.items()
        for kind, measured, expected in (("bad", case.bad, [fired(name, case)]), ("good", case.good, []))
    ]
    file = tmp_path / "tests.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(FOLDER / "alerts.yaml")], "tests": tests}), encoding="utf-8")
    assert "SUCCESS" in said_by([promtool, "test", "rules", str(file)])


def fired(name: str, case: Case) -> dict[str, Any]:
    """The alert of a case, as promtool expects it."""
    annotations = {"summary": case.summary, "description": RULES[name]["annotations"]["description"]}
    return {"exp_labels": {**case.labels, **RULES[name]["labels"]}, "exp_annotations": annotations}


def said_by(command: list[str]) -> str:
    ended = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


def test_panels_of_the_dashboard_show_what_a_fleet_does(
    running_fleet: Fleet, prometheus: Prometheus, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, url in running_fleet.addresses.items():
        monkeypatch.setenv(name, url)
    file = tmp_path / "weights.bin"
    file.write_bytes(b"weights")
    http = Http(running_fleet.gateway_url)
    expected = {panel["title"] for panel in PANELS} - NOTHING_OF_IT
    shown: set[str] = set()
    with trivet.Client() as client:
        run_id = client.create_run("0").info.run_id

        def all_are_shown() -> bool:
            client.tracking.log_metric(run_id, "loss", 1.0, timestamp=round(time.time() * 1000))
            client.log_artifact(run_id, str(file))
            http.run()
            shown.update(panel["title"] for panel in PANELS if draws(prometheus, panel))
            return expected <= shown

        wait_until(all_are_shown)
    assert shown - expected <= NOTHING_OF_IT
    assert {series.labels["job"] for series in prometheus.ask("up == 1")} == {f"trivet-{name}" for name in SERVERS}


def draws(prometheus: Prometheus, panel: Mapping[str, Any]) -> bool:
    """Whether each expression of a panel has a value that can be drawn, under a legend of its own."""
    found = [(target["legendFormat"], prometheus.ask(target["expr"])) for target in panel["targets"]]
    legends = [series.named(legend) for legend, each in found for series in each]
    assert len(legends) == len(set(legends)), f"{panel['title']} has two curves of one name"
    return all(any(series.points[0][1] == series.points[0][1] for series in each) for _, each in found)


def test_what_no_panel_may_ask_is_refused(prometheus: Prometheus) -> None:
    with pytest.raises(urllib.error.HTTPError, match="400"):
        prometheus.ask("rate(trivet_calls_total)")


def test_a_curve_is_named_by_its_labels() -> None:
    series = Series({"job": "trivet-tracking", "instance": "a"}, [(0, 1)])
    assert series.named("{{job}} {{ instance }} {{missing}}") == "trivet-tracking a"
    assert series.named("rows") == "rows"
