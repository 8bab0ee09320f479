"""Signatures of what webhooks are sent (https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import hashlib
import hmac


def signed_headers(secret: str, event_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers by which a receiver knows who sends. `timestamp` is in seconds since the Unix epoch."""
    signed = f"{event_id}.{timestamp}.".encode() + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
