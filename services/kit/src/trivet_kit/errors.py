"""Errors that a caller gets to see: facts, from which the status, the reason and the sentence follow.

Domain code raises them; `trivet_kit.status` alone turns them into a gRPC status. What is not a `CallerError` is a fault
of the server and is answered INTERNAL with a fixed sentence.
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


class Code(IntEnum):
    """The status codes that Trivet answers with, numbered as in google/rpc/code.proto."""

    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    UNAUTHENTICATED = 16


class CallerError(Exception):
    """An error with a code, a reason and facts.

    Subclasses set `code` and `reason`, a name of `trivet.common.v1.ErrorReason` without its prefix, and build the
    sentence from the facts: what happened, with what, and what to do. Every variable part of the sentence is also in
    `metadata`, under keys that never change their meaning.
    """

    code: ClassVar[Code]
    reason: ClassVar[str]

    def __init__(
        self,
        message: str,
        *,
        metadata: dict[str, str] | None = None,
        field: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.metadata = dict(metadata or {})
        self.field = field
        """Path of the field at fault, such as `params[0].key`; answered as a `google.rpc.BadRequest`."""
        self.retry_after_seconds = retry_after_seconds
        """How long to wait before the call is sent again; answered as a `google.rpc.RetryInfo`."""
        if field is not None:
            self.metadata.setdefault("field", field)


class InternalError(CallerError):
    """A fault of the server; the log has its cause under the request id."""

    code = Code.INTERNAL
    reason = "INTERNAL"

    def __init__(self, request_id: str) -> None:
        super().__init__(
            f"The server failed. Its log has the cause under request id {request_id}.",
            metadata={"requestId": request_id},
        )


class MethodUnknown(CallerError):
    """No such method."""

    code = Code.UNIMPLEMENTED
    reason = "METHOD_UNKNOWN"

    def __init__(self, method: str) -> None:
        super().__init__(
            f"This server has no method {method}. `grpcurl … list` shows what it has.", metadata={"method": method}
        )


class DeadlineExceeded(CallerError):
    """The call took too long."""

    code = Code.DEADLINE_EXCEEDED
    reason = "DEADLINE_EXCEEDED"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} was not done before its deadline. Ask for less, or allow more time.", metadata={"what": what}
        )


class DatabaseUnavailable(CallerError):
    """The database does not answer."""

    code = Code.UNAVAILABLE
    reason = "DATABASE_UNAVAILABLE"

    def __init__(self) -> None:
        super().__init__("The database does not answer. Send the call again in a moment.", retry_after_seconds=1)


class ServerDraining(CallerError):
    """The server is stopping."""

    code = Code.UNAVAILABLE
    reason = "SERVER_DRAINING"

    def __init__(self) -> None:
        super().__init__("The server is stopping. Send the call again, to another replica.", retry_after_seconds=1)


class Overloaded(CallerError):
    """More is waiting than the server takes in."""

    code = Code.RESOURCE_EXHAUSTED
    reason = "OVERLOADED"

    def __init__(self, queue: str, retry_after_seconds: float) -> None:
        super().__init__(
            f"The server has too many {queue} waiting. Send the call again after {retry_after_seconds:g} s.",
            metadata={"queue": queue},
            retry_after_seconds=retry_after_seconds,
        )


class MessageTooLarge(CallerError):
    """The request message is larger than the server takes."""

    code = Code.RESOURCE_EXHAUSTED
    reason = "MESSAGE_TOO_LARGE"

    def __init__(self, message_bytes: int, max_message_bytes: int) -> None:
        super().__init__(
            f"The request has {message_bytes} bytes; at most {max_message_bytes} are taken. Split it.",
            metadata={"messageBytes": str(message_bytes), "maxMessageBytes": str(max_message_bytes)},
        )


class MessageMalformed(CallerError):
    """The bytes of the request are not a message of the method's type."""

    code = Code.INVALID_ARGUMENT
    reason = "MESSAGE_MALFORMED"

    def __init__(self, message_type: str) -> None:
        super().__init__(f"The request is not a {message_type}.", metadata={"messageType": message_type})


class StorageFull(CallerError):
    """There is no room left for data."""

    code = Code.RESOURCE_EXHAUSTED
    reason = "STORAGE_FULL"

    def __init__(self) -> None:
        super().__init__("The server has no room left for data. Nothing was written; tell who operates it.")


class QuotaExceeded(CallerError):
    """The workspace has used up what it may use."""

    code = Code.RESOURCE_EXHAUSTED
    reason = "QUOTA_EXCEEDED"

    def __init__(self, workspace: str, quota: str, limit: int, retry_after_seconds: float | None, remedy: str) -> None:
        """`remedy` is what helps, a sentence; `retry_after_seconds` is None where time alone does not."""
        super().__init__(
            f"Workspace {workspace} has used up its quota {quota} of {limit}. {remedy}",
            metadata={"workspace": workspace, "quota": quota, "limit": str(limit)},
            retry_after_seconds=retry_after_seconds,
        )

    def after(self, seconds: float) -> QuotaExceeded:
        """The same, so many seconds later."""
        if self.retry_after_seconds is not None:
            self.retry_after_seconds = max(self.retry_after_seconds - seconds, 0)
        return self


