"""Settings that more than one command has."""

from __future__ import annotations

from typing import Annotated

import typer

AllowedHostsOption = Annotated[
    str,
    typer.Option(
        envvar="TRIVET_ALLOWED_HOSTS",
        metavar="NAMES",
        help="Names that HTTP requests may call it by, with commas between; those of this machine always may.",
        show_default=False,
    ),
]
