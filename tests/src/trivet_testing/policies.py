"""Policy files, written as an operator exchanges them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trivet_testing.openid import OpenIdProvider


def issuer_entry(provider: OpenIdProvider, **more: object) -> dict[str, object]:
    """An issuer, as below `issuers`."""
    return {"url": provider.issuer, "audiences": [provider.client_id], **more}


def key_entry(key_id: str, key: Ed25519PrivateKey) -> dict[str, str]:
    """The public half of a key of Trivet's own tokens, as below `token_keys`."""
    return {"id": key_id, "public_key": base64.b64encode(key.public_key().public_bytes_raw()).decode()}


def write_policy(path: Path, policy: dict[str, Any]) -> None:
    """Puts a policy in the place of what is there, in one step."""
    new = path.with_suffix(".new")
    # What is shared within it would be written as references, which policy files do not have.
    new.write_text(yaml.safe_dump(json.loads(json.dumps(policy))))
    new.rename(path)
