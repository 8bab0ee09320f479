"""Traces: the context of W3C goes on from call to call, always; spans are made where a platform collects them.

That is where OTEL_EXPORTER_OTLP_ENDPOINT is set and the extra `tracing` is installed. Without, nothing of OpenTelemetry
is imported, and what stands here does next to nothing.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, Literal, ParamSpec, Protocol, TypeAlias, TypeVar

TRACEPARENT: Final = "traceparent"
"""The header, and the metadata of calls (https://www.w3.org/TR/trace-context/)."""
ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""Where spans are sent: the setting of OpenTelemetry itself, which reads its other ones too."""
_FORM: Final = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

Kind: TypeAlias = Literal["internal", "server", "client"]
Attribute: TypeAlias = str | int
_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")

_log = logging.getLogger("trivet.tracing")


class Span(Protocol):
    """Something that takes time, and what is said of it."""

    def note(self, **attributes: Attribute | None) -> None:
        """Says something of it, with `_` for the dots of names; None says nothing."""
        ...

    def fail(self, why: str) -> None:
        """Says that it failed: a code, no text that may have secrets in it."""
        ...


class Tracer(Protocol):
    """Makes spans. Safe for threads."""

    def span(
        self, name: str, kind: Kind, parent: str | object, attributes: Mapping[str, Attribute]
    ) -> AbstractContextManager[Span]:
        """As the function of that name."""
        ...

    def here(self) -> object:
        """As the function of that name."""
        ...

    def traceparent(self) -> str:
        """The context of the span that this thread or task is in; empty where it is in none."""
        ...

    def carried(self, function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
        """As the function of that name."""
        ...


class _NoSpan:
    def note(self, **attributes: Attribute | None) -> None:
        """Says nothing."""

    def fail(self, why: str) -> None:
        """Says nothing."""


_NONE: Final = nullcontext(_NoSpan())
_tracer: Tracer | None = None


def set_up_tracing(service: str) -> None:
    """Makes spans from now on, under the name of a service, where the environment says where to send them.

    To be called once, before anything is traced. What is left is sent at the end of the process.
    """
    global _tracer  # noqa: PLW0603 - as the process's logs are
    if not os.environ.get(ENDPOINT):
        return
    try:
        from trivet_kit.spans import OpenTelemetry  # noqa: PLC0415 - needs the extra, and takes long to import
    except ImportError as error:
        _log.warning("no spans are made: %s is set, and the extra `tracing` is not installed (%s)", ENDPOINT, error)
        return
    _tracer = OpenTelemetry(service)


def is_tracing() -> bool:
    """Whether spans are made."""
    return _tracer is not None


def span(
    name: str, kind: Kind = "internal", parent: str | object = "", **attributes: Attribute
) -> AbstractContextManager[Span]:
    """A span by the block, within the one that this thread or task is in. One that raises has failed, but for servers'.

    Args:
        name: One of few: no names of runs.
        kind: Whether it answers a call of another process, or makes one.
        parent: What it is within instead: a `traceparent`, or what `here` gave; empty: nothing else.
        attributes: What is known of it, with `_` for the dots of names.
    """
    return _NONE if _tracer is None else _tracer.span(name, kind, parent, attributes)


def here() -> object:
    """The span that this thread or task is in, for `span` in another one."""
    return "" if _tracer is None else _tracer.here()


def carried(function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """A function that is in this span also in another thread."""
    return function if _tracer is None else _tracer.carried(function)


def traceparent_in(metadata: Mapping[str, str | bytes]) -> str:
    """The trace context of whoever calls; empty where it has none, or none of the right form."""
    given = metadata.get(TRACEPARENT, "")
    return given if isinstance(given, str) and _FORM.fullmatch(given) else ""


def trace_id_in(traceparent: str) -> str | None:
    """The id of the trace, for logs; None where there is none."""
    match = _FORM.fullmatch(traceparent)
    return None if match is None else match[1]


def traceparent_for(received: str) -> str:
    """What goes on to servers that are called for a call: the span that this is, or what was received."""
    return received if _tracer is None else _tracer.traceparent() or received


class CarryingThreads(ThreadPoolExecutor):
    """Threads whose work is in the span of whoever gave it to them."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """As Python has it."""
        return super().submit(carried(fn), *args, **kwargs)
