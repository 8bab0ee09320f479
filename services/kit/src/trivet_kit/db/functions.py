"""Queries that PostgreSQL keeps the plans of, as functions: to plan joins at every call takes longer than to run them.

A plan belongs to a session, of which a call may get any. Nothing has to be prepared in it: what a function does is
planned when a session first runs it (ADR 35).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_kit.db.postgres import Dialect

_DIALECT = Dialect()  # type: ignore[no-untyped-call]
# Left to itself, PostgreSQL plans anew for the values of each call where it takes that plan to be a little better.
_KEPT = "SET plan_cache_mode = force_generic_plan"
# What is asked for is found by keys, row by row. A plan that was made while a table was small would read all of it, and
# goes on being used when it has grown.
_SETTINGS = f"{_KEPT} SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off"


@dataclass(frozen=True)
class _Written:
    name: str
    definition: str
    call: sa.TextClause


class Function:
    """A function in a database. Its name has a digest of what it does, so that those of two releases stand together.

    It is written when it is first asked for, which takes some milliseconds: a server on SQLite needs none.
    """

    def __init__(self, schema: str, write: Callable[[], _Written]) -> None:
        """Args: in which schema it is, and what writes it, always the same."""
        self.schema = schema
        self._write = write

    @cached_property
    def _written(self) -> _Written:
        return self._write()

    @property
    def name(self) -> str:
        """Without the schema."""
        return self._written.name

    @property
    def definition(self) -> str:
        """What creates it."""
        return self._written.definition

    @property
    def call(self) -> sa.TextClause:
        """Selects its rows; takes the bound parameters of what it was made of."""
        return self._written.call


def function_of(
    schema: str, name: str, query: sa.Select[Any] | sa.TextualSelect, before: Sequence[sa.Select[Any] | sa.Delete] = ()
) -> Function:
    """The function that runs a query. One in text may write, and says the types of its bound parameters and columns.

    Args:
        schema: Where it is.
        name: What it begins with.
        query: Its bound parameters are the function's; their types are those of what they are compared with.
        before: Queries that take locks, and what is removed, first. Each, and the query itself, sees what was committed
            until it begins.
    """
    return Function(schema, partial(_write_function, schema, name, query, before))


def _write_function(
    schema: str, name: str, query: sa.Select[Any] | sa.TextualSelect, before: Sequence[sa.Select[Any] | sa.Delete]
) -> _Written:
    types: dict[str, str] = {}
    steps = [_step(statement, types) for statement in before]
    steps.append(f"RETURN QUERY {_in_body(query, types)}")
    results = ", ".join(
        f"o_{place} {column.type.compile(_DIALECT)}" for place, column in enumerate(query.selected_columns)
    )
    volatility = "VOLATILE" if before or isinstance(query, sa.TextualSelect) else "STABLE"
    returns = f"RETURNS TABLE ({results}) LANGUAGE plpgsql {volatility} {_SETTINGS}"
    return _written(schema, name, types, returns, steps)


def procedure_of(schema: str, name: str, parts: Mapping[str, Sequence[sa.Insert | sa.Update | sa.Delete]]) -> Function:
    """The function that runs those statements that it is told to.

    Args:
        schema: Where it is.
        name: What it begins with.
        parts: Statements by the name of the part that they belong to. The function takes a boolean of this name, which
            says whether they run, and what they are bound to, by names that begin with the part's and `_`.
    """
    return Function(schema, partial(_write_procedure, schema, name, parts))


def _write_procedure(
    schema: str, name: str, parts: Mapping[str, Sequence[sa.Insert | sa.Update | sa.Delete]]
) -> _Written:
    types: dict[str, str] = {}
    steps = []
    for part, statements in parts.items():
        types[part] = "BOOLEAN"
        texts = [_in_body(statement, types, f"{part}_") for statement in statements]
        steps.append(f"IF {part} THEN {'; '.join(texts)}; END IF")
    # A number in a call is an INTEGER, which is not narrowed for an argument, but is for a column.
    types = {bound: "INTEGER" if kind == "SMALLINT" else kind for bound, kind in types.items()}
    return _written(schema, name, types, f"RETURNS VOID LANGUAGE plpgsql VOLATILE {_KEPT}", steps, gives_rows=False)


def create_functions(connection: Connection, functions: Sequence[Function]) -> None:
    """Creates those functions that are not there, in a transaction. Others stay: a release before may still run."""
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor:
        for function in missing_functions(connection, functions):
            cursor.execute(function.definition)


def missing_functions(connection: Connection, functions: Sequence[Function]) -> list[Function]:
    """Which functions are not in the database."""
    rows = connection.execute(
        sa.text(
            "SELECT nspname, proname FROM pg_catalog.pg_proc p "
            "JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE nspname = ANY(:schemas)"
        ),
        {"schemas": sorted({function.schema for function in functions})},
    )
    there = {(row.nspname, row.proname) for row in rows}
    return [function for function in functions if (function.schema, function.name) not in there]


def _written(
    schema: str, name: str, types: Mapping[str, str], returns: str, steps: Sequence[str], *, gives_rows: bool = True
) -> _Written:
    """A function of these steps."""
    head = f"({', '.join(f'{bound} {kind}' for bound, kind in types.items())}) {returns}"
    body = "".join(f"{step};\n" for step in steps)
    digest = hashlib.sha256(f"{head}\n{body}".encode()).hexdigest()[:16]
    full_name = f"{name}_{digest}"
    quote = f"$f{digest}$"  # nothing in the body can be it
    if gives_rows:
        call = f"* FROM {schema}.{full_name}({', '.join(f'CAST(:{bound} AS {kind})' for bound, kind in types.items())})"
    else:
        call = f"{schema}.{full_name}({', '.join(f':{bound}' for bound in types)})"
    return _Written(
        name=full_name,
        definition=(f"CREATE OR REPLACE FUNCTION {schema}.{full_name}{head} AS {quote}\nBEGIN\n{body}END\n{quote}"),
        call=sa.text(f"SELECT {call}"),
    )


def _step(statement: sa.Select[Any] | sa.Delete, types: dict[str, str]) -> str:
    """What a function does before its query, without a result."""
    text = _in_body(statement, types)
    return text if isinstance(statement, sa.Delete) else f"PERFORM 1 FROM ({text}) AS step"


def _in_body(statement: sa.ClauseElement, types: dict[str, str], prefix: str = "") -> str:
    """A statement in which bound parameters are names that begin with a prefix, and constants are literals.

    Adds to `types` what it binds.
    """
    compiled: Any = statement.compile(dialect=_DIALECT)
    names: Mapping[str, sa.BindParameter[Any]] = compiled.binds
    texts: dict[str, str] = {}
    for name, bound in names.items():
        if bound.required:
            texts[name] = f"{prefix}{name}"
            types[texts[name]] = bound.type.compile(_DIALECT)
        else:
            literal = sa.literal(bound.value, bound.type)
            # The driver's placeholders are spelled with `%`, which is doubled in texts that have them.
            texts[name] = str(literal.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True})) % ()
    return str(compiled) % texts
