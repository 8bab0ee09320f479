"""Saved views between messages and values. Checks what needs no database."""

from __future__ import annotations

import json

from trivet_kit import page_tokens, texts
from trivet_kit.calls import Call
from trivet_kit.errors import FieldInvalid, FieldRequired
from trivet_kit.page_tokens import Cursor
from trivet_kit.resources import ExperimentName, SavedViewName, parse_experiment
from trivet_kit.timestamps import from_millis
from trivet_kit.updates import named_paths
from trivet_proto.tracking.v1 import saved_view_pb2 as pb
from trivet_tracking.domain import limits
from trivet_tracking.domain.saved_views import NewSavedView, SavedView, SavedViewChange, SavedViewQuery


def to_new_saved_view(request: pb.CreateSavedViewRequest, call: Call) -> NewSavedView:
    """Checks a saved view to create. Raises FieldRequired, FieldInvalid, FieldTooLong, ResourceNameInvalid."""
    message = request.saved_view
    return NewSavedView(
        experiment_id=_experiment_id(message.experiment, "saved_view.experiment"),
        display_name=_display_name(message.display_name),
        state=_state(message.state),
        created_by=call.principal.subject,
    )


def to_saved_view_change(request: pb.UpdateSavedViewRequest) -> SavedViewChange:
    """Checks the new values of the mask. Raises UpdateMaskInvalid, FieldRequired, FieldInvalid, FieldTooLong."""
    named = named_paths(request.update_mask.paths, ("display_name", "state"))
    message = request.saved_view
    return SavedViewChange(
        display_name=_display_name(message.display_name) if "display_name" in named else None,
        state=_state(message.state) if "state" in named else None,
    )


def to_query(request: pb.ListSavedViewsRequest, after: Cursor | None) -> SavedViewQuery:
    """Checks what to list. Raises FieldInvalid, ResourceNameInvalid."""
    return SavedViewQuery(
        everywhere=not request.HasField("experiment"),
        experiment_id=_experiment_id(request.experiment, "experiment"),
        size=page_tokens.page_size(request.page_size),
        after=after,
    )


def from_saved_view(saved_view: SavedView) -> pb.SavedView:
    """The saved view as a message."""
    workspace, experiment_id = saved_view.workspace, saved_view.experiment_id
    return pb.SavedView(
        name=str(SavedViewName(workspace, saved_view.saved_view_id)),
        experiment="" if experiment_id is None else str(ExperimentName(workspace, experiment_id)),
        display_name=saved_view.display_name,
        state=saved_view.state,
        created_by=saved_view.created_by,
        create_time=from_millis(saved_view.create_time),
        update_time=from_millis(saved_view.update_time),
        etag=str(saved_view.revision),
    )


def _experiment_id(name: str, field: str) -> int | None:
    return parse_experiment(name, field).experiment_id if name else None


def _display_name(text: str) -> str:
    return texts.check_label(text, "saved_view.display_name", limits.MAX_SAVED_VIEW_NAME_CHARACTERS)


def _state(text: str) -> str:
    field = "saved_view.state"
    if not text:
        raise FieldRequired(field)
    texts.check_value(text, field, limits.MAX_SAVED_VIEW_STATE_BYTES)
    try:
        content = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise FieldInvalid(field, "must be a JSON object")
    return text


def _refuse_constant(word: str) -> None:
    """Refuses NaN and Infinity, which Python's reader takes, and a browser's does not."""
    raise ValueError(word)
