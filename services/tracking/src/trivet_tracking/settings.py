"""Settings that only the tracking service has."""

from __future__ import annotations

from typing import Annotated

import typer

# How old a log becomes before it is folded. Shorter makes more and smaller chunks, longer makes reads of runs that are
# being written slower.
FOLD_AFTER_SECONDS = 15.0
# The clients log whenever something happens: long enough for an epoch of most trainings. Runs that log less often look
# stale in between.
STALE_AFTER_SECONDS = 3600.0

StaleAfterOption = Annotated[
    float,
    typer.Option(
        envvar="TRIVET_STALE_AFTER_SECONDS",
        min=0,
        metavar="SECONDS",
        help="How long a RUNNING run may write nothing before it counts as stale; 0: for ever.",
    ),
]

FoldAfterOption = Annotated[
    float,
    typer.Option(
        envvar="TRIVET_FOLD_AFTER_SECONDS",
        min=0.01,
        metavar="SECONDS",
        help="How old points become in the log before they are packed into chunks.",
    ),
]

# How long changes are kept for those who watch: a laptop that slept for longer reads its runs anew.
KEEP_CHANGES_SECONDS = 600.0

KeepChangesOption = Annotated[
    float,
    typer.Option(
        envvar="TRIVET_KEEP_CHANGES_SECONDS",
        min=1,
        metavar="SECONDS",
        help="How long a watch of runs that was interrupted can be resumed.",
    ),
]

# Of text, before it is compressed: some 800,000 lines of 80 characters.
CONSOLE_BYTES = 64 * 1024 * 1024

ConsoleBytesOption = Annotated[
    int,
    typer.Option(
        envvar="TRIVET_CONSOLE_BYTES",
        min=1,
        metavar="BYTES",
        help="How much text of the console of a run is kept; the oldest lines beyond it are removed.",
    ),
]
