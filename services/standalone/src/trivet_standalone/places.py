"""Where an embedded server keeps things: databases, files, and the lock."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trivet_kit.settings import StartupError

_SQLITE: Final = "sqlite:///"


@dataclass(frozen=True)
class Places:
    """What each part is told, and what people are told."""

    tracking_database: str
    artifacts_database: str
    registry_database: str
    """URLs; one and the same on PostgreSQL, where each service has a schema of its own."""
    artifact_store: str
    """A folder, or `s3://BUCKET?…`."""
    lock_file: Path | None
    """Held while the data is served; None where nothing of it is on this machine."""
    shown: str
    """In words, without a password."""


def places(data: Path, database: str, artifacts: str) -> Places:
    """Where things are kept.

    Args:
        data: the data folder: `tracking.db`, `artifacts.db`, `registry.db`, the files in `artifacts`, `trivet.lock`.
        database: instead of its databases: `postgresql://…`; or `sqlite:///x.db`, which is `x.db`, `x-artifacts.db`,
            `x-registry.db`, `x-artifacts` for files, and `x.lock`, whatever `data` is. Empty: the folder's.
        artifacts: instead of the folder for files: another one, or `s3://BUCKET?endpoint=URL&region=REGION`.

    Raises:
        StartupError: a SQLite URL without a file.
    """
    if database.startswith(_SQLITE):
        return _beside(database, artifacts)
    shown_files = artifacts.partition("?")[0]
    if not database:
        return Places(
            tracking_database=f"{_SQLITE}{data / 'tracking.db'}",
            artifacts_database=f"{_SQLITE}{data / 'artifacts.db'}",
            registry_database=f"{_SQLITE}{data / 'registry.db'}",
            artifact_store=artifacts or str(data / "artifacts"),
            lock_file=data / "trivet.lock",
            shown=f"in {data}" + (f", files in {shown_files}" if artifacts else ""),
        )
    return Places(
        tracking_database=database,
        artifacts_database=database,
        registry_database=database,
        artifact_store=artifacts or str(data / "artifacts"),
        lock_file=None if artifacts else data / "trivet.lock",
        shown=f"in {database.rsplit('@', maxsplit=1)[-1]}, files in {shown_files or data / 'artifacts'}",
    )


def _beside(database: str, artifacts: str) -> Places:
    file = Path(database.removeprefix(_SQLITE))
    if not file.name or file.name == ":memory:":
        raise StartupError(f"{database!r} names no file; write sqlite:///FILE.")
    stem = file.with_suffix("") if file.suffix == ".db" else file
    files = artifacts or f"{stem}-artifacts"
    return Places(
        tracking_database=f"{_SQLITE}{file}",
        artifacts_database=f"{_SQLITE}{stem}-artifacts.db",
        registry_database=f"{_SQLITE}{stem}-registry.db",
        artifact_store=files,
        lock_file=Path(f"{stem}.lock"),
        shown=f"in {file}, {stem}-artifacts.db, {stem}-registry.db and {files.partition('?')[0]}",
    )
