"""`trivet import`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

import trivet
from trivet._commands.answers import Answer, Field, Listing
from trivet._commands.declaring import client_command
from trivet._commands.kinds import COUNT, ID

if TYPE_CHECKING:
    from trivet._mlflow_import.comparison import KindSummary, Mismatch
    from trivet._mlflow_import.importing import ImportReport, OnProgress

app = typer.Typer(no_args_is_help=True, help="Bring over what another product keeps.")

_KIND: Final[Sequence[Field[KindSummary]]] = (
    Field("kind", "Kind"),
    Field("source_count", "In MLflow", COUNT),
    Field("target_count", "In Trivet", COUNT),
    Field("source_sha256", "Digest in MLflow", ID, lambda kind: kind.source_sha256[:12]),
    Field("target_sha256", "Digest in Trivet", ID, lambda kind: kind.target_sha256[:12]),
)
_MISMATCH: Final[Sequence[Field[Mismatch]]] = (
    Field("where", "Of", ID),
    Field("kind", "Kind"),
    Field("key", "Key"),
    Field("source", "In MLflow"),
    Field("target", "In Trivet"),
)


@dataclass(frozen=True)
class _Report:
    """What became of an import: both sides by kind, then what differs."""

    report: ImportReport
    is_dry: bool

    @property
    def exit_code(self) -> int:
        return 0 if self.is_dry else int(bool(self.report.mismatches))

    def to_json(self) -> dict[str, Any]:
        """An object."""
        return {
            "mismatch_count": len(self.report.mismatches),
            "kinds": [vars(kind) for kind in self.report.kinds],
            "mismatches": [vars(mismatch) for mismatch in self.report.mismatches],
            "experiment_ids": self.report.experiment_ids,
        }

    def show(self) -> None:
        """Two tables and the number of mismatches."""
        Listing(_KIND, self.report.kinds, "There is nothing to import.").show()
        if self.is_dry:
            typer.echo(f"Nothing was written; {len(self.report.mismatches):,} things are to be brought over.")
            return
        if self.report.mismatches:
            typer.echo()
            Listing(_MISMATCH, self.report.mismatches, "").show()
        typer.echo(f"{len(self.report.mismatches):,} mismatches.")


@client_command(app, "mlflow", example="trivet import mlflow sqlite:///mlflow.db")
def import_mlflow(
    client: trivet.Client,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="An MLflow server (http://HOST:PORT), its database (sqlite:///FILE, postgresql://…) or mlruns folder.",
            show_default=False,
        ),
    ],
    experiments: Annotated[
        list[str] | None,
        typer.Option(
            "--experiment",
            metavar="NAME",
            help="Only this experiment, by its name or id in MLflow, without registered models; may be given several "
            "times.",
            show_default=False,
        ),
    ] = None,
    artifacts: Annotated[
        Path | None,
        typer.Option(
            "--artifacts",
            metavar="DIR",
            help="Where the files of a database or folder are, if not where these say.",
            show_default=False,
        ),
    ] = None,
    no_artifacts: Annotated[bool, typer.Option("--no-artifacts", help="Leave files out.")] = False,  # noqa: FBT002 - a flag
    no_registry: Annotated[bool, typer.Option("--no-registry", help="Leave registered models out.")] = False,  # noqa: FBT002 - a flag
    mlflow_workspace: Annotated[
        str, typer.Option("--mlflow-workspace", metavar="NAME", help="Of MLflow, where it has several.")
    ] = "default",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be brought over.")] = False,  # noqa: FBT002 - a flag
    verify_only: Annotated[bool, typer.Option("--verify-only", help="Write nothing, and compare both sides.")] = False,  # noqa: FBT002 - a flag
) -> Answer:
    """Import experiments, runs, files and registered models from MLflow, and compare both sides.

    It may be interrupted and repeated: everything is there once. The exit code is 1 if something differs in the end.
    """
    from trivet._mlflow_import.importing import Choice, import_from  # noqa: PLC0415 - other commands do without
    from trivet._mlflow_import.source import open_source  # noqa: PLC0415

    choice = Choice(
        experiments or (),
        with_artifacts=not no_artifacts,
        with_registry=not no_registry,
        writes=not (dry_run or verify_only),
    )
    opened = open_source(source, artifacts, mlflow_workspace)
    with contextlib.closing(opened), _progress() as on_progress:
        return _Report(import_from(opened, client, choice, on_progress), dry_run)


@contextlib.contextmanager
def _progress() -> Iterator[OnProgress]:
    """Shows on standard error how far it is, where somebody looks at that."""
    if not sys.stderr.isatty():
        yield lambda _what, _done, _total: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("runs", total=None)

        def show(what: str, done: int, total: int) -> None:
            bars.update(task, description=what, completed=done, total=total)

        yield show
