"""A cluster, spoken to by `kubectl`, which knows how the user is let in; and a Job that runs there."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from typing import Any, Final
from urllib.parse import quote

from trivet._errors import FailedPrecondition, ServerUnavailable
from trivet._projects.jobs import Job
from trivet._projects.run_records import end_run
from trivet._projects.submitted import FINISHED, RUNNING
from trivet._target import Target

_POLL_SECONDS: Final = 1.0
_PATIENCE_SECONDS: Final = 120.0
"""How long a cluster may not answer while it is waited for a Job."""
_NOT_FOUND: Final = "(NotFound)"
_ENDS: Final = {"Complete": "FINISHED", "Failed": "FAILED"}


class NoSuchJob(FailedPrecondition):
    """The cluster has no Job of the name."""


class Cluster:
    """What a context of kubectl names; empty is the current one."""

    def __init__(self, context: str = "") -> None:
        kubectl = shutil.which("kubectl")
        if kubectl is None:
            raise FailedPrecondition("The backend 'kubernetes' needs kubectl, which is not installed here.")
        self._kubectl = [kubectl, *([f"--context={context}"] if context else [])]

    def create_job(self, job: Job) -> None:
        """Makes a Job; what the cluster does not know in it is refused. Raises FailedPrecondition: says why."""
        # Paths, not kinds: kubectl would first ask which kinds there are, and for their schemas.
        path = f"{_jobs(job)}?fieldValidation=Strict"
        self._call("create", "--raw", path, "-f", "-", content=json.dumps(job.object))

    def read_job(self, job: Job) -> dict[str, Any]:
        """A Job as the cluster has it. Raises NoSuchJob; FailedPrecondition where it cannot be asked."""
        read: dict[str, Any] = json.loads(self._call("get", "--raw", f"{_jobs(job)}/{quote(job.name)}"))
        return read

    def delete_job(self, job: Job) -> None:
        """Deletes a Job, with its pods. Raises NoSuchJob; FailedPrecondition where it cannot be asked."""
        # By default, those of a Job stay where a program asks, for old programs' sake.
        self._call("delete", "--raw", f"{_jobs(job)}/{quote(job.name)}?propagationPolicy=Background")

    def _call(self, *arguments: str, content: str = "") -> str:
        ended = subprocess.run(  # noqa: S603 - kubectl, by our own words
            [*self._kubectl, *arguments], input=content, capture_output=True, text=True, errors="replace", check=False
        )
        if ended.returncode:
            said = " ".join(ended.stderr.split())
            error = NoSuchJob if _NOT_FOUND in said else FailedPrecondition
            raise error(f"kubectl {arguments[0]} failed: {said[-500:]}")
        return ended.stdout


class JobWork:
    """A Job of a project. Its run ends when it is seen that the Job has: in a call of one of these methods."""

    def __init__(self, cluster: Cluster, job: Job, target: Target, run_id: str) -> None:
        self._cluster = cluster
        self._job = job
        self._target = target
        self._run_id = run_id
        self._status = RUNNING
        self._message = ""

    def wait(self) -> None:
        """Looks once a second until the Job has ended.

        Raises:
            ServerUnavailable: the cluster, or the tracking service, does not answer for two minutes; the run goes on.
        """
        silent_since: float | None = None
        while True:
            try:
                if self.status() != RUNNING:
                    return
                silent_since = None
            except (FailedPrecondition, ServerUnavailable) as error:
                silent_since = silent_since or time.monotonic()
                if time.monotonic() - silent_since > _PATIENCE_SECONDS:
                    raise ServerUnavailable(f"The cluster does not answer. {error.message}") from error
            time.sleep(_POLL_SECONDS)

    def status(self) -> str:
        """Asks the cluster, unless it has ended."""
        if self._status == RUNNING:
            try:
                conditions = self._cluster.read_job(self._job).get("status", {}).get("conditions") or []
            except NoSuchJob:
                self._end_without_a_job()
                return self._status
            for each in conditions:
                if each.get("status") == "True" and each.get("type") in _ENDS:
                    said = ": ".join(filter(None, (each.get("reason"), each.get("message"))))
                    self._end(_ENDS[each["type"]], said if each["type"] == "Failed" else "")
        return self._status

    def cancel(self) -> None:
        """Deletes the Job, and with it its pods, unless it has ended."""
        if self.status() == RUNNING:
            try:
                self._cluster.delete_job(self._job)
            except NoSuchJob:
                self._end_without_a_job()
            else:
                self._end("KILLED", "")

    def message(self) -> str:
        """What the cluster says of the end."""
        return self._message

    def _end_without_a_job(self) -> None:
        # The cluster may have removed one that ended some time ago; the code in it may have said how.
        self._end("KILLED", f"There is no Job {self._job.name} in {self._job.namespace} any more.", is_guess=True)

    def _end(self, status: str, message: str, *, is_guess: bool = False) -> None:
        # First, so that it is done again where it cannot be done now.
        self._status = end_run(self._target, self._run_id, status, message, is_guess=is_guess)
        self._message = "" if self._status == FINISHED else message


def _jobs(job: Job) -> str:
    return f"/apis/batch/v1/namespaces/{quote(job.namespace, safe='')}/jobs"
