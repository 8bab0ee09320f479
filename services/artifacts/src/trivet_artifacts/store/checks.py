"""Objects that are not verified yet, in SQL."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_artifacts.domain.checks import Unverified
from trivet_artifacts.store import tables
from trivet_artifacts.store.entries import lock_owners
from trivet_artifacts.store.objects import lock_verified, touch
from trivet_kit.db import Database
from trivet_kit.resources import ArtifactOwnerName

# How long a process that died may have an object to itself; it is renewed much more often.
_CLAIM_MILLIS = 5 * 60 * 1000

_entry = tables.artifact_entry
_object = tables.artifact_object
_owner = tables.artifact_owner


class SqlChecks:
    """Implements `Checks`. `now` gives milliseconds since the Unix epoch. Safe for threads."""

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        self._database = database
        self._now = now

    def claim(self) -> Unverified | None:
        """Returns one that nobody reads."""
        now = self._now()
        free = sa.and_(_object.c.state == tables.UNVERIFIED, _object.c.check_time < now - _CLAIM_MILLIS)
        with self._database.transaction("read") as connection:
            found = connection.execute(
                sa.select(_object.c.object_pk).where(free).order_by(_object.c.check_time).limit(1)
            ).scalar_one_or_none()
        if found is None:
            return None
        with self._database.transaction("write") as connection:
            # Only one of several that found it sees it free here.
            claimed = connection.execute(
                sa.update(_object)
                .where(_object.c.object_pk == found, free)
                .values(check_time=now)
                .returning(_object.c.object_pk, _object.c.object_key, _object.c.size_bytes, _object.c.sha256)
            ).one_or_none()
        return None if claimed is None else Unverified(*claimed)

    def renew(self, unverified: Unverified) -> None:
        """Says that this process still reads it."""
        with self._database.transaction("write") as connection:
            connection.execute(
                sa.update(_object).where(_object.c.object_pk == unverified.object_pk).values(check_time=self._now())
            )

    def conclude(self, unverified: Unverified, sha256: bytes) -> bool:
        """Notes what its bytes are."""
        try:
            return self._conclude(unverified, sha256)
        except sa.exc.IntegrityError:
            # Another process verified the same content in the same moment; this time its object is found.
            return self._conclude(unverified, sha256)

    def _conclude(self, unverified: Unverified, sha256: bytes) -> bool:
        this = _object.c.object_pk == unverified.object_pk
        with self._database.transaction("write") as connection:
            if sha256 != unverified.sha256:
                connection.execute(sa.update(_object).where(this).values(state=tables.CORRUPT))
                return False
            workspace = connection.execute(sa.select(_object.c.workspace).where(this)).scalar_one_or_none()
            if workspace is None:
                return True  # collected meanwhile
            # Owners before objects, as everybody locks them.
            lock_owners(connection, _owners_of(connection, unverified.object_pk))
            shared = lock_verified(connection, workspace, [sha256]).get(sha256)
            if shared is None:
                connection.execute(sa.update(_object).where(this).values(state=tables.VERIFIED))
            else:
                # Others brought the same meanwhile.
                connection.execute(
                    sa.update(_entry)
                    .where(_entry.c.object_pk == unverified.object_pk)
                    .values(object_pk=shared.object_pk)
                )
                connection.execute(sa.update(_object).where(this).values(state=tables.DUPLICATE))
                touch(connection, [unverified.object_pk], self._now())
        return True


def _owners_of(connection: Connection, object_pk: int) -> list[ArtifactOwnerName]:
    """Whose files refer to an object."""
    rows = connection.execute(
        sa.select(_owner.c.workspace, _owner.c.owner)
        .distinct()
        .select_from(_entry.join(_owner, _owner.c.owner_pk == _entry.c.owner_pk))
        .where(_entry.c.object_pk == object_pk)
    )
    return [ArtifactOwnerName(row.workspace, row.owner) for row in rows]
