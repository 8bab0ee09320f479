"""Params and tags of runs, looked up and written: those of a group of writes, or of a new run.

On PostgreSQL all that is looked up is one call of a function, and all that is written another one, which travels with
the commit (ADR 49). SQLite has one writer at a time, which needs no locks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import psycopg2.errors
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection

from trivet_kit.db.bulk import DriverStatement, Scalar, array_of_numbers, array_of_texts
from trivet_kit.db.functions import function_of, procedure_of
from trivet_kit.db.upserts import Insert, insert_into
from trivet_tracking.domain.numbers import number_in
from trivet_tracking.store import tables

_param = tables.param
_tag = tables.tag
_run = tables.run

# SQLite takes 32,766 bound parameters in a statement.
_IN_VALUES = 5000

EntryKey = tuple[int, str]
"""The key of a run, and the key of the entry."""


class Entry(NamedTuple):
    """A param or a tag. Ordered by run and key, in which they are written, so that replicas do not deadlock."""

    run_pk: int
    key: str
    value: str
    experiment_pk: int


class Entries(Protocol):
    """The params and tags of a database."""

    def look_up(
        self, connection: Connection, tagged: Sequence[int], params: Mapping[int, Iterable[str]]
    ) -> dict[EntryKey, str]:
        """The values of those of the params that are there.

        Args:
            connection: In a transaction.
            tagged: The keys of runs whose tags are about to change, sorted. They are locked until the end of the
                transaction: tags are removed and set in two statements, which would meet another replica's in the
                opposite order.
            params: Keys of params by the keys of their runs.
        """
        ...

    def write(self, connection: Connection, params: Sequence[Entry], tags: Sequence[Entry]) -> None:
        """Writes params that are not there, and tags; sorted, no two with the same key.

        Where another replica has written one of the params meanwhile, there is an error for which `is_raced` is true,
        from this or a later statement, or from the commit.
        """
        ...


def entries_of(dialect: str) -> Entries:
    """The entries of a dialect, `postgresql` or `sqlite`."""
    return _SqliteEntries() if dialect == "sqlite" else _PostgresEntries()


def is_raced(error: BaseException | None) -> bool:
    """Whether a param is there that was looked for and not found."""
    return isinstance(error, psycopg2.errors.UniqueViolation) and error.diag.table_name == _param.name


_PARAM_TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    "run_pk": sa.BigInteger(),
    "key": sa.Text(),
    "value": sa.Text(),
    "experiment_pk": sa.BigInteger(),
    "number": sa.Double(),
}
_TAG_TYPES = {name: kind for name, kind in _PARAM_TYPES.items() if name != "number"}


def _rows(types: Mapping[str, sa.types.TypeEngine[Any]]) -> sa.Select[Any]:
    """The rows of arrays, which are bound as texts."""
    arrays = sa.func.unnest(*(sa.cast(sa.bindparam(name, type_=sa.Text), ARRAY(kind)) for name, kind in types.items()))
    rows = arrays.table_valued(*(sa.column(name, kind) for name, kind in types.items())).render_derived()
    return sa.select(*rows.c)


def _upserted(insert: Insert) -> Insert:
    return insert.on_conflict_do_update(
        index_elements=list(_tag.primary_key.columns), set_={"value": insert.excluded.value}
    )


def _look_up() -> sa.Select[Any]:
    numbers, texts = (
        sa.bindparam(name, type_=ARRAY(kind)) for name, kind in (("b_run_pks", sa.BigInteger), ("b_keys", sa.Text))
    )
    columns = (sa.column("run_pk", sa.BigInteger), sa.column("key", sa.Text))
    wanted = sa.func.unnest(numbers, texts).table_valued(*columns, name="wanted").render_derived()
    return sa.select(_param.c.run_pk, _param.c.key, _param.c.value).join(
        wanted, sa.and_(wanted.c.run_pk == _param.c.run_pk, wanted.c.key == _param.c.key)
    )


_PARAMS, _TAGS = "params", "tags"
_LOOK_UP = function_of(
    tables.SCHEMA,
    "look_up_entries",
    _look_up(),
    before=[
        sa.select(_run.c.run_pk)
        .where(_run.c.run_pk == sa.any_(sa.bindparam("b_tagged", type_=ARRAY(sa.BigInteger))))
        .order_by(_run.c.run_pk)
        .with_for_update(key_share=True)
    ],
)
_WRITE = procedure_of(
    tables.SCHEMA,
    "write_entries",
    {
        _PARAMS: [sa.insert(_param).inline().from_select(list(_PARAM_TYPES), _rows(_PARAM_TYPES))],
        _TAGS: [_upserted(insert_into("postgresql", _tag).inline().from_select(list(_TAG_TYPES), _rows(_TAG_TYPES)))],
    },
)
FUNCTIONS = (_LOOK_UP, _WRITE)
"""What PostgreSQL has as functions: to parse and plan them takes longer than what they do (ADR 35)."""


class _PostgresEntries:
    def __init__(self) -> None:
        self._look_up = DriverStatement(_LOOK_UP)
        self._write = DriverStatement(_WRITE)
        self._nothing: dict[str, Scalar] = {
            _PARAMS: False,
            **{f"{_PARAMS}_{name}": None for name in _PARAM_TYPES},
            _TAGS: False,
            **{f"{_TAGS}_{name}": None for name in _TAG_TYPES},
        }

    def look_up(
        self, connection: Connection, tagged: Sequence[int], params: Mapping[int, Iterable[str]]
    ) -> dict[EntryKey, str]:
        wanted = [(run_pk, key) for run_pk, keys in params.items() for key in keys]
        rows = self._look_up.execute(
            connection,
            {
                "b_tagged": array_of_numbers(tagged),
                "b_run_pks": array_of_numbers(run_pk for run_pk, _ in wanted),
                "b_keys": array_of_texts(key for _, key in wanted),
            },
        )
        return {(run_pk, key): value for run_pk, key, value in rows}

    def write(self, connection: Connection, params: Sequence[Entry], tags: Sequence[Entry]) -> None:
        values = dict(self._nothing)
        if params:
            values |= _arrays(_PARAMS, params)
            values[f"{_PARAMS}_number"] = array_of_numbers(number_in(entry.value) for entry in params)
        if tags:
            values |= _arrays(_TAGS, tags)
        self._write.execute_later(connection, values)


def _arrays(part: str, entries: Sequence[Entry]) -> dict[str, Scalar]:
    return {
        part: True,
        f"{part}_run_pk": array_of_numbers(entry.run_pk for entry in entries),
        f"{part}_key": array_of_texts(entry.key for entry in entries),
        f"{part}_value": array_of_texts(entry.value for entry in entries),
        f"{part}_experiment_pk": array_of_numbers(entry.experiment_pk for entry in entries),
    }


class _SqliteEntries:
    def __init__(self) -> None:
        self._find_params = sa.select(_param.c.key, _param.c.value).where(
            _param.c.run_pk == sa.bindparam("run_pk"), _param.c.key.in_(sa.bindparam("keys", expanding=True))
        )
        self._insert_params = sa.insert(_param)
        self._upsert_tags = _upserted(insert_into("sqlite", _tag))

    def look_up(
        self,
        connection: Connection,
        tagged: Sequence[int],  # noqa: ARG002 - nobody else writes
        params: Mapping[int, Iterable[str]],
    ) -> dict[EntryKey, str]:
        return {
            (run_pk, row.key): row.value
            for run_pk, keys in params.items()
            for some_keys in _batches(sorted(keys))
            for row in connection.execute(self._find_params, {"run_pk": run_pk, "keys": some_keys})
        }

    def write(self, connection: Connection, params: Sequence[Entry], tags: Sequence[Entry]) -> None:
        if params:
            numbered = [{**entry._asdict(), "number": number_in(entry.value)} for entry in params]
            connection.execute(self._insert_params, numbered)
        if tags:
            connection.execute(self._upsert_tags, [entry._asdict() for entry in tags])


def _batches(keys: list[str]) -> Iterable[list[str]]:
    for begin in range(0, len(keys), _IN_VALUES):
        yield keys[begin : begin + _IN_VALUES]
