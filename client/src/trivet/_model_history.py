"""What happened to models: read, asked how it was at some time, compared with what is, and watched."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from trivet._connection import Connection, Subscription
from trivet._entities import PagedList
from trivet._errors import InvalidArgument
from trivet._model_entities import ModelAsOf, ModelEvent, ModelHistoryEntry, ModelVerification
from trivet._names import Names
from trivet._paging import collect
from trivet._registry_messages import from_as_of, from_entry, from_event, from_verification, to_action
from trivet._timestamps import moment
from trivet._watch import Watch
from trivet_proto.registry.v1 import model_event_pb2
from trivet_proto.registry.v1 import model_history_pb2 as pb
from trivet_proto.registry.v1.registry_service_pb2_grpc import RegistryServiceStub

ModelEventWatch = Watch[model_event_pb2.WatchModelEventsResponse, ModelEvent]


class ModelHistory:
    """The histories of one workspace's models.

    A model that is deleted is found by its `uid`; one that is there, by its name too. Every method calls the server and
    waits. Each may raise a `TrivetError`: ServerUnavailable where no server answers, ModelNotFound, else the class of
    what went wrong.

    Safe for use by several threads, and in the child after a fork.
    """

    def __init__(self, connection: Connection, names: Names) -> None:
        self._connection = connection
        self._names = names

    @property
    def _stub(self) -> RegistryServiceStub:
        return self._connection.stub(RegistryServiceStub)

    def list(
        self,
        name: str,
        *,
        version: str | int | None = None,
        newest_first: bool = False,
        max_results: int = 1000,
        page_token: str | None = None,
    ) -> PagedList[ModelHistoryEntry]:
        """Returns what happened to a model, in order.

        Args:
            name: Of the model, or its `uid`.
            version: Only what happened to this version. Default: everything.
            newest_first: Whether the order is the other one.
            max_results: How many at most; as many calls are made as that takes.
            page_token: The `token` of an earlier answer, to go on after it.
        """
        if version is not None:
            self._names.model_version(name, version)

        def ask(size: int, token: str) -> pb.ListModelHistoryResponse:
            request = pb.ListModelHistoryRequest(
                name=self._names.model(name),
                version=int(version or 0),
                newest_first=newest_first,
                page_size=size,
                page_token=token,
            )
            return self._connection.call(self._stub.ListModelHistory, request, repeatable=True)

        return collect(ask, lambda page: page.entries, from_entry, max_results, page_token)

    def as_of(self, name: str, time: datetime | int) -> ModelAsOf:
        """Returns which versions were in which stage at some time, and where each alias pointed.

        Args:
            name: Of the model by now, or its `uid`.
            time: All that happened in this millisecond counts. A `datetime` without a zone is local time; a number is
                milliseconds since the epoch.
        """
        request = pb.GetModelAsOfRequest(name=self._names.model(name), time=moment(time))
        return from_as_of(self._connection.call(self._stub.GetModelAsOf, request, repeatable=True))

    def verify(self, name: str, *, known_sequence: int = 0, known_sha256: str = "") -> ModelVerification:
        """Compares a model with its history, and returns what was altered behind the registry's back.

        Files are not read: downloads check them, and `artifacts.verify_model_version` does.

        Args:
            name: Of the model, or its `uid`.
            known_sequence: The `sequence` of an earlier answer that was kept elsewhere. Default: none.
            known_sha256: The `sha256` of that answer: a history in which that entry has another was altered as a whole.

        Raises:
            InvalidArgument: only one of the two is given, or they cannot be such.
        """
        try:
            digest = bytes.fromhex(known_sha256)
        except ValueError as error:
            raise InvalidArgument(f"{known_sha256!r} is no SHA-256: it has 64 hexadecimal digits.") from error
        request = pb.VerifyModelRequest(
            name=self._names.model(name), known_sequence=known_sequence, known_sha256=digest
        )
        return from_verification(self._connection.call(self._stub.VerifyModel, request, repeatable=True))

    def watch(
        self, names: Sequence[str] = (), *, actions: Sequence[str] = (), resume_token: str = ""
    ) -> ModelEventWatch:
        """Watches models from now on: an iterator of what happens, which goes on when the connection breaks.

        What happened in the last moments before may come too.

        Args:
            names: Only these models, also those to come. Default: all of the workspace.
            actions: Only these, such as `VERSION_MOVED`. Default: all.
            resume_token: That of an earlier watch, to go on where it was. Default: from now on.

        Raises:
            InvalidArgument: there is no such action; lists them.
        """
        request = model_event_pb2.WatchModelEventsRequest(
            parent=self._names.parent,
            models=[self._names.model(name) for name in names],
            actions=[to_action(action) for action in actions],
        )

        def subscribe(token: str) -> Subscription[model_event_pb2.WatchModelEventsResponse]:
            request.resume_token = token
            return self._connection.subscribe(self._stub.WatchModelEvents, request)

        return Watch(subscribe, lambda message: [from_event(event) for event in message.events], resume_token)
