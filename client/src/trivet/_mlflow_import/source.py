"""What is read: one interface, whatever MLflow keeps its data in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from trivet._errors import InvalidArgument
from trivet._mlflow_import.records import ExperimentRecord, LoggedModelRecord, ModelRecord, RunRecord


class FilesUnreadable(Exception):
    """Files are where this import cannot get at them; says where."""


class Source(Protocol):
    """An MLflow store. Every method may raise a TrivetError; nothing in the store is changed."""

    def experiments(self) -> Sequence[ExperimentRecord]:
        """All experiments, deleted ones too."""
        ...

    def run_ids(self, experiment: ExperimentRecord) -> Sequence[str]:
        """The ids of the runs of an experiment, deleted ones too, each once."""
        ...

    def run(self, run_id: str) -> RunRecord:
        """A run, after `run_ids` has named it."""
        ...

    def logged_models(self, experiment: ExperimentRecord) -> Sequence[LoggedModelRecord]:
        """The logged models of an experiment that are not deleted."""
        ...

    def registered_models(self) -> Iterable[ModelRecord]:
        """All registered models, by name."""
        ...

    def files(self, owner: RunRecord | LoggedModelRecord) -> AbstractContextManager[Path | None]:
        """A folder with the files of a run or logged model, which may be temporary; None where it has none.

        Raises:
            FilesUnreadable: they are where this import cannot get at them.
        """
        ...

    def close(self) -> None:
        """Ends connections."""
        ...


def open_source(text: str, artifacts: Path | None = None, workspace: str = "default") -> Source:
    """Opens what a text names.

    Args:
        text: `http://HOST:PORT`, `sqlite:///FILE`, `postgresql://…`, a folder, or a file of SQLite.
        artifacts: Where the files of a database or folder are, if not where these say.
        workspace: That of MLflow, where it has several.

    Raises:
        InvalidArgument: it is none of these, or not MLflow's; says why.
        ServerUnavailable: nobody answers there.
    """
    # Each needs what the others do not.
    scheme = urlsplit(text).scheme.partition("+")[0] if "://" in text else ""
    if artifacts is not None and not artifacts.is_dir():
        raise InvalidArgument(f"There is no folder {artifacts}.")
    if scheme in ("http", "https"):
        from trivet._mlflow_import.rest_source import RestSource  # noqa: PLC0415

        return RestSource(text, workspace)
    if scheme in ("sqlite", "postgresql", "postgres"):
        return _database_source(text, artifacts, workspace)
    if scheme not in ("", "file"):
        raise InvalidArgument(
            f"{scheme}:// cannot be imported. Use an MLflow server (http://HOST:PORT), a database (sqlite:///FILE, "
            "postgresql://…) or an mlruns folder; of another database, the address of a server that uses it."
        )
    path = Path(urlsplit(text).path if scheme else text)
    if path.is_file():
        return _database_source(f"sqlite:///{path.absolute()}", artifacts, workspace)
    if not path.is_dir():
        raise InvalidArgument(f"There is no file or folder {path}.")
    from trivet._mlflow_import.folder_source import FolderSource  # noqa: PLC0415

    return FolderSource(path, artifacts)


def _database_source(url: str, artifacts: Path | None, workspace: str) -> Source:
    from trivet._mlflow_import.databases import open_database  # noqa: PLC0415
    from trivet._mlflow_import.sql_source import SqlSource  # noqa: PLC0415

    return SqlSource(open_database(url), artifacts, workspace)
