"""`trivet export`."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import trivet
from trivet._commands.answers import Answer, Done
from trivet._commands.declaring import client_command
from trivet._commands.experiments import find_by_name
from trivet._commands.kinds import size
from trivet._commands.options import ExperimentIdsOption, ExperimentsOption, FilterOption, View, ViewOption

app = typer.Typer()
runs_app = typer.Typer()
"""The same below `runs`, where people look for it too."""

_ALL_TABLES: Final = "runs,params,tags,points"


@client_command(runs_app, "export", example="trivet runs export taxi-data --experiment taxi")
@client_command(app, "export", example="trivet export taxi-data --experiment taxi --filter 'metrics.rmse < 7'")
def export(
    client: trivet.Client,
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder to write to; made if missing.", show_default=False)
    ],
    experiments: ExperimentsOption = None,
    experiment_ids: ExperimentIdsOption = None,
    filter_string: FilterOption = "",
    view: ViewOption = View.ACTIVE,
    what: Annotated[
        str, typer.Option("--what", metavar="TABLES", help="What to write, with commas between.")
    ] = _ALL_TABLES,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the export that is in the folder.")] = False,  # noqa: FBT002 - a flag
) -> Answer:
    """Write runs, params, tags and metric points as Parquet, for DuckDB, pandas and Spark."""
    tables = [name.strip() for name in what.split(",") if name.strip()]
    ids = [*(experiment_ids or ()), *(find_by_name(client, name).experiment_id for name in experiments or ())]
    began = time.monotonic()
    with _progress() as on_progress:
        done = client.export(
            folder,
            ids,
            filter_string=filter_string,
            run_view_type=view.view_type,
            tables=tables,
            overwrite=overwrite,
            on_progress=on_progress,
        )
    size_bytes = sum(table.size_bytes for table in done.tables.values())
    counts = ", ".join(f"{name} {table.rows:,}" for name, table in done.tables.items())
    return Done(
        f"{done.folder} has {size(size_bytes)} now: {counts}.",
        {
            "folder": done.folder,
            "duration_seconds": round(time.monotonic() - began, 3),
            "tables": {
                name: {"rows": table.rows, "files": table.files, "size_bytes": table.size_bytes}
                for name, table in done.tables.items()
            },
        },
    )


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[trivet.ExportProgress], None] | None]:
    """Shows on standard error how far it is, where somebody looks at that."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rows]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        of_tables: dict[str, tuple[str, ...]] = {"runs": ("runs", "params", "tags"), "points": ("points",)}
        tasks = {name: bars.add_task(f"Runs' {name}", total=None, rows="", visible=False) for name in of_tables}

        def show(progress: trivet.ExportProgress) -> None:
            for name, completed in (("runs", progress.run_tables), ("points", progress.points)):
                rows = {table: progress.rows[table] for table in of_tables[name] if table in progress.rows}
                bars.update(
                    tasks[name],
                    completed=completed,
                    # Runs may have come since they were counted.
                    total=max(progress.run_count, completed),
                    rows=", ".join(f"{count:,} {table}" for table, count in rows.items()),
                    visible=bool(rows),
                )

        yield show
