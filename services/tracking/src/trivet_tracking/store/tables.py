"""The tables as the code sees them; the migrations make them. Times are milliseconds since the Unix epoch."""

from __future__ import annotations

import sqlalchemy as sa

SCHEMA = "trivet_tracking"

metadata = sa.MetaData(schema=SCHEMA)

# Experiment ids are counted up in each workspace.
workspace = sa.Table(
    "workspace",
    metadata,
    sa.Column("workspace", sa.Text, primary_key=True),
    sa.Column("next_experiment_id", sa.BigInteger, nullable=False),
)

experiment = sa.Table(
    "experiment",
    metadata,
    sa.Column("experiment_pk", sa.BigInteger, primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("experiment_id", sa.BigInteger, nullable=False),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("artifact_location", sa.Text, nullable=False),
    sa.Column("create_time", sa.BigInteger, nullable=False),
    sa.Column("update_time", sa.BigInteger, nullable=False),
    sa.Column("delete_time", sa.BigInteger),
    sa.Column("revision", sa.BigInteger, nullable=False),
)

experiment_tag = sa.Table(
    "experiment_tag",
    metadata,
    sa.Column("experiment_pk", sa.BigInteger, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

# What people saved of pages of experiments, or of none.
saved_view = sa.Table(
    "saved_view",
    metadata,
    sa.Column("saved_view_pk", sa.BigInteger, primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("saved_view_id", sa.Text, nullable=False),
    sa.Column("experiment_pk", sa.BigInteger),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("create_time", sa.BigInteger, nullable=False),
    sa.Column("update_time", sa.BigInteger, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
)

# First answers of requests that carried a request id: the experiment that one created, or the saved view, which may be
# gone since.
request = sa.Table(
    "request",
    metadata,
    sa.Column("workspace", sa.Text, primary_key=True),
    sa.Column("request_id", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("experiment_pk", sa.BigInteger),
    sa.Column("saved_view_id", sa.Text),
    sa.Column("create_time", sa.BigInteger, nullable=False),
)

run = sa.Table(
    "run",
    metadata,
    sa.Column("run_pk", sa.BigInteger, primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("experiment_pk", sa.BigInteger, nullable=False),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("status", sa.SmallInteger, nullable=False),
    sa.Column("start_time", sa.BigInteger, nullable=False),
    sa.Column("end_time", sa.BigInteger),
    # When it was created, or last set to RUNNING.
    sa.Column("begun_time", sa.BigInteger, nullable=False),
    sa.Column("user_name", sa.Text, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("git_commit", sa.Text, nullable=False),
    sa.Column("parent_run_id", sa.Text, nullable=False),
    # Of a fork; '' and NULL of other runs.
    sa.Column("forked_from_run_id", sa.Text, nullable=False),
    sa.Column("forked_from_step", sa.BigInteger),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("create_time", sa.BigInteger, nullable=False),
    sa.Column("update_time", sa.BigInteger, nullable=False),
    sa.Column("delete_time", sa.BigInteger),
    sa.Column("revision", sa.BigInteger, nullable=False),
    # Of the creating request: the same id with another one is another run.
    sa.Column("fingerprint", sa.Text, nullable=False),
)

# Rules by which runs are judged (judging.py): those of an experiment, or of the run `run_pk`. `metric` is '' where any
# counts, or none. `condition` is a JSON object (rule_rows.py), and `silence` the part of it that is asked for here.
# `webhook_url` is '' where nobody is told.
rule = sa.Table(
    "rule",
    metadata,
    sa.Column("rule_pk", sa.BigInteger, primary_key=True),
    sa.Column("rule_id", sa.Text, nullable=False),
    sa.Column("experiment_pk", sa.BigInteger, nullable=False),
    sa.Column("run_pk", sa.BigInteger),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("kind", sa.SmallInteger, nullable=False),
    sa.Column("metric", sa.Text, nullable=False),
    sa.Column("silence", sa.BigInteger),
    sa.Column("condition", sa.Text, nullable=False),
    sa.Column("stops", sa.Boolean, nullable=False),
    sa.Column("tags", sa.Boolean, nullable=False),
    sa.Column("webhook_url", sa.Text, nullable=False),
    sa.Column("webhook_secret", sa.Text, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("create_time", sa.BigInteger, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
)

# That a run broke a rule, once for each of both, and how the sending of that goes; `state` is 0 where nobody is told.
# NaN and the infinities are texts, as SQLite has no NaN.
rule_event = sa.Table(
    "rule_event",
    metadata,
    sa.Column("rule_event_pk", sa.BigInteger, primary_key=True),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("rule_pk", sa.BigInteger, nullable=False),
    sa.Column("run_pk", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("metric", sa.Text, nullable=False),
    sa.Column("step", sa.BigInteger),
    sa.Column("value", sa.Text),
    sa.Column("create_time", sa.BigInteger, nullable=False),
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    # NULL before the first attempt.
    sa.Column("attempt_time", sa.BigInteger),
    # When it is sent, or sent again; while somebody sends it, when that is taken to have failed.
    sa.Column("due_time", sa.BigInteger, nullable=False),
    sa.Column("http_status", sa.Integer, nullable=False),
    sa.Column("problem", sa.Text, nullable=False),
)

# Runs that were asked to stop; it holds as long as `begun_time` is that of the run.
run_stop = sa.Table(
    "run_stop",
    metadata,
    sa.Column("run_pk", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("begun_time", sa.BigInteger, nullable=False),
    sa.Column("request_time", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("rule_id", sa.Text, nullable=False),
    sa.Column("requested_by", sa.Text, nullable=False),
)

# Runs that are gone and whose points are yet to be removed (purge.py).
purged_run = sa.Table(
    "purged_run",
    metadata,
    sa.Column("run_pk", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("workspace", sa.Text, nullable=False),
)


def _entries(name: str, *more: sa.Column[float]) -> sa.Table:
    """Keys and values of runs. They carry `experiment_pk`, so that a search in an experiment needs no join for it."""
    return sa.Table(
        name,
        metadata,
        sa.Column("run_pk", sa.BigInteger, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("experiment_pk", sa.BigInteger, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        # The first HEAD_CHARACTERS of the value, by which it is found; the database fills it.
        sa.Column("head", sa.Text, sa.Computed("substr(value, 1, 200)")),
        *more,
    )


HEAD_CHARACTERS = 200

# `number` is what the value says as a number (domain/numbers.py).
param = _entries("param", sa.Column("number", sa.Double))
tag = _entries("tag")

# The numbered contexts of a run, from 1 up; absent parts are -1 and ''.
metric_context = sa.Table(
    "metric_context",
    metadata,
    sa.Column("run_pk", sa.BigInteger, primary_key=True),
    sa.Column("context", sa.Integer, primary_key=True),
    sa.Column("rank", sa.Integer, nullable=False),
    sa.Column("model_id", sa.Text, nullable=False),
    sa.Column("dataset_name", sa.Text, nullable=False),
    sa.Column("dataset_digest", sa.Text, nullable=False),
)

# The last sequence of each writer to a run: what makes a resend a no-op. Below 0 the writer was ended by a rewind.
# Writer 0 stands for messages without one, which have no sequence. `previous` is the one before the last upsert, which
# is how that tells what it found (marks.py). `time` is that of the last message.
metric_writer = sa.Table(
    "metric_writer",
    metadata,
    sa.Column("run_pk", sa.BigInteger, primary_key=True),
    sa.Column("writer", sa.BigInteger, primary_key=True),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("previous", sa.BigInteger, nullable=False),
    sa.Column("time", sa.BigInteger, nullable=False),
)

# At most one segment for each run and commit (segments.py), until the folder makes chunks of it.
metric_log = sa.Table(
    "metric_log",
    metadata,
    sa.Column("run_pk", sa.BigInteger, primary_key=True),
    sa.Column("log_id", sa.BigInteger, sa.FetchedValue(), primary_key=True),
    sa.Column("time", sa.BigInteger, nullable=False),
    sa.Column("points", sa.Integer, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

# Chunks of series (chunks.py). Those of a series do not overlap by (step, time).
metric_chunk = sa.Table(
    "metric_chunk",
    metadata,
    sa.Column("run_pk", sa.BigInteger, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("context", sa.Integer, primary_key=True),
    sa.Column("first_step", sa.BigInteger, primary_key=True),
    sa.Column("first_time", sa.BigInteger, primary_key=True),
    sa.Column("last_step", sa.BigInteger, nullable=False),
    sa.Column("last_time", sa.BigInteger, nullable=False),
    sa.Column("points", sa.Integer, nullable=False),
    sa.Column("summary", sa.LargeBinary, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

# Lines of consoles (console.py). `end_number` is that of the next line, `bytes` what all lines had so far.
console = sa.Table(
    "console",
    metadata,
    sa.Column("run_pk", sa.BigInteger, primary_key=True),
    sa.Column("end_number", sa.BigInteger, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
)

# Consecutive lines; `end_bytes` is what `console.bytes` was after them.
console_chunk = sa.Table(
    "console_chunk",
    metadata,
    sa.Column("run_pk", sa.BigInteger, primary_key=True),
    sa.Column("first_number", sa.BigInteger, primary_key=True),
    sa.Column("lines", sa.Integer, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("end_bytes", sa.BigInteger, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

# The current value of each series. Context 0 is the key over all contexts. NaN is NULL: SQLite makes that of it.
#
# `points` counts the points of the series (over all contexts: the sum), those that came again in a later commit twice
# until the folder has compared them. `unsettled` says that there may be such: since then a commit brought a point that
# was not after all others by (step, time). `batch_step` and `batch_time` are the first point of the last commit, by
# which the next upsert tells; where context 0 is concerned, of the series without a context. `changed_by` is the
# transaction that wrote points last, by which watchers find what is new (changes.py).
metric_latest = sa.Table(
    "metric_latest",
    metadata,
    sa.Column("run_pk", sa.BigInteger, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
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
    sa.Column("changed_by", sa.BigInteger, nullable=False),
)

# Which transaction changed which runs, in which ways (domain/watches.py); `run_pk` 0: the experiment itself was deleted
# or restored. Triggers write the changes of the rows of `run` and `experiment`. Pruned after some time (horizon.py).
run_change = sa.Table(
    "run_change",
    metadata,
    sa.Column("transaction_id", sa.BigInteger, primary_key=True),
    sa.Column("experiment_pk", sa.BigInteger, primary_key=True),
    sa.Column("run_pk", sa.BigInteger, primary_key=True),
    sa.Column("kinds", sa.Integer, nullable=False),
)

# At some times, the first transaction that had not ended: what came before is to be kept for some time from then on.
# The oldest row says how far changes have been pruned.
change_horizon = sa.Table(
    "change_horizon",
    metadata,
    sa.Column("time", sa.BigInteger, primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),
)

# Datasets, one of each name and digest in an experiment.
dataset = sa.Table(
    "dataset",
    metadata,
    sa.Column("dataset_pk", sa.BigInteger, primary_key=True),
    sa.Column("experiment_pk", sa.BigInteger, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("source_type", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("schema", sa.Text, nullable=False),
    sa.Column("profile", sa.Text, nullable=False),
)

# Datasets that runs used. What searches compare is held here, so that they need no join for it; `context` is the value
# of the tag that says what for.
dataset_input = sa.Table(
    "dataset_input",
    metadata,
    sa.Column("run_pk", sa.BigInteger, primary_key=True),
    sa.Column("dataset_pk", sa.BigInteger, primary_key=True),
    sa.Column("experiment_pk", sa.BigInteger, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("context", sa.Text),
)

dataset_input_tag = sa.Table(
    "dataset_input_tag",
    metadata,
    sa.Column("run_pk", sa.BigInteger, primary_key=True),
    sa.Column("dataset_pk", sa.BigInteger, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

# Logged models that runs used and made. They are not looked up, so they are named by their ids.
model_input = sa.Table(
    "model_input",
    metadata,
    sa.Column("run_pk", sa.BigInteger, primary_key=True),
    sa.Column("model_id", sa.Text, primary_key=True),
)

model_output = sa.Table(
    "model_output",
    metadata,
    sa.Column("run_pk", sa.BigInteger, primary_key=True),
    sa.Column("step", sa.BigInteger, primary_key=True),
    sa.Column("model_id", sa.Text, primary_key=True),
)

logged_model = sa.Table(
    "logged_model",
    metadata,
    sa.Column("logged_model_pk", sa.BigInteger, primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("model_id", sa.Text, nullable=False),
    sa.Column("experiment_pk", sa.BigInteger, nullable=False),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("model_type", sa.Text, nullable=False),
    sa.Column("source_run_id", sa.Text, nullable=False),
    sa.Column("status", sa.SmallInteger, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("create_time", sa.BigInteger, nullable=False),
    sa.Column("update_time", sa.BigInteger, nullable=False),
    sa.Column("delete_time", sa.BigInteger),
    sa.Column("revision", sa.BigInteger, nullable=False),
    # Of the creating request: the same id with another one is another model.
    sa.Column("fingerprint", sa.Text, nullable=False),
)

# `number` is what the value says as a number (domain/numbers.py).
logged_model_param = sa.Table(
    "logged_model_param",
    metadata,
    sa.Column("logged_model_pk", sa.BigInteger, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("number", sa.Double),
)

logged_model_tag = sa.Table(
    "logged_model_tag",
    metadata,
    sa.Column("logged_model_pk", sa.BigInteger, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
