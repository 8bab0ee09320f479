"""Bytes of small files that come with a page of a folder."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby, islice

from trivet_artifacts.blobs.blob_store import BlobStore, ObjectDamaged
from trivet_artifacts.domain.artifacts import StoredBytes

_log = logging.getLogger("trivet.artifacts")

_Wanted = tuple[int, StoredBytes]

# Of one page, so that it keeps no other team's uploads and downloads waiting for long; what is left out is downloaded.
MAX_READS = 32


@dataclass(frozen=True)
class ListedContents:
    """Reads them. Safe for threads."""

    blobs: BlobStore
    threads: ThreadPoolExecutor
    """For work on bytes."""

    def read(self, files: Sequence[StoredBytes | None], room_bytes: int) -> list[tuple[int, memoryview]]:
        """The bytes of as many files as there is room for, each with the place of the file.

        Files that lie one after the other in an object are read at once, by `MAX_READS` reads at the most. What is
        damaged is left out, as what is None: who downloads it is told.

        Raises:
            ArtifactStoreUnavailable: the store does not answer.
        """
        if room_bytes <= 0:
            return []
        wanted: list[_Wanted] = []
        for index, file in enumerate(files):
            if file is not None and file.size_bytes <= room_bytes:
                wanted.append((index, file))
                room_bytes -= file.size_bytes
        ranges = list(islice(_ranges(wanted), MAX_READS))
        if len(ranges) == 1:
            return self._read(ranges[0])
        read = (content for contents in self.threads.map(self._read, ranges) for content in contents)
        return sorted(read, key=lambda content: content[0])

    def _read(self, files: Sequence[_Wanted]) -> list[tuple[int, memoryview]]:
        """The bytes of files that lie one after the other in one object."""
        begin = files[0][1].offset_bytes
        length = sum(file.size_bytes for _, file in files)
        try:
            with closing(self.blobs.open(files[0][1].object_key, begin, length)) as reader:
                data = memoryview(b"".join(iter(lambda: reader.read(length), b"")))
        except ObjectDamaged as damage:
            _log.error("files of a page cannot be read: %s", damage)
            return []
        return [
            (index, data[file.offset_bytes - begin : file.offset_bytes - begin + file.size_bytes])
            for index, file in files
        ]


def _ranges(wanted: Sequence[_Wanted]) -> Iterator[list[_Wanted]]:
    """Files that are read at once: those that lie one after the other in one object."""
    in_place = sorted(wanted, key=lambda each: (each[1].object_key, each[1].offset_bytes, each[1].size_bytes))
    for _, of_object in groupby(in_place, key=lambda each: each[1].object_key):
        together: list[_Wanted] = []
        end = 0
        for each in of_object:
            if together and each[1].offset_bytes != end:
                yield together
                together = []
            together.append(each)
            end = each[1].offset_bytes + each[1].size_bytes
        yield together
