"""A run of a project that was started: what waits for it, and ends it."""

from __future__ import annotations

from typing import Final, Protocol

FINISHED: Final = "FINISHED"
RUNNING: Final = "RUNNING"


class Work(Protocol):
    """What runs, wherever that is. When it has ended, so has the run of the tracking service."""

    def wait(self) -> None:
        """Waits until it has ended."""
        ...

    def status(self) -> str:
        """`RUNNING`, `FINISHED`, `FAILED` or `KILLED`, as it is now."""
        ...

    def cancel(self) -> None:
        """Ends it, and waits until that is done; nothing where it has ended."""
        ...

    def message(self) -> str:
        """Why it did not end well; empty where it did, or goes on."""
        ...


class SubmittedRun:
    """A run of a project. Not safe for use by several threads."""

    def __init__(self, run_id: str, work: Work) -> None:
        self._run_id = run_id
        self._work = work

    @property
    def run_id(self) -> str:
        """Of the run that the tracking service has."""
        return self._run_id

    def wait(self) -> bool:
        """Waits until it has ended; returns whether it ended well."""
        self._work.wait()
        return self._work.status() == FINISHED

    def get_status(self) -> str:
        """`RUNNING`, `FINISHED`, `FAILED` or `KILLED`."""
        return self._work.status()

    def cancel(self) -> None:
        """Tells it to end, and kills it where it does not; the run is KILLED then. Nothing where it has ended."""
        self._work.cancel()

    @property
    def message(self) -> str:
        """Why it did not end well; empty where it did, or goes on."""
        return self._work.message()

    def __repr__(self) -> str:
        return f"<trivet.projects.SubmittedRun {self._run_id}>"
