"""The examples of docs/search.md do what the page says."""

from __future__ import annotations

import math
import re
from pathlib import Path

import grpc
import pytest

from trivet_proto.tracking.v1 import run_pb2
from trivet_proto.tracking.v1.run_inputs_pb2 import Dataset, DatasetInput, RunInputs
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.records import create_run, metric, search_runs, timestamp, write
from trivet_testing.tracking import Tracking
from trivet_testing.workspaces import unused_workspace

PAGE = (Path(__file__).parents[4] / "docs" / "search.md").read_text(encoding="utf-8")
EXAMPLES = [
    (found[1].strip(), found[2].split()) for found in re.finditer(r"^(?!\|)(.+\S)\s+->(.*)$", PAGE, re.MULTILINE)
]


@pytest.fixture(scope="module")
def documented(channel: grpc.Channel, tracking_address: str) -> Tracking:
    """The runs of the page's table."""
    tracking = Tracking(TrackingServiceStub(channel), unused_workspace())
    for row in re.findall(r"^\| `(\w+)` \|(.*)\|(.*)\|(.*)\|(.*)\|(.*)\|$", PAGE, re.MULTILINE):
        name, params, tags, metrics, datasets, times = (cell.strip() for cell in row)
        start, end = times.split(", ")
        run = create_run(
            tracking,
            name,
            display_name=name,
            params=_entries(params),
            tags=_entries(tags),
            start_time=timestamp(int(start)),
            end_time=None if end == "-" else timestamp(int(end)),
            status=run_pb2.RUN_STATUS_RUNNING if end == "-" else run_pb2.RUN_STATUS_FINISHED,
        )
        key, _, values = metrics.partition(": ")
        last, *earlier = (math.nan if value == "NaN" else float(value) for value in re.findall(r"[\w.]+", values))
        points = [(step, 0, value) for step, value in enumerate([*earlier, last])]
        write(tracking, run.name, metrics=metric(key, *points), inputs=_inputs(datasets))
    return tracking


def _entries(cell: str) -> dict[str, str]:
    return dict(entry.split("=") for entry in cell.split(", ")) if cell else {}


def _inputs(cell: str) -> RunInputs:
    used = re.findall(r"(\w+)@(\w+) ?(\w*)", cell)
    return RunInputs(
        datasets=[
            DatasetInput(
                dataset=Dataset(name=name, digest=digest), tags={"mlflow.data.context": context} if context else {}
            )
            for name, digest, context in used
        ]
    )


@pytest.mark.parametrize(("text", "expected"), EXAMPLES, ids=[text for text, _ in EXAMPLES])
def test_example_finds_what_the_page_says(documented: Tracking, text: str, expected: list[str]) -> None:
    filter_text, _, order_by = text.partition("ORDER BY ")
    assert search_runs(documented, filter_text, order_by) == expected


def test_the_page_has_its_examples() -> None:
    assert len(EXAMPLES) > 30
