"""Experiments, runs, params, tags, metrics, datasets, logged models, saved views, rules and audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trivet_kit.db.shared_tables import create_audit_event, create_rate_demand

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None
oldest_supported = "0001"

SCHEMA = "trivet_tracking"
# Spread of points over partitions, so that vacuum and indexes stay small (measured: 16).
PARTITIONS = 16


def upgrade() -> None:
    op.create_table(
        "workspace",
        sa.Column("workspace", text(), primary_key=True),
        sa.Column("next_experiment_id", sa.BigInteger, nullable=False),
        schema=SCHEMA,
    )
    create_experiments()
    create_runs()
    create_entries("param", sa.Column("number", sa.Double))
    create_entries("tag")
    create_number_index()
    create_metrics()
    create_console()
    create_changes()
    create_run_links()
    create_logged_models()
    create_saved_views()
    create_rules()
    create_rate_demand(SCHEMA)
    create_audit_event(SCHEMA)


def is_postgres() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def text() -> sa.Text:
    # Byte order on both databases: it is what SQLite does, it does not change with the operating system's locale data,
    # and it lets an index serve LIKE 'prefix%'.
    return sa.Text(collation="C") if is_postgres() else sa.Text()


def pk(name: str) -> sa.Column[int]:
    # SQLite counts up by itself only what is declared INTEGER PRIMARY KEY.
    kind = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    return sa.Column(name, kind, sa.Identity(always=True) if is_postgres() else None, primary_key=True)


def create_experiments() -> None:
    op.create_table(
        "experiment",
        pk("experiment_pk"),
        sa.Column("workspace", text(), nullable=False),
        sa.Column("experiment_id", sa.BigInteger, nullable=False),
        sa.Column("display_name", text(), nullable=False),
        sa.Column("description", text(), nullable=False),
        sa.Column("artifact_location", text(), nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("update_time", sa.BigInteger, nullable=False),
        sa.Column("delete_time", sa.BigInteger),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("workspace", "experiment_id", name="experiment_id_key"),
        sa.UniqueConstraint("workspace", "display_name", name="experiment_display_name_key"),
        schema=SCHEMA,
    )
    op.create_table(
        "experiment_tag",
        sa.Column("experiment_pk", sa.BigInteger, experiment_reference(), primary_key=True),
        sa.Column("key", text(), primary_key=True),
        sa.Column("value", text(), nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "request",
        sa.Column("workspace", text(), primary_key=True),
        sa.Column("request_id", text(), primary_key=True),
        sa.Column("fingerprint", text(), nullable=False),
        sa.Column("experiment_pk", sa.BigInteger, experiment_reference()),
        sa.Column("saved_view_id", text()),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        schema=SCHEMA,
    )
    op.create_index("request_create_time_idx", "request", ["create_time"], schema=SCHEMA)


def experiment_reference() -> sa.ForeignKey:
    return sa.ForeignKey(f"{SCHEMA}.experiment.experiment_pk")


def create_runs() -> None:
    op.create_table(
        "run",
        pk("run_pk"),
        sa.Column("workspace", text(), nullable=False),
        sa.Column("run_id", text(), nullable=False),
        sa.Column("experiment_pk", sa.BigInteger, experiment_reference(), nullable=False),
        sa.Column("display_name", text(), nullable=False),
        sa.Column("status", sa.SmallInteger, nullable=False),
        sa.Column("start_time", sa.BigInteger, nullable=False),
        sa.Column("end_time", sa.BigInteger),
        sa.Column("begun_time", sa.BigInteger, nullable=False),
        sa.Column("user_name", text(), nullable=False),
        sa.Column("created_by", text(), nullable=False),
        sa.Column("source", text(), nullable=False),
        sa.Column("git_commit", text(), nullable=False),
        sa.Column("parent_run_id", text(), nullable=False),
        sa.Column("forked_from_run_id", text(), nullable=False),
        sa.Column("forked_from_step", sa.BigInteger),
        sa.Column("description", text(), nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("update_time", sa.BigInteger, nullable=False),
        sa.Column("delete_time", sa.BigInteger),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("fingerprint", text(), nullable=False),
        sa.UniqueConstraint("workspace", "run_id", name="run_id_key"),
        schema=SCHEMA,
    )
    # The order of runs where nothing else is asked for; it also tells which of them are in use, and what goes on in an
    # experiment.
    covering_index(
        "run_start_time_idx",
        "run",
        ["experiment_pk", sa.text("start_time DESC"), "run_id"],
        ["run_pk", "delete_time", "status", "update_time"],
    )
    # Few of many; RUNNING is 1.
    running = sa.text("status = 1 AND delete_time IS NULL")
    op.create_index(
        "run_running_idx",
        "run",
        ["experiment_pk", "run_pk"],
        schema=SCHEMA,
        postgresql_where=running,
        sqlite_where=running,
    )
    for index, column in (("run_parent_idx", "parent_run_id"), ("run_forked_from_idx", "forked_from_run_id")):
        is_set = sa.text(f"{column} <> ''")
        op.create_index(
            index,
            "run",
            ["experiment_pk", column],
            schema=SCHEMA,
            postgresql_where=is_set,
            sqlite_where=is_set,
        )
    # What a purge looks for: few rows of many.
    in_bin = sa.text("delete_time IS NOT NULL")
    for table in ("experiment", "run"):
        op.create_index(
            f"{table}_deleted_idx",
            table,
            ["workspace", f"{table}_pk"],
            schema=SCHEMA,
            postgresql_where=in_bin,
            sqlite_where=in_bin,
        )
    op.create_table(
        "purged_run",
        sa.Column("run_pk", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("workspace", text(), nullable=False),
        schema=SCHEMA,
    )


def covering_index(
    name: str, table: str, columns: list[str | sa.TextClause], included: list[str], where: str | None = None
) -> None:
    """An index that answers searches by itself: it holds columns beside those that it is ordered by."""
    condition = None if where is None else sa.text(where)
    op.create_index(
        name,
        table,
        columns if is_postgres() else [*columns, *included],
        schema=SCHEMA,
        postgresql_include=included,
        postgresql_where=condition,
        sqlite_where=condition,
    )


def run_reference() -> sa.ForeignKey:
    return sa.ForeignKey(f"{SCHEMA}.run.run_pk")


def create_entries(name: str, *more: sa.Column[float]) -> None:
    op.create_table(
        name,
        sa.Column("run_pk", sa.BigInteger, run_reference(), primary_key=True),
        sa.Column("key", text(), primary_key=True),
        sa.Column("experiment_pk", sa.BigInteger, nullable=False),
        sa.Column("value", text(), nullable=False),
        # A bounded prefix: PostgreSQL refuses index rows over 2.7 kB. A column of its own, because only of columns does
        # PostgreSQL see that an index has them all.
        sa.Column("head", text(), sa.Computed("substr(value, 1, 200)", persisted=True)),
        *more,
        schema=SCHEMA,
    )
    op.create_index(f"{name}_head_idx", name, ["experiment_pk", "key", "head", "run_pk"], schema=SCHEMA)
    # The few of which the head may not be all.
    long = sa.text("length(head) = 200")
    op.create_index(
        f"{name}_long_idx",
        name,
        ["experiment_pk", "key", "run_pk"],
        schema=SCHEMA,
        postgresql_where=long,
        sqlite_where=long,
    )


def create_number_index() -> None:
    numbers = sa.text("number IS NOT NULL")
    op.create_index(
        "param_number_idx",
        "param",
        ["experiment_pk", "key", "number", "run_pk"],
        schema=SCHEMA,
        postgresql_where=numbers,
        sqlite_where=numbers,
    )


def create_metrics() -> None:
    op.create_table(
        "metric_context",
        sa.Column("run_pk", sa.BigInteger, run_reference(), primary_key=True),
        sa.Column("context", sa.Integer, primary_key=True),
        sa.Column("rank", sa.Integer, nullable=False),
        sa.Column("model_id", text(), nullable=False),
        sa.Column("dataset_name", text(), nullable=False),
        sa.Column("dataset_digest", text(), nullable=False),
        sa.UniqueConstraint(
            "run_pk", "rank", "model_id", "dataset_name", "dataset_digest", name="metric_context_parts_key"
        ),
        schema=SCHEMA,
    )
    # What was measured of a logged model, by whichever run.
    of_models = sa.text("model_id <> ''")
    op.create_index(
        "metric_context_model_idx",
        "metric_context",
        ["model_id"],
        schema=SCHEMA,
        postgresql_where=of_models,
        sqlite_where=of_models,
    )
    op.create_table(
        "metric_writer",
        sa.Column("run_pk", sa.BigInteger, run_reference(), primary_key=True),
        sa.Column("writer", sa.BigInteger, primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("previous", sa.BigInteger, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        schema=SCHEMA,
    )
    create_points()
    op.create_table(
        "metric_latest",
        sa.Column("run_pk", sa.BigInteger, primary_key=True),
        sa.Column("key", text(), primary_key=True),
        sa.Column("context", sa.Integer, primary_key=True),
        sa.Column("experiment_pk", sa.BigInteger, nullable=False),
        sa.Column("step", sa.BigInteger, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("value", sa.Double),
        sa.Column("min", sa.Double),
        sa.Column("max", sa.Double),
        sa.Column("points", sa.BigInteger, nullable=False),
        sa.Column("batch_step", sa.BigInteger),
        sa.Column("batch_time", sa.BigInteger),
        sa.Column("unsettled", sa.Boolean, nullable=False),
        sa.Column("changed_by", sa.BigInteger, nullable=False, server_default="0"),
        schema=SCHEMA,
    )
    covering_index(
        "metric_latest_value_idx",
        "metric_latest",
        ["experiment_pk", "key", "value", "run_pk"],
        ["min", "max"],
        where="context = 0",
    )
    # Few at any time: those whose points the folder has yet to compare.
    unsettled = sa.text("unsettled")
    op.create_index(
        "metric_latest_unsettled_idx",
        "metric_latest",
        ["run_pk"],
        schema=SCHEMA,
        postgresql_where=unsettled,
        sqlite_where=unsettled,
    )
    if is_postgres():
        # These rows change with every write of their run: room on the page keeps them in place, early vacuum short.
        op.execute(f"ALTER TABLE {SCHEMA}.metric_latest SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02)")


def create_points() -> None:
    log_id = sa.Column("log_id", sa.Integer, primary_key=True)
    log_key: tuple[sa.SchemaItem, ...] = (log_id, sa.Column("run_pk", sa.BigInteger, nullable=False))
    if is_postgres():
        op.execute(f"CREATE SEQUENCE {SCHEMA}.metric_log_id_seq AS bigint CACHE 32")
        next_id = sa.text(f"nextval('{SCHEMA}.metric_log_id_seq')")
        log_key = (
            sa.Column("run_pk", sa.BigInteger, primary_key=True),
            sa.Column("log_id", sa.BigInteger, primary_key=True, server_default=next_id),
        )
    create_partitioned(
        "metric_log",
        *log_key,
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("points", sa.Integer, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    if not is_postgres():
        op.create_index("metric_log_run_idx", "metric_log", ["run_pk", "log_id"])
    create_partitioned(
        "metric_chunk",
        sa.Column("run_pk", sa.BigInteger, primary_key=True),
        sa.Column("key", text(), primary_key=True),
        sa.Column("context", sa.Integer, primary_key=True),
        sa.Column("first_step", sa.BigInteger, primary_key=True),
        sa.Column("first_time", sa.BigInteger, primary_key=True),
        sa.Column("last_step", sa.BigInteger, nullable=False),
        sa.Column("last_time", sa.BigInteger, nullable=False),
        sa.Column("points", sa.Integer, nullable=False),
        sa.Column("summary", sa.LargeBinary, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )


def create_console() -> None:
    op.create_table(
        "console",
        sa.Column("run_pk", sa.BigInteger, run_reference(), primary_key=True),
        sa.Column("end_number", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        schema=SCHEMA,
    )
    create_partitioned(
        "console_chunk",
        sa.Column("run_pk", sa.BigInteger, primary_key=True),
        sa.Column("first_number", sa.BigInteger, primary_key=True),
        sa.Column("lines", sa.Integer, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("end_bytes", sa.BigInteger, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )


def create_partitioned(name: str, *columns: sa.SchemaItem) -> None:
    """A table of bytes that are packed already, spread by run on PostgreSQL."""
    op.create_table(name, *columns, schema=SCHEMA, postgresql_partition_by="HASH (run_pk)")
    if not is_postgres():
        return
    # Do not try to compress it again; charts read the summaries without the data beside them.
    op.execute(f"ALTER TABLE {SCHEMA}.{name} ALTER COLUMN data SET STORAGE EXTERNAL")
    for number in range(PARTITIONS):
        op.execute(
            f"CREATE TABLE {SCHEMA}.{name}_{number:02d} PARTITION OF {SCHEMA}.{name} "
            f"FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {number})"
        )


# What changed in which transaction, for those who watch. On PostgreSQL transactions have numbers; SQLite, where one
# writes at a time, counts them here. `kinds` are the bits of trivet_tracking.domain.watches.ChangeKind.
SQLITE_TRANSACTION_ID = """
    (SELECT max(coalesce((SELECT max(transaction_id) + 1 FROM run_change), 1), max(position)) FROM change_horizon)
