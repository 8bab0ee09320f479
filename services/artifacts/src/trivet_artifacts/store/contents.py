"""Contents in SQL: what a workspace holds, and files of it that need no bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from trivet_artifacts.domain.artifacts import Artifact, Kind
from trivet_artifacts.domain.contents import Content, KnownFile, Reference
from trivet_artifacts.domain.errors import ArtifactContentMissing, ArtifactPathTaken, ArtifactsHeld
from trivet_artifacts.store import tables
from trivet_artifacts.store.entries import chunks, lock_folders
from trivet_artifacts.store.objects import lock_verified, touch
from trivet_kit.db import Database
from trivet_kit.errors import CallerError

_entry = tables.artifact_entry
_object = tables.artifact_object


class SqlContents:
    """Implements `Contents`. `now` gives milliseconds since the Unix epoch. Safe for threads."""

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        self._database = database
        self._now = now

    def missing(self, workspace: str, contents: Sequence[Content]) -> list[int]:
        """Returns the places of contents that are not held."""
        held: set[Content] = set()
        unused: list[int] = []
        is_used = sa.exists().where(_entry.c.object_pk == _object.c.object_pk).label("is_used")
        with self._database.transaction("read") as connection:
            for chunk in chunks(sorted({content.sha256 for content in contents})):
                rows = connection.execute(
                    sa.select(_object.c.object_pk, _object.c.sha256, _object.c.size_bytes, is_used).where(
                        _object.c.workspace == workspace,
                        _object.c.sha256.in_(chunk),
                        _object.c.state == tables.VERIFIED,
                    )
                )
                for row in rows:
                    held.add(Content(bytes(row.sha256), row.size_bytes))
                    if not row.is_used:
                        unused.append(row.object_pk)
        if unused:
            # Nothing refers to them, and somebody is about to: the grace period begins anew.
            with self._database.transaction("write") as connection:
                touch(connection, unused, self._now())
        return [place for place, content in enumerate(contents) if content not in held]

    def commit(self, files: Sequence[KnownFile | CallerError]) -> list[Artifact | CallerError]:
        """Makes files visible."""
        known = [file for file in files if isinstance(file, KnownFile)]
        if not known:
            return [file for file in files if isinstance(file, CallerError)]
        workspace = known[0].file.owner.workspace
        digests = [file.source.sha256 for file in known if isinstance(file.source, Content)]
        now = self._now()
        results: list[Artifact | CallerError] = []
        with self._database.transaction("write") as connection:
            folders = lock_folders(connection, [(file.file.owner, file.file.path) for file in known])
            objects = {
                Content(sha256, row.size_bytes): int(row.object_pk)
                for sha256, row in lock_verified(connection, workspace, digests).items()
            }
            for file in files:
                if isinstance(file, CallerError):
                    results.append(file)
                    continue
                new, source = file.file, file.source
                if isinstance(source, Content) and source not in objects:
                    results.append(ArtifactContentMissing(source.sha256.hex()))
                    continue
                try:
                    folders[new.owner].check_free(new.path)
                except (ArtifactPathTaken, ArtifactsHeld) as refusal:
                    results.append(refusal)
                    continue
                placed = objects[source] if isinstance(source, Content) else source
                folders[new.owner].place(new.path, placed, new.media_type, now)
                results.append(_artifact(file, now))
            for of_owner in folders.values():
                of_owner.write()
            touch(connection, set().union(*(of_owner.replaced for of_owner in folders.values())), now)
        return results


def _artifact(file: KnownFile, now: int) -> Artifact:
    new, source = file.file, file.source
    is_reference = isinstance(source, Reference)
    return Artifact(
        new.owner,
        new.path,
        Kind.FILE,
        source.size_bytes,
        source.sha256,
        new.media_type,
        now,
        verified=not is_reference,
        reference_uri=source.uri if isinstance(source, Reference) else "",
    )
