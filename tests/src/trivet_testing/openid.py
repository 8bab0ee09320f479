"""An OpenID provider on loopback: keys, tokens, and what a relying server reads about them. Signs by `openssl`."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trivet_testing.http_answers import serving
from trivet_testing.left_out import leave_out

_KEY_ID: Final = "key"
_EXPONENT: Final = b"\x01\x00\x01"  # what openssl takes


@dataclass(frozen=True)
class OpenIdProvider:
    """Gives tokens for one client."""

    key: Path
    issuer: str
    client_id: str

    @property
    def discovery_url(self) -> str:
        """Where a server learns of the keys."""
        return f"{self.issuer}/.well-known/openid-configuration"

    def token(self, subject: str, expires: float) -> str:
        """A token, signed by RS256; `expires` in seconds since 1970."""
        claims = {
            "iss": self.issuer,
            "aud": self.client_id,
            "sub": subject,
            "iat": int(time.time()),
            "exp": int(expires),
        }
        head = {"alg": "RS256", "typ": "JWT", "kid": _KEY_ID}
        signed = ".".join(_base64(json.dumps(part).encode()) for part in (head, claims))
        signature = _openssl("dgst", "-sha256", "-sign", str(self.key), given=signed.encode())
        return f"{signed}.{_base64(signature)}"


@contextmanager
def openid_provider(folder: Path, client_id: str) -> Iterator[OpenIdProvider]:
    """A provider with a key of its own, which it keeps in a folder, until the end of the block."""
    if shutil.which("openssl") is None:
        leave_out("openssl", "it is not on PATH")
    key = folder / "openid.key"
    _openssl("genrsa", "-out", str(key), "2048")
    modulus = bytes.fromhex(_openssl("rsa", "-in", str(key), "-noout", "-modulus").decode().strip().rpartition("=")[2])
    jwk = {
        "kty": "RSA",
        "use": "sig",
        "alg": "RS256",
        "kid": _KEY_ID,
        "n": _base64(modulus),
        "e": _base64(_EXPONENT),
    }

    def answer(request: str, headers: Mapping[str, str]) -> bytes | None:
        documents: dict[str, object] = {
            "GET /.well-known/openid-configuration": {
                "issuer": f"http://{headers['host']}",
                "jwks_uri": f"http://{headers['host']}/jwks",
            },
            "GET /jwks": {"keys": [jwk]},
        }
        return json.dumps(documents[request]).encode() if request in documents else None

    with serving(answer) as url:
        yield OpenIdProvider(key, url, client_id)


def _openssl(*arguments: str, given: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *arguments], input=given, check=True, capture_output=True).stdout


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
