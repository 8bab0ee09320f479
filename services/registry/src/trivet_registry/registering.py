"""Registers versions: a row that is PENDING, files that are linked, a row that is READY (ADR 11)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from trivet_kit.calls import Call
from trivet_kit.tracing import CarryingThreads
from trivet_registry.domain.errors import ModelSourceUnusable
from trivet_registry.domain.versions import ArtifactSource, Link, ModelVersion, Versions, VersionState
from trivet_registry.linking import ArtifactLinks

# Threads of its own: one that waits for the artifact service must not hold one that the artifact service needs to
# answer, where both are in one process.
_THREADS = 16


class Registrar:
    """Registers versions. `register` is for event loops, from any number of tasks."""

    def __init__(self, versions: Versions, links: ArtifactLinks) -> None:
        self._versions = versions
        self._links = links
        self._threads = CarryingThreads(_THREADS, thread_name_prefix="register")

    async def register(self, begin: Callable[[], tuple[ModelVersion, Link | None]], call: Call) -> ModelVersion:
        """Registers what `begin` commits, PENDING with what it waits for, or READY.

        Returns the version READY, or PENDING where the artifact service is away or too slow.

        A caller that goes away does not stop what has begun.

        Raises:
            ModelSourceUnusable: the files cannot be linked; the version is FAILED.
            CallerError: as `begin` and `Versions.finish` say.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._register, begin, call)

    def close(self) -> None:
        """Returns when all that has begun has ended."""
        self._threads.shutdown()

    def _register(self, begin: Callable[[], tuple[ModelVersion, Link | None]], call: Call) -> ModelVersion:
        version, link = begin()
        if link is not None:
            outcome = self._links.for_caller(link, call.authorization, call.request_id, call.traceparent)
            if outcome is not None:
                version = self._versions.finish(link, outcome)
        if version.state is VersionState.FAILED and isinstance(version.source, ArtifactSource):
            source = version.source
            raise ModelSourceUnusable(str(version.name), source.owner, source.path, version.state_message)
        return version
