from __future__ import annotations

import random
import time
from functools import partial

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from trivet_proto.tracking.v1 import lifecycle_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.experiment_pb2 import Experiment
from trivet_testing.errors import error_of
from trivet_testing.records import create_experiment, create_run, log, search_experiments, timestamp
from trivet_testing.tracking import Tracking


def get(tracking: Tracking, name: str) -> Experiment:
    return tracking.stub.GetExperiment(pb.GetExperimentRequest(name=name))


def lookup(tracking: Tracking, display_name: str) -> Experiment:
    return tracking.stub.LookupExperiment(pb.LookupExperimentRequest(parent=tracking.parent, display_name=display_name))


def update(tracking: Tracking, name: str, *paths: str, **fields: str) -> Experiment:
    experiment = Experiment(name=name, **fields)  # type: ignore[arg-type] # texts only
    return tracking.stub.UpdateExperiment(
        pb.UpdateExperimentRequest(experiment=experiment, update_mask=FieldMask(paths=paths))
    )


def test_a_new_workspace_has_the_experiment_default(tracking: Tracking) -> None:
    default = get(tracking, tracking.experiment_name(0))
    assert default.display_name == "Default"
    assert default.state == lifecycle_pb2.LIFECYCLE_STATE_ACTIVE
    assert search_experiments(tracking) == ["Default"]


def test_lookup_finds_default_in_a_workspace_that_was_never_used(tracking: Tracking) -> None:
    assert lookup(tracking, "Default").name == tracking.experiment_name(0)


def test_ids_count_up_from_one(tracking: Tracking) -> None:
    names = [create_experiment(tracking).name for _ in range(3)]
    assert names == [tracking.experiment_name(number) for number in (1, 2, 3)]


def test_a_refused_creation_uses_up_no_id(tracking: Tracking) -> None:
    create_experiment(tracking, "taxi")
    assert error_of(lambda: create_experiment(tracking, "taxi")).reason == "EXPERIMENT_NAME_TAKEN"
    assert create_experiment(tracking, "bus").name == tracking.experiment_name(2)


def test_create_experiment_keeps_what_it_is_given(tracking: Tracking) -> None:
    before = time.time_ns() // 1_000_000
    created = create_experiment(
        tracking,
        " Übung 🚕 ",
        description="# Taxi\n\nLines\tand tabs.\r\n",
        artifact_location="s3://bucket/ä path?x=1#y",
        tags={"team": "a\nb", "emoji 🚀": "", "a.b/c-d": "ünï"},
    )
    after = time.time_ns() // 1_000_000
    assert created.display_name == " Übung 🚕 "
    assert created.description == "# Taxi\n\nLines\tand tabs.\r\n"
    assert created.artifact_location == "s3://bucket/ä path?x=1#y"
    assert dict(created.tags) == {"team": "a\nb", "emoji 🚀": "", "a.b/c-d": "ünï"}
    assert created.state == lifecycle_pb2.LIFECYCLE_STATE_ACTIVE
    assert before <= created.create_time.ToMilliseconds() <= after
    assert created.create_time.nanos % 1_000_000 == 0
    assert created.update_time == created.create_time
    assert not created.HasField("delete_time")
    assert created.etag
    assert get(tracking, created.name) == created
    assert lookup(tracking, created.display_name) == created


def test_create_experiment_takes_texts_of_the_greatest_lengths(tracking: Tracking, seed: int) -> None:
    # Random characters of four bytes: they do not compress, so that an index row that is too long shows.
    chance = random.Random(seed)
    name = "".join(chr(chance.randrange(0x1F300, 0x1F5FF)) for _ in range(500))
    key = "".join(chr(chance.randrange(0x20000, 0x2A6D0)) for _ in range(250))
    value = "".join(chr(chance.randrange(0x20000, 0x2A6D0)) for _ in range(16 * 1024))
    created = create_experiment(
        tracking, name, description=value, artifact_location=key * 8 + key[:48], tags={key: value}
    )
    assert lookup(tracking, name) == created
    assert (created.description, dict(created.tags)) == (value, {key: value})
    assert len(created.artifact_location) == 2048


@pytest.mark.parametrize(
    "ignored",
    [
        pytest.param(Experiment(name="workspaces/elsewhere/experiments/7"), id="name-of-another-workspace"),
        pytest.param(Experiment(name="not a name"), id="name-that-is-none"),
        pytest.param(Experiment(state=lifecycle_pb2.LIFECYCLE_STATE_DELETED, delete_time=timestamp(1)), id="deleted"),
        pytest.param(Experiment(create_time=timestamp(1), update_time=timestamp(2)), id="times"),
        pytest.param(Experiment(etag="77"), id="etag"),
    ],
)
def test_create_experiment_does_not_look_at_name_and_output_only_fields(
    tracking: Tracking, ignored: Experiment
) -> None:
    plain = create_experiment(tracking, "plain")
    ignored.display_name = "full"
    created = tracking.stub.CreateExperiment(pb.CreateExperimentRequest(parent=tracking.parent, experiment=ignored))
    assert created.name == tracking.experiment_name(2)
    assert created.state == lifecycle_pb2.LIFECYCLE_STATE_ACTIVE
    assert created.create_time.ToMilliseconds() >= plain.create_time.ToMilliseconds()
    assert created.update_time == created.create_time
    assert not created.HasField("delete_time")
    assert created.etag == plain.etag


def test_a_name_that_is_taken_tells_who_has_it(tracking: Tracking) -> None:
    taxi = create_experiment(tracking, "taxi")
    failure = error_of(lambda: create_experiment(tracking, "taxi", description="another"))
    assert failure.code == grpc.StatusCode.ALREADY_EXISTS
    assert failure.reason == "EXPERIMENT_NAME_TAKEN"
    assert failure.metadata == {"displayName": "taxi", "name": taxi.name, "state": "ACTIVE"}


