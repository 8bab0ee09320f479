"""Rules on live metrics in SQL, and what they found."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from trivet_kit.db import Database
from trivet_kit.db.keyset import SortColumn, SortKey
from trivet_kit.resources import ExperimentName, RuleName, RunName
from trivet_tracking.domain import limits
from trivet_tracking.domain.errors import RuleLimitReached, RuleNameTaken, RuleNotFound
from trivet_tracking.domain.rules import (
    NewRule,
    Rule,
    RuleEventPage,
    RuleEventQuery,
    RulePage,
    RuleQuery,
)
from trivet_tracking.store import experiments, runs, tables
from trivet_tracking.store.experiments import SqlExperiments
from trivet_tracking.store.rule_rows import EVENTS, WITH_PLACES, condition_columns, to_event, to_rule

_t = tables.rule
_v = tables.rule_event
_e = tables.experiment
_r = tables.run

_OLDEST_FIRST = SortKey((SortColumn(_t.c.rule_pk, int),))
_NEWEST_FIRST = SortKey((SortColumn(_v.c.rule_event_pk, int, descending=True),))


class SqlRules:
    """Implements `Rules`. `now` gives milliseconds since the Unix epoch. Safe for threads.

    Whoever creates one first locks the row of its experiment or run, so that two of one name see each other.
    """

    def __init__(self, database: Database, of_experiments: SqlExperiments, now: Callable[[], int]) -> None:
        self._database = database
        self._experiments = of_experiments
        self._now = now

    def create(self, workspace: str, new: NewRule) -> tuple[Rule, bool]:
        """Creates a rule."""
        self._experiments.ensure_default(workspace)
        with self._database.transaction("write") as connection:
            experiment_pk, run_pk = _lock_owner(connection, workspace, new)
            of_owner = _is_of(experiment_pk, run_pk)
            same = connection.execute(WITH_PLACES.where(of_owner, _t.c.display_name == new.display_name)).one_or_none()
            if same is not None:
                if same.fingerprint != new.fingerprint:
                    raise RuleNameTaken(new.display_name, str(RuleName(workspace, same.rule_id)))
                return to_rule(same), False
            _check_room(connection, workspace, of_owner, new)
            rule_id = secrets.token_hex(16)
            connection.execute(
                sa.insert(_t).values(
                    rule_id=rule_id,
                    experiment_pk=experiment_pk,
                    run_pk=run_pk,
                    display_name=new.display_name,
                    **condition_columns(new.condition),
                    stops=new.stops,
                    tags=new.tags,
                    webhook_url="" if new.webhook is None else new.webhook.url,
                    webhook_secret="" if new.webhook is None else new.webhook.secret,
                    created_by=new.created_by,
                    create_time=self._now(),
                    fingerprint=new.fingerprint,
                )
            )
            return to_rule(_find(connection, workspace, rule_id)), True

    def get(self, workspace: str, rule_id: str) -> Rule:
        """Returns a rule."""
        with self._database.transaction("read") as connection:
            return to_rule(_find(connection, workspace, rule_id))

    def page(self, workspace: str, query: RuleQuery) -> RulePage:
        """Returns a page."""
        self._experiments.ensure_default(workspace)
        statement = WITH_PLACES.where(_e.c.workspace == workspace)
        with self._database.transaction("read") as connection:
            if query.experiment_id is not None:
                row = experiments.find(connection, workspace, query.experiment_id)
                statement = statement.where(_is_of(row.experiment_pk, None))
            elif query.run_id:
                row = runs.find(connection, workspace, query.run_id)
                statement = statement.where(sa.or_(_t.c.run_pk == row.run_pk, _is_of(row.experiment_pk, None)))
            rows = connection.execute(_OLDEST_FIRST.apply(statement, query.after).limit(query.size + 1)).all()
        page = rows[: query.size]
        return RulePage(
            tuple(to_rule(row) for row in page),
            tuple(_OLDEST_FIRST.cursor(row) for row in page),
            is_last=len(rows) <= query.size,
        )

    def delete(self, workspace: str, rule_id: str) -> None:
        """Deletes a rule."""
        with self._database.transaction("write") as connection:
            row = _find(connection, workspace, rule_id, lock=True)
            for table in (_v, _t):
                connection.execute(sa.delete(table).where(table.c.rule_pk == row.rule_pk))

    def events(self, workspace: str, query: RuleEventQuery) -> RuleEventPage:
        """Returns a page of events."""
        self._experiments.ensure_default(workspace)
        statement = EVENTS.where(_e.c.workspace == workspace)
        with self._database.transaction("read") as connection:
            if query.rule_id:
                statement = statement.where(_v.c.rule_pk == _find(connection, workspace, query.rule_id).rule_pk)
            if query.experiment_id is not None:
                experiment = experiments.find(connection, workspace, query.experiment_id)
                statement = statement.where(_r.c.experiment_pk == experiment.experiment_pk)
            if query.run_id:
                statement = statement.where(_v.c.run_pk == runs.find(connection, workspace, query.run_id).run_pk)
            rows = connection.execute(_NEWEST_FIRST.apply(statement, query.after).limit(query.size + 1)).all()
        page = rows[: query.size]
        return RuleEventPage(
            tuple(to_event(row) for row in page),
            tuple(_NEWEST_FIRST.cursor(row) for row in page),
            is_last=len(rows) <= query.size,
        )


def _lock_owner(connection: Connection, workspace: str, new: NewRule) -> tuple[int, int | None]:
    """Locks what a rule is to be of; returns the key of the experiment, and of the run where it is of one.

    Raises:
        ExperimentNotFound, ExperimentDeleted, RunNotFound, RunDeleted.
    """
    if new.experiment_id is not None:
        # Also so that it is not purged before this is there to be purged with it.
        return experiments.lock_active(connection, workspace, new.experiment_id).experiment_pk, None
    run = runs.find(connection, workspace, new.run_id, lock=True)
    runs.check_active(run)
    return run.experiment_pk, run.run_pk


def _is_of(experiment_pk: int, run_pk: int | None) -> sa.ColumnElement[bool]:
    """Whether a rule is of this run; None: of the experiment itself."""
    if run_pk is not None:
        return _t.c.run_pk == run_pk
    return sa.and_(_t.c.experiment_pk == experiment_pk, _t.c.run_pk.is_(None))


def _find(connection: Connection, workspace: str, rule_id: str, *, lock: bool = False) -> Row[Any]:
    """Raises RuleNotFound."""
    statement = WITH_PLACES.where(_e.c.workspace == workspace, _t.c.rule_id == rule_id)
    row = connection.execute(statement.with_for_update(of=_t) if lock else statement).one_or_none()
    if row is None:
        raise RuleNotFound(str(RuleName(workspace, rule_id)))
    return row


def _check_room(connection: Connection, workspace: str, of_owner: sa.ColumnElement[bool], new: NewRule) -> None:
    """Raises RuleLimitReached. Holds as long as what the rule is of is locked."""
    count: int = connection.execute(sa.select(sa.func.count()).select_from(_t).where(of_owner)).scalar_one()
    if count >= limits.MAX_RULES:
        full = RunName(workspace, new.run_id) if new.run_id else ExperimentName(workspace, new.experiment_id or 0)
        raise RuleLimitReached(str(full), limits.MAX_RULES)
