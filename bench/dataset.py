"""The seeded runs that measurements share: 10 params, 10 metrics and 5 tags each, all in one experiment.

    .venv/bin/python bench/dataset.py --database postgresql://… [--runs 100000]

The same seed gives the same runs. They are copied into the tables of a migrated, otherwise empty database, because a
hundred thousand calls would take longer than what is measured on them.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import psycopg2

from trivet_kit.db.database import parse_url
from trivet_testing.tracking import migrate
from trivet_tracking.domain.metrics import Points
from trivet_tracking.domain.numbers import number_in
from trivet_tracking.domain.run_names import run_name
from trivet_tracking.domain.runs import RunStatus
from trivet_tracking.store import segments
from trivet_tracking.store.tables import SCHEMA

RUNS = 100_000
SEED = 6
EXPERIMENT = "workspaces/default/experiments/1"
FIRST_START = 1_767_225_600_000
"""The start of the first run, in milliseconds since the Unix epoch; one a minute follows."""

METRICS = ("rmse", "mae", "r2", "train/loss", "val/loss", "accuracy", "f1", "epoch_seconds", "gpu_memory")
"""Every run has these, and either `auc` or `map`. One in fifty has NaN for `f1`."""
MODELS = ("xgb", "lasso", "ridge", "forest")

_CHUNK = 5_000
# Far ahead, so that no folder works on the logs while something else is measured.
_LOGGED = 2**52
_EXPERIMENT_PK = 2  # 1 is that of the experiment `Default`

Row = tuple[object, ...]
COLUMNS = {
    "run": (
        "run_pk workspace run_id experiment_pk display_name status start_time end_time begun_time user_name created_by "
        "source git_commit parent_run_id forked_from_run_id description create_time update_time revision fingerprint"
    ),
    "param": "run_pk key experiment_pk value number",
    "tag": "run_pk key experiment_pk value",
    "metric_latest": "run_pk key context experiment_pk step time value min max points batch_step batch_time unsettled",
    "metric_log": "run_pk time points data",
}


def load(database_url: str, n_runs: int = RUNS) -> None:
    """Fills a migrated database in which nothing has been made yet."""
    if parse_url(database_url).get_backend_name() == "sqlite":
        _load_sqlite(str(parse_url(database_url).database), n_runs)
    else:
        _load_postgres(database_url, n_runs)


def _load_postgres(database_url: str, n_runs: int) -> None:
    with closing(psycopg2.connect(database_url)) as connection:
        with connection.cursor() as cursor:
            # Looks up no foreign keys: every row has its run.
            cursor.execute("SET LOCAL session_replication_role = replica")
            for table, columns, rows in _experiments():
                for row in rows:
                    places = ", ".join(["%s"] * len(row))
                    cursor.execute(
                        f"INSERT INTO {SCHEMA}.{table} ({columns}) OVERRIDING SYSTEM VALUE VALUES ({places})", row
                    )
            for chunk in rows_of_all_tables(n_runs):
                for table, rows in chunk.items():
                    columns = COLUMNS[table].replace(" ", ", ")
                    text = "".join("\t".join(map(copied, row)) + "\n" for row in rows)
                    cursor.copy_expert(f"COPY {SCHEMA}.{table} ({columns}) FROM STDIN", io.StringIO(text))
            for table, key in (("experiment", "experiment_pk"), ("run", "run_pk")):
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence('{SCHEMA}.{table}', '{key}'), max({key})) "
                    f"FROM {SCHEMA}.{table}"
                )
        connection.commit()
        connection.autocommit = True
        with connection.cursor() as cursor:
            # What autovacuum does within a minute of such a load.
            cursor.execute("VACUUM ANALYZE")


def _load_sqlite(file: str, n_runs: int) -> None:
    with closing(sqlite3.connect(file)) as connection:
        for table, columns, rows in _experiments():
            connection.executemany(
                f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * (columns.count(',') + 1))})", rows
            )
        for chunk in rows_of_all_tables(n_runs):
            for table, rows in chunk.items():
                names = COLUMNS[table].split()
                connection.executemany(
                    f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", rows
                )
        connection.commit()
        connection.execute("ANALYZE")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def copied(value: object) -> str:
    """A value in the text format of COPY. No text here has a tab, a line end or a backslash."""
    if value is None:
        return r"\N"
    return rf"\\x{value.hex()}" if isinstance(value, bytes) else str(value)


def _experiments() -> list[tuple[str, str, list[Row]]]:
    columns = (
        "experiment_pk, workspace, experiment_id, display_name, description, artifact_location, create_time, "
        "update_time, revision"
    )
    rows: list[Row] = [
        (pk, "default", pk - 1, name, "", "", FIRST_START, FIRST_START, 1)
        for pk, name in ((1, "Default"), (_EXPERIMENT_PK, "dataset"))
    ]
    return [
        ("workspace", "workspace, next_experiment_id", [("default", 2)]),
        ("experiment", columns, rows),
    ]


def rows_of_all_tables(n_runs: int) -> Iterator[dict[str, list[Row]]]:
    """The rows of all tables, some runs at a time."""
    chance = np.random.default_rng(SEED)
    for begin in range(0, n_runs, _CHUNK):
        chunk: dict[str, list[Row]] = {table: [] for table in COLUMNS}
        for number in range(begin, min(begin + _CHUNK, n_runs)):
            _add_run(chunk, chance, number)
        yield chunk


def _add_run(chunk: dict[str, list[Row]], chance: np.random.Generator, number: int) -> None:
    pk = number + 1
    # The start and then the number: as unique, and as long, as a UUIDv7.
    start = FIRST_START + number * 60_000
    run_id = f"{start:012x}7{number:019x}"
    draws = chance.random(20)
    took = int(10_000 * 1000 ** draws[0])  # 10 seconds to 3 hours
    status = (
        RunStatus.FINISHED
        if draws[1] < 0.93
        else RunStatus.FAILED
        if draws[1] < 0.98
        else RunStatus.KILLED
        if draws[1] < 0.99
        else RunStatus.RUNNING
    )
    end = None if status is RunStatus.RUNNING else start + took
    user = f"user-{int(draws[2] * 20)}"
    chunk["run"].append(
        (
            *(
                pk,
                "default",
                run_id,
                _EXPERIMENT_PK,
                run_name(run_id),
                status.value,
                start,
                end,
                start,
                user,
                "anonymous",
            ),
            *("train.py", f"{int(draws[3] * 500):040x}", "", "", "", start, end or start, 1, run_id),
        )
    )
    for key, text in _params(draws, number).items():
        chunk["param"].append((pk, key, _EXPERIMENT_PK, text, number_in(text)))
    tags = {
        "team": f"team-{int(draws[4] * 12)}",
        "dataset": f"taxi-{int(draws[5] * 40)}",
        "purpose": ("sweep", "ablation", "baseline", "debug")[min(int(draws[6] * 5), 3)],
        "host": f"node-{int(draws[7] * 200):03}.cluster.local",
        "note": f"trial {number} of the sweep of {user}",
    }
    for key, text in tags.items():
        chunk["tag"].append((pk, key, _EXPERIMENT_PK, text))
    _add_metrics(chunk, chance, number, end or start)


def _add_metrics(chunk: dict[str, list[Row]], chance: np.random.Generator, number: int, time_millis: int) -> None:
    keys = (*METRICS, "auc" if number % 2 else "map")
    values = chance.gamma(2.0, 0.3, len(keys)).round(6)
    if number % 50 == 0:
        values[METRICS.index("f1")] = np.nan
    pk = number + 1
    for key, drawn in zip(keys, values.tolist(), strict=True):
        value = None if math.isnan(drawn) else drawn
        chunk["metric_latest"].append(
            (pk, key, 0, _EXPERIMENT_PK, 0, time_millis, value, value, value, 1, 0, time_millis, False)
        )
    points = Points(np.zeros(len(keys), np.int64), np.full(len(keys), time_millis), values)
    data = segments.encode(segments.Segment(keys, [0] * len(keys), np.ones(len(keys), np.int64), points))
    chunk["metric_log"].append((pk, _LOGGED, len(keys), data))


def _params(draws: np.ndarray, number: int) -> dict[str, str]:
    return {
        "model": MODELS[min(int(draws[8] * 5), 3)],
        "lr": repr(float(f"{10 ** (-4 * draws[9]):.2g}")),
        "depth": str(2 + int(draws[10] * 14)),
        "batch_size": str(2 ** (3 + int(draws[11] * 7))),
        "optimizer": ("adam", "adamw", "sgd", "lamb")[int(draws[12] ** 2 * 4)],
        "dropout": f"{draws[13]:.2f}",
        "seed": str(number),
        "features": json.dumps(sorted({f"f{int(draw * 30)}" for draw in draws[14:18]})),
        "scheduler": "cosine" if draws[18] < 0.7 else "none",
        # One run in two hundred has an early stop, as a rare value.
        "early_stop": "yes" if draws[19] < 0.005 else "no",
    }


def main() -> None:
    """Migrates a database and fills it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--database", required=True, help="postgresql://… or sqlite:///FILE; empty or missing")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"how many (default {RUNS:,})")
    options = parser.parse_args()
    migrate(options.database)
    begin = time.monotonic()
    load(options.database, options.runs)
    print(f"{options.runs:,} runs in {time.monotonic() - begin:.0f} s")


if __name__ == "__main__":
    main()
