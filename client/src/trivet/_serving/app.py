"""The ASGI application of a worker: the scoring protocol of MLflow, and what operators ask."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from functools import partial
from typing import Final

import orjson
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trivet._serving import metrics, page
from trivet._serving.admission import Admission
from trivet._serving.bodies import Bodies
from trivet._serving.guarding import Guarded, has_token
from trivet._serving.inputs.reading import Kind, kind_of
from trivet._serving.metrics import Metrics
from trivet._serving.refusals import Refusal, no_model
from trivet._serving.served_model import Answer, ModelFailed, ServedModel
from trivet._serving.settings import WorkerSettings

MLFLOW_VERSION: Final = "3.17.2"
"""Whose protocol this is."""
_JSON: Final = "application/json"
_CLIENT_GONE: Final = 499
"""By the convention of nginx: the caller went before its answer was there."""

_log: Final = logging.getLogger("trivet.serving")


@dataclass
class State:
    """What a worker serves at the moment. Written by the thread that loads, read by all others."""

    model: ServedModel | None = None
    problem: str = ""
    """Why what should be served is not; empty where it is."""


def build(settings: WorkerSettings, state: State, measured: Metrics) -> ASGIApp:
    """The application of a worker."""
    endpoints = _Endpoints(settings, state, measured)
    app = Starlette(
        routes=[
            Route("/invocations", endpoints.invocations, methods=["POST"]),
            Route("/ping", endpoints.ping),
            Route("/health", endpoints.health),
            Route("/version", _version),
            Route("/metrics", _metrics),
            Route("/openapi.json", endpoints.openapi),
            *page.routes(),
        ],
        exception_handlers={
            Refusal: _refused,
            ClientDisconnect: _gone,
            404: _unknown,
            405: _unknown,
            Exception: _failed,
        },
    )
    app.router.redirect_slashes = False
    return _Measured(Guarded(app, settings.access), measured)


class _Endpoints:
    def __init__(self, settings: WorkerSettings, state: State, measured: Metrics) -> None:
        limits = self._limits = settings.limits
        self._access = settings.access
        self._state = state
        self._measured = measured
        self._admission = Admission(limits.threads, limits.waiting)
        self._bodies = Bodies(limits.max_body_bytes, limits.max_held_bytes)

    async def invocations(self, request: Request) -> Response:
        kind = kind_of(request.headers.get("content-type", ""))
        self._admission.check()
        try:
            async with asyncio.timeout(self._limits.timeout_seconds):
                body = await self._bodies.read(request)
                answer = await self._admission.run(
                    partial(self._answer, kind, body), partial(self._bodies.let_go, len(body))
                )
        except TimeoutError:
            raise Refusal(
                504, "DEADLINE_EXCEEDED", f"There was no answer in {self._limits.timeout_seconds:g} s."
            ) from None
        except ModelFailed:
            self._measured.failures.inc()
            raise
        self._measured.rows.inc(answer.rows)
        return Response(answer.body, media_type=_JSON)

    async def ping(self, _: Request) -> Response:
        return Response("\n", 200 if self._state.model is not None else 503, media_type=_JSON)

    async def health(self, request: Request) -> Response:
        model = self._state.model
        content = {"status": "serving" if model is not None else "loading"}
        # Anybody may ask whether it serves; what it serves is for those who may ask for predictions.
        if not self._access.token or has_token(request.headers, self._access):
            content |= {
                "model": "" if model is None else model.identity.uri,
                "version": "" if model is None else model.identity.version,
                "problem": self._state.problem,
            }
        return Response(orjson.dumps(content), 200 if model is not None else 503, media_type=_JSON)

    async def openapi(self, _: Request) -> Response:
        return Response(self._model().document, media_type=_JSON)

    def _answer(self, kind: Kind, body: bytes) -> Answer:
        # The model is taken when its turn has come, and kept to the end: another one may be loaded meanwhile.
        return self._model().answer(kind, body)

    def _model(self) -> ServedModel:
        model = self._state.model
        if model is None:
            raise no_model()
        return model


async def _version(_: Request) -> Response:
    return Response(MLFLOW_VERSION, media_type=_JSON)


async def _metrics(_: Request) -> Response:
    return Response(await asyncio.to_thread(Metrics.text), media_type=metrics.CONTENT_TYPE)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    answer = error.answer()
    if error.status == 413:
        # Else all the rest of the body would be read.
        answer.headers["connection"] = "close"
    return answer


async def _unknown(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 404)
    refusal = Refusal(status, "ENDPOINT_NOT_FOUND", f"There is no {request.method} {request.url.path[:200]}.")
    return refusal.answer()


async def _gone(_: Request, __: Exception) -> Response:
    # Nobody reads it; the metrics count it as no fault of the server.
    return Response(status_code=_CLIENT_GONE)


async def _failed(request: Request, error: Exception) -> Response:
    _log.error("a request of %s failed", request.url.path[:200], exc_info=error)
    return Refusal(500, "INTERNAL_ERROR", "The server failed; its log says why.").answer()


@dataclass(frozen=True)
class _Measured:
    """Counts requests for predictions, whatever becomes of them."""

    app: ASGIApp
    measured: Metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/invocations":
            await self.app(scope, receive, send)
            return
        status = 500
        begin = time.perf_counter()

        async def send_measured(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self.measured.in_flight.inc()
        try:
            await self.app(scope, receive, send_measured)
        finally:
            self.measured.in_flight.dec()
            self.measured.requests.labels(str(status)).inc()
            self.measured.seconds.observe(time.perf_counter() - begin)
