"""The ASGI application: routes, who calls, and what becomes of errors."""

from __future__ import annotations

import base64
import binascii
import logging
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import orjson
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from trivet_gateway.answers import to_json
from trivet_gateway.compression import Compressed
from trivet_gateway.errors import MlflowError, invalid
from trivet_gateway.fields import Fields, from_query
from trivet_gateway.hosts import KnownHosts
from trivet_gateway.mlflow import experiments, files, logged_models, models, run_files, runs, transfers
from trivet_gateway.mlflow import logging as of_runs
from trivet_gateway.origins import SameOrigin
from trivet_gateway.upstream import Addresses, Caller, Upstream

MLFLOW_VERSION: Final = "3.17.2"
"""Whose protocol this is."""
_MAX_BODY_BYTES: Final = 8 << 20
_MAX_DEPTH: Final = 32
_DEFAULT_WORKSPACE: Final = "default"
_WORKSPACE: Final = re.compile(r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?")
_OUT_OF_SCOPE: Final = "Traces, prompts' registries, gateway endpoints and evaluation datasets are not part of Trivet."

_log = logging.getLogger("trivet.gateway")

_Handler = Callable[[Caller, Fields], Awaitable[dict[str, Any]]]
_FileHandler = Callable[[Caller, Request], Awaitable[Response]]

_CALLS: Final[Mapping[str, tuple[str, _Handler]]] = {
    "runs/log-metric": ("POST", of_runs.log_metric),
    "runs/log-batch": ("POST", of_runs.log_batch),
    "runs/log-parameter": ("POST", of_runs.log_param),
    "runs/set-tag": ("POST", of_runs.set_tag),
    "runs/delete-tag": ("POST", of_runs.delete_tag),
    "runs/log-inputs": ("POST", of_runs.log_inputs),
    "runs/outputs": ("POST", of_runs.log_outputs),
    "runs/create": ("POST", runs.create),
    "runs/get": ("GET", runs.get),
    "runs/update": ("POST", runs.update),
    "runs/delete": ("POST", runs.delete),
    "runs/restore": ("POST", runs.restore),
    "runs/search": ("POST", runs.search),
    "metrics/get-history": ("GET", of_runs.get_history),
    "artifacts/list": ("GET", run_files.list_of_run),
    "experiments/create": ("POST", experiments.create),
    "experiments/get": ("GET", experiments.get),
    "experiments/get-by-name": ("GET", experiments.get_by_name),
    "experiments/search": ("GET POST", experiments.search),
    "experiments/update": ("POST", experiments.update),
    "experiments/delete": ("POST", experiments.delete),
    "experiments/restore": ("POST", experiments.restore),
    "experiments/set-experiment-tag": ("POST", experiments.set_tag),
    "experiments/delete-experiment-tag": ("POST", experiments.delete_tag),
    "registered-models/create": ("POST", models.create),
    "registered-models/get": ("GET", models.get),
    "registered-models/rename": ("POST", models.rename),
    "registered-models/update": ("PATCH", models.update),
    "registered-models/delete": ("DELETE", models.delete),
    "registered-models/search": ("GET", models.search),
    "registered-models/get-latest-versions": ("GET POST", models.get_latest_versions),
    "registered-models/set-tag": ("POST", models.set_tag),
    "registered-models/delete-tag": ("DELETE", models.delete_tag),
    "model-versions/create": ("POST", models.create_version),
    "model-versions/get": ("GET", models.get_version),
    "model-versions/update": ("PATCH", models.update_version),
    "model-versions/delete": ("DELETE", models.delete_version),
    "model-versions/search": ("GET", models.search_versions),
    "model-versions/transition-stage": ("POST", models.transition_stage),
    "model-versions/get-download-uri": ("GET", models.get_download_uri),
    "model-versions/set-tag": ("POST", models.set_version_tag),
    "model-versions/delete-tag": ("DELETE", models.delete_version_tag),
}
"""By the path below `/api/2.0/mlflow/`, those first that training calls most."""
_ALIASES: Final[Mapping[str, _Handler]] = {
    "GET": models.get_by_alias,
    "POST": models.set_alias,
    "DELETE": models.delete_alias,
}
_LOGGED_MODELS: Final[Sequence[tuple[str, str, _Handler]]] = (
    ("", "POST", logged_models.create),
    ("/search", "POST", logged_models.search),
    ("/{model_id}", "GET", logged_models.get),
    ("/{model_id}", "PATCH", logged_models.finalize),
    ("/{model_id}", "DELETE", logged_models.delete),
    ("/{model_id}/tags", "PATCH", logged_models.set_tags),
    ("/{model_id}/tags/{tag_key:path}", "DELETE", logged_models.delete_tag),
    ("/{model_id}/params", "POST", logged_models.log_params),
    ("/{model_id}/artifacts/directories", "GET", run_files.list_of_model),
)
_FILES: Final[Sequence[tuple[str, str, _FileHandler]]] = (
    ("/artifacts", "GET", files.list_folder),
    ("/artifacts/{path:path}", "GET", files.get),
    ("/artifacts/{path:path}", "PUT", files.put),
    ("/artifacts/{path:path}", "DELETE", files.delete),
)


def build(addresses: Addresses, names: frozenset[str] | None, *, is_direct: bool = False) -> ASGIApp:
    """The application before these services.

    Args:
        addresses: Of the services.
        names: That requests may call this server by; None: any.
        is_direct: Whether clients reach the store of files themselves.
    """
    upstream: list[Upstream] = []

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        upstream.append(Upstream(addresses))
        yield
        await upstream.pop().close()

    def caller_of(request: Request) -> Caller:
        return Caller(upstream[0], _workspace(request), _metadata(request))

    def call(handler: _Handler) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            return to_json(await handler(caller_of(request), await _fields(request)))

        return answer

    def transfer(handler: _FileHandler) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            return await handler(caller_of(request), request)

        return answer

    mlflow = [
        *(
            Route(f"/{path}", call(handler), methods=methods.split())
            for path, (methods, handler) in {**_CALLS, **transfers.run_calls(is_direct=is_direct)}.items()
        ),
        *(Route("/registered-models/alias", call(handler), methods=[method]) for method, handler in _ALIASES.items()),
        *(Route(f"/logged-models{path}", call(handler), methods=[method]) for path, method, handler in _LOGGED_MODELS),
        Route("/traces{rest:path}", _out_of_scope, methods=["GET", "POST", "PATCH", "DELETE"]),
    ]
    proxy = [
        *(Route(path, transfer(handler), methods=[method]) for path, method, handler in _FILES),
        *(
            Route(path, call(handler), methods=[method])
            for path, (method, handler) in transfers.proxy_calls(is_direct=is_direct).items()
        ),
    ]
    api = [
        Mount("/2.0/mlflow", routes=mlflow),
        Mount("/2.0/mlflow-artifacts", routes=proxy),
        Route("/3.0/mlflow/server-info", partial(_server_info, is_direct=is_direct)),
        Route("/3.0/{rest:path}", _out_of_scope, methods=["GET", "POST", "PATCH", "DELETE"]),
    ]
    routes = [
        Mount("/api", routes=api),
        Mount("/ajax-api", routes=api),
        Route("/get-artifact", transfer(run_files.get_of_run)),
        Route("/health", lambda _: PlainTextResponse("OK")),
        Route("/version", lambda _: PlainTextResponse(MLFLOW_VERSION)),
    ]
    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        exception_handlers={MlflowError: _refused, 404: _unknown, 405: _unknown, Exception: _failed},
    )
    own = SameOrigin(Compressed(_Prefixed(app)), names or frozenset())
    return own if names is None else KnownHosts(own, names)


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


