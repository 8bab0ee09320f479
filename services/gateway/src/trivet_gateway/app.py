"""The ASGI application: routes, who calls, and what becomes of errors."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from typing import Final

import orjson
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from trivet_gateway import pages, routes
from trivet_gateway.answers import to_json
from trivet_gateway.bridge import Bridge
from trivet_gateway.callers import metadata_of, workspace_of
from trivet_gateway.compression import Compressed
from trivet_gateway.errors import MlflowError
from trivet_gateway.hosts import KnownHosts
from trivet_gateway.measuring import Measured, Routed
from trivet_gateway.origins import SameOrigin, is_own_origin
from trivet_gateway.request_ids import Identified, request_id_in
from trivet_gateway.requests import fields_of
from trivet_gateway.sign_in.presenting import Presented
from trivet_gateway.sign_in.refreshing import Refresher
from trivet_gateway.sign_in.routes import SignInRoutes
from trivet_gateway.sign_in.settings import SignInSettings
from trivet_gateway.upstream import SERVICES, Addresses, Caller, Upstream
from trivet_kit.system import sign_in_messages
from trivet_kit.timestamps import from_millis, now_millis
from trivet_proto.common.v1 import system_service_pb2

MLFLOW_VERSION: Final = "3.17.2"
"""Whose protocol this is."""
_OUT_OF_SCOPE: Final = "Traces, prompts' registries, gateway endpoints and evaluation datasets are not part of Trivet."
_METHODS: Final = ["GET", "POST", "PUT", "PATCH", "DELETE"]

_log = logging.getLogger("trivet.gateway")


def build(
    addresses: Addresses,
    names: frozenset[str] | None,
    ending: asyncio.Event,
    sign_in: SignInSettings,
    *,
    is_direct: bool = False,
) -> ASGIApp:
    """The application before these services.

    Args:
        addresses: Of the services.
        names: That requests may call this server by; None: any.
        ending: Set when the server begins to end.
        sign_in: How people sign in.
        is_direct: Whether clients reach the store of files themselves.
    """
    upstream: list[Upstream] = []

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        upstream.append(Upstream(addresses))
        yield
        await upstream.pop().close()

    def caller_of(request: Request) -> Caller:
        return Caller(upstream[0], workspace_of(request), metadata_of(request.scope))

    def call(handler: routes.Call) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            return to_json(await handler(caller_of(request), await fields_of(request)))

        return answer

    def transfer(handler: routes.Transfer) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            return await handler(caller_of(request), request)

        return answer

    def called(there: Sequence[routes.Route[routes.Call]]) -> list[Route]:
        return [Route(each.path, call(each.handler), methods=[each.method]) for each in there]

    def transferred(there: Sequence[routes.Route[routes.Transfer]]) -> list[Route]:
        return [Route(each.path, transfer(each.handler), methods=[each.method]) for each in there]

    mlflow = [
        *called(routes.CALLS),
        *called(routes.direct(is_direct=is_direct)),
        *transferred(routes.TRANSFERS),
        *(Route(f"/{path}{{rest:path}}", _out_of_scope, methods=_METHODS) for path in routes.OUT_OF_SCOPE),
    ]
    proxy = [*transferred(routes.FILES), *called(routes.direct_files(is_direct=is_direct))]
    api = [
        _mount("/2.0/mlflow", mlflow),
        _mount("/2.0/mlflow-artifacts", proxy),
        Route("/3.0/mlflow/server-info", partial(_server_info, is_direct=is_direct)),
        *called(routes.WORKSPACES),
        Route("/3.0/{rest:path}", _out_of_scope, methods=_METHODS),
    ]
    signing_in = SignInRoutes(sign_in)
    refresher = Refresher(signing_in.provider_of)
    paths = [
        _mount("/api", api),
        _mount("/ajax-api", api),
        *transferred(routes.PAGE_FILES),
        *signing_in.routes(refresher),
        *pages.routes(),
        Route("/graphql", _out_of_scope, methods=_METHODS),
        Route("/v1/traces", _out_of_scope, methods=_METHODS),
        Route("/health", lambda _: PlainTextResponse("OK")),
        Route("/version", lambda _: PlainTextResponse(MLFLOW_VERSION)),
    ]
    app = Starlette(
        routes=paths,
        lifespan=lifespan,
        exception_handlers={MlflowError: _refused, 404: _unknown, 405: _unknown, Exception: _failed},
    )
    app.router.redirect_slashes = False
    bridge = Bridge(Compressed(_Prefixed(Routed(app))), lambda: upstream[0], ending, _own_info(sign_in))
    known = names or frozenset()
    presented = Presented(bridge, sign_in, refresher, lambda origin, scope: is_own_origin(origin, scope, known))
    whole = SameOrigin(presented, known)
    return Measured(Identified(whole if names is None else KnownHosts(whole, names)))


def _own_info(sign_in: SignInSettings) -> Callable[[], bytes]:
    """What the gateway says about itself to pages."""
    started = from_millis(now_millis())

    def say() -> bytes:
        info = system_service_pb2.ServerInfo(
            version=version("trivet-gateway"),
            services=sorted(service.full_name for service in SERVICES),
            start_time=started,
            sign_in=sign_in_messages(sign_in.issuers()),
        )
        return info.SerializeToString()

    return say


def _mount(path: str, there: Sequence[BaseRoute]) -> Mount:
    """What is below a path. A slash too many is another path, as upstream has it: no redirect."""
    return Mount(path, app=Router(there, redirect_slashes=False))


class _Prefixed:
    """Takes `/w/WORKSPACE` off the path."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path.startswith("/w/"):
            _, _, workspace, rest = (*path.split("/", 3), "", "")[:4]
            scope = {**scope, "path": f"/{rest}", "raw_path": None, "trivet_workspace": workspace}
        await self._app(scope, receive, send)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, MlflowError)
    answer = _error(error.status, error.code, error.message)
    if error.retry_after_seconds is not None:
        answer.headers["Retry-After"] = str(max(math.ceil(error.retry_after_seconds), 1))
    return answer


async def _unknown(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 404)
    return _error(status, "ENDPOINT_NOT_FOUND", f"There is no {request.method} {request.url.path[:200]}.")


async def _failed(request: Request, error: Exception) -> Response:
    if not isinstance(error, ClientDisconnect):
        _log.error(
            "call failed", exc_info=error, extra={"path": request.url.path, "request_id": request_id_in(request.scope)}
        )
    return _error(500, "INTERNAL_ERROR", "The server failed; its log says why.")


def _error(status: int, code: str, message: str) -> Response:
    return Response(
        orjson.dumps({"error_code": code, "message": message}), status_code=status, media_type="application/json"
    )


async def _out_of_scope(_: Request) -> Response:
    raise MlflowError("NOT_IMPLEMENTED", _OUT_OF_SCOPE)


async def _server_info(_: Request, *, is_direct: bool) -> Response:
    return to_json(
        {
            "store_type": "SqlStore",
            "workspaces_enabled": True,  # else MLflow's client refuses MLFLOW_WORKSPACE; without it nothing changes
            "trace_archival_enabled": False,
            "multipart_uploads_enabled": is_direct,
            "multipart_downloads_enabled": is_direct,
            "presigned_upload_run_id_supported": False,
            "presigned_upload_model_id_supported": False,
            "features_enabled": {"gateway": False},
        }
    )
