"""gRPC's reflection: what a server serves, told to those who may call it at all."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from typing import Any

from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from trivet_kit.calls import Gate, abort, request_id_of
from trivet_kit.errors import CredentialsInvalid

SERVICE_NAME: str = reflection.SERVICE_NAME

_log = logging.getLogger("trivet.calls")


def add_reflection(server: Any, names: Sequence[str], gate: Gate) -> None:
    """Lets a grpc.aio server tell of services, by their full names, whom the gate's authenticator believes."""
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(_Guarded(names, gate), server)


class _Guarded(reflection.aio.ReflectionServicer):  # type: ignore[misc] # the package has no types
    """The package's own, after the caller was verified."""

    def __init__(self, names: Sequence[str], gate: Gate) -> None:
        super().__init__(names)
        self._gate = gate

    async def ServerReflectionInfo(self, requests: AsyncIterable[Any], context: Any) -> AsyncIterator[Any]:  # noqa: N802 - named as in the contract
        presented = self._gate.presented(context)
        try:
            await self._gate.verified(presented)
        except CredentialsInvalid as error:
            request_id = request_id_of(presented)
            _log.warning("reflection refused: %s", error.__cause__ or error, extra={"request_id": request_id})
            await abort(context, error, request_id)
        async for response in super().ServerReflectionInfo(requests, context):
            yield response
