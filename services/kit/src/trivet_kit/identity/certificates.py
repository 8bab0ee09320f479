"""Callers that are known by the certificate of their connection, which TLS has verified."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from trivet_kit.auth import Principal
from trivet_kit.errors import CredentialsInvalid
from trivet_kit.identity import claims
from trivet_kit.identity.encoded import TokenRefused

NAME_KEY: Final = ":certificate"
"""Where the metadata of a call has the name. No client can send a key that begins like this (RFC 9113, section 8.3)."""
ISSUER: Final = "certificate"
"""What stands for an issuer in the names of such callers; no issuer may be called so."""
# In gRPC's words: URIs and DNS names of the subject's alternative names, then its common name.
_PROPERTIES: Final = ("peer_uri", "peer_dns", "x509_common_name")


def name_in(properties: Mapping[str, Iterable[bytes]]) -> str:
    """The name in a client's certificate, from what `grpc.aio.ServicerContext.auth_context` gives; empty for none."""
    for wanted in _PROPERTIES:
        for name in properties.get(wanted, ()):
            # What is no UTF-8 becomes what is in no name.
            return name.decode(errors="surrogateescape")
    return ""


def principal_in(metadata: Mapping[str, str | bytes]) -> Principal:
    """The caller by the certificate's name.

    Raises:
        CredentialsInvalid: there is none, or none that can be seen as it is.
    """
    try:
        name = claims.name_in(metadata, NAME_KEY)
    except TokenRefused as refused:
        raise CredentialsInvalid from refused
    return Principal(subject=f"{ISSUER}/{name}", authenticated=True)