def test_a_deleted_experiment_keeps_its_name(tracking: Tracking) -> None:
    taxi = create_experiment(tracking, "taxi")
    tracking.stub.DeleteExperiment(pb.DeleteExperimentRequest(name=taxi.name))
    failure = error_of(lambda: create_experiment(tracking, "taxi"))
    assert failure.metadata == {"displayName": "taxi", "name": taxi.name, "state": "DELETED"}


def test_names_are_the_same_only_character_by_character(tracking: Tracking) -> None:
    names = ["taxi", "Taxi", "taxi ", " taxi", "t\u00e4xi", "ta\u0308xi", "taxi\u200b"]
    for name in names:
        create_experiment(tracking, name)
    assert [lookup(tracking, name).display_name for name in names] == names


def test_lookup_of_a_name_that_nobody_has_is_not_found(tracking: Tracking) -> None:
    create_experiment(tracking, "taxi")
    for name in ("TAXI", "tax", "taxi%", "t_xi", "'; --"):
        failure = error_of(partial(lookup, tracking, name))
        assert failure.code == grpc.StatusCode.NOT_FOUND
        assert failure.reason == "EXPERIMENT_NOT_FOUND"
        assert failure.metadata == {"name": name}


def test_update_experiment_changes_only_what_the_mask_names(tracking: Tracking) -> None:
    created = create_experiment(tracking, "taxi", description="old", tags={"a": "b"})
    renamed = update(tracking, created.name, "display_name", display_name="bus", description="not in the mask")
    assert (renamed.display_name, renamed.description) == ("bus", "old")
    described = update(tracking, created.name, "description", display_name="not in the mask", description="new")
    assert (described.display_name, described.description) == ("bus", "new")
    cleared = update(tracking, created.name, "display_name", "description", display_name="tram")
    assert (cleared.display_name, cleared.description) == ("tram", "")
    assert dict(cleared.tags) == {"a": "b"}
    assert cleared.create_time == created.create_time
    assert cleared.update_time.ToMilliseconds() >= created.update_time.ToMilliseconds()
    assert len({created.etag, renamed.etag, described.etag, cleared.etag}) == 4
    assert get(tracking, created.name) == cleared


def test_a_rename_frees_the_old_name(tracking: Tracking) -> None:
    first = create_experiment(tracking, "taxi")
    update(tracking, first.name, "display_name", display_name="bus")
    second = create_experiment(tracking, "taxi")
    assert lookup(tracking, "taxi").name == second.name
    assert lookup(tracking, "bus").name == first.name


def test_a_rename_to_its_own_name_is_no_fault(tracking: Tracking) -> None:
    taxi = create_experiment(tracking, "taxi")
    assert update(tracking, taxi.name, "display_name", display_name="taxi").display_name == "taxi"


def test_a_rename_to_a_name_that_is_taken_changes_nothing(tracking: Tracking) -> None:
    taxi, bus = create_experiment(tracking, "taxi"), create_experiment(tracking, "bus")
    failure = error_of(
        lambda: update(tracking, bus.name, "display_name", "description", display_name="taxi", description="new")
    )
    assert failure.reason == "EXPERIMENT_NAME_TAKEN"
    assert failure.metadata["name"] == taxi.name
    assert get(tracking, bus.name) == bus


def test_default_cannot_be_renamed_and_can_be_described(tracking: Tracking) -> None:
    default = tracking.experiment_name(0)
    failure = error_of(lambda: update(tracking, default, "display_name", display_name="mine"))
    assert failure.code == grpc.StatusCode.FAILED_PRECONDITION
    assert failure.reason == "EXPERIMENT_PROTECTED"
    assert failure.metadata == {"name": default}
    described = update(tracking, default, "description", description="the first")
    assert (described.display_name, described.description) == ("Default", "the first")


def test_runs_do_not_count_as_changes_of_their_experiment(tracking: Tracking) -> None:
    created = create_experiment(tracking)
    run = create_run(tracking, experiment=created.name, tags={"a": "b"})
    log(tracking, run.name, loss=1.0)
    tracking.stub.DeleteRun(pb.DeleteRunRequest(name=run.name))
    assert get(tracking, created.name) == created


def test_tags_are_set_over_what_they_were_and_removed(tracking: Tracking) -> None:
    created = create_experiment(tracking, tags={"kept": "1", "changed": "1", "gone": "1"})
    changed = tracking.stub.SetExperimentTags(
        pb.SetExperimentTagsRequest(name=created.name, tags={"changed": "2", "new": ""}, deleted_tags=["gone"])
    )
    assert dict(changed.tags) == {"kept": "1", "changed": "2", "new": ""}
    assert changed.etag != created.etag
    assert get(tracking, created.name) == changed


def test_removing_a_tag_that_is_not_there_changes_nothing(tracking: Tracking) -> None:
    created = create_experiment(tracking, tags={"a": "1"})
    failure = error_of(
        lambda: tracking.stub.SetExperimentTags(
            pb.SetExperimentTagsRequest(name=created.name, tags={"new": "1"}, deleted_tags=["a", "missing"])
        )
    )
    assert failure.code == grpc.StatusCode.NOT_FOUND
    assert failure.reason == "TAG_NOT_FOUND"
    assert failure.metadata == {"key": "missing"}
    assert get(tracking, created.name) == created


def test_an_error_that_repeats_a_long_text_arrives(tracking: Tracking) -> None:
    name = "😀" * 500
    create_experiment(tracking, name)
    for _ in range(50):
        failure = error_of(lambda: create_experiment(tracking, name))
        assert failure.reason == "EXPERIMENT_NAME_TAKEN"
        assert failure.metadata["displayName"].endswith("😀…")