class CredentialsInvalid(CallerError):
    """No credentials, or credentials that do not verify."""

    code = Code.UNAUTHENTICATED
    reason = "CREDENTIALS_INVALID"

    def __init__(self) -> None:
        super().__init__("The call has no valid credentials. Send `authorization: Bearer TOKEN`.")


class PermissionDenied(CallerError):
    """The caller may not do this here."""

    code = Code.PERMISSION_DENIED
    reason = "PERMISSION_DENIED"

    def __init__(self, permission: str, workspace: str | None) -> None:
        place = f"in workspace {workspace}" if workspace else "on this server"
        super().__init__(
            f"You lack the permission {permission} {place}. Ask an administrator for it.",
            metadata={"permission": permission} | ({"workspace": workspace} if workspace else {}),
        )


class WorkspaceNotFound(CallerError):
    """No such workspace, or none that the caller may see."""

    code = Code.NOT_FOUND
    reason = "WORKSPACE_NOT_FOUND"

    def __init__(self, workspace: str) -> None:
        super().__init__(
            f"There is no workspace {workspace}. "
            "`trivet whoami` and SystemService.ListWorkspaces show those that you may use.",
            metadata={"workspace": workspace},
        )


class FieldRequired(CallerError):
    """A required field is absent or empty."""

    code = Code.INVALID_ARGUMENT
    reason = "FIELD_REQUIRED"

    def __init__(self, field: str) -> None:
        super().__init__(f"{field} is required.", field=field)


class FieldInvalid(CallerError):
    """A field has a value that it can never have. `problem` goes on after the field's name: "must be 0 or more"."""

    code = Code.INVALID_ARGUMENT
    reason = "FIELD_INVALID"

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field} {problem}.", field=field)


class FieldTooLong(CallerError):
    """A text is longer than its limit. `unit` is `characters` or `bytes`."""

    code = Code.INVALID_ARGUMENT
    reason = "FIELD_TOO_LONG"

    def __init__(self, field: str, length: int, limit: int, unit: str = "characters") -> None:
        super().__init__(
            f"{field} has {length} {unit}; at most {limit} are allowed.",
            metadata={unit: str(length), f"max{unit.capitalize()}": str(limit)},
            field=field,
        )


class ResourceNameInvalid(CallerError):
    """A resource name has the wrong form."""

    code = Code.INVALID_ARGUMENT
    reason = "RESOURCE_NAME_INVALID"

    def __init__(self, field: str, pattern: str) -> None:
        super().__init__(f"{field} must have the form {pattern}.", metadata={"pattern": pattern}, field=field)


class WorkspacesMixed(CallerError):
    """The names in one request lie in different workspaces."""

    code = Code.INVALID_ARGUMENT
    reason = "WORKSPACES_MIXED"

    def __init__(self, workspaces: set[str]) -> None:
        names = ",".join(sorted(workspaces))
        super().__init__(
            f"The request names resources of several workspaces ({names}); use one call for each.",
            metadata={"workspaces": names},
        )


class PageTokenInvalid(CallerError):
    """A page token that the method did not make, or made for other parameters."""

    code = Code.INVALID_ARGUMENT
    reason = "PAGE_TOKEN_INVALID"

    def __init__(self, field: str = "page_token") -> None:
        super().__init__(
            f"{field} is not one that this method gave for these parameters. Start again without it.",
            field=field,
        )


class UpdateMaskInvalid(CallerError):
    """An update mask is empty, or names a field that cannot be updated."""

    code = Code.INVALID_ARGUMENT
    reason = "UPDATE_MASK_INVALID"

    def __init__(self, path: str | None, updatable: tuple[str, ...]) -> None:
        what = f"cannot name {path}" if path else "is empty"
        super().__init__(
            f"update_mask {what}; it may name {', '.join(updatable)}.",
            metadata={"updatable": ",".join(updatable)} | ({"path": path} if path else {}),
            field="update_mask",
        )


class RequestIdReused(CallerError):
    """The request id was used before, with another body."""

    code = Code.INVALID_ARGUMENT
    reason = "REQUEST_ID_REUSED"

    def __init__(self, request_id: str) -> None:
        super().__init__(
            f"request_id {request_id} was used before, with another request. Make a new UUID for each request.",
            metadata={"requestId": request_id},
            field="request_id",
        )


class EtagStale(CallerError):
    """The resource was changed after it was read."""

    code = Code.ABORTED
    reason = "ETAG_STALE"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} was changed after you read it. Read it again and repeat the change.", metadata={"name": name}
        )


class ResumeTokenExpired(CallerError):
    """Changes are no longer kept from as far back as the token says."""

    code = Code.FAILED_PRECONDITION
    reason = "RESUME_TOKEN_EXPIRED"

    def __init__(self) -> None:
        super().__init__(
            "The resume_token is too old, or of another database: not all changes since then are kept. Watch anew "
            "without one, and read again what you watch.",
            field="resume_token",
        )
