"""What is measured of what the store keeps."""

from __future__ import annotations

from collections.abc import Iterable

from trivet_artifacts.store.space import SqlSpace
from trivet_kit.readings import Figure


def figures(space: SqlSpace) -> Iterable[Figure]:
    """What the index says. Raises as the database does."""
    return [
        Figure(
            "trivet_artifact_bytes",
            "Bytes that the store keeps, as quotas count them: each content once, until it is collected.",
            size_bytes,
            workspace,
        )
        for workspace, size_bytes in space.kept_bytes_by_workspace().items()
    ]
