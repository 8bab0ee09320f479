"""`trivet models webhooks`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import typer

import trivet
from trivet._commands.answers import Answer, Details, Done, Field, Listing
from trivet._commands.declaring import client_command
from trivet._commands.kinds import COUNT, ID, MARK, NAMES, TIME
from trivet._commands.options import MaxOption, YesOption, confirm

app = typer.Typer(no_args_is_help=True, help="URLs that are told what happens to models.")

_WEBHOOK_ID: Final = "6f1c0b5e9a7d4c3f8e2a1b0c9d8e7f6a"
_WEBHOOK: Final[Sequence[Field[trivet.Webhook]]] = (
    Field("webhook_id", "ID", ID),
    Field("url", "URL"),
    Field("actions", "Actions", NAMES),
    Field("is_disabled", "Disabled", MARK),
    Field("description", "Description", is_listed=False),
    Field("creation_timestamp", "Created", TIME),
    Field("last_updated_timestamp", "Updated", TIME, is_listed=False),
    Field("created_by", "Created by", is_listed=False),
)
_DELIVERY: Final[Sequence[Field[trivet.WebhookDelivery]]] = (
    Field("event_id", "Event", ID),
    Field("action", "Action", ID),
    Field("state", "State", ID),
    Field("attempts", "Attempts", COUNT),
    Field("http_status", "Status", COUNT),
    Field("problem", "Why"),
    Field("creation_timestamp", "Since", TIME),
    Field("attempt_timestamp", "Last attempt", TIME, is_listed=False),
    Field("next_attempt_timestamp", "Next attempt", TIME),
)

_WebhookArgument = Annotated[
    str, typer.Argument(metavar="WEBHOOK_ID", help="The id of the webhook.", show_default=False)
]
_ActionsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--action",
        metavar="ACTION",
        help="Only this, such as VERSION_MOVED; may be given several times. Default: all.",
        show_default=False,
    ),
]


@client_command(app, "create", example="trivet models webhooks create https://ci.example/hook --action VERSION_MOVED")
def create(
    client: trivet.Client,
    webhook_url: Annotated[str, typer.Argument(metavar="WEBHOOK_URL", help="https://HOST/PATH.", show_default=False)],
    actions: _ActionsOption = None,
    description: Annotated[str, typer.Option(metavar="TEXT", help="What it is for.", show_default=False)] = "",
) -> Answer:
    """Create a webhook, and show the secret of its signatures: it is shown only this once."""
    made = client.registry.webhooks.create(webhook_url, actions=actions or (), description=description)
    secret = Field[trivet.Webhook]("secret", "Secret", ID)
    return Details([*_WEBHOOK, secret], made)


@client_command(app, "ls", example="trivet models webhooks ls")
def ls(client: trivet.Client, max_results: MaxOption = 100) -> Answer:
    """List the webhooks of the workspace, the oldest first."""
    found = client.registry.webhooks.list(max_results=max_results)
    return Listing(_WEBHOOK, found, nothing="There are no webhooks.", has_more=bool(found.token))


@client_command(app, "show", example=f"trivet models webhooks show {_WEBHOOK_ID}")
def show(client: trivet.Client, webhook_id: _WebhookArgument, max_results: MaxOption = 20) -> Answer:
    """Show a webhook with what was last sent to it, and what waits to be."""
    webhook = client.registry.webhooks.get(webhook_id)
    sent = client.registry.webhooks.list_deliveries(webhook_id, max_results=max_results)
    deliveries = Listing(_DELIVERY, sent, nothing="Nothing was sent to it yet.")
    return Details(_WEBHOOK, webhook, {"deliveries": deliveries})


@client_command(app, "enable", example=f"trivet models webhooks enable {_WEBHOOK_ID}")
def enable(client: trivet.Client, webhook_id: _WebhookArgument) -> Answer:
    """Tell a webhook again what happens."""
    client.registry.webhooks.update(webhook_id, is_disabled=False)
    return Done(f"The webhook {webhook_id} is told what happens.", {"webhook_id": webhook_id, "is_disabled": False})


@client_command(app, "disable", example=f"trivet models webhooks disable {_WEBHOOK_ID}")
def disable(client: trivet.Client, webhook_id: _WebhookArgument) -> Answer:
    """Tell a webhook nothing until it is enabled again."""
    client.registry.webhooks.update(webhook_id, is_disabled=True)
    return Done(f"The webhook {webhook_id} is told nothing.", {"webhook_id": webhook_id, "is_disabled": True})


@client_command(app, "rm", example=f"trivet models webhooks rm {_WEBHOOK_ID}")
def rm(client: trivet.Client, webhook_id: _WebhookArgument, is_sure: YesOption = False) -> Answer:  # noqa: FBT002 - a flag
    """Delete a webhook, with what waits to be sent to it."""
    webhook = client.registry.webhooks.get(webhook_id)
    confirm(f"Delete the webhook {webhook_id} ({webhook.url})?", is_sure=is_sure)
    client.registry.webhooks.delete(webhook_id)
    return Done(f"The webhook {webhook_id} is deleted.", {"webhook_id": webhook_id})
