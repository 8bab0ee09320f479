"""The index of the artifact cache: a small SQLite file whose transactions keep the user's programs apart."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# Another one is thrown away: a cache needs no migrations.
_VERSION: Final = 1
_LOCK_SECONDS: Final = 10.0
# Some 30 MB; those that were asked for least lately go.
_MAX_KNOWN_FILES: Final = 200_000
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS file (
    path BLOB PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL,
    device INTEGER NOT NULL, inode INTEGER NOT NULL, sha256 BLOB NOT NULL, used_ns INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS content (
    sha256 BLOB PRIMARY KEY, size INTEGER NOT NULL, used_ns INTEGER NOT NULL
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class FileState:
    """What tells that a file is still the one that it was."""

    size: int
    mtime_ns: int
    ctime_ns: int
    """Also changes where a program sets the other one back."""
    device: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileState:
        """That of a file whose status was read."""
        # Signed, as SQLite has its numbers: Windows has devices and inodes of 64 bits and more.
        device, inode = (number & (2**63 - 1) for number in (status.st_dev, status.st_ino))
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, device, inode)


class CacheIndex:
    """Digests of files, and which contents are kept. Every method is one transaction.

    Opens the file for each, so that threads, forks and programs share nothing but the file. Each method may raise
    sqlite3.Error or OSError.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def known(self, files: Mapping[bytes, FileState], now_ns: int) -> dict[bytes, bytes]:
        """The digests of those files, by path, that are what they were when their digest was recorded."""
        found: dict[bytes, bytes] = {}
        with self._transaction() as connection:
            for path, state in files.items():
                row = connection.execute(
                    "SELECT size, mtime_ns, ctime_ns, device, inode, sha256 FROM file WHERE path = ?", (path,)
                ).fetchone()
                if row is not None and FileState(*row[:5]) == state:
                    found[path] = row[5]
            connection.executemany("UPDATE file SET used_ns = ? WHERE path = ?", [(now_ns, path) for path in found])
        return found

    def record(self, files: Sequence[tuple[bytes, FileState, bytes]], now_ns: int) -> None:
        """Keeps digests of files: path, state, digest."""
        rows = [
            (path, state.size, state.mtime_ns, state.ctime_ns, state.device, state.inode, sha256, now_ns)
            for path, state, sha256 in files
        ]
        with self._transaction() as connection:
            connection.executemany("INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            (count,) = connection.execute("SELECT count(*) FROM file").fetchone()
            if count > _MAX_KNOWN_FILES:
                connection.execute(
                    "DELETE FROM file WHERE path IN (SELECT path FROM file ORDER BY used_ns LIMIT ?)",
                    (count - _MAX_KNOWN_FILES * 9 // 10,),
                )

    def use_content(self, sha256: bytes, now_ns: int) -> bool:
        """Whether a content is kept; it is the one used last from now on."""
        with self._transaction() as connection:
            done = connection.execute("UPDATE content SET used_ns = ? WHERE sha256 = ?", (now_ns, sha256))
            return done.rowcount > 0

    def missing_contents(self, sha256s: Sequence[bytes]) -> set[bytes]:
        """Those of the contents that are not kept."""
        with self._transaction() as connection:
            return {
                sha256
                for sha256 in sha256s
                if connection.execute("SELECT 1 FROM content WHERE sha256 = ?", (sha256,)).fetchone() is None
            }

    @contextmanager
    def room_for(self, contents: Mapping[bytes, int], max_bytes: int, now_ns: int) -> Iterator[list[bytes]]:
        """Adds contents, by digest with their sizes, and gives those that have to go: whoever was used least lately.

        The files of both are put in place and removed in the block, in which no other program changes contents. A
        program that is killed in it leaves rows as they were, and files without rows.
        """
        with self._transaction() as connection:
            (total,) = connection.execute("SELECT coalesce(sum(size), 0) FROM content").fetchone()
            excess = total + sum(contents.values()) - max_bytes
            gone: list[bytes] = []
            for sha256, size in connection.execute("SELECT sha256, size FROM content ORDER BY used_ns"):
                if excess <= 0:
                    break
                gone.append(sha256)
                excess -= size
            connection.executemany("DELETE FROM content WHERE sha256 = ?", [(sha256,) for sha256 in gone])
            connection.executemany(
                "INSERT OR REPLACE INTO content VALUES (?, ?, ?)",
                [(sha256, size, now_ns) for sha256, size in contents.items()],
            )
            yield gone

    def forget_content(self, sha256: bytes) -> None:
        """Takes a content out."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM content WHERE sha256 = ?", (sha256,))

    @contextmanager
    def all_contents(self) -> Iterator[set[bytes]]:
        """The digests of all contents; no other program changes them in the block."""
        with self._transaction() as connection:
            yield {sha256 for (sha256,) in connection.execute("SELECT sha256 FROM content")}

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._file, timeout=_LOCK_SECONDS, isolation_level=None)) as connection:
            # A crash of the machine may cost the cache; a crash of a program does not.
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("BEGIN IMMEDIATE")
            try:
                self._prepare(connection)
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _prepare(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == _VERSION:
            return
        for table in ("file", "content"):
            connection.execute(f"DROP TABLE IF EXISTS {table}")
        for statement in filter(str.strip, _TABLES.split(";")):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {_VERSION}")
