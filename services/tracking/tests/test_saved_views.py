"""Views that people saved of pages: by name, for everybody in the workspace."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import grpc
import pytest
import sqlalchemy as sa
from google.protobuf.field_mask_pb2 import FieldMask

from trivet_kit.db import Database
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.saved_view_pb2 import (
    CreateSavedViewRequest,
    DeleteSavedViewRequest,
    GetSavedViewRequest,
    ListSavedViewsRequest,
    SavedView,
    UpdateSavedViewRequest,
)
from trivet_testing.errors import error_of
from trivet_testing.records import create_experiment, create_saved_view, saved_view_pages
from trivet_testing.tracking import Tracking
from trivet_tracking.store import tables

STATE = '{"panels": [{"key": "loss", "smoothing": 0.6}], "title": "größer 🚀", "escaped": "\\ud83d"}'


def get(tracking: Tracking, name: str) -> SavedView:
    return tracking.stub.GetSavedView(GetSavedViewRequest(name=name))


def update(tracking: Tracking, name: str, etag: str = "", **fields: str) -> SavedView:
    saved_view = SavedView(name=name, etag=etag, **fields)  # type: ignore[arg-type] # fields of SavedView
    return tracking.stub.UpdateSavedView(
        UpdateSavedViewRequest(saved_view=saved_view, update_mask=FieldMask(paths=list(fields)))
    )


def delete(tracking: Tracking, name: str) -> None:
    tracking.stub.DeleteSavedView(DeleteSavedViewRequest(name=name))


def listed(tracking: Tracking, experiment: str | None = None, page_size: int = 0) -> list[SavedView]:
    return [saved_view for page in saved_view_pages(tracking, experiment, page_size) for saved_view in page]


def names(saved_views: list[SavedView]) -> list[str]:
    return [saved_view.display_name for saved_view in saved_views]


def at_once(ask: Callable[[int], SavedView]) -> tuple[list[SavedView], set[tuple[grpc.StatusCode, str]]]:
    """What 16 who ask at the same time are answered: saved views, and codes and reasons of refusals."""
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(ask, number) for number in range(16)]
    failures = [error_of(each.result) for each in asked if each.exception()]
    made = [each.result() for each in asked if not each.exception()]
    return made, {(failure.code, failure.reason) for failure in failures}


def test_a_view_is_saved_changed_and_deleted(tracking: Tracking) -> None:
    experiment = create_experiment(tracking).name
    created = create_saved_view(tracking, "losses", STATE, experiment=experiment)
    assert created.name.startswith(f"{tracking.parent}/savedViews/")
    assert (created.experiment, created.display_name, created.state) == (experiment, "losses", STATE)
    assert (created.created_by, created.etag, created.update_time) == ("anonymous", "1", created.create_time)
    assert (get(tracking, created.name), listed(tracking)) == (created, [created])

    renamed = update(tracking, created.name, created.etag, display_name="curves")
    assert (renamed.display_name, renamed.state, renamed.etag) == ("curves", STATE, "2")
    changed = update(tracking, created.name, state="{}", display_name="curves")
    assert (changed.display_name, changed.state, get(tracking, created.name)) == ("curves", "{}", changed)
    assert (changed.experiment, changed.create_time, changed.created_by) == (
        experiment,
        created.create_time,
        "anonymous",
    )
    failure = error_of(lambda: update(tracking, created.name, created.etag, display_name="late"))
    assert (failure.code, failure.reason) == (grpc.StatusCode.ABORTED, "ETAG_STALE")
    assert failure.metadata == {"name": created.name}
    assert get(tracking, created.name) == changed

    delete(tracking, created.name)
    for gone in (
        lambda: get(tracking, created.name),
        lambda: delete(tracking, created.name),
        lambda: update(tracking, created.name, display_name="curves"),
    ):
        failure = error_of(gone)
        assert (failure.code, failure.reason) == (grpc.StatusCode.NOT_FOUND, "SAVED_VIEW_NOT_FOUND")
        assert failure.metadata == {"name": created.name}
    assert listed(tracking) == []
    assert create_saved_view(tracking, "curves", experiment=experiment).name != created.name


def test_the_longest_name_and_state_are_kept(tracking: Tracking) -> None:
    name, state = "🚀" * 250, '{"a":"' + "🚀" * 16_381 + 'xyz"}'
    assert len(state.encode()) == 65_535
    created = create_saved_view(tracking, name, state)
    assert (created.display_name, get(tracking, created.name).state) == (name, state)


def test_a_name_is_taken_within_an_experiment_and_among_those_of_none(tracking: Tracking) -> None:
    one, two = (create_experiment(tracking).name for _ in range(2))
    for place in (one, two, tracking.experiment_name(0), ""):
        first = create_saved_view(tracking, "losses", experiment=place)
        other = create_saved_view(tracking, "Losses", experiment=place)
        for refused in (
            partial(create_saved_view, tracking, "losses", experiment=place),
            partial(update, tracking, other.name, display_name="losses"),
        ):
            failure = error_of(refused)
            assert (failure.code, failure.reason) == (grpc.StatusCode.ALREADY_EXISTS, "SAVED_VIEW_NAME_TAKEN")
            assert failure.metadata == {"displayName": "losses", "name": first.name}
        assert get(tracking, other.name) == other
    assert names(listed(tracking)) == ["Losses"] * 4 + ["losses"] * 4


@pytest.mark.parametrize("place", ["an experiment", "none"])
def test_of_those_who_save_under_one_name_at_once_one_succeeds(tracking: Tracking, place: str) -> None:
    experiment = create_experiment(tracking).name if place == "an experiment" else ""
    made, refusals = at_once(
        lambda number: create_saved_view(tracking, "losses", f'{{"of": {number}}}', experiment=experiment)
    )
    assert (len(made), made) == (1, listed(tracking))
    assert refusals == {(grpc.StatusCode.ALREADY_EXISTS, "SAVED_VIEW_NAME_TAKEN")}


def test_of_those_who_rename_to_one_name_at_once_one_succeeds(tracking: Tracking) -> None:
    saved_views = [create_saved_view(tracking, str(number)) for number in range(16)]
    made, refusals = at_once(lambda number: update(tracking, saved_views[number].name, display_name="losses"))
    assert made == [saved_view for saved_view in listed(tracking) if saved_view.display_name == "losses"]
    assert len(made) == 1
    assert refusals == {(grpc.StatusCode.ALREADY_EXISTS, "SAVED_VIEW_NAME_TAKEN")}


def test_of_changes_at_once_with_one_etag_one_succeeds(tracking: Tracking) -> None:
    created = create_saved_view(tracking, "losses")
    made, refusals = at_once(lambda number: update(tracking, created.name, created.etag, state=f'{{"of": {number}}}'))
    assert made == [get(tracking, created.name)]
    assert refusals == {(grpc.StatusCode.ABORTED, "ETAG_STALE")}


def test_a_repeated_request_creates_once(tracking: Tracking) -> None:
    request_id = str(uuid.uuid4())
    made, refusals = at_once(lambda _: create_saved_view(tracking, "losses", STATE, request_id))
    assert (made, refusals) == ([made[0]] * 16, set())
    assert listed(tracking) == [made[0]]
    changed = update(tracking, made[0].name, display_name="curves")
    assert create_saved_view(tracking, "losses", STATE, request_id) == changed
    failure = error_of(lambda: create_saved_view(tracking, "losses", "{}", request_id))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED")
    # Of an experiment, too: ids of requests are those of a workspace.
    other = pb.CreateExperimentRequest(parent=tracking.parent, request_id=request_id)
    other.experiment.display_name = "taxi"
    assert error_of(lambda: tracking.stub.CreateExperiment(other)).reason == "REQUEST_ID_REUSED"
    delete(tracking, changed.name)
    failure = error_of(lambda: create_saved_view(tracking, "losses", STATE, request_id))
    assert (failure.reason, listed(tracking)) == ("SAVED_VIEW_NOT_FOUND", [])


def test_a_list_has_those_of_an_experiment_of_none_or_all_by_name(tracking: Tracking) -> None:
    one, two = (create_experiment(tracking).name for _ in range(2))
    wanted = ["B", "a", "b", "é", "模型", "😀"]
    for place in (one, ""):
        for name in reversed(wanted):
            create_saved_view(tracking, name, experiment=place)
    for page_size in (1, 2, 5, 0):
        for place in (one, ""):
            found = listed(tracking, place, page_size)
            assert (names(found), {each.experiment for each in found}) == (wanted, {place})
        everywhere = listed(tracking, None, page_size)
        assert names(everywhere) == [name for name in wanted for _ in range(2)]
        assert everywhere == sorted(everywhere, key=lambda each: (each.display_name, each.name))
    assert listed(tracking, two) == []


def test_a_page_token_is_good_for_its_own_list_alone(tracking: Tracking) -> None:
    for name in "ab":
        create_saved_view(tracking, name)
    request = ListSavedViewsRequest(parent=tracking.parent, page_size=1)
    token = tracking.stub.ListSavedViews(request).next_page_token
    for place in ("", tracking.experiment_name(0)):
        other = ListSavedViewsRequest(parent=tracking.parent, experiment=place, page_token=token)
        assert error_of(partial(tracking.stub.ListSavedViews, other)).reason == "PAGE_TOKEN_INVALID"


def test_a_page_of_large_views_is_short(tracking: Tracking) -> None:
    state = '{"a": "' + "x" * 65_000 + '"}'
    for number in range(60):
        create_saved_view(tracking, f"{number:02}", state)
    pages = list(saved_view_pages(tracking, page_size=1000))
    assert len(pages) == 2
    assert [saved_view.display_name for page in pages for saved_view in page] == [f"{n:02}" for n in range(60)]
    assert sum(saved_view.ByteSize() for saved_view in pages[0]) <= 3 * 2**20


def test_an_experiment_has_at_most_a_thousand(tracking: Tracking, database: Database) -> None:
    experiment = create_experiment(tracking).name
    for place, full in ((experiment, experiment), ("", tracking.parent)):
        kept = create_saved_view(tracking, "first", experiment=place)
        with database.transaction("write") as connection:
            table = tables.saved_view
            row = connection.execute(
                sa.select(table).where(table.c.saved_view_id == kept.name.rpartition("/")[2])
            ).one()
            copied = {key: value for key, value in row._mapping.items() if key != "saved_view_pk"}
            connection.execute(
                sa.insert(table),
                [
                    {**copied, "saved_view_id": uuid.uuid4().hex, "display_name": f"copy {number}"}
                    for number in range(998)
                ],
            )
        last = create_saved_view(tracking, "last", experiment=place)
        failure = error_of(partial(create_saved_view, tracking, "one more", experiment=place))
        assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "SAVED_VIEW_LIMIT_REACHED")
        assert failure.metadata == {"name": full, "maxSavedViews": "1000"}
        assert update(tracking, last.name, display_name="still changed").display_name == "still changed"
        delete(tracking, kept.name)
        assert create_saved_view(tracking, "one more", experiment=place).display_name == "one more"
    assert len(listed(tracking)) == 2000


def test_views_of_a_deleted_experiment_are_read_and_deleted_but_not_changed(tracking: Tracking) -> None:
    experiment = create_experiment(tracking).name
    kept, other = (create_saved_view(tracking, name, experiment=experiment) for name in ("kept", "other"))
    tracking.stub.DeleteExperiment(pb.DeleteExperimentRequest(name=experiment))
    assert get(tracking, kept.name) == kept
    assert listed(tracking, experiment) == listed(tracking) == [kept, other]
    for refused in (
        lambda: create_saved_view(tracking, "new", experiment=experiment),
        lambda: update(tracking, kept.name, display_name="new"),
        lambda: update(tracking, kept.name, state="{}"),
    ):
        failure = error_of(refused)
        assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "EXPERIMENT_DELETED")
        assert failure.metadata == {"name": experiment}
    delete(tracking, other.name)
    tracking.stub.RestoreExperiment(pb.RestoreExperimentRequest(name=experiment))
    assert listed(tracking) == [kept]
    assert update(tracking, kept.name, display_name="new").display_name == "new"


def test_what_is_output_only_is_not_looked_at(tracking: Tracking) -> None:
    saved_view = SavedView(name="x", display_name="a", state="{}", created_by="somebody", etag="77")
    created = tracking.stub.CreateSavedView(CreateSavedViewRequest(parent=tracking.parent, saved_view=saved_view))
    assert (created.created_by, created.etag) == ("anonymous", "1")
    assert created.name != "x"
