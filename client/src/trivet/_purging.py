"""Purging across services: what the tracking service forgets, and the files that the artifact service has of it.

An experiment goes first, so that nobody restores it while its runs go. Of a run the files go first: from the artifact
service's point of view they are those of a name, which is gone with the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

from trivet._entities import Purged, PurgedExperiment, PurgedRun

if TYPE_CHECKING:
    from trivet._client import Client

# Of runs between whose files and themselves a purge may be interrupted.
_RUNS_AT_ONCE = 100


def purge(
    client: Client,
    older_than: timedelta,
    run_ids: Sequence[str],
    experiment_ids: Sequence[str | int],
    *,
    dry_run: bool,
) -> Purged:
    """Does what `Client.purge` says."""
    is_all = not run_ids and not experiment_ids
    experiments: list[PurgedExperiment] = []
    runs: dict[str, PurgedRun] = {}
    if is_all or experiment_ids:
        experiments += client.tracking.purge_experiments(older_than, experiment_ids=experiment_ids, dry_run=dry_run)
        found = client.tracking.purge_runs(older_than, experiment_ids=experiment_ids, dry_run=True)
        runs |= _purged(client, older_than, found, dry_run=dry_run)
    for begin in range(0, len(run_ids), _RUNS_AT_ONCE):
        some = run_ids[begin : begin + _RUNS_AT_ONCE]
        found = client.tracking.purge_runs(older_than, run_ids=some, dry_run=True)
        runs |= _purged(client, older_than, found, dry_run=dry_run)
    return Purged(tuple(experiments), tuple(runs.values()))


def purge_by_policy(client: Client, *, dry_run: bool) -> dict[str, Purged]:
    """Does what `Client.purge_by_policy` says."""
    purged = {}
    for access in client.whoami().workspaces:
        if access.deleted_days is not None and "MAINTAIN" in access.permissions:
            with client.in_workspace(access.workspace) as there:
                purged[access.workspace] = purge(there, timedelta(days=access.deleted_days), (), (), dry_run=dry_run)
    return purged


def _purged(
    client: Client, older_than: timedelta, found: Iterator[PurgedRun], *, dry_run: bool
) -> dict[str, PurgedRun]:
    purged: Iterable[PurgedRun] = found if dry_run else _removed(client, older_than, found)
    return {run.run_id: run for run in purged}


def _removed(client: Client, older_than: timedelta, found: Iterator[PurgedRun]) -> Iterator[PurgedRun]:
    while some := [run.run_id for run in islice(found, _RUNS_AT_ONCE)]:
        for run_id in some:
            client.artifacts.delete_artifacts(run_id)
        yield from client.tracking.purge_runs(older_than, run_ids=some)
