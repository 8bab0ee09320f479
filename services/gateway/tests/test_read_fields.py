"""What the gateway asks tracking for of runs: all that its answers say, and nothing else."""

from __future__ import annotations

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from trivet_gateway.mlflow.runs import READ, to_run
from trivet_proto.tracking.v1 import lifecycle_pb2, metric_pb2, run_inputs_pb2, run_pb2

FULL = run_pb2.Run(
    name="workspaces/default/runs/0123",
    experiment="workspaces/default/experiments/7",
    display_name="a name",
    status=run_pb2.RUN_STATUS_FAILED,
    start_time=Timestamp(seconds=1),
    end_time=Timestamp(seconds=2),
    user="somebody",
    created_by="somebody else",
    source="train.py",
    git_commit="abc",
    parent_run="workspaces/default/runs/4567",
    description="a note",
    params={"alpha": "0.1"},
    tags={"team": "blue"},
    metrics=[metric_pb2.Metric(key="loss", value=0.5, step=3, time_millis=4)],
    state=lifecycle_pb2.LIFECYCLE_STATE_DELETED,
    create_time=Timestamp(seconds=5),
    update_time=Timestamp(seconds=6),
    delete_time=Timestamp(seconds=7),
    etag="8",
    forked_from=run_pb2.ForkPoint(run="workspaces/default/runs/89ab", step=9),
    last_write_time=Timestamp(seconds=10),
    begun_time=Timestamp(seconds=11),
    stale=True,
    inputs=run_inputs_pb2.RunInputs(
        datasets=[run_inputs_pb2.DatasetInput(dataset=run_inputs_pb2.Dataset(name="d", digest="e"))]
    ),
    outputs=run_inputs_pb2.RunOutputs(models=[run_inputs_pb2.LoggedModelOutput(model_id="m-1", step=12)]),
    omitted=FieldMask(paths=["params"]),
)


def test_the_run_has_every_field() -> None:
    missing = {field.name for field in FULL.DESCRIPTOR.fields} - {field.name for field, _ in FULL.ListFields()}
    assert not missing


def test_what_is_asked_for_says_all_that_the_whole_run_does() -> None:
    asked = run_pb2.Run()
    FieldMask(paths=READ).MergeMessage(FULL, asked)
    assert to_run(asked) == to_run(FULL)


@pytest.mark.parametrize("field", READ)
def test_no_field_is_asked_for_in_vain(field: str) -> None:
    without = run_pb2.Run(status=run_pb2.RUN_STATUS_RUNNING)  # every run has one
    FieldMask(paths=[path for path in READ if path != field]).MergeMessage(FULL, without)
    assert to_run(without) != to_run(FULL)
