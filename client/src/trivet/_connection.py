"""Calls of a server: one channel, its deadline, retries, metadata and errors."""

from __future__ import annotations

import functools
import math
import os
import random
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeVar

import grpc

from trivet._at_once import Stop
from trivet._errors import (
    ClientClosed,
    CredentialsInvalid,
    QuotaExceeded,
    ServerUnavailable,
    TargetInvalid,
    TrivetError,
)
from trivet._forks import PATIENCE_SECONDS, WRITER_PATIENCE_SECONDS, Call, forks
from trivet._service_config import SERVICE_CONFIG
from trivet._status import from_rpc_error
from trivet._target import Address, LocalData, Replicas, Target
from trivet._tokens import source_of, token_of
from trivet._tracing import TRACEPARENT, spanned, traceparent

if TYPE_CHECKING:
    from trivet._local import Attachment

_Stub = TypeVar("_Stub")
_Request = TypeVar("_Request")
_Response = TypeVar("_Response")

DEFAULT_TIMEOUT_SECONDS: Final = 60.0  # the server's own limit of a call without a deadline
# How long a call that may be repeated goes on trying: a server that restarts is back by then, and somebody who mistyped
# an address is told soon.
RETRY_SECONDS: Final = 5.0
_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 2.0
_OPTIONS: Final = (
    ("grpc.service_config", SERVICE_CONFIG),
    # Where all replicas were replaced, their names are looked up again sooner than after gRPC's half minute.
    ("grpc.dns_min_time_between_resolutions_ms", 2_000),
    # Pages and runs have at most 3 MiB and data messages 1 MiB, but one experiment alone may be larger.
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    # Servers allow a ping every 30 s; a connection that a firewall dropped is noticed within 80 s.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # gRPC's defaults would let two minutes pass before it tries again to connect to a server that was away.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 5_000),
)


# Of its own: a training that has seeded the one of the process draws the same numbers when a server is away.
_random: Final = random.Random()  # noqa: S311 - spreads load, keeps no secret


class Pauses:
    """How long to wait before each next try: twice as long each time, up to a limit, with half of it random.

    The random half keeps a thousand jobs from coming back in the same moment. Not safe for use by several threads.
    """

    def __init__(self) -> None:
        self._next = _FIRST_PAUSE_SECONDS

    def after(self, error: TrivetError | None = None) -> float:
        """Seconds to wait, at least as long as the server asked for."""
        pause = self._next * _random.uniform(0.5, 1)
        self._next = min(2 * self._next, _LONGEST_PAUSE_SECONDS)
        return max(pause, (error.retry_after_seconds if error is not None else None) or 0)


class Patience:
    """Pauses between tries that get nowhere, until so many seconds after the first of them.

    A try may take longer than that, and is repeated once then. Not safe for use by several threads.
    """

    def __init__(self, seconds: float = RETRY_SECONDS) -> None:
        self._pauses = Pauses()
        self._seconds = seconds
        self._end = math.inf

    def pause_after(self, error: TrivetError | None) -> float | None:
        """Seconds to wait before the next try; None where there is to be none."""
        pause = self._pauses.after(error)
        if self._end == math.inf:
            self._end = time.monotonic() + self._seconds
            return pause
        return pause if time.monotonic() + pause < self._end else None


def _is_sent_again(error: TrivetError, *, repeatable: bool) -> bool:
    """Whether a call that failed may be made once more: what a rate did not let in has had no effect."""
    return (isinstance(error, QuotaExceeded) and error.is_rate) or (repeatable and isinstance(error, ServerUnavailable))


class Subscription(Generic[_Response]):
    """The answers of a call without an end, as an iterator. `cancel` may be called from any thread."""

    def __init__(self, call: Any, of_forks: Call, address: str, on_unavailable: Callable[[], None]) -> None:
        self._call = call
        self._of_forks = of_forks
        self._address = address
        self._on_unavailable = on_unavailable

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> _Response:
        """Waits for the next answer.

        Raises:
            TrivetError: the class of what went wrong; ClientClosed after `cancel`; ServerUnavailable after a fork.
        """
        try:
            answer: _Response = next(self._call)
        except grpc.RpcError as raised:
            error = _interrupted() if self._of_forks.is_ended else from_rpc_error(raised, self._address)
            if isinstance(error, ServerUnavailable):
                self._on_unavailable()
            raise error from raised
        return answer

    def cancel(self) -> None:
        """Ends the call. Idempotent."""
        self._call.cancel()


