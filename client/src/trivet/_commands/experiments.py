"""`trivet experiments`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import typer

import trivet
from trivet._commands.answers import Answer, Details, Done, Field, Listing
from trivet._commands.declaring import client_command
from trivet._commands.kinds import ID, PAIRS, TIME
from trivet._commands.options import (
    DescriptionOption,
    ExperimentArgument,
    FilterOption,
    MaxOption,
    OrderByOption,
    TagsOption,
    View,
    ViewOption,
    YesOption,
    confirm,
    parse_tags,
)

app = typer.Typer(no_args_is_help=True, help="Groups of runs that belong together.")

_EXPERIMENT: Final[Sequence[Field[trivet.Experiment]]] = (
    Field("experiment_id", "ID", ID),
    Field("name", "Name"),
    Field("lifecycle_stage", "Stage", ID),
    Field("creation_time", "Created", TIME),
    Field("last_update_time", "Updated", TIME),
    Field("artifact_location", "Artifact location", is_listed=False),
    Field("description", "Description", is_listed=False),
    Field("tags", "Tags", PAIRS, is_listed=False),
)


@client_command(app, "ls", example="trivet experiments ls --filter \"name LIKE 'taxi%'\"")
def ls(
    client: trivet.Client,
    filter_string: FilterOption = "",
    order_by: OrderByOption = None,
    view: ViewOption = View.ACTIVE,
    max_results: MaxOption = 100,
) -> Answer:
    """List experiments, the newest first."""
    found = client.search_experiments(view.view_type, max_results, filter_string, order_by)
    return Listing(_EXPERIMENT, found, nothing="There are no such experiments.", has_more=bool(found.token))


@client_command(app, "show", example="trivet experiments show taxi")
def show(client: trivet.Client, experiment: ExperimentArgument) -> Answer:
    """Show an experiment with its tags."""
    return Details(_EXPERIMENT, find(client, experiment))


@client_command(app, "create", example="trivet experiments create taxi --tag team=routes")
def create(
    client: trivet.Client,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it.", show_default=False)],
    description: DescriptionOption = "",
    tags: TagsOption = None,
    artifact_location: Annotated[
        str,
        typer.Option(
            metavar="URI", help="Where you keep its artifacts yourself. Default: Trivet keeps them.", show_default=False
        ),
    ] = "",
) -> Answer:
    """Create an experiment."""
    experiment_id = client.tracking.create_experiment(
        name, description=description, tags=parse_tags(tags), artifact_location=artifact_location
    )
    return Done(f"Experiment {name!r} is there; its id is {experiment_id}.", {"experiment_id": experiment_id})


@client_command(app, "rename", example="trivet experiments rename taxi 'green taxi'")
def rename(
    client: trivet.Client,
    experiment: ExperimentArgument,
    new_name: Annotated[str, typer.Argument(metavar="NEW_NAME", help="What to call it.", show_default=False)],
) -> Answer:
    """Give an experiment another name."""
    found = find(client, experiment)
    client.rename_experiment(found.experiment_id, new_name)
    return Done(
        f"Experiment {found.experiment_id} is called {new_name!r} now.",
        {"experiment_id": found.experiment_id, "name": new_name},
    )


@client_command(app, "rm", example="trivet experiments rm taxi")
def rm(client: trivet.Client, experiment: ExperimentArgument, is_sure: YesOption = False) -> Answer:  # noqa: FBT002 - a flag
    """Put an experiment into the bin, and with it its runs. `restore` takes it out."""
    found = find(client, experiment)
    confirm(f"Put experiment {found.experiment_id} ({found.name!r}) with its runs into the bin?", is_sure=is_sure)
    client.delete_experiment(found.experiment_id)
    return Done(
        f"Experiment {found.experiment_id} is in the bin. Take it out: trivet experiments restore "
        f"{found.experiment_id}",
        {"experiment_id": found.experiment_id, "lifecycle_stage": "deleted"},
    )


@client_command(app, "restore", example="trivet experiments restore taxi")
def restore(client: trivet.Client, experiment: ExperimentArgument) -> Answer:
    """Take an experiment out of the bin, with the runs that went there with it."""
    found = find(client, experiment)
    client.restore_experiment(found.experiment_id)
    return Done(
        f"Experiment {found.experiment_id} ({found.name!r}) is in use again.",
        {"experiment_id": found.experiment_id, "lifecycle_stage": "active"},
    )


def find(client: trivet.Client, text: str) -> trivet.Experiment:
    """The experiment that people mean by a text: a number is an id, everything else a name."""
    if text.isascii() and text.isdecimal():
        return client.get_experiment(text)
    return find_by_name(client, text)


def find_by_name(client: trivet.Client, name: str) -> trivet.Experiment:
    """The experiment of that name, also a deleted one."""
    found = client.get_experiment_by_name(name)
    if found is None:
        raise trivet.ExperimentNotFound(
            f"There is no experiment {name!r} in the workspace {client.workspace!r}; `trivet experiments ls` lists "
            "those that there are."
        )
    return found
