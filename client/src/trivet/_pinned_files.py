"""Whether the files of a model version are those that were registered: by the digest that it is pinned to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from trivet._errors import ArtifactCorrupt
from trivet._manifests import manifest_digest, manifest_line
from trivet._model_entities import ModelVersion
from trivet_proto.artifacts.v1 import artifact_pb2

_MOST_NAMED: Final = 5


def check_pinned(
    version: ModelVersion,
    files: Sequence[artifact_pb2.Artifact],
    files_of_source: Callable[[], Sequence[tuple[str, artifact_pb2.Artifact]]],
) -> None:
    """Returns if all files of a version together have the digest that it is pinned to.

    Args:
        version: What the registry says.
        files: What the artifact service says: all files of the version, none of them more than listed yet.
        files_of_source: Gets the files that it was registered from, with their paths in the version; asked only to find
            out what was altered. Nothing where they cannot be had.

    Raises:
        ArtifactCorrupt: they have another one; names the version, and the files where the source still shows which.
    """
    found = _lines((file.path, file) for file in files)
    digest = manifest_digest(found.values())
    if digest == version.manifest_sha256:
        return
    registered = _lines(files_of_source())
    altered = f"models:/{version.name}/{version.version} was altered after it was registered"
    kept = f"It is pinned to {version.manifest_sha256 or 'no digest'}, and its files have {digest}."
    raise ArtifactCorrupt(
        f"{altered}: {_difference(version, registered, found)} {kept} Nothing was downloaded.",
        metadata={"name": version.name, "version": str(version.version), "manifestSha256": version.manifest_sha256},
    )


def _difference(version: ModelVersion, registered: Mapping[str, str], found: Mapping[str, str]) -> str:
    if manifest_digest(registered.values()) != version.manifest_sha256:
        if registered == found:
            # They share the bytes that the store has.
            return "its files are those of its source still, so both were altered, or the digest in the registry was."
        return "which of its files cannot be told, because its source is no longer what was registered."
    changes = [
        f"{path!r} has other bytes" for path in sorted(registered) if found.get(path, "") not in ("", registered[path])
    ]
    changes += [f"{path!r} is missing" for path in sorted(registered.keys() - found.keys())]
    changes += [f"{path!r} was added" for path in sorted(found.keys() - registered.keys())]
    more = len(changes) - _MOST_NAMED
    return ", ".join([*changes[:_MOST_NAMED], *([f"and {more} more"] if more > 0 else [])]) + "."


def _lines(files: Iterable[tuple[str, artifact_pb2.Artifact]]) -> dict[str, str]:
    return {path: manifest_line(path, file.sha256, file.reference_uri) for path, file in files}
