"""`trivet models`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
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
    OptionalVersion,
    OrderByOption,
    ReasonOption,
    TagsOption,
    VersionArgument,
    YesOption,
    confirm,
    parse_pairs,
    parse_tags,
)
from trivet._filter_texts import quoted

app = typer.Typer(no_args_is_help=True, help="Registered models, their versions, stages and aliases.")
_aliases = typer.Typer(no_args_is_help=True, help="Names that point at a version of a model.")
app.add_typer(_aliases, name="alias")

_MODEL: Final[Sequence[Field[trivet.RegisteredModel]]] = (
    Field("name", "Name"),
    Field("uid", "Uid", ID, is_listed=False),
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
VERSION_FIELDS: Final[Sequence[Field[trivet.ModelVersion]]] = (
    Field("name", "Model", is_listed=False),
    Field("version", "Version", COUNT),
    Field("current_stage", "Stage", ID),
    Field("status", "Status", ID),
    Field("status_message", "Why", is_listed=False),
    Field("aliases", "Aliases", NAMES),
    Field("source", "Source"),
    Field("run_id", "Run", ID, is_listed=False),
    Field("model_id", "Logged model", ID, is_listed=False),
    Field("git_commit", "Commit", ID, is_listed=False),
    Field(
        "datasets",
        "Datasets",
        PAIRS,
        lambda version: {f"{dataset.name}@{dataset.digest}": dataset.context for dataset in version.datasets},
        is_listed=False,
    ),
    Field(
        "signature",
        "Signature",
        PAIRS,
        lambda version: (
            {key: text for key, text in asdict(version.signature).items() if text} if version.signature else {}
        ),
        is_listed=False,
    ),
    Field("copied_from", "Copied from", is_listed=False),
    Field("manifest_sha256", "Manifest", ID, is_listed=False),
    Field("verified", "Verified", FLAG, is_listed=False),
    Field("creation_timestamp", "Created", TIME),
    Field("last_updated_timestamp", "Updated", TIME, is_listed=False),
    Field("created_by", "Created by", is_listed=False),
    Field("description", "Description", is_listed=False),
    Field("tags", "Tags", PAIRS, is_listed=False),
)

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


@client_command(app, "versions", example="trivet models versions --dataset trips --filter \"stage = 'Production'\"")
def versions(
    client: trivet.Client,
    filter_string: FilterOption = "",
    run_id: Annotated[
        str, typer.Option("--run", metavar="RUN_ID", help="Only those that this run made.", show_default=False)
    ] = "",
    dataset: Annotated[
        str,
        typer.Option(
            "--dataset", metavar="NAME", help="Only those that were made of this dataset.", show_default=False
        ),
    ] = "",
    order_by: OrderByOption = None,
    max_results: MaxOption = 100,
) -> Answer:
    """List versions of all models, what was changed last first."""
    terms = [f"({filter_string})"] if filter_string else []
    terms += [f"run_id = {quoted(run_id)}"] if run_id else []
    terms += [f"datasets.name = {quoted(dataset)}"] if dataset else []
    found = client.search_model_versions(" AND ".join(terms), max_results, order_by)
    named = [replace(field, is_listed=True) if field.key == "name" else field for field in VERSION_FIELDS]
    return Listing(named, found, nothing="There are no such versions.", has_more=bool(found.token))


@client_command(app, "show", example="trivet models show taxi")
def show(client: trivet.Client, model: ModelArgument, version: OptionalVersion = None) -> Answer:
    """Show a registered model with its versions, the newest first, or one version alone."""
    if version is not None:
        return Details(VERSION_FIELDS, client.get_model_version(model, version))
    found = client.get_registered_model(model)
    versions = client.search_model_versions(f"name = {quoted(model)}", order_by="version_number DESC")
    return Details(_MODEL, found, {"versions": Listing(VERSION_FIELDS, versions, nothing="It has no versions yet.")})


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
            help="runs:/RUN_ID/PATH, models:/MODEL_ID, or a URI outside Trivet, which is kept as given.",
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
    return Done(f"Version {version.version} of {model!r} is {version.status}.", as_object(VERSION_FIELDS, version))


@client_command(app, "stage", example="trivet models stage taxi 2 Production --archive-existing")
def stage(
    client: trivet.Client,
    model: ModelArgument,
    version: VersionArgument,
    stage: Annotated[  # the command is named after what it sets
        str, typer.Argument(metavar="STAGE", help="One of `trivet models stages`.", show_default=False)
    ],
    archives_existing: Annotated[  # noqa: FBT002 - a flag
        bool,
        typer.Option("--archive-existing", help="Move other versions in that stage to Archived.", show_default=False),
    ] = False,
    reason: ReasonOption = "",
) -> Answer:
    """Move a version into a stage."""
    moved = client.transition_model_version_stage(model, version, stage, archives_existing, reason=reason)
    return Done(f"Version {version} of {model!r} is in {moved.current_stage}.", as_object(VERSION_FIELDS, moved))


@client_command(app, "copy", example="trivet models copy models:/taxi@champion taxi-production")
def copy(
    client: trivet.Client,
    model_uri: Annotated[
        str,
        typer.Argument(
            metavar="URI",
            help="models:/NAME/VERSION, models:/NAME/STAGE or models:/NAME@ALIAS.",
            show_default=False,
        ),
    ],
    model: ModelArgument,
) -> Answer:
    """Copy a version into another model, which is made where there is none. No bytes move."""
    copied = client.copy_model_version(model_uri, model)
    return Done(
        f"Version {copied.version} of {model!r} is a copy of {copied.copied_from}.", as_object(VERSION_FIELDS, copied)
    )


@client_command(app, "rename", example="trivet models rename taxi cab")
def rename(
    client: trivet.Client,
    model: ModelArgument,
    new_name: Annotated[str, typer.Argument(metavar="NEW_NAME", help="What to call it.", show_default=False)],
    reason: ReasonOption = "",
) -> Answer:
    """Give a model another name; versions, aliases and history follow."""
    client.registry.rename_registered_model(model, new_name, reason=reason)
    return Done(f"The model {model!r} is called {new_name!r} now.", {"name": new_name, "previous_name": model})


@client_command(app, "describe", example="trivet models describe taxi '# How long a trip takes'")
def describe(
    client: trivet.Client,
    model: ModelArgument,
    description: Annotated[
        str, typer.Argument(metavar="TEXT", help="In markdown; - reads standard input.", show_default=False)
    ],
    version: Annotated[
        int | None,
        typer.Option("--version", metavar="VERSION", min=1, help="Of this version of it.", show_default=False),
    ] = None,
) -> Answer:
    """Write the description of a model, or of a version, in place of the one that there is."""
    if description == "-":
        description = sys.stdin.read()
    if version is None:
        client.update_registered_model(model, description)
        return Done(f"The model {model!r} has this description now.", {"name": model, "description": description})
    client.update_model_version(model, version, description)
    return Done(
        f"Version {version} of {model!r} has this description now.",
        {"name": model, "version": version, "description": description},
    )


@client_command(app, "tag", example="trivet models tag taxi team=routes --version 2")
def tag(
    client: trivet.Client,
    model: ModelArgument,
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE...]", help="Tags to set.", show_default=False)
    ] = None,
    removed: Annotated[
        list[str] | None,
        typer.Option("--rm", metavar="KEY", help="A tag to remove; may be given several times.", show_default=False),
    ] = None,
    version: Annotated[
        int | None,
        typer.Option("--version", metavar="VERSION", min=1, help="Of this version of it.", show_default=False),
    ] = None,
) -> Answer:
    """Set and remove tags of a model, or of a version."""
    tags = parse_pairs(texts, "KEY=VALUE")
    if not tags and not removed:
        raise typer.BadParameter("Say which tags to set, or to remove by --rm.", param_hint="KEY=VALUE")
    for key, value in tags.items():
        if version is None:
            client.set_registered_model_tag(model, key, value)
        else:
            client.set_model_version_tag(model, version, key, value)
    for key in removed or ():
        if version is None:
            client.delete_registered_model_tag(model, key)
        else:
            client.delete_model_version_tag(model, version, key)
    now = (client.get_registered_model(model) if version is None else client.get_model_version(model, version)).tags
    what = f"The model {model!r}" if version is None else f"Version {version} of {model!r}"
    listed = ", ".join(f"{key}={value}" for key, value in sorted(now.items()))
    return Done(
        f"{what} has the tags {listed}." if now else f"{what} has no tags.",
        {"name": model, **({} if version is None else {"version": version}), "tags": dict(now)},
    )


@client_command(_aliases, "set", example="trivet models alias set taxi champion 2")
def set_alias(
    client: trivet.Client,
    model: ModelArgument,
    alias: _AliasArgument,
    version: VersionArgument,
    reason: ReasonOption = "",
) -> Answer:
    """Let an alias point at a version, wherever it pointed before."""
    client.registry.set_registered_model_alias(model, alias, version, reason=reason)
    return Done(
        f"models:/{model}@{alias} is version {version} now.", {"name": model, "alias": alias, "version": version}
    )


@client_command(_aliases, "rm", example="trivet models alias rm taxi champion")
def remove_alias(
    client: trivet.Client,
    model: ModelArgument,
    alias: _AliasArgument,
    reason: ReasonOption = "",
    is_sure: YesOption = False,  # noqa: FBT002 - a flag
) -> Answer:
    """Remove an alias; the version stays."""
    version = client.get_model_version_by_alias(model, alias).version
    confirm(f"Remove the alias {alias!r} of {model!r}, which points at version {version}?", is_sure=is_sure)
    client.registry.delete_registered_model_alias(model, alias, reason=reason)
    return Done(f"The alias {alias!r} of {model!r} is gone.", {"name": model, "alias": alias, "version": None})


@client_command(app, "rm", example="trivet models rm taxi 1")
def rm(
    client: trivet.Client,
    model: ModelArgument,
    version: OptionalVersion = None,
    reason: ReasonOption = "",
    is_sure: YesOption = False,  # noqa: FBT002 - a flag
) -> Answer:
    """Delete a model with all its versions, or one version of it. There is no way back; its history stays."""
    if version is None:
        uid = client.get_registered_model(model).uid
        confirm(f"Delete the model {model!r} with all its versions? There is no way back.", is_sure=is_sure)
        client.registry.delete_registered_model(model, reason=reason)
        return Done(
            f"The model {model!r} is deleted. Its history stays: trivet models history {uid}",
            {"name": model, "uid": uid},
        )
    client.get_model_version(model, version)
    confirm(f"Delete version {version} of {model!r}? There is no way back.", is_sure=is_sure)
    client.registry.delete_model_version(model, version, reason=reason)
    return Done(f"Version {version} of {model!r} is deleted.", {"name": model, "version": version})
