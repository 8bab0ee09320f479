"""`trivet runs`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

import trivet
from trivet._commands.answers import Answer, Details, Done, Field, Listing
from trivet._commands.changes import show_changes
from trivet._commands.comparing import Compared
from trivet._commands.console import show_console
from trivet._commands.declaring import client_command
from trivet._commands.experiments import find, find_by_name
from trivet._commands.importance import Importances
from trivet._commands.kinds import NAMES, NUMBER, PAIRS, TEXT, Kind
from trivet._commands.options import (
    ExperimentArgument,
    ExperimentIdsOption,
    ExperimentsOption,
    FilterOption,
    FollowOption,
    JsonOption,
    MaxOption,
    OrderByOption,
    RunArgument,
    StepArgument,
    TagsOption,
    UntilEndedOption,
    View,
    ViewOption,
    YesOption,
    confirm,
    parse_pairs,
    parse_tags,
)
from trivet._commands.run_fields import RUN_FIELDS

app = typer.Typer(no_args_is_help=True, help="Runs: what was tried, and what came of it.")


def _inputs(run: trivet.Run) -> trivet.RunInputs:
    return run.inputs or trivet.RunInputs()


def _outputs(run: trivet.Run) -> trivet.RunOutputs:
    return run.outputs or trivet.RunOutputs()


# Searches do not read these.
_LINKS: Final[Sequence[Field[trivet.Run]]] = (
    Field("models_used", "Models used", NAMES, lambda run: [model.model_id for model in _inputs(run).model_inputs]),
    Field("models_made", "Models made", NAMES, lambda run: [model.model_id for model in _outputs(run).model_outputs]),
    Field(
        "datasets",
        "Datasets",
        PAIRS,
        lambda run: {
            f"{used.dataset.name}@{used.dataset.digest}": used.tags.get("mlflow.data.context", "")
            for used in _inputs(run).dataset_inputs
        },
    ),
)

_LOGGED: Final[Mapping[str, tuple[Kind, Callable[[trivet.RunData], Mapping[str, Any]]]]] = {
    "metrics": (NUMBER, lambda data: data.metrics),
    "params": (TEXT, lambda data: data.params),
    "tags": (TEXT, lambda data: data.tags),
}


def _parse_columns(texts: Sequence[str] | None) -> list[Field[trivet.Run]]:
    """The columns of texts such as `metrics.rmse,params.alpha`."""
    return [_column(name.strip()) for text in texts or () for name in text.split(",") if name.strip()]


def _column(name: str) -> Field[trivet.Run]:
    group, _, key = name.partition(".")
    if group not in _LOGGED or not key:
        raise typer.BadParameter(
            f"{name!r} is no column; use metrics.KEY, params.KEY or tags.KEY.", param_hint="--columns"
        )
    kind, logged = _LOGGED[group]
    return Field("", name, kind, lambda run: logged(run.data).get(key))


def _experiment_ids(client: trivet.Client, names: Sequence[str] | None, ids: Sequence[str] | None) -> list[str]:
    """The ids of experiments, some of which are given by their names."""
    return [*(ids or ()), *(find_by_name(client, name).experiment_id for name in names or ())]


@client_command(
    app, "ls", example="trivet runs ls --experiment taxi --order-by 'metrics.rmse ASC' --columns metrics.rmse"
)
def ls(
    client: trivet.Client,
    experiments: ExperimentsOption = None,
    experiment_ids: ExperimentIdsOption = None,
    filter_string: FilterOption = "",
    order_by: OrderByOption = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--columns",
            metavar="NAMES",
            help="More columns of the table: metrics.KEY, params.KEY, tags.KEY, with commas between. JSON has all.",
            show_default=False,
        ),
    ] = None,
    view: ViewOption = View.ACTIVE,
    max_results: MaxOption = 100,
) -> Answer:
    """List runs, the newest first; of all experiments, unless some are named."""
    more = _parse_columns(columns)
    ids = _experiment_ids(client, experiments, experiment_ids)
    found = client.search_runs(ids, filter_string, view.view_type, max_results, order_by)
    return Listing([*RUN_FIELDS, *more], found, nothing="There are no such runs.", has_more=bool(found.token))


@client_command(app, "show", example="trivet runs show 0192f0c1a7d47b6e9c3e5a8b1f2d4c60")
def show(client: trivet.Client, run_id: RunArgument) -> Answer:
    """Show a run with its params, the current values of its metrics, its tags, and what it used and made."""
    return Details([*RUN_FIELDS, *_LINKS], client.get_run(run_id))


@client_command(app, "watch", example="trivet runs watch --experiment taxi --metric rmse", has_json=False)
def watch(
    client: trivet.Client,
    run_ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN_ID]...", help="Only these runs; as they are now comes first.", show_default=False),
    ] = None,
    experiments: ExperimentsOption = None,
    experiment_ids: ExperimentIdsOption = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            "--metric", metavar="KEY", help="Only this metric; may be given several times.", show_default=False
        ),
    ] = None,
    until_ended: UntilEndedOption = False,  # noqa: FBT002 - a flag
    as_json: JsonOption = False,  # noqa: FBT002 - a flag
) -> None:
    """Show what happens to runs, a line for each change, until Ctrl-C; of all experiments, unless some are named."""
    if run_ids and (experiments or experiment_ids):
        raise typer.BadParameter("Name runs or experiments.", param_hint="RUN_ID")
    if until_ended and not run_ids:
        raise typer.BadParameter("Name the runs that are to end.", param_hint="--until-ended")
    ids = _experiment_ids(client, experiments, experiment_ids)
    show_changes(client, run_ids or (), ids, metrics or None, until_ended=until_ended, as_json=as_json)


@client_command(app, "console", example="trivet runs console 0192f0c1a7d47b6e9c3e5a8b1f2d4c60 --follow", has_json=False)
def console(
    client: trivet.Client,
    run_id: RunArgument,
    follow: FollowOption = False,  # noqa: FBT002 - a flag
    newest: Annotated[
        int,
        typer.Option("--newest", "-n", metavar="LINES", min=0, help="Begin with so many of the newest lines; 0: all."),
    ] = 0,
    times: Annotated[bool, typer.Option("--times", help="Show when each line was written.")] = False,  # noqa: FBT002 - a flag
    as_json: JsonOption = False,  # noqa: FBT002 - a flag
) -> None:
    """Show what the processes of a run wrote to their consoles."""
    show_console(client.console(run_id, newest, follow=follow), with_times=times, as_json=as_json)


@client_command(app, "tail", example="trivet runs tail 0192f0c1a7d47b6e9c3e5a8b1f2d4c60 --follow", has_json=False)
def tail(
    client: trivet.Client,
    run_id: RunArgument,
    follow: FollowOption = False,  # noqa: FBT002 - a flag
    newest: Annotated[int, typer.Option("--newest", "-n", metavar="LINES", min=1, help="How many lines.")] = 20,
    as_json: JsonOption = False,  # noqa: FBT002 - a flag
) -> None:
    """Show the newest lines that the processes of a run wrote to their consoles."""
    show_console(client.console(run_id, newest, follow=follow), with_times=False, as_json=as_json)


@client_command(app, "compare", example="trivet runs compare 0192f0c1a7d47b6e9c3e5a8b1f2d4c60 0192f0c1 --all")
def compare(
    client: trivet.Client,
    run_ids: Annotated[list[str], typer.Argument(metavar="RUN_ID...", help="The runs.", show_default=False)],
    everything: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--all", help="Show also what is the same in all of them.", show_default=False)
    ] = False,
) -> Answer:
    """Put runs side by side: a column each, and a row for each attribute, param, metric and tag that differs."""
    return Compared(client.compare_runs(run_ids, only_differing=not everything), run_ids)


class Figure(StrEnum):
    """One of the values of a metric."""

    LAST = "last"
    MIN = "min"
    MAX = "max"


@client_command(app, "importance", example="trivet runs importance taxi --metric rmse --filter 'params.model = 'xgb''")
def importance(
    client: trivet.Client,
    experiment: ExperimentArgument,
    metric: Annotated[
        str, typer.Option("--metric", metavar="KEY", help="What the params are to tell.", show_default=False)
    ],
    figure: Annotated[
        Figure, typer.Option(help="The current value of the metric, the smallest or the largest one.")
    ] = Figure.LAST,
    filter_string: FilterOption = "",
    params: Annotated[
        list[str] | None,
        typer.Option(
            "--params",
            metavar="KEYS",
            help="Only these params, with commas between; may be given several times.",
            show_default=False,
        ),
    ] = None,
    top: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Show so many params at most.", show_default=False)
    ] = None,
) -> Answer:
    """Tell which params of the runs of an experiment tell a metric, and in which direction."""
    keys = [key.strip() for text in params or () for key in text.split(",") if key.strip()]
    found = client.param_importance(
        metric,
        find(client, experiment).experiment_id,
        filter_string=filter_string,
        figure=figure.value,
        param_keys=keys,
    )
    return Importances(found, metric, top)


@client_command(app, "rename", example="trivet runs rename 0192f0c1a7d47b6e9c3e5a8b1f2d4c60 'small steps'")
def rename(
    client: trivet.Client,
    run_id: RunArgument,
    new_name: Annotated[str, typer.Argument(metavar="NEW_NAME", help="What to call it.", show_default=False)],
) -> Answer:
    """Give a run another name."""
    client.update_run(run_id, name=new_name)
    return Done(f"Run {run_id} is called {new_name!r} now.", {"run_id": run_id, "run_name": new_name})


@client_command(app, "describe", example="trivet runs describe 0192f0c1a7d47b6e9c3e5a8b1f2d4c60 '# Too slow'")
def describe(
    client: trivet.Client,
    run_id: RunArgument,
    description: Annotated[
        str,
        typer.Argument(metavar="TEXT", help="Notes, in markdown; - reads standard input.", show_default=False),
    ],
) -> Answer:
    """Write notes about a run, in place of those that there are."""
    if description == "-":
        description = sys.stdin.read()
    client.tracking.update_run(run_id, description=description)
    return Done(f"Run {run_id} has these notes now.", {"run_id": run_id, "description": description})


@client_command(app, "fork", example="trivet runs fork 0192f0c1a7d47b6e9c3e5a8b1f2d4c60 1000 --param lr=0.001")
def fork(
    client: trivet.Client,
    run_id: RunArgument,
    step: StepArgument,
    name: Annotated[
        str, typer.Option(metavar="NAME", help="What to call the fork. Default: a name is made up.", show_default=False)
    ] = "",
    params: Annotated[
        list[str] | None,
        typer.Option(
            "--param",
            metavar="KEY=VALUE",
            help="A param of the fork, in place of the run's; may be given several times.",
            show_default=False,
        ),
    ] = None,
    tags: TagsOption = None,
) -> Answer:
    """Create a run that begins as this one was at a step: with its params, its tags and its curves up to there."""
    fork = client.fork_run(run_id, step, run_name=name, params=parse_pairs(params, "--param"), tags=parse_tags(tags))
    return Done(
        f"Run {fork.info.run_id} ({fork.info.run_name!r}) begins as run {run_id} was at step {step}.",
        {"run_id": fork.info.run_id, "forked_from_run_id": run_id, "forked_from_step": step},
    )


@client_command(app, "stop", example="trivet runs stop 0192f0c1a7d47b6e9c3e5a8b1f2d4c60 --reason 'Good enough'")
def stop(
    client: trivet.Client,
    run_id: RunArgument,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, for people.", show_default=False)] = "",
) -> Answer:
    """Ask the program that logs to a run to stop; it does where it looks at run.should_stop()."""
    asked = client.stop_run(run_id, reason)
    because = f": {asked.reason}" if asked.reason else "."
    return Done(f"Run {run_id} is asked to stop{because}", {"run_id": run_id, "reason": asked.reason})


@client_command(app, "rewind", example="trivet runs rewind 0192f0c1a7d47b6e9c3e5a8b1f2d4c60 1000")
def rewind(client: trivet.Client, run_id: RunArgument, step: StepArgument, is_sure: YesOption = False) -> Answer:  # noqa: FBT002 - a flag
    """Take a run back to a step, RUNNING: its points of all later steps are removed for good."""
    run = client.get_run(run_id)
    confirm(f"Remove all points of run {run_id} ({run.info.run_name!r}) after step {step} for good?", is_sure=is_sure)
    client.rewind_run(run_id, step)
    return Done(f"Run {run_id} is back at step {step}.", {"run_id": run_id, "step": step})


@client_command(app, "rm-metrics", example="trivet runs rm-metrics 0192f0c1a7d47b6e9c3e5a8b1f2d4c60 rmse")
def rm_metrics(
    client: trivet.Client,
    run_id: RunArgument,
    keys: Annotated[list[str], typer.Argument(metavar="KEY...", help="The metrics.", show_default=False)],
    is_sure: YesOption = False,  # noqa: FBT002 - a flag
) -> Answer:
    """Remove metrics of a run for good, with all their points."""
    run = client.get_run(run_id)
    names = ", ".join(map(repr, keys))
    confirm(f"Remove {names} of run {run_id} ({run.info.run_name!r}) for good?", is_sure=is_sure)
    points = client.delete_metrics(run_id, keys)
    return Done(f"{points} points of run {run_id} are gone.", {"run_id": run_id, "deleted_points": points})


@client_command(app, "rm", example="trivet runs rm 0192f0c1a7d47b6e9c3e5a8b1f2d4c60")
def rm(client: trivet.Client, run_id: RunArgument, is_sure: YesOption = False) -> Answer:  # noqa: FBT002 - a flag
    """Put a run into the bin. `restore` takes it out."""
    run = client.get_run(run_id)
    confirm(f"Put run {run_id} ({run.info.run_name!r}) into the bin?", is_sure=is_sure)
    client.delete_run(run_id)
    return Done(
        f"Run {run_id} is in the bin. Take it out: trivet runs restore {run_id}",
        {"run_id": run_id, "lifecycle_stage": "deleted"},
    )


@client_command(app, "restore", example="trivet runs restore 0192f0c1a7d47b6e9c3e5a8b1f2d4c60")
def restore(client: trivet.Client, run_id: RunArgument) -> Answer:
    """Take a run out of the bin."""
    client.restore_run(run_id)
    return Done(f"Run {run_id} is in use again.", {"run_id": run_id, "lifecycle_stage": "active"})
