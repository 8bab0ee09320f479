"""How much room the files of a workspace take, how long they are kept, and the freeing of what nothing refers to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, Literal

from google.protobuf.duration_pb2 import Duration

from trivet._artifact_owners import Owner, owner_of
from trivet._connection import Connection
from trivet._entities import (
    CollectedGarbage,
    DamagedContent,
    Hold,
    OwnerKind,
    OwnerKindUsage,
    SpaceUsage,
    StoreCheck,
)
from trivet._errors import InvalidArgument
from trivet._names import Names, last_segment
from trivet._progress import TransferProgress
from trivet._timestamps import millis
from trivet_proto.artifacts.v1 import garbage_pb2, verification_pb2
from trivet_proto.artifacts.v1.artifact_service_pb2_grpc import ArtifactServiceStub

_PAGE_SIZE: Final = 1000
# Freeing bytes is a request to the store for each.
_COLLECT_SECONDS: Final = 600.0
# An object is read to its end in one call, and may be of many GiB.
_VERIFY_SECONDS: Final = 3600.0
_OWNER_KINDS: Final[Mapping[OwnerKind, garbage_pb2.OwnerKind.ValueType]] = {
    "run": garbage_pb2.OWNER_KIND_RUN,
    "logged_model": garbage_pb2.OWNER_KIND_LOGGED_MODEL,
    "model_version": garbage_pb2.OWNER_KIND_MODEL_VERSION,
}
_PROBLEMS: Final[Mapping[verification_pb2.DamagedContent.Problem.ValueType, Literal["missing", "altered"]]] = {
    verification_pb2.DamagedContent.PROBLEM_MISSING: "missing",
    verification_pb2.DamagedContent.PROBLEM_ALTERED: "altered",
}
_NAMES: Final = {number: name for name, number in _OWNER_KINDS.items()}


class ArtifactHousekeeping:
    """Space, retention, holds and garbage of one workspace's files. Safe for use by several threads.

    Every method calls the server and may raise a `TrivetError`; those that change something need the permission to
    maintain the workspace.
    """

    def __init__(self, connection: Connection, names: Names) -> None:
        self._connection = connection
        self._names = names

    @property
    def _stub(self) -> ArtifactServiceStub:
        return self._connection.stub(ArtifactServiceStub)

    def get_space_usage(self) -> SpaceUsage:
        """Returns how much room the files take."""
        request = garbage_pb2.GetSpaceUsageRequest(parent=self._names.parent)
        usage = self._connection.call(self._stub.GetSpaceUsage, request, repeatable=True)
        return SpaceUsage(
            owner_kinds=[
                OwnerKindUsage(
                    _NAMES[kind.owner_kind], kind.owner_count, kind.file_count, kind.file_bytes, kind.reference_count
                )
                for kind in usage.owner_kinds
                if kind.owner_kind in _NAMES
            ],
            stored_contents=usage.stored_contents,
            stored_bytes=usage.stored_bytes,
            unreferenced_contents=usage.unreferenced_contents,
            unreferenced_bytes=usage.unreferenced_bytes,
            open_uploads=usage.open_uploads,
        )

    def collect_garbage(
        self, *, dry_run: bool = False, grace_period: timedelta | None = None, limit: int = 0
    ) -> CollectedGarbage:
        """Removes files that are kept long enough, and frees bytes to which nothing refers.

        Args:
            dry_run: Whether only to say what would be removed.
            grace_period: Bytes are freed when nothing has referred to them for so long. Default: one hour.
            limit: At most so many files and so many contents in this call. Default: 1,000.

        Raises:
            Conflict: another call collects; try again after `retry_after_seconds`.
        """
        request = garbage_pb2.CollectGarbageRequest(parent=self._names.parent, dry_run=dry_run, limit=limit)
        if grace_period is not None:
            request.grace_period.CopyFrom(_duration(grace_period))
        done = self._connection.call(
            self._stub.CollectGarbage, request, repeatable=False, timeout_seconds=_COLLECT_SECONDS
        )
        return CollectedGarbage(
            done.expired_files, done.expired_bytes, done.freed_contents, done.freed_bytes, has_more=done.more
        )

    def verify_store(self, *, presence_only: bool = False, progress: bool = True) -> StoreCheck:
        """Compares all that the index has of the workspace with what the store has.

        Args:
            presence_only: Whether only to see that the bytes are there. Default: the server reads all of them, and
                compares them with their digests.
            progress: Whether a bar is shown, on a terminal, for what takes longer than a second.
        """
        contents = size_bytes = 0
        damaged: list[DamagedContent] = []
        request = verification_pb2.VerifyContentsRequest(parent=self._names.parent, presence_only=presence_only)
        total = self.get_space_usage().stored_bytes if progress else 0
        with TransferProgress("Verifying", total, is_wanted=progress) as bar:
            while True:
                page = self._connection.call(
                    self._stub.VerifyContents, request, repeatable=True, timeout_seconds=_VERIFY_SECONDS
                )
                contents += page.checked_contents
                size_bytes += page.checked_bytes
                damaged += map(_to_damaged, page.damaged)
                bar.add(page.checked_bytes)
                request.page_token = page.next_page_token
                if not page.next_page_token:
                    return StoreCheck(contents, size_bytes, damaged)

    def get_retention_policy(self) -> dict[OwnerKind, timedelta]:
        """Returns how long files of each kind of owner are kept; those of a kind that is missing, for ever."""
        request = garbage_pb2.GetRetentionPolicyRequest(parent=self._names.parent)
        return _from_policy(self._connection.call(self._stub.GetRetentionPolicy, request, repeatable=True))

    def set_retention_policy(self, rules: Mapping[OwnerKind, timedelta]) -> dict[OwnerKind, timedelta]:
        """Sets how long files are kept, in place of all rules before, and returns the new ones.

        Args:
            rules: For `run`, `logged_model`, `model_version`: how long after they became visible. Files of a kind that
                is missing are kept for ever.

        Raises:
            InvalidArgument: there is no such kind, or a time is below a second.
        """
        for kind in rules:
            if kind not in _OWNER_KINDS:
                raise InvalidArgument(f"{kind!r} owns no files; there are {', '.join(_OWNER_KINDS)}.")
        policy = garbage_pb2.RetentionPolicy(
            parent=self._names.parent,
            rules=[
                garbage_pb2.RetentionRule(owner_kind=_OWNER_KINDS[kind], keep_for=_duration(keep_for))
                for kind, keep_for in rules.items()
            ],
        )
        request = garbage_pb2.UpdateRetentionPolicyRequest(policy=policy)
        return _from_policy(self._connection.call(self._stub.UpdateRetentionPolicy, request, repeatable=True))

    def hold(self, owner: Owner, *, reason: str = "") -> Hold:
        """Keeps the files of an owner from being deleted, replaced or given up, until `release`.

        Args:
            owner: The id of a run, or what `Client.find_artifacts` found.
            reason: Why.
        """
        request = garbage_pb2.CreateHoldRequest(owner=owner_of(self._names, owner).name, reason=reason)
        return _to_hold(self._connection.call(self._stub.CreateHold, request, repeatable=True))

    def release(self, owner: Owner) -> None:
        """Ends a hold; where none is, nothing is done."""
        request = garbage_pb2.DeleteHoldRequest(owner=owner_of(self._names, owner).name)
        self._connection.call(self._stub.DeleteHold, request, repeatable=True)

    def list_holds(self) -> list[Hold]:
        """Returns all holds of the workspace, by owner."""
        holds: list[Hold] = []
        token = ""
        while True:
            request = garbage_pb2.ListHoldsRequest(parent=self._names.parent, page_size=_PAGE_SIZE, page_token=token)
            page = self._connection.call(self._stub.ListHolds, request, repeatable=True)
            holds += map(_to_hold, page.holds)
            token = page.next_page_token
            if not token:
                return holds


def _to_hold(hold: garbage_pb2.Hold) -> Hold:
    return Hold(hold.owner, last_segment(hold.owner), hold.reason, millis(hold.create_time))


def _to_damaged(damaged: verification_pb2.DamagedContent) -> DamagedContent:
    return DamagedContent(
        damaged.sha256.hex(),
        damaged.size_bytes,
        _PROBLEMS.get(damaged.problem, "altered"),
        [(file.owner, file.path) for file in damaged.files],
    )


def _from_policy(policy: garbage_pb2.RetentionPolicy) -> dict[OwnerKind, timedelta]:
    return {_NAMES[rule.owner_kind]: rule.keep_for.ToTimedelta() for rule in policy.rules if rule.owner_kind in _NAMES}


def _duration(time: timedelta) -> Duration:
    duration = Duration()
    duration.FromTimedelta(time)
    return duration