class Connection:
    """A server at one address, or that of data on this machine; connects on first use.

    Safe for use by several threads. After a fork the child makes a channel of its own on first use, because gRPC's
    threads are not there; a call that ran in the parent while it forked does not exist in the child. In the parent,
    a call that takes longer than forks wait is ended, and sent again where that is harmless.
    """

    def __init__(
        self,
        address: Address | Replicas | LocalData,
        target: Target,
        *,
        timeout_seconds: float,
        fork_patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """Prepares it; calls nobody.

        Args:
            address: Of the server.
            target: What credentials are sent.
            timeout_seconds: Of calls that say nothing else.
            fork_patience_seconds: How long a fork waits for a call to end by itself.
        """
        self.address = address
        self._target = target
        self._fork_patience_seconds = fork_patience_seconds
        self._timeout_seconds = timeout_seconds
        self._is_closed = False
        self._start_anew()
        _connections.add(self)

    def of_writers(self) -> Connection:
        """Another connection to the same server, for calls that a fork ends soon: whoever makes them makes them again.

        gRPC sends the calls of both over the same sockets.
        """
        return Connection(
            self.address,
            self._target,
            timeout_seconds=self._timeout_seconds,
            fork_patience_seconds=WRITER_PATIENCE_SECONDS,
        )

    def _start_anew(self) -> None:
        self._lock = threading.Lock()
        self._channel: grpc.Channel | None = None
        self._stubs: dict[Any, Any] = {}
        # Methods of channels that forks have closed: of which stub, and their names.
        self._closed: weakref.WeakKeyDictionary[Any, tuple[Any, str]] = weakref.WeakKeyDictionary()
        self._attachment: Attachment | None = None

    def _forget_the_parents(self) -> None:
        # Kept alive, not closed: closing would wait for threads that only the parent has.
        _abandoned.append(self._channel)
        if self._attachment is not None:
            self._attachment.close()
        self._start_anew()

    def stub(self, kind: Callable[[grpc.Channel], _Stub]) -> _Stub:
        """The stub of a service, on this connection's channel.

        Raises:
            ClientClosed: the connection was closed.
        """
        with self._lock:
            if self._is_closed:
                raise ClientClosed("This client is closed. Make another one.")
            if self._channel is None:
                self._channel = self._open_channel()
            if kind not in self._stubs:
                self._stubs[kind] = kind(self._channel)
            stub: _Stub = self._stubs[kind]
            return stub

    def _open_channel(self) -> grpc.Channel:
        _keep_up_grpc()
        options = (*_OPTIONS, ("grpc.primary_user_agent", f"trivet/{version('trivet')}"))
        if isinstance(self.address, LocalData):
            return grpc.insecure_channel(self._attach(self.address), options)
        if self.address.is_tls:
            return grpc.secure_channel(self.address.dial, _credentials(), options)
        return grpc.insecure_channel(self.address.dial, options)

    def _attach(self, data: LocalData) -> str:
        """The address of the data's server, which is started where there is none."""
        from trivet._local import attach  # noqa: PLC0415 - only local mode needs it

        self._attachment = attach(data)
        return self._attachment.dial

    def _attach_again(self) -> None:
        """Starts the server of local data again where it has ended; it answers where it did before."""
        with self._lock:
            if self._attachment is None or not self._attachment.is_lost or not isinstance(self.address, LocalData):
                return
            before = self._attachment.dial
            self._attachment.close()
            if self._attach(self.address) != before:
                # `trivet up` has the data now. Calls that run fail; those that begin find it.
                _abandoned.append(self._channel)
                self._channel, self._stubs = None, {}

    def _interrupt(self) -> None:
        """Ends the calls that run, for a fork; those after them have another channel."""
        with self._lock:
            channel, self._channel = self._channel, None
            stubs, self._stubs = self._stubs, {}
            for kind, stub in stubs.items():
                self._closed.update({method: (kind, name) for name, method in vars(stub).items()})
        if channel is not None:
            channel.close()

    def _open(self, method: Any) -> Any:
        """A method, on the channel that there is now where a fork has closed its own."""
        closed = self._closed.get(method) if self._closed else None
        return method if closed is None else getattr(self.stub(closed[0]), closed[1])

    def call(
        self,
        method: grpc.UnaryUnaryMultiCallable[_Request, _Response],
        request: _Request,
        *,
        repeatable: bool,
        timeout_seconds: float | None = None,
        patience_seconds: float = RETRY_SECONDS,
    ) -> _Response:
        """Makes a call and returns its answer.

        Args:
            method: Of a stub of this connection.
            request: What is asked.
            repeatable: Whether it may be sent again after UNAVAILABLE, which leaves open whether it had an effect:
                reads, and what a request id, a run id or a writer's sequence makes idempotent.
            timeout_seconds: For all tries together. Default: the connection's.
            patience_seconds: How long tries begin again.

        Raises:
            TrivetError: the class of what went wrong; ServerUnavailable, and QuotaExceeded of a rate, after
                `patience_seconds` of tries.
        """
        timeout = self._timeout_seconds if timeout_seconds is None else timeout_seconds
        began = time.monotonic()
        pauses = Pauses()
        while True:
            left = timeout - (time.monotonic() - began)
            try:
                return self._make(method, request, max(left, 0))
            except _EndedByForkError as raised:
                if not repeatable:
                    raise _interrupted() from raised
                continue
            except grpc.RpcError as raised:
                error = self._error_of(raised)
                pause = pauses.after(error)
                late = time.monotonic() + pause > began + min(timeout, patience_seconds)
                if isinstance(error, ServerUnavailable):
                    self._attach_again()
                if late or not _is_sent_again(error, repeatable=repeatable):
                    raise error from raised
            time.sleep(pause)

    def _error_of(self, raised: grpc.RpcError) -> TrivetError:
        """The error of a failed call; of refused credentials, with where they came from."""
        error = from_rpc_error(raised, str(self.address))
        if not isinstance(error, CredentialsInvalid):
            return error
        message = f"{error.message} {source_of(self._target)}"
        return CredentialsInvalid(message, reason=error.reason, request_id=error.request_id)

    def _make(
        self, method: grpc.UnaryUnaryMultiCallable[_Request, _Response], request: _Request, timeout_seconds: float
    ) -> _Response:
        of_forks = forks.enter(self._fork_patience_seconds, self._interrupt, of_this_thread=True)
        try:
            method = self._open(method)
            with spanned(method):
                return method(request, timeout=timeout_seconds, metadata=self._metadata())
        except (grpc.RpcError, ValueError) as raised:  # ValueError: the channel was closed a moment ago
            if of_forks.is_ended or method in self._closed:
                raise _EndedByForkError from raised
            raise
        finally:
            forks.leave(of_forks)

    def stream(
        self,
        method: grpc.UnaryStreamMultiCallable[_Request, _Response],
        request: _Request,
        *,
        timeout_seconds: float | None = None,
        stop: Stop | None = None,
    ) -> Iterator[_Response]:
        """The answers of a call that only reads and streams them. Stopping early cancels it.

        It is sent again after UNAVAILABLE, and when a rate allows it, while nothing has come. `stop` ends it from
        another thread.

        Raises:
            TrivetError: the class of what went wrong, while reading; ServerUnavailable after `RETRY_SECONDS` of tries.
        """
        timeout = self._timeout_seconds if timeout_seconds is None else timeout_seconds
        stop = stop or Stop()
        has_come = False
        patience = Patience()
        while True:
            try:
                for answer in self._answers(method, request, timeout, stop):
                    has_come = True
                    yield answer
            except (ServerUnavailable, QuotaExceeded) as error:
                pause = patience.pause_after(error)
                if has_come or pause is None or not _is_sent_again(error, repeatable=True):
                    raise
                stop.wait(pause)
            else:
                return

    def subscribe(
        self, method: grpc.UnaryStreamMultiCallable[_Request, _Response], request: _Request
    ) -> Subscription[_Response]:
        """The answers of a call that has no end and no deadline; never sent again."""
        # No fork waits for a call without an end: who listens begins it again.
        call, of_forks = self._begun(self._open(method), request, None, fork_patience_seconds=0)
        return Subscription(call, of_forks, str(self.address), self._attach_again)

    def exchange(
        self,
        method: grpc.StreamStreamMultiCallable[_Request, _Response],
        requests: Iterator[_Request],
        *,
        timeout_seconds: float,
        stop: Stop | None = None,
    ) -> Iterator[_Response]:
        """The answers of a call that streams both ways; never sent again. Stopping early cancels it.

        `requests` is read by another thread, one message ahead of the network at most. `stop` ends it from another one.

        Raises:
            TrivetError: the class of what went wrong, while reading.
        """
        yield from self._answers(method, requests, timeout_seconds, stop or Stop())

    def _answers(self, method: Any, asked: Any, timeout_seconds: float, stop: Stop) -> Iterator[Any]:
        method = self._open(method)
        call, of_forks = self._begun(method, asked, timeout_seconds, self._fork_patience_seconds)
        try:
            with stop.ends(call.cancel):
                yield from call
        except grpc.RpcError as raised:
            stop.check()
            if of_forks.is_ended or method in self._closed:
                raise _interrupted() from raised
            raise self._error_of(raised) from raised
        finally:
            call.cancel()

    def _begun(
        self, method: Any, asked: Any, timeout_seconds: float | None, fork_patience_seconds: float
    ) -> tuple[Any, Call]:
        """A stream that a fork waits for until gRPC has done with it, whoever reads its answers, or nobody."""
        begun: list[weakref.ref[Any]] = []  # one that nobody has any more is ended by gRPC

        def end() -> None:
            for call in begun:
                if (known := call()) is not None:
                    known.cancel()

        of_forks = forks.enter(fork_patience_seconds, end)
        try:
            call = method(asked, timeout=timeout_seconds, metadata=self._metadata())
        except BaseException as raised:
            forks.leave(of_forks)
            if isinstance(raised, ValueError) and method in self._closed:
                raise _interrupted() from raised  # the channel was closed a moment ago
            raise
        begun.append(weakref.ref(call))
        if of_forks.is_ended:
            call.cancel()
        if not call.add_callback(lambda: forks.leave(of_forks)):
            forks.leave(of_forks)
        return call, of_forks

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        token = token_of(self._target)
        metadata = (("authorization", f"Bearer {token}"),) if token else ()
        traced = traceparent()
        return (*metadata, (TRACEPARENT, traced)) if traced else metadata

    def close(self) -> None:
        """Ends the calls that run, and refuses others. Idempotent."""
        with self._lock:
            self._is_closed = True
            channel, self._channel, self._stubs = self._channel, None, {}
            attachment, self._attachment = self._attachment, None
        if channel is not None:
            channel.close()
        if attachment is not None:
            attachment.close()


class _EndedByForkError(Exception):
    """A call was ended, because this process forks."""


def _interrupted() -> ServerUnavailable:
    return ServerUnavailable(
        "This process forked while the call waited for its answer, so the call was ended; it may have had an effect."
    )


def _credentials() -> grpc.ChannelCredentials:
    """Of TLS: the authorities that gRPC brings or TRIVET_CA_FILE, and the own certificate where one is set."""
    authorities, certificate, key = map(_pem, ("TRIVET_CA_FILE", "TRIVET_CLIENT_CERT", "TRIVET_CLIENT_KEY"))
    if (certificate is None) != (key is None):
        raise TargetInvalid("TRIVET_CLIENT_CERT and TRIVET_CLIENT_KEY go together.")
    return grpc.ssl_channel_credentials(authorities, key, certificate)


def _pem(setting: str) -> bytes | None:
    """What the file of a setting holds; None where it is not set."""
    file = os.environ.get(setting)
    if not file:
        return None
    try:
        return Path(file).read_bytes()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise TargetInvalid(f"{setting} is {file}, which cannot be read: {why}.") from error


@functools.cache
def _keep_up_grpc() -> grpc.Channel:
    """A channel that is neither used nor closed, so that no other one is the last.

    With its last channel, gRPC shuts down, which may take another thread of its. A process that forks meanwhile hangs,
    and so does its child: it waits for a thread that it does not have.
    """
    return grpc.insecure_channel("127.0.0.1:0")


_connections: weakref.WeakSet[Connection] = weakref.WeakSet()
_abandoned: list[grpc.Channel | None] = []


def _after_fork_in_child() -> None:
    for connection in list(_connections):
        connection._forget_the_parents()  # noqa: SLF001 - of this module


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_after_fork_in_child)
