"""How a run begins: anew, as a run that goes on, at an earlier step of it, or as a fork of another one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from trivet._captured.surroundings import Surroundings
from trivet._errors import InvalidArgument
from trivet._ids import new_run_id
from trivet._mode import Mode

if TYPE_CHECKING:
    from trivet._entities import Run
    from trivet._tracking import Tracking

Resume = Literal["must", "allow", "never"]

_RESUMES: Final = ("must", "allow", "never")


@dataclass(frozen=True)
class Wish:
    """What `start_run` was asked for."""

    run_id: str | None
    joins: bool
    """Whether this process works for one that has begun the run."""
    resume: Resume | None
    resume_from: int | None
    fork_from: tuple[str, int] | None
    experiment_id: str | int | None
    """Of a new run."""
    default_experiment_id: str | int
    experiment_name: str
    """In place of the default, where that has no id yet."""
    run_name: str | None
    parent_run_id: str | None
    tags: Mapping[str, object]
    description: str | None

    def check(self) -> None:
        """Raises InvalidArgument where things do not go together."""
        if self.resume is not None and self.resume not in _RESUMES:
            raise InvalidArgument(f"resume is {self.resume!r}; say must, allow or never.")
        if self.resume == "must" and self.run_id is None:
            raise InvalidArgument("resume='must' needs the run_id of the run that goes on.")
        if self.resume_from is not None and (self.run_id is None or self.resume in ("allow", "never")):
            raise InvalidArgument("resume_from needs the run_id of a run that goes on, so resume can only be 'must'.")
        if self.fork_from is not None:
            self._check_fork()

    def _check_fork(self) -> None:
        if not (isinstance(self.fork_from, tuple | list) and len(self.fork_from) == 2):
            raise InvalidArgument("fork_from must be a pair: the id of a run, and the last step that is taken.")
        if self.resume is not None or self.resume_from is not None:
            raise InvalidArgument("fork_from begins a new run, so neither resume nor resume_from go with it.")
        if self.experiment_id is not None:
            raise InvalidArgument("A fork goes into the experiment of the run that is forked; leave experiment_id out.")


def begin(tracking: Tracking, wish: Wish, surroundings: Surroundings) -> Run:
    """Begins a run.

    Raises:
        RunNotFound, RunDeleted: there is no such run in use that could go on, or be forked.
        RunIdTaken: there is one already.
        ExperimentNotFound, ExperimentDeleted: there is nowhere to put it.
    """
    if wish.fork_from is not None:
        return _fork(tracking, wish, wish.fork_from, surroundings)
    if wish.run_id is None or wish.resume == "never":
        return _create(tracking, wish, surroundings)
    if wish.resume == "allow":
        return _noted(tracking, wish, surroundings, _create(tracking, wish, surroundings, may_exist=True))
    if wish.resume_from is not None and tracking.without_server.mode is not Mode.DISABLED:
        _check_online(tracking, "resume_from")
        tracking.rewind_run(wish.run_id, wish.resume_from)
    run = _noted(tracking, wish, surroundings, tracking.resume_run(wish.run_id, joins=wish.joins))
    if wish.description is not None and tracking.without_server.mode is Mode.ONLINE:
        tracking.update_run(wish.run_id, description=wish.description)
    return run


def _check_online(tracking: Tracking, what: str) -> None:
    if tracking.without_server.mode is Mode.OFFLINE:
        raise InvalidArgument(f"{what} has to ask the server, which TRIVET_MODE=offline forbids.")


def _noted(tracking: Tracking, wish: Wish, surroundings: Surroundings, run: Run) -> Run:
    """A run that goes on, with the tags of this process."""
    tags = {**surroundings.tags, **wish.tags}
    if tags:
        tracking.set_tags(run.info.run_id, tags)
    return run


def _create(tracking: Tracking, wish: Wish, surroundings: Surroundings, *, may_exist: bool = False) -> Run:
    return tracking.begin_run(
        wish.default_experiment_id if wish.experiment_id is None else wish.experiment_id,
        run_id=wish.run_id,
        may_exist=may_exist,
        experiment_name=wish.experiment_name if wish.experiment_id is None else "",
        run_name=wish.run_name,
        tags=None if may_exist else {**surroundings.tags, **wish.tags},
        description=wish.description or "",
        parent_run_id=wish.parent_run_id,
        user=surroundings.user,
        source=surroundings.source,
        git_commit=surroundings.git_commit,
    )


def _fork(tracking: Tracking, wish: Wish, forked: tuple[str, int], surroundings: Surroundings) -> Run:
    _check_online(tracking, "fork_from")
    run_id, step = forked
    if tracking.without_server.mode is Mode.DISABLED:
        return _create(tracking, wish, surroundings)
    return tracking.fork_run(
        run_id,
        step,
        new_run_id=wish.run_id or new_run_id(),
        run_name=wish.run_name,
        tags={**surroundings.tags, **wish.tags},
        description=wish.description or "",
        parent_run_id=wish.parent_run_id,
        user=surroundings.user,
        source=surroundings.source,
        git_commit=surroundings.git_commit,
    )