"""
CREATED, FIELDS = 1, 2


def create_changes() -> None:
    op.create_table(
        "run_change",
        sa.Column("transaction_id", sa.BigInteger, primary_key=True),
        sa.Column("experiment_pk", sa.BigInteger, primary_key=True),
        sa.Column("run_pk", sa.BigInteger, primary_key=True),
        sa.Column("kinds", sa.Integer, nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "change_horizon",
        sa.Column("time", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        schema=SCHEMA,
    )
    horizon = sa.table(
        "change_horizon", sa.column("time"), sa.column("position"), schema=SCHEMA if is_postgres() else None
    )
    op.execute(sa.insert(horizon).values(time=0, position=0))
    # Rows of runs and experiments are changed in many places, some of them to come; a trigger forgets none of them.
    # Writes of metrics, params and tags record themselves, once a run and commit (store/marks.py).
    record_changes("run_created", "INSERT ON {run}", "run_pk", CREATED)
    record_changes("run_changed", "UPDATE ON {run}", "run_pk", FIELDS)
    deleted_or_restored = "(OLD.delete_time IS NULL) <> (NEW.delete_time IS NULL)"
    record_changes("experiment_changed", "UPDATE ON {experiment}", None, FIELDS, deleted_or_restored)


def record_changes(name: str, event: str, run_pk: str | None, kind: int, condition: str | None = None) -> None:
    """A trigger that records a change of a run, or of an experiment, for which `run_pk` is 0."""
    when = f"WHEN ({condition})" if condition else ""
    run = f"NEW.{run_pk}" if run_pk else "0"
    if not is_postgres():
        op.execute(
            f"""
            CREATE TRIGGER {name} AFTER {event.format(run="run", experiment="experiment")} {when} BEGIN
                INSERT INTO run_change (transaction_id, experiment_pk, run_pk, kinds)
                VALUES ({SQLITE_TRANSACTION_ID}, NEW.experiment_pk, {run}, {kind});
            END
            """  # noqa: S608 - all of it is said here
        )
        return
    op.execute(
        f"""
        CREATE FUNCTION {SCHEMA}.{name}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO {SCHEMA}.run_change AS change (transaction_id, experiment_pk, run_pk, kinds)
            VALUES (CAST(CAST(pg_current_xact_id() AS text) AS bigint), NEW.experiment_pk, {run}, {kind})
            ON CONFLICT (transaction_id, experiment_pk, run_pk) DO UPDATE SET kinds = change.kinds | excluded.kinds;
            RETURN NULL;
        END $$
        """  # noqa: S608 - all of it is said here
    )
    on = event.format(run=f"{SCHEMA}.run", experiment=f"{SCHEMA}.experiment")
    op.execute(f"CREATE TRIGGER {name} AFTER {on} FOR EACH ROW {when} EXECUTE FUNCTION {SCHEMA}.{name}()")


def create_run_links() -> None:
    op.create_table(
        "dataset",
        pk("dataset_pk"),
        sa.Column("experiment_pk", sa.BigInteger, experiment_reference(), nullable=False),
        sa.Column("name", text(), nullable=False),
        sa.Column("digest", text(), nullable=False),
        sa.Column("source_type", text(), nullable=False),
        sa.Column("source", text(), nullable=False),
        sa.Column("schema", text(), nullable=False),
        sa.Column("profile", text(), nullable=False),
        sa.UniqueConstraint("experiment_pk", "name", "digest", name="dataset_key"),
        schema=SCHEMA,
    )
    dataset_reference = f"{SCHEMA}.dataset.dataset_pk"
    op.create_table(
        "dataset_input",
        sa.Column("run_pk", sa.BigInteger, run_reference(), primary_key=True),
        sa.Column("dataset_pk", sa.BigInteger, sa.ForeignKey(dataset_reference), primary_key=True),
        sa.Column("experiment_pk", sa.BigInteger, nullable=False),
        sa.Column("name", text(), nullable=False),
        sa.Column("digest", text(), nullable=False),
        sa.Column("context", text()),
        schema=SCHEMA,
    )
    for column, *more in (("name",), ("digest",), ("context", "dataset_pk")):
        # The last one also gives the datasets of an experiment, each with what it was used for.
        columns = ["experiment_pk", column, *more, "run_pk"]
        op.create_index(f"dataset_input_{column}_idx", "dataset_input", columns, schema=SCHEMA)
    op.create_table(
        "dataset_input_tag",
        sa.Column("run_pk", sa.BigInteger, run_reference(), primary_key=True),
        sa.Column("dataset_pk", sa.BigInteger, sa.ForeignKey(dataset_reference), primary_key=True),
        sa.Column("key", text(), primary_key=True),
        sa.Column("value", text(), nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "model_input",
        sa.Column("run_pk", sa.BigInteger, run_reference(), primary_key=True),
        sa.Column("model_id", text(), primary_key=True),
        schema=SCHEMA,
    )
    op.create_table(
        "model_output",
        sa.Column("run_pk", sa.BigInteger, run_reference(), primary_key=True),
        sa.Column("step", sa.BigInteger, primary_key=True),
        sa.Column("model_id", text(), primary_key=True),
        schema=SCHEMA,
    )


def create_logged_models() -> None:
    op.create_table(
        "logged_model",
        pk("logged_model_pk"),
        sa.Column("workspace", text(), nullable=False),
        sa.Column("model_id", text(), nullable=False),
        sa.Column("experiment_pk", sa.BigInteger, experiment_reference(), nullable=False),
        sa.Column("display_name", text(), nullable=False),
        sa.Column("model_type", text(), nullable=False),
        sa.Column("source_run_id", text(), nullable=False),
        sa.Column("status", sa.SmallInteger, nullable=False),
        sa.Column("created_by", text(), nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("update_time", sa.BigInteger, nullable=False),
        sa.Column("delete_time", sa.BigInteger),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("fingerprint", text(), nullable=False),
        sa.UniqueConstraint("workspace", "model_id", name="logged_model_id_key"),
        schema=SCHEMA,
    )
    # The order of logged models where nothing else is asked for.
    covering_index(
        "logged_model_create_time_idx",
        "logged_model",
        ["experiment_pk", sa.text("create_time DESC"), "model_id"],
        ["logged_model_pk", "delete_time"],
    )
    made_by_runs = sa.text("source_run_id <> ''")
    op.create_index(
        "logged_model_source_run_idx",
        "logged_model",
        ["experiment_pk", "source_run_id"],
        schema=SCHEMA,
        postgresql_where=made_by_runs,
        sqlite_where=made_by_runs,
    )
    for name, *more in (("param", sa.Column("number", sa.Double)), ("tag",)):
        op.create_table(
            f"logged_model_{name}",
            sa.Column(
                "logged_model_pk",
                sa.BigInteger,
                sa.ForeignKey(f"{SCHEMA}.logged_model.logged_model_pk"),
                primary_key=True,
            ),
            sa.Column("key", text(), primary_key=True),
            sa.Column("value", text(), nullable=False),
            *more,
            schema=SCHEMA,
        )


def create_saved_views() -> None:
    op.create_table(
        "saved_view",
        pk("saved_view_pk"),
        sa.Column("workspace", text(), nullable=False),
        sa.Column("saved_view_id", text(), nullable=False),
        sa.Column("experiment_pk", sa.BigInteger, experiment_reference()),
        sa.Column("display_name", text(), nullable=False),
        sa.Column("state", text(), nullable=False),
        sa.Column("created_by", text(), nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("update_time", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("workspace", "saved_view_id", name="saved_view_id_key"),
        sa.UniqueConstraint("experiment_pk", "display_name", name="saved_view_display_name_key"),
        schema=SCHEMA,
    )
    # The constraint above does not see those of no experiment: no NULL equals another.
    of_none = sa.text("experiment_pk IS NULL")
    op.create_index(
        "saved_view_of_none_display_name_key",
        "saved_view",
        ["workspace", "display_name"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=of_none,
        sqlite_where=of_none,
    )


def create_rules() -> None:
    op.create_table(
        "rule",
        pk("rule_pk"),
        sa.Column("rule_id", text(), nullable=False, unique=True),
        sa.Column("experiment_pk", sa.BigInteger, experiment_reference(), nullable=False),
        sa.Column("run_pk", sa.BigInteger, run_reference()),
        sa.Column("display_name", text(), nullable=False),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("metric", text(), nullable=False),
        sa.Column("silence", sa.BigInteger),
        sa.Column("condition", text(), nullable=False),
        sa.Column("stops", sa.Boolean, nullable=False),
        sa.Column("tags", sa.Boolean, nullable=False),
        sa.Column("webhook_url", text(), nullable=False),
        sa.Column("webhook_secret", text(), nullable=False),
        sa.Column("created_by", text(), nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("fingerprint", text(), nullable=False),
        schema=SCHEMA,
    )
    for name, key, owned in (
        ("rule_of_experiment_key", "experiment_pk", "run_pk IS NULL"),
        ("rule_of_run_key", "run_pk", "run_pk IS NOT NULL"),
    ):
        op.create_index(
            name,
            "rule",
            [key, "display_name"],
            unique=True,
            schema=SCHEMA,
            postgresql_where=sa.text(owned),
            sqlite_where=sa.text(owned),
        )
    op.create_index("rule_experiment_idx", "rule", ["experiment_pk"], schema=SCHEMA)
    op.create_table(
        "rule_event",
        pk("rule_event_pk"),
        sa.Column("event_id", text(), nullable=False, unique=True),
        sa.Column("rule_pk", sa.BigInteger, sa.ForeignKey(f"{SCHEMA}.rule.rule_pk"), nullable=False),
        sa.Column("run_pk", sa.BigInteger, run_reference(), nullable=False),
        sa.Column("reason", text(), nullable=False),
        sa.Column("metric", text(), nullable=False),
        sa.Column("step", sa.BigInteger),
        sa.Column("value", text()),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("attempt_time", sa.BigInteger),
        sa.Column("due_time", sa.BigInteger, nullable=False),
        sa.Column("http_status", sa.Integer, nullable=False),
        sa.Column("problem", text(), nullable=False),
        # However many replicas judge, a run breaks a rule once.
        sa.UniqueConstraint("rule_pk", "run_pk", name="rule_event_once"),
        schema=SCHEMA,
    )
    op.create_index("rule_event_run_idx", "rule_event", ["run_pk"], schema=SCHEMA)
    # PENDING is 1.
    waiting = sa.text("state = 1")
    op.create_index(
        "rule_event_due_idx",
        "rule_event",
        ["due_time"],
        schema=SCHEMA,
        postgresql_where=waiting,
        sqlite_where=waiting,
    )
    op.create_table(
        "run_stop",
        sa.Column("run_pk", sa.BigInteger, run_reference(), primary_key=True, autoincrement=False),
        sa.Column("begun_time", sa.BigInteger, nullable=False),
        sa.Column("request_time", sa.BigInteger, nullable=False),
        sa.Column("reason", text(), nullable=False),
        sa.Column("rule_id", text(), nullable=False),
        sa.Column("requested_by", text(), nullable=False),
        schema=SCHEMA,
    )
