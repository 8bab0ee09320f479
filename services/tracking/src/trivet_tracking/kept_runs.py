"""New runs, as many as a workspace may keep."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from trivet_kit.errors import QuotaExceeded
from trivet_kit.tallies import Tally
from trivet_tracking.domain.runs import Runs


@contextmanager
def creating(runs: Runs, kept: Tally, workspace: str, run_id: str) -> Iterator[None]:
    """Creates a run by the block, where there is room for one, or it is there already.

    Who did not hear that a run was created asks again, and must not be told that there is no room for it.

    Raises:
        QuotaExceeded: the workspace may keep no more runs.
    """
    try:
        kept.begin(workspace, 1)
    except QuotaExceeded:
        if not runs.exists(workspace, run_id):
            raise
        yield
        return
    is_created = False
    try:
        yield
        is_created = True
    finally:
        kept.end(workspace, 1, added=is_created)