def _workspace(request: Request) -> str:
    named = request.scope.get("trivet_workspace") or request.headers.get("x-mlflow-workspace") or _DEFAULT_WORKSPACE
    if not _WORKSPACE.fullmatch(named):
        raise invalid(f"{named[:100]!r} cannot be a workspace.")
    return str(named)


def _metadata(request: Request) -> tuple[tuple[str, str], ...]:
    """The caller's credentials, as the services take them: the password of basic ones is a token."""
    metadata = [("x-request-id", secrets.token_hex(8))]
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).decode().partition(":")[2]
        except (binascii.Error, ValueError):
            raise MlflowError("UNAUTHENTICATED", "The credentials cannot be read.") from None
    if given:
        metadata.append(("authorization", f"Bearer {given}"))
    return tuple(metadata)


async def _fields(request: Request) -> Fields:
    """The fields of a request: of its query, or of its body, with those of its path."""
    if request.method == "GET":
        fields = from_query(request.query_params.multi_items())
    else:
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise invalid("A request's body must not be compressed.")
        fields = _parsed(await _body(request), request.headers.get("content-type", ""))
    return Fields({**fields, **request.path_params})


async def _body(request: Request) -> bytes:
    body = bytearray()
    announced = int(request.headers.get("content-length", 0))
    async for chunk in request.stream():
        body += chunk
        if max(len(body), announced) > _MAX_BODY_BYTES:
            raise invalid(f"The request has more than {_MAX_BODY_BYTES} bytes.")
    return bytes(body)


def _parsed(body: bytes, content_type: str) -> dict[str, Any]:
    if not body:
        return {}
    kind = content_type.partition(";")[0].strip().lower()
    if kind != "application/json":
        raise invalid("Content-Type header is missing." if not kind else f"Content-Type is {kind[:100]!r}, not JSON.")
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise invalid(f"The body is not JSON: {error}.") from None
    if not isinstance(content, dict):
        raise invalid("The body must be a JSON object.")
    _check_depth(content, _MAX_DEPTH)
    return content


def _check_depth(content: object, left: int) -> None:
    if isinstance(content, dict | list):
        if left == 0:
            raise invalid(f"The body is nested more than {_MAX_DEPTH} deep.")
        for each in content.values() if isinstance(content, dict) else content:
            _check_depth(each, left - 1)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, MlflowError)
    return _error(error.status, error.code, error.message)


async def _unknown(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 404)
    return _error(status, "ENDPOINT_NOT_FOUND", f"There is no {request.method} {request.url.path[:200]}.")


async def _failed(request: Request, error: Exception) -> Response:
    if not isinstance(error, ClientDisconnect):
        _log.error("call failed", exc_info=error, extra={"path": request.url.path})
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
            "workspaces_enabled": False,
            "trace_archival_enabled": False,
            "multipart_uploads_enabled": is_direct,
            "multipart_downloads_enabled": is_direct,
            "presigned_upload_run_id_supported": False,
            "presigned_upload_model_id_supported": False,
            "features_enabled": {"gateway": False},
        }
    )
