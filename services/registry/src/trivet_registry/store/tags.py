"""Tags of models and versions."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_kit.db.upserts import insert_into


def change_tags(
    connection: Connection, table: sa.Table, owner_pk: int, tags: Mapping[str, str], deleted: frozenset[str]
) -> None:
    """Sets and removes tags of a model or a version; `table` says which, and `owner_pk` is its key."""
    owner = table.primary_key.columns[0]
    if deleted:
        connection.execute(sa.delete(table).where(owner == owner_pk, table.c.key.in_(sorted(deleted))))
    if tags:
        statement = insert_into(connection.dialect.name, table)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=[owner.name, "key"], set_={"value": statement.excluded.value}
            ),
            [{owner.name: owner_pk, "key": key, "value": value} for key, value in sorted(tags.items())],
        )


def changed_tags(
    before: Mapping[str, str], tags: Mapping[str, str], deleted: frozenset[str]
) -> tuple[dict[str, str], frozenset[str], dict[str, str]]:
    """What of a change is one: tags to set, tags to remove, and all tags after it."""
    to_set = {key: value for key, value in tags.items() if before.get(key) != value}
    to_remove = deleted & before.keys()
    after = {key: value for key, value in {**before, **to_set}.items() if key not in to_remove}
    return to_set, to_remove, dict(sorted(after.items()))
