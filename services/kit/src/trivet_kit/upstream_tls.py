"""TLS of a server as a client of others: whose certificates it believes, and its own."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from trivet_kit.settings import StartupError


@dataclass(frozen=True)
class UpstreamTls:
    """PEM texts."""

    authorities: bytes | None = None
    """Certificates that those of other servers are checked against; None: those of the system."""
    certificate: bytes | None = None
    """The own certificate chain, for servers that ask for one."""
    key: bytes | None = None
    """Of the certificate."""


NO_UPSTREAM_TLS = UpstreamTls()


def parse_upstream_tls(authorities: str, certificate: str, key: str) -> UpstreamTls:
    """Reads the files, of which each may be empty for none.

    Raises:
        StartupError: one cannot be read, is no PEM, or a certificate is there without its key.
    """
    if bool(certificate) != bool(key):
        raise StartupError("TRIVET_UPSTREAM_CERT and TRIVET_UPSTREAM_KEY go together.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authorities:
        with _said(f"TRIVET_UPSTREAM_CA is {authorities}, which", "has no certificate in PEM"):
            context.load_verify_locations(authorities)
    if certificate:
        both = f"TRIVET_UPSTREAM_CERT {certificate} and TRIVET_UPSTREAM_KEY {key}"
        with _said(both, "are not a certificate and its key, in PEM and without a password"):
            # With a password, however wrong, it does not ask the terminal for one.
            context.load_cert_chain(certificate, key, password="")
    return UpstreamTls(*(Path(file).read_bytes() if file else None for file in (authorities, certificate, key)))


@contextmanager
def _said(what: str, none: str) -> Iterator[None]:
    """Says what was wrong with files. Raises StartupError."""
    try:
        yield
    except ssl.SSLError:
        raise StartupError(f"{what} {none}.") from None
    except OSError as error:
        raise StartupError(f"{what} cannot be read: {(error.strerror or str(error)).lower()}.") from None


UpstreamCaOption = Annotated[
    str,
    typer.Option(
        envvar="TRIVET_UPSTREAM_CA",
        metavar="FILE",
        help="The authority of the certificates of services by grpcs://, in PEM. Default: those of the system.",
        show_default=False,
    ),
]
UpstreamCertOption = Annotated[
    str,
    typer.Option(
        envvar="TRIVET_UPSTREAM_CERT",
        metavar="FILE",
        help="The own certificate, in PEM, for services that ask their clients for one (TRIVET_TLS_CLIENT_CA).",
        show_default=False,
    ),
]
UpstreamKeyOption = Annotated[
    str,
    typer.Option(envvar="TRIVET_UPSTREAM_KEY", metavar="FILE", help="The key of it, in PEM.", show_default=False),
]
