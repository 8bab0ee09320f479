# ruff: noqa: ARG002, N802, D102 - goes away with the last of them
"""Methods of the contract that are being built: UNIMPLEMENTED until then."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from trivet_kit.calls import Call
from trivet_kit.errors import MethodUnknown


class NotServedYet:
    """Answers UNIMPLEMENTED."""

    def CreateWebhook(self, request: Any, call: Call) -> Any:
        raise MethodUnknown(call.method)

    GetWebhook = ListWebhooks = UpdateWebhook = DeleteWebhook = CreateWebhook
    ListWebhookDeliveries = CreateWebhook

    async def WatchModelEvents(self, request: Any, call: Call) -> AsyncGenerator[Any, None]:
        raise MethodUnknown(call.method)
        yield
