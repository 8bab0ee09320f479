"""`trivet models`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import typer

import trivet
from trivet._commands.answers import Answer, Details, Done, Field, Listing, as_object
from trivet._commands.declaring import client_command
from trivet._commands.kinds import COUNT, FLAG, ID, NAMES, PAIRS, TIME
from trivet._commands.options import (
    DescriptionOption,
    FilterOption,
    MaxOption,
    ModelArgument,
    OrderByOption,
    TagsOption,
    VersionArgument,
    YesOption,
    confirm,
    parse_tags,
)

app = typer.Typer(no_args_is_help=True, help="Registered models, their versions, stages and aliases.")
_aliases = typer.Typer(no_args_is_help=True, help="Names that point at a version of a model.")
app.add_typer(_aliases, name="alias")

_MODEL: Final[Sequence[Field[trivet.RegisteredModel]]] = (
    Field("name", "Name"),
    Field(
        "latest_versions",
        "Latest versions",
        PAIRS,
        lambda model: {version.current_stage: version.version for version in model.latest_versions},
    ),
    Field("aliases", "Aliases", PAIRS),
    Field("creation_timestamp", "Created", TIME, is_listed=False),
    Field("last_updated_timestamp", "Updated", TIME),
    Field("created_by", "Created by", is_listed=False),
    Field("description", "Description", is_listed=False),
    Field("tags", "Tags", PAIRS, is_listed=False),
)
_VERSION: Final[Sequence[Field[trivet.ModelVersion]]] = (
    Field("name", "Model", is_listed=False),
    Field("version", "Version", COUNT),
    Field("current_stage", "Stage", ID),
    Field("status", "Status", ID),
    Field("status_message", "Why", is_listed=False),
    Field("aliases", "Aliases", NAMES),
    Field("source", "Source"),
    Field("run_id", "Run", ID, is_listed=False),
    Field("verified", "Verified", FLAG, is_listed=False),
    Field("creation_timestamp", "Created", TIME),
    Field("last_updated_timestamp", "Updated", TIME, is_listed=False),
    Field("created_by", "Created by", is_listed=False),
    Field("description", "Description", is_listed=False),
    Field("tags", "Tags", PAIRS, is_listed=False),
)

_OptionalVersion = Annotated[
    int | None,
    typer.Argument(metavar="[VERSION]", min=1, help="One version of it alone. Default: all.", show_default=False),
]
_AliasArgument = Annotated[str, typer.Argument(metavar="ALIAS", help="The alias.", show_default=False)]


@client_command(app, "ls", example="trivet models ls --filter \"name LIKE 'taxi%'\"")
def ls(
    client: trivet.Client,
    filter_string: FilterOption = "",
    order_by: OrderByOption = None,
    max_results: MaxOption = 100,
) -> Answer:
    """List registered models by name, with the newest version in each stage."""
    found = client.search_registered_models(filter_string, max_results, order_by)
    return Listing(_MODEL, found, nothing="There are no such models.", has_more=bool(found.token))


@client_command(app, "show", example="trivet models show taxi")
def show(client: trivet.Client, model: ModelArgument, version: _OptionalVersion = None) -> Answer:
    """Show a registered model with its versions, the newest first, or one version alone."""
    if version is not None:
        return Details(_VERSION, client.get_model_version(model, version))
    found = client.get_registered_model(model)
    quoted = model.replace("'", "''")
    versions = client.search_model_versions(f"name = '{quoted}'", order_by="version_number DESC")
    return Details(_MODEL, found, {"versions": Listing(_VERSION, versions, nothing="It has no versions yet.")})


@client_command(
    app,
    "register",
    example="trivet models register runs:/0192f0c1a7d47b6e9c3e5a8b1f2d4c60/model taxi --tag team=routes",
)
def register(
    client: trivet.Client,
    model_uri: Annotated[
        str,
        typer.Argument(
            metavar="URI",
            help="runs:/RUN_ID/PATH, models:/NAME/VERSION, or a URI outside Trivet, which is kept as given.",
            show_default=False,
        ),
    ],
    model: ModelArgument,
    description: DescriptionOption = "",
    tags: TagsOption = None,
    wait_seconds: Annotated[
        float, typer.Option("--wait", metavar="SECONDS", min=0, help="How long to wait until it is ready.")
    ] = 300,
) -> Answer:
    """Register files as the next version of a model, which is made where there is none."""
    version = client.registry.register_model(
        model_uri, model, await_registration_for=wait_seconds, tags=parse_tags(tags), description=description
    )
    return Done(f"Version {version.version} of {model!r} is {version.status}.", as_object(_VERSION, version))


@client_command(app, "stage", example="trivet models stage taxi 2 Production --archive-existing")
def stage(
    client: trivet.Client,
    model: ModelArgument,
    version: VersionArgument,
    stage: Annotated[  # the command is named after what it sets
        str, typer.Argument(metavar="STAGE", help="None, Staging, Production or Archived.", show_default=False)
    ],
    archives_existing: Annotated[  # noqa: FBT002 - a flag
        bool,
        typer.Option("--archive-existing", help="Move other versions in that stage to Archived.", show_default=False),
    ] = False,
) -> Answer:
    """Move a version into a stage."""
    moved = client.transition_model_version_stage(model, version, stage, archives_existing)
    return Done(f"Version {version} of {model!r} is in {moved.current_stage}.", as_object(_VERSION, moved))


@client_command(_aliases, "set", example="trivet models alias set taxi champion 2")
def set_alias(client: trivet.Client, model: ModelArgument, alias: _AliasArgument, version: VersionArgument) -> Answer:
    """Let an alias point at a version, wherever it pointed before."""
    client.set_registered_model_alias(model, alias, version)
    return Done(
        f"models:/{model}@{alias} is version {version} now.", {"name": model, "alias": alias, "version": version}
    )


@client_command(_aliases, "rm", example="trivet models alias rm taxi champion")
def remove_alias(
    client: trivet.Client,
    model: ModelArgument,
    alias: _AliasArgument,
    is_sure: YesOption = False,  # noqa: FBT002 - a flag
) -> Answer:
    """Remove an alias; the version stays."""
    version = client.get_model_version_by_alias(model, alias).version
    confirm(f"Remove the alias {alias!r} of {model!r}, which points at version {version}?", is_sure=is_sure)
    client.delete_registered_model_alias(model, alias)
    return Done(f"The alias {alias!r} of {model!r} is gone.", {"name": model, "alias": alias, "version": None})


@client_command(app, "rm", example="trivet models rm taxi 1")
def rm(
    client: trivet.Client,
    model: ModelArgument,
    version: _OptionalVersion = None,
    is_sure: YesOption = False,  # noqa: FBT002 - a flag
) -> Answer:
    """Delete a model with all its versions, or one version of it. There is no way back."""
    if version is None:
        client.get_registered_model(model)
        confirm(f"Delete the model {model!r} with all its versions? There is no way back.", is_sure=is_sure)
        client.delete_registered_model(model)
        return Done(f"The model {model!r} is deleted.", {"name": model})
    client.get_model_version(model, version)
    confirm(f"Delete version {version} of {model!r}? There is no way back.", is_sure=is_sure)
    client.delete_model_version(model, version)
    return Done(f"Version {version} of {model!r} is deleted.", {"name": model, "version": version})
