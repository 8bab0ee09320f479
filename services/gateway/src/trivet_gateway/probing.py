"""Asks the gateway of this machine for its health, as a container's own check."""

from __future__ import annotations

import http.client
import ssl

from trivet_gateway.hosts import EVERYWHERE
from trivet_kit.health import TIMEOUT_SECONDS, NotServingError
from trivet_kit.settings import Address


def check(listen: Address, *, is_tls: bool) -> None:
    """Returns if the gateway that listens there serves.

    Raises:
        NotServingError: it answers otherwise, or not within `TIMEOUT_SECONDS`.
    """
    # Addresses that mean every interface can be listened on, not called.
    host = EVERYWHERE.get(listen.host, listen.host)
    if is_tls:
        # It asks itself, by an address that no certificate names, and learns only whether it serves.
        context = ssl._create_unverified_context()  # noqa: S323, SLF001 - said above
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, listen.port, timeout=TIMEOUT_SECONDS, context=context
        )
    else:
        connection = http.client.HTTPConnection(host, listen.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/health")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise NotServingError(f"{listen} does not answer: {error}.") from None
    finally:
        connection.close()
    if status != http.client.OK:
        raise NotServingError(f"{listen} answers {status}.")
