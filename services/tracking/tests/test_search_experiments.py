from __future__ import annotations

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from trivet_proto.tracking.v1 import lifecycle_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.experiment_pb2 import Experiment
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.errors import error_of
from trivet_testing.records import create_experiment, search_experiments
from trivet_testing.tracking import Tracking
from trivet_testing.workspaces import unused_workspace

LONG = "p" * 200
TAGS = {
    "Taxi": {"k": "adam", "a b": "1"},
    "taxi": {"k": "Adam"},
    "100%": {"k": ""},
    "bus_1": {"k": LONG + "a"},
    "bus-1": {"k": LONG + "b", "x/y.z-1": "1"},
    "\u00c4 \U0001f695": {"k": 'it\'s "x"', "other": "1"},
}
"""Tags by display name, in the order of creation: their ids count up from 1."""


@pytest.fixture(scope="module")
def searched(channel: grpc.Channel, tracking_address: str) -> Tracking:
    """A workspace of this module's own with the experiments of TAGS, and a deleted one."""
    tracking = Tracking(TrackingServiceStub(channel), unused_workspace())
    for name, tags in TAGS.items():
        create_experiment(tracking, name, tags=tags)
    deleted = create_experiment(tracking, "deleted", tags={"k": "adam"})
    tracking.stub.DeleteExperiment(pb.DeleteExperimentRequest(name=deleted.name))
    return tracking


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name = 'taxi'", ["taxi"]),
        ("attributes.name = 'taxi'", ["taxi"]),
        ("name != 'taxi'", ["Default", "Taxi", "100%", "bus_1", "bus-1", "\u00c4 \U0001f695"]),
        ("name LIKE 'bus_1'", ["bus_1", "bus-1"]),
        ("name LIKE 'bus\\_1'", ["bus_1"]),
        ("name LIKE '%\\%'", ["100%"]),
        ("name LIKE 't%'", ["taxi"]),
        ("name ILIKE 'T%'", ["Taxi", "taxi"]),
        ("name ILIKE '\u00e4%'", []),
        ("name LIKE '\u00c4 _'", ["\u00c4 \U0001f695"]),
        ("name IN ('taxi', 'Default', 'deleted')", ["Default", "taxi"]),
        ("name NOT IN ('taxi', 'Default', '100%')", ["Taxi", "bus_1", "bus-1", "\u00c4 \U0001f695"]),
        ("experiment_id = '2'", ["taxi"]),
        ("experiment_id IN ('0', '2')", ["Default", "taxi"]),
        ("experiment_id LIKE '_' AND name LIKE 'bus%'", ["bus_1", "bus-1"]),
        ("experiment_id = '02'", []),
        ("tags.k = 'adam'", ["Taxi"]),
        ("tags.k != 'adam'", ["taxi", "100%", "bus_1", "bus-1", "\u00c4 \U0001f695"]),
        ("tags.k ILIKE 'ADAM'", ["Taxi", "taxi"]),
        ("tags.k LIKE 'adam'", ["Taxi"]),
        ("tags.k = ''", ["100%"]),
        ("tag.k = 'it''s \"x\"'", ["\u00c4 \U0001f695"]),
        (f"tags.k = '{LONG}a'", ["bus_1"]),
        (f"tags.k = '{LONG}'", []),
        (f"tags.k LIKE '{LONG}_'", ["bus_1", "bus-1"]),
        (f"tags.k IN ('{LONG}b', 'Adam')", ["taxi", "bus-1"]),
        (f"tags.k NOT IN ('{LONG}b', 'Adam', '')", ["Taxi", "bus_1", "\u00c4 \U0001f695"]),
        ("tags.k IS NULL", ["Default"]),
        ("tags.k IS NOT NULL AND tags.other IS NOT NULL", ["\u00c4 \U0001f695"]),
        ("tags.\"a b\" = '1'", ["Taxi"]),
        ("tags.`a b` = '1'", ["Taxi"]),
        ("tags.x/y.z-1 = '1'", ["bus-1"]),
        ("tags.K = 'adam'", []),
        ("creation_time > 0 and name = 'taxi'", ["taxi"]),
        ("creation_time < 0", []),
        ("last_update_time <= 999999999999999999 AND name = 'taxi'", ["taxi"]),
    ],
)
def test_experiments_pass_a_filter(searched: Tracking, text: str, expected: list[str]) -> None:
    assert search_experiments(searched, text, "experiment_id") == expected


def test_times_are_compared_in_milliseconds(tracking: Tracking) -> None:
    created = create_experiment(tracking, "taxi").create_time.ToMilliseconds()
    for operator, passes in (("=", True), ("!=", False), ("<", False), ("<=", True), (">", False), (">=", True)):
        for name in ("creation_time", "last_update_time"):
            found = search_experiments(tracking, f"name = 'taxi' AND {name} {operator} {created}")
            assert found == (["taxi"] if passes else []), operator
    assert search_experiments(tracking, f"name = 'taxi' AND creation_time > {created - 1}") == ["taxi"]


