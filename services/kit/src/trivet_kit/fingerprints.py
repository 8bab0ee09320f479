"""Fingerprints of messages: equal for messages of one type with equal content, different for all others."""

from __future__ import annotations

import hashlib
import uuid

from google.protobuf.message import Message

from trivet_kit.errors import FieldInvalid
from trivet_kit.requests import RepeatableRequest


def fingerprint(message: Message, *ignored_fields: str) -> str:
    """SHA-256 of a message's type and content in 64 hexadecimal digits, fields that do not count left out."""
    counted = message
    if ignored_fields:
        counted = type(message)()
        counted.CopyFrom(message)
        for field in ignored_fields:
            counted.ClearField(field)
    content = message.DESCRIPTOR.full_name.encode() + b"\0" + counted.SerializeToString(deterministic=True)
    return hashlib.sha256(content).hexdigest()


def of_search(request: Message, *ignored_fields: str) -> str:
    """What a page token is bound to: all of a request but its `page_size` and `page_token`, and what is named."""
    return fingerprint(request, "page_size", "page_token", *ignored_fields)


def repeatable_request(request: Message, request_id: str) -> RepeatableRequest | None:
    """The id in a request's field `request_id` with what it stands for; None for the empty one.

    Raises:
        FieldInvalid: it is no UUID.
    """
    if not request_id:
        return None
    try:
        spelled = str(uuid.UUID(request_id))
    except ValueError:
        raise FieldInvalid("request_id", "must be a UUID") from None
    return RepeatableRequest(spelled, fingerprint(request, "request_id"))
