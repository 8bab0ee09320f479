"""Settings of the services that send to webhooks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import typer

from trivet_kit.settings import StartupError
from trivet_kit.webhooks.addresses import AddressGuard, parse_networks

DEFAULT_WEBHOOK_TIMEOUT_SECONDS = 10.0
DEFAULT_WEBHOOK_RETRY_SECONDS = 5.0


@dataclass(frozen=True)
class WebhookSettings:
    """How webhooks are sent to."""

    guard: AddressGuard = field(default_factory=AddressGuard)
    """Where."""
    timeout_seconds: float = DEFAULT_WEBHOOK_TIMEOUT_SECONDS
    """How long a receiver may take."""
    retry_seconds: float = DEFAULT_WEBHOOK_RETRY_SECONDS
    """How long after a first failure it is tried again; twice as long after each further one, an hour at most."""


def parse_webhook_networks(text: str) -> AddressGuard:
    """Parses networks beside the public ones. Raises StartupError."""
    try:
        return AddressGuard(parse_networks(text))
    except ValueError:
        raise StartupError(
            f"TRIVET_WEBHOOK_NETWORKS is {text!r}; it must be networks such as 10.0.0.0/8,fd00::/8."
        ) from None


WebhookNetworksOption = Annotated[
    str,
    typer.Option(
        envvar="TRIVET_WEBHOOK_NETWORKS",
        metavar="NETWORKS",
        help="Networks that webhooks may be in beside public addresses, such as 10.0.0.0/8,fd00::/8; also by http://.",
    ),
]
WebhookTimeoutOption = Annotated[
    float,
    typer.Option(
        envvar="TRIVET_WEBHOOK_TIMEOUT_SECONDS", min=0.05, max=60, help="How long a webhook may take to answer."
    ),
]
WebhookRetryOption = Annotated[
    float,
    typer.Option(
        envvar="TRIVET_WEBHOOK_RETRY_SECONDS",
        min=0.01,
        max=3600,
        help="After this long an event is sent again that did not arrive; then after twice as long, and so on.",
    ),
]
