"""How people sign in, as whoever runs this server has set it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from trivet_gateway.sign_in import sealing
from trivet_gateway.sign_in.sealing import Seal, new_seal, read_seal
from trivet_gateway.sign_in.sites import checked_public_url
from trivet_kit.identity.access import SignInIssuers, nobody_signs_in, open_sign_in
from trivet_kit.settings import StartupError


@dataclass(frozen=True)
class SignInSettings:
    """How people sign in."""

    issuers: SignInIssuers
    seal: Seal
    public_url: str = ""
    """`https://HOST[:PORT]` of this server as browsers reach it; empty: on this machine alone."""


@dataclass(frozen=True)
class SignInOptions:
    """The settings as they are given."""

    session_key_file: str
    public_url: str


def nobody() -> SignInSettings:
    """Of a server where nobody signs in."""
    return SignInSettings(nobody_signs_in, new_seal())


def checked(issuers: SignInIssuers, options: SignInOptions, *, is_local: bool) -> SignInSettings:
    """The settings, for a server that only this machine can reach, or others too.

    Raises:
        StartupError: a setting is of the wrong form, or replicas could not open what another one sealed.
    """
    if not options.session_key_file and issuers() and not is_local:
        raise StartupError(
            f"People sign in here, so {sealing.SETTING} must be a file of keys that all replicas have: "
            "openssl rand -base64 32"
        )
    seal = read_seal(Path(options.session_key_file)) if options.session_key_file else new_seal()
    return SignInSettings(issuers, seal, checked_public_url(options.public_url))


@contextmanager
def open_settings(policy: Path | None, options: SignInOptions, *, is_local: bool) -> Iterator[SignInSettings]:
    """The same by a policy file, which is followed until the end of the block. Raises StartupError."""
    with open_sign_in(policy) as issuers:
        yield checked(issuers, options, is_local=is_local)


SessionKeyFileOption = Annotated[
    str,
    typer.Option(
        envvar=sealing.SETTING,
        metavar="FILE",
        help="Keys that sessions of web pages are sealed by, 32 bytes in base64 a line, the same for all replicas; "
        "the first one seals. On this machine alone it may be left away.",
        show_default=False,
    ),
]
PublicUrlOption = Annotated[
    str,
    typer.Option(
        envvar="TRIVET_PUBLIC_URL",
        metavar="URL",
        help="https://HOST[:PORT] by which browsers reach it: where people come back to after they signed in.",
        show_default=False,
    ),
]
