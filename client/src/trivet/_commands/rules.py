"""`trivet rules`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import typer

import trivet
import trivet.rules
from trivet._commands.answers import Answer, Details, Done, Field, Listing
from trivet._commands.declaring import client_command
from trivet._commands.experiments import find_by_name
from trivet._commands.kinds import COUNT, ID, MARK, NUMBER, TIME
from trivet._commands.options import MaxOption, YesOption, confirm, parse_age

app = typer.Typer(no_args_is_help=True, help="Rules by which runs are judged while they are logged.")

_RULE_ID: Final = "6f1c0b5e9a7d4c3f8e2a1b0c9d8e7f6b"


def _says(rule: trivet.rules.Rule) -> str:
    """When a run breaks a rule, in words."""
    match condition := rule.condition:
        case trivet.rules.NotANumber():
            return f"{condition.metric or 'any metric'} is no number"
        case trivet.rules.Divergence(metric, above=float(bound)):
            return f"{metric} is above {bound:g}"
        case trivet.rules.Divergence(metric, below=float(bound)):
            return f"{metric} is below {bound:g}"
        case trivet.rules.Divergence(metric, worse_by=float(bound)):
            return f"{metric} is worse than the best by {bound:g}, {condition.direction}"
        case trivet.rules.Divergence(metric):
            return f"{metric} is worse than the best by the factor {condition.worse_by_factor:g}, {condition.direction}"
        case trivet.rules.NoImprovement(metric):
            patience = f"{condition.steps} steps" if condition.steps is not None else f"{condition.seconds:g} s"
            more = f" by {condition.min_delta:g}" if condition.min_delta else ""
            return f"{metric} does not improve{more} for {patience}, {condition.direction}"
        case trivet.rules.NoHeartbeat():
            return f"nothing is logged for {condition.seconds:g} s"


_RULE: Final[Sequence[Field[trivet.rules.Rule]]] = (
    Field("rule_id", "ID", ID),
    Field("name", "Name"),
    Field("experiment_id", "Experiment", ID),
    Field("run_id", "Run", ID),
    Field("condition", "Broken where", read=_says),
    Field("stop", "Stops", MARK),
    Field("tag", "Tags", MARK),
    Field("webhook_url", "Webhook"),
    Field("creation_timestamp", "Created", TIME, is_listed=False),
    Field("created_by", "Created by", is_listed=False),
)
_EVENT: Final[Sequence[Field[trivet.rules.RuleEvent]]] = (
    Field("event_id", "Event", ID, is_listed=False),
    Field("rule_id", "Rule ID", ID, is_listed=False),
    Field("rule_name", "Rule"),
    Field("experiment_id", "Experiment", ID, is_listed=False),
    Field("run_id", "Run", ID),
    Field("reason", "Why"),
    Field("metric", "Metric", is_listed=False),
    Field("step", "Step", COUNT, is_listed=False),
    Field("value", "Value", NUMBER, is_listed=False),
    Field("creation_timestamp", "Found", TIME),
    Field("delivery", "Webhook", ID, lambda event: None if event.delivery is None else event.delivery.state),
)

_RuleArgument = Annotated[str, typer.Argument(metavar="RULE_ID", help="The id of the rule.", show_default=False)]
_ExperimentOption = Annotated[
    str, typer.Option("--experiment", metavar="NAME", help="Of this experiment.", show_default=False)
]
_RunOption = Annotated[str, typer.Option("--run", metavar="RUN_ID", help="Of this run.", show_default=False)]


def _experiment_id(client: trivet.Client, name: str) -> str | None:
    return find_by_name(client, name).experiment_id if name else None


def _number_option(name: str, text: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(name, metavar="NUMBER", help=text, show_default=False)
    return option


def _patience(text: str) -> tuple[int | None, float | None]:
    """Steps, or seconds, of a text such as `10` or `30m`."""
    if text.isdecimal():
        return int(text), None
    return None, parse_age(text, "--no-improvement").total_seconds()


@client_command(app, "create", example="trivet rules create diverged --experiment taxi --metric loss --above 10 --stop")
def create(
    client: trivet.Client,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it.", show_default=False)],
    experiment: _ExperimentOption = "",
    run_id: _RunOption = "",
    metric: Annotated[str, typer.Option(metavar="KEY", help="Which metric is judged.", show_default=False)] = "",
    is_nan: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--nan", help="Broken by NaN and infinities, of any metric unless one is given.")
    ] = False,
    above: Annotated[float | None, _number_option("--above", "Broken by a value above this.")] = None,
    below: Annotated[float | None, _number_option("--below", "Broken by a value below this.")] = None,
    worse_by: Annotated[
        float | None, _number_option("--worse-by", "Broken by a value that is worse than the best by more than this.")
    ] = None,
    worse_by_factor: Annotated[
        float | None, _number_option("--worse-by-factor", "Broken by a value so many times worse than the best.")
    ] = None,
    no_improvement: Annotated[
        str,
        typer.Option(
            metavar="STEPS|TIME", help="Broken after so long without an improvement: 10 steps, 30m.", show_default=False
        ),
    ] = "",
    no_heartbeat: Annotated[
        str,
        typer.Option(metavar="TIME", help="Broken where nothing is logged for so long: 10m.", show_default=False),
    ] = "",
    is_maximized: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--maximize", help="Greater values of the metric are better.")
    ] = False,
    min_delta: Annotated[float, typer.Option(metavar="NUMBER", help="An improvement is better by more.")] = 0.0,
    is_stopping: Annotated[bool, typer.Option("--stop", help="Ask the run to stop.")] = False,  # noqa: FBT002 - a flag
    is_tagging: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--tag/--no-tag", help="Mark the run by the tag trivet.rule.NAME.")
    ] = True,
    webhook_url: Annotated[
        str, typer.Option("--webhook", metavar="URL", help="https://HOST/PATH, which is told.", show_default=False)
    ] = "",
) -> Answer:
    """Create a rule of an experiment or of a run; again with the same options, it is there already."""
    direction = "maximize" if is_maximized else "minimize"
    conditions: list[trivet.rules.Condition] = []
    if is_nan:
        conditions.append(trivet.rules.NotANumber(metric))
    if any(limit is not None for limit in (above, below, worse_by, worse_by_factor)):
        conditions.append(trivet.rules.Divergence(metric, above, below, worse_by, worse_by_factor, direction))
    if no_improvement:
        steps, seconds = _patience(no_improvement)
        conditions.append(trivet.rules.NoImprovement(metric, steps, seconds, direction, min_delta))
    if no_heartbeat:
        conditions.append(trivet.rules.NoHeartbeat(parse_age(no_heartbeat, "--no-heartbeat").total_seconds()))
    if len(conditions) != 1:
        raise typer.BadParameter(
            "Say when a run breaks it, by one of these.",
            param_hint="--nan, --above, --below, --worse-by, --worse-by-factor, --no-improvement, --no-heartbeat",
        )
    made = client.create_rule(
        name,
        conditions[0],
        experiment_id=_experiment_id(client, experiment),
        run_id=run_id or None,
        stop=is_stopping,
        tag=is_tagging,
        webhook_url=webhook_url,
    )
    secret = Field[trivet.rules.Rule]("webhook_secret", "Secret", ID)
    return Details([*_RULE, secret], made)


@client_command(app, "ls", example="trivet rules ls --experiment taxi")
def ls(
    client: trivet.Client, experiment: _ExperimentOption = "", run_id: _RunOption = "", max_results: MaxOption = 100
) -> Answer:
    """List rules, the oldest first; of a run, those of its experiment too."""
    found = client.tracking.rules.list(
        experiment_id=_experiment_id(client, experiment), run_id=run_id or None, max_results=max_results
    )
    return Listing(_RULE, found, nothing="There are no such rules.", has_more=bool(found.token))


@client_command(app, "show", example=f"trivet rules show {_RULE_ID}")
def show(client: trivet.Client, rule_id: _RuleArgument, max_results: MaxOption = 20) -> Answer:
    """Show a rule with the runs that broke it last."""
    rule = client.tracking.rules.get(rule_id)
    found = client.tracking.rules.list_events(rule_id=rule_id, max_results=max_results)
    return Details(_RULE, rule, {"events": Listing(_EVENT, found, nothing="No run has broken it yet.")})


@client_command(app, "events", example="trivet rules events --experiment taxi")
def events(
    client: trivet.Client, experiment: _ExperimentOption = "", run_id: _RunOption = "", max_results: MaxOption = 100
) -> Answer:
    """List which runs broke which rules, the newest first."""
    found = client.tracking.rules.list_events(
        experiment_id=_experiment_id(client, experiment), run_id=run_id or None, max_results=max_results
    )
    return Listing(_EVENT, found, nothing="No run has broken a rule.", has_more=bool(found.token))


@client_command(app, "rm", example=f"trivet rules rm {_RULE_ID}")
def rm(client: trivet.Client, rule_id: _RuleArgument, is_sure: YesOption = False) -> Answer:  # noqa: FBT002 - a flag
    """Delete a rule, with what it found and what waits to be sent."""
    rule = client.tracking.rules.get(rule_id)
    confirm(f"Delete the rule {rule_id} ({rule.name!r})?", is_sure=is_sure)
    client.tracking.rules.delete(rule_id)
    return Done(f"The rule {rule_id} ({rule.name!r}) is deleted.", {"rule_id": rule_id})
