"""Whose files a command is about: how that is said, and whether it is there."""

from __future__ import annotations

from typing import Annotated, Final

import typer

import trivet

RUN_ID: Final = "0192f0c1a7d47b6e9c3e5a8b1f2d4c60"
"""Of the examples."""

OwnerArgument = Annotated[
    str,
    typer.Argument(
        metavar="OWNER",
        help="Whose files: the id of a run; or runs:/RUN_ID, models:/MODEL_ID of a logged model, models:/NAME/VERSION, "
        "models:/NAME/STAGE or models:/NAME@ALIAS, with /PATH or without.",
        show_default=False,
    ),
]


def uri_of(place: trivet.ArtifactPlace, path: str | None = None) -> str:
    """As a command takes it: the place, or another path of its owner."""
    return "/".join(filter(None, (place.owner.uri, place.path.rstrip("/") if path is None else path)))


def check_owner(client: trivet.Client, owner: trivet.ArtifactOwner) -> None:
    """Raises RunNotFound or LoggedModelNotFound; the artifact service does not ask whether its owners are there."""
    if owner.kind == "run":
        client.get_run(owner.owner_id)
    elif owner.kind == "logged_model":
        client.get_logged_model(owner.owner_id)
    # A version of a model was asked for when its URI was read.


def check_there(client: trivet.Client, place: trivet.ArtifactPlace) -> None:
    """Says what is missing where no artifact was found; an owner without artifacts is fine."""
    check_owner(client, place.owner)
    if place.path.rstrip("/"):
        raise trivet.ArtifactNotFound(
            f"{place.owner.title} has no artifact {place.path!r}; `trivet artifacts ls {place.owner.uri}` lists those "
            "that it has."
        )


def whole(place: trivet.ArtifactPlace) -> trivet.ArtifactOwner:
    """The owner, where a command is about all its files."""
    if place.path:
        raise typer.BadParameter(f"Leave {place.path!r} out: it is about all files of its owner.", param_hint="OWNER")
    return place.owner
