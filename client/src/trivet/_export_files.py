"""The folder of an export: written under another name beside the final one, and put in place when it is whole.

Needs the extra `export`.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import errno
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

import pyarrow as pa
import pyarrow.parquet as pq

from trivet._entities import ExportedTable
from trivet._export_tables import PARTITIONS, SCHEMAS

MANIFEST: Final = "manifest.json"
"""There if and only if the export is whole: it is the last that is put in place."""
FORMAT: Final = "trivet-export"
_VERSION: Final = 1
_STAGING_PREFIX: Final = ".trivet-export-"
# Enough rows for readers to work on at once; sixteen partitions of points take some 80 MB in memory then.
_ROW_GROUP: Final = 128 * 1024
_REPEATED_TEXTS: Final = ("run_id", "key", "model_id", "dataset_name", "dataset_digest", "status", "experiment_name")
# Steps and times rise by about the same: their differences take a fraction of the room.
_RISING: Final = ("step", "time")


class TableWriter:
    """Writes a table in Parquet, a file a partition. Not safe for threads."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder / name
        self._schema = SCHEMAS[name]
        self._files = ExitStack()
        self._writers: dict[int, pq.ParquetWriter] = {}
        self._waiting: dict[int, list[pa.Table]] = {}
        self._waiting_rows: collections.Counter[int] = collections.Counter()
        self._rows = 0

    def add(self, partition: int, rows: pa.Table) -> None:
        """Writes rows of a partition, as soon as there are enough of them."""
        self._waiting.setdefault(partition, []).append(rows)
        self._waiting_rows[partition] += rows.num_rows
        self._rows += rows.num_rows
        if self._waiting_rows[partition] >= _ROW_GROUP:
            self._write(partition)

    @property
    def rows(self) -> int:
        """How many there are so far."""
        return self._rows

    def finish(self) -> ExportedTable:
        """Writes what is left, and closes the files. A table without rows has one file, which tells its columns."""
        if not self._rows:
            self._waiting = {0: [self._schema.empty_table()]}
        for partition in sorted(self._waiting):
            self._write(partition)
        self.close()
        sizes = [file.stat().st_size for file in self._folder.rglob("*.parquet")]
        return ExportedTable(rows=self._rows, files=len(sizes), size_bytes=sum(sizes))

    def close(self) -> None:
        """Closes the files as they are. Idempotent."""
        self._files.close()

    def _write(self, partition: int) -> None:
        del self._waiting_rows[partition]
        table = pa.concat_tables(self._waiting.pop(partition)).unify_dictionaries().combine_chunks()
        self._writer(partition).write_table(table, row_group_size=max(table.num_rows, 1))

    def _writer(self, partition: int) -> pq.ParquetWriter:
        if partition not in self._writers:
            folder = self._folder / f"run_hash={partition:02}"
            folder.mkdir(parents=True)
            names = self._schema.names
            self._writers[partition] = self._files.enter_context(
                pq.ParquetWriter(
                    folder / "part-0.parquet",
                    self._schema,
                    compression="zstd",
                    use_dictionary=[name for name in names if name in _REPEATED_TEXTS],
                    column_encoding={name: "DELTA_BINARY_PACKED" for name in names if name in _RISING} or None,
                    # Else Arrow's own readers would find categories where all others find texts.
                    store_schema=False,
                )
            )
        return self._writers[partition]


class Staging:
    """A folder within the final one in which an export is written; as a context manager it leaves nothing of itself.

    Nobody takes it for data: programs that read folders of Parquet leave out names that begin with a dot.
    """

    def __init__(self, folder: Path, tables: Sequence[str], *, overwrite: bool) -> None:
        """Makes the folder.

        Args:
            folder: Where the export will be; made if missing.
            tables: Their names.
            overwrite: Whether an export that is there may be replaced.

        Raises:
            FileExistsError: something is there that must not be replaced.
            OSError: the folder cannot be written to.
        """
        self._folder = folder
        self._overwrite = overwrite
        self._is_new = not folder.exists()
        self._check_free()
        folder.mkdir(parents=True, exist_ok=True)
        self._path = Path(tempfile.mkdtemp(dir=folder, prefix=_STAGING_PREFIX))
        self.writers: Mapping[str, TableWriter] = {name: TableWriter(self._path, name) for name in tables}
        """By the name of the table."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for writer in self.writers.values():
            # Where the disk is full, no file can be brought to an end either.
            with contextlib.suppress(OSError):
                writer.close()
        shutil.rmtree(self._path, ignore_errors=True)
        if self._is_new:
            with contextlib.suppress(OSError):
                self._folder.rmdir()  # fails where the export is in it

    def publish(self, facts: Mapping[str, object]) -> Mapping[str, ExportedTable]:
        """Puts the export in place, in the place of one that is there, with a manifest that has these facts too.

        Raises:
            FileExistsError: something came there meanwhile.
            OSError: a file cannot be written; nothing is in place then.
        """
        tables = {name: writer.finish() for name, writer in self.writers.items()}
        manifest = {
            "format": FORMAT,
            "version": _VERSION,
            **facts,
            "partitions": PARTITIONS,
            "partitioned_by": "the first hexadecimal digit of the SHA-256 of run_id",
            "tables": {name: dataclasses.asdict(table) for name, table in tables.items()},
        }
        written = self._path / MANIFEST
        written.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        self._check_free()
        replaced = self._path / "replaced"
        replaced.mkdir()
        # The manifest goes first and comes last: while it is there, the export is whole.
        for name in (MANIFEST, *SCHEMAS):
            if (self._folder / name).exists():
                (self._folder / name).rename(replaced / name)
        for name in (*tables, MANIFEST):
            (self._path / name).rename(self._folder / name)
        return tables

    def _check_free(self) -> None:
        """Raises FileExistsError where something is in the folder that must not be replaced."""
        if not self._folder.exists():
            return
        # Of exports that are being written, or were killed.
        held = [path for path in self._folder.iterdir() if not path.name.startswith(_STAGING_PREFIX)]
        if not held:
            return
        is_export = _is_export(self._folder / MANIFEST)
        if not is_export:
            raise _exists(self._folder, "the folder is not empty, and what it holds is no export of Trivet")
        if not self._overwrite:
            raise _exists(self._folder, "the folder holds an export already; ask to overwrite it")


def _exists(folder: Path, why: str) -> FileExistsError:
    return FileExistsError(errno.EEXIST, why, str(folder))


def _is_export(manifest: Path) -> bool:
    try:
        content = json.loads(manifest.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return False
    return isinstance(content, dict) and content.get("format") == FORMAT
