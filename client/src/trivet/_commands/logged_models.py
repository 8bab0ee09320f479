"""`trivet logged-models`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import typer

import trivet
from trivet._commands.answers import Answer, Details, Done, Field, Listing
from trivet._commands.declaring import client_command
from trivet._commands.experiments import find_by_name
from trivet._commands.kinds import COUNT, ID, NUMBER, PAIRS, TIME
from trivet._commands.options import (
    ExperimentIdsOption,
    ExperimentsOption,
    FilterOption,
    MaxOption,
    OrderByOption,
    YesOption,
    confirm,
)

app = typer.Typer(no_args_is_help=True, help="Logged models: what runs made, and how well it does.")

_MODEL: Final[Sequence[Field[trivet.LoggedModel]]] = (
    Field("model_id", "ID", ID),
    Field("name", "Name"),
    Field("experiment_id", "Experiment", ID),
    Field("status", "Status", ID),
    Field("model_type", "Type"),
    Field("source_run_id", "Source run", ID),
    Field("creation_timestamp", "Created", TIME),
    Field("last_updated_timestamp", "Updated", TIME, is_listed=False),
    Field("created_by", "Created by", is_listed=False),
    Field("params", "Params", PAIRS, is_listed=False),
    Field("tags", "Tags", PAIRS, is_listed=False),
)
_METRIC: Final[Sequence[Field[trivet.LoggedModelMetric]]] = (
    Field("key", "Metric"),
    Field("value", "Value", NUMBER),
    Field("step", "Step", COUNT),
    Field("dataset_name", "Dataset"),
    Field("dataset_digest", "Digest", ID),
    Field("run_id", "Run", ID),
    Field("timestamp", "Measured", TIME, is_listed=False),
    Field("min", "Min", NUMBER, is_listed=False),
    Field("max", "Max", NUMBER, is_listed=False),
)

_ModelIdArgument = Annotated[
    str, typer.Argument(metavar="MODEL_ID", help="The id of the logged model.", show_default=False)
]


@client_command(
    app, "ls", example="trivet logged-models ls --experiment taxi --filter 'metrics.rmse < 7' --order-by metrics.rmse"
)
def ls(
    client: trivet.Client,
    experiments: ExperimentsOption = None,
    experiment_ids: ExperimentIdsOption = None,
    filter_string: FilterOption = "",
    order_by: OrderByOption = None,
    max_results: MaxOption = 100,
) -> Answer:
    """List logged models, the newest first; of all experiments, unless some are named."""
    ids = [*(experiment_ids or ()), *(find_by_name(client, name).experiment_id for name in experiments or ())]
    found = client.search_logged_models(ids, filter_string, None, max_results, order_by)
    return Listing(_MODEL, found, nothing="There are no such logged models.", has_more=bool(found.token))


@client_command(app, "show", example="trivet logged-models show m-0051d54e914b4d798556ff691fb7b02b")
def show(client: trivet.Client, model_id: _ModelIdArgument) -> Answer:
    """Show a logged model with its params and tags, and what was measured of it on which data."""
    model = client.get_logged_model(model_id)
    metrics = Listing(_METRIC, model.metrics, nothing="Nothing was measured of it yet.")
    return Details(_MODEL, model, {"metrics": metrics})


@client_command(app, "rm", example="trivet logged-models rm m-0051d54e914b4d798556ff691fb7b02b")
def rm(client: trivet.Client, model_id: _ModelIdArgument, is_sure: YesOption = False) -> Answer:  # noqa: FBT002 - a flag
    """Delete a logged model; its files stay."""
    model = client.get_logged_model(model_id)
    confirm(f"Delete the logged model {model_id} ({model.name!r})?", is_sure=is_sure)
    client.delete_logged_model(model_id)
    return Done(f"The logged model {model_id} is deleted.", {"model_id": model_id})
