"""What the tracking service is told of a project: its run, made before anything else, and how that ended."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trivet._captured.ending import MESSAGE_TAG
from trivet._client import Client
from trivet._errors import ExperimentDeleted, InvalidArgument, ServerUnavailable
from trivet._projects.sources import Fetched
from trivet._target import Target

if TYPE_CHECKING:
    from trivet._entities import Run

ENTRY_POINT_TAG: Final = "mlflow.project.entryPoint"
ENVIRONMENT_TAG: Final = "mlflow.project.env"
BACKEND_TAG: Final = "mlflow.project.backend"
JOB_TAG: Final = "trivet.project.job"
IMAGE_TAG: Final = "mlflow.docker.image.uri"
_ENDS: Final = ("FINISHED", "FAILED", "KILLED")
"""A later one counts for more."""


@dataclass(frozen=True)
class RunWish:
    """Which run a project is to have."""

    experiment_name: str | None = None
    experiment_id: str | int | None = None
    run_id: str | None = None
    """Of a run that is there, instead of a new one."""
    run_name: str | None = None
    parent_run_id: str | None = None
    default_experiment_id: str | int = "0"

    def check(self) -> None:
        """Raises InvalidArgument where things do not go together."""
        if self.experiment_name is not None and self.experiment_id is not None:
            raise InvalidArgument("Specify only one of 'experiment_name' or 'experiment_id'.")


def begin_run(client: Client, wish: RunWish, fetched: Fetched, tags: Mapping[str, str]) -> Run:
    """Makes the run of a project, or takes the one that is wished for.

    Args:
        client: Whom to tell.
        wish: Which run.
        fetched: What is run.
        tags: Of the entry point, the environment and the back end.

    Raises:
        RunNotFound, ExperimentNotFound, ExperimentDeleted: there is no such run, or nowhere to put it.
    """
    about = {
        "mlflow.source.type": "PROJECT",
        "mlflow.source.name": fetched.title,
        "mlflow.source.git.commit": fetched.commit,
        "mlflow.source.git.branch": fetched.branch,
        "mlflow.source.git.repoURL": fetched.repository,
        "mlflow.user": _user(),
    }
    said = {key: value for key, value in {**about, **tags}.items() if value}
    if wish.run_id is not None:
        run = client.tracking.get_run(wish.run_id)
        client.tracking.set_tags(wish.run_id, said)
        client.tracking.flush()
        # Last: where something of this cannot be done, it stays as it was.
        client.tracking.update_run(wish.run_id, status="RUNNING", name=wish.run_name)
        return run
    return client.tracking.create_run(
        _experiment_id(client, wish),
        run_name=wish.run_name,
        tags=said,
        parent_run_id=wish.parent_run_id,
        user=_user(),
        source=fetched.title,
        git_commit=fetched.commit,
    )


def log_params(client: Client, wish: RunWish, run: Run, params: Mapping[str, str]) -> None:
    """Logs what a project is run with; not to a run that was there, which may have others of the same names.

    Raises:
        InvalidArgument: one can be no param, such as a value that is too long.
    """
    if params and wish.run_id is None:
        client.tracking.log_params(run.info.run_id, params)
        client.tracking.flush()


def end_run(target: str | Target, run_id: str, status: str, message: str = "", *, is_guess: bool = False) -> str:
    """Ends a run as its command ended, unless the code in it has said worse.

    By a client of its own, which never began the run: an end by who began it counts only until the command goes on with
    it.

    Args:
        target: The server; empty is that of the environment.
        run_id: Of the run.
        status: `FINISHED`, `FAILED` or `KILLED`.
        message: Why, where it did not end well.
        is_guess: Whether nobody saw the end, so that whatever the code said counts more.

    Returns:
        How it has ended, as the server has it.
    """
    with Client(target) as client:
        try:
            now = client.tracking.get_run(run_id).info.status
        except ServerUnavailable:
            now = "RUNNING"
        if is_guess and now in _ENDS:
            return now
        if message:
            client.tracking.set_tag(run_id, MESSAGE_TAG, message)
        if now in _ENDS and _ENDS.index(now) >= _ENDS.index(status):
            return now
        client.tracking.set_terminated(run_id, status=status)
        return status


def _experiment_id(client: Client, wish: RunWish) -> str | int:
    if wish.experiment_id is not None:
        return wish.experiment_id
    if wish.experiment_name is None:
        return wish.default_experiment_id
    experiment = client.tracking.use_experiment(wish.experiment_name)
    if experiment.lifecycle_stage == "deleted":
        raise ExperimentDeleted(f"The experiment {experiment.name!r} is deleted. Restore it, or use another one.")
    return experiment.experiment_id


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, in a container
        return ""