BY_NAME = ["100%", "Default", "Taxi", "bus-1", "bus_1", "taxi", "\u00c4 \U0001f695"]
BY_ID = ["Default", *TAGS]


@pytest.mark.parametrize("page_size", [0, 1, 2])
@pytest.mark.parametrize(
    ("order_by", "expected"),
    [
        ("name", BY_NAME),
        ("name ASC", BY_NAME),
        ("attributes.name desc", BY_NAME[::-1]),
        ("experiment_id", BY_ID),
        ("experiment_id DESC", BY_ID[::-1]),
        ("creation_time, experiment_id", BY_ID),
    ],
)
def test_experiments_come_in_the_order_asked_for(
    searched: Tracking, order_by: str, expected: list[str], page_size: int
) -> None:
    assert search_experiments(searched, order_by=order_by, page_size=page_size) == expected


def test_ids_are_ordered_as_numbers(tracking: Tracking) -> None:
    for number in range(1, 12):
        create_experiment(tracking, f"e{number}")
    assert search_experiments(tracking, order_by="experiment_id DESC") == [
        *(f"e{number}" for number in range(11, 0, -1)),
        "Default",
    ]


@pytest.mark.parametrize("page_size", [0, 1, 3])
def test_without_an_order_the_newest_come_first_and_ties_go_by_id(tracking: Tracking, page_size: int) -> None:
    created = [create_experiment(tracking) for _ in range(6)]
    default = tracking.stub.GetExperiment(pb.GetExperimentRequest(name=tracking.experiment_name(0)))
    expected = sorted(
        (default, *created),
        key=lambda found: (-found.create_time.ToMilliseconds(), int(found.name.rpartition("/")[2])),
    )
    assert search_experiments(tracking, page_size=page_size) == [found.display_name for found in expected]


def test_an_update_moves_an_experiment_in_the_order_of_updates(tracking: Tracking) -> None:
    first = create_experiment(tracking, "first")
    create_experiment(tracking, "second")
    for description in ("1", "2"):
        updated = tracking.stub.UpdateExperiment(
            pb.UpdateExperimentRequest(
                experiment=Experiment(name=first.name, description=description),
                update_mask=FieldMask(paths=["description"]),
            )
        )
    found = tracking.stub.SearchExperiments(
        pb.SearchExperimentsRequest(parent=tracking.parent, order_by="last_update_time DESC, experiment_id")
    ).experiments
    times = [experiment.update_time.ToMilliseconds() for experiment in found]
    assert times == sorted(times, reverse=True)
    assert updated in found


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (lifecycle_pb2.LIFECYCLE_VIEW_UNSPECIFIED, ["Taxi"]),
        (lifecycle_pb2.LIFECYCLE_VIEW_ACTIVE, ["Taxi"]),
        (lifecycle_pb2.LIFECYCLE_VIEW_DELETED, ["deleted"]),
        (lifecycle_pb2.LIFECYCLE_VIEW_ALL, ["Taxi", "deleted"]),
    ],
)
def test_a_view_and_a_filter_hold_both(
    searched: Tracking, view: lifecycle_pb2.LifecycleView.ValueType, expected: list[str]
) -> None:
    assert search_experiments(searched, "tags.k = 'adam'", "experiment_id", view=view) == expected


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("name", 5),
        ("name = taxi", 8),
        ("name > 'a'", 6),
        ("experiment_id = 1", 17),
        ("creation_time = '1'", 17),
        ("params.p = '1'", 1),
        ("metrics.m = 1", 1),
        ("start_time = 1", 1),
        ("creation_time IS NULL", 15),
        ("name = 'a\0'", 10),
    ],
)
def test_a_filter_that_is_not_understood_is_refused_with_the_position(
    searched: Tracking, text: str, position: int
) -> None:
    failure = error_of(lambda: search_experiments(searched, text))
    assert failure.code == grpc.StatusCode.INVALID_ARGUMENT
    assert failure.reason == "FILTER_INVALID"
    assert failure.metadata == {"field": "filter", "position": str(position)}


@pytest.mark.parametrize(
    ("order_by", "position"), [("tags.k", 1), ("never", 1), ("name, name DESC", 7), ("name ASC DESC", 10)]
)
def test_an_order_that_is_not_understood_is_refused_with_the_position(
    searched: Tracking, order_by: str, position: int
) -> None:
    failure = error_of(lambda: search_experiments(searched, order_by=order_by))
    assert failure.code == grpc.StatusCode.INVALID_ARGUMENT
    assert failure.reason == "ORDER_BY_INVALID"
    assert failure.metadata == {"field": "order_by", "position": str(position)}
