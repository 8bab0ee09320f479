"""Small files whose bytes came with the list of a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from trivet._downloads import check_places
from trivet._files_to_fetch import FileToFetch
from trivet_proto.artifacts.v1 import artifact_pb2


def put_contents(
    folder: Path, artifacts: Sequence[artifact_pb2.Artifact], contents: Mapping[str, bytes]
) -> list[artifact_pb2.Artifact]:
    """Writes files into a new folder that nobody reads yet; returns those that are to be fetched.

    Args:
        folder: Empty, and removed where this raises: so each file is written where it is to be.
        artifacts: All files of the folder.
        contents: Bytes of some of them, by their paths. Those that are not what their digest says are not written.

    Raises:
        ArtifactCorrupt: a name leads elsewhere; nothing is written then.
        OSError: a file cannot be written.
    """
    places = check_places([FileToFetch(artifact, folder) for artifact in artifacts])
    missing = []
    # Nobody else writes there: each place is what it was found to be.
    for artifact, place in zip(artifacts, places, strict=True):
        data = contents.get(artifact.path)
        if artifact.reference_uri or data is None or hashlib.sha256(data).digest() != artifact.sha256:
            missing.append(artifact)
            continue
        if place.parent != folder:
            place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("xb") as file:
            file.write(data)
    return missing
