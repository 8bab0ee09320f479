"""A callback of Optuna's studies that logs each trial as a run."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping, Sequence
from contextvars import copy_context
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeAlias

from trivet import _fluent
from trivet._captured.choice import Captured, chosen
from trivet._captured.surroundings import look_around
from trivet._ids import new_run_id
from trivet._tuning.study_runs import StudyRun, begin_study_run
from trivet._tuning.trial_records import RUN_ATTRIBUTE, TrialRecord, metric_names, record_of

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial

    from trivet._fluent import ActiveRun

    Objective: TypeAlias = Callable[[Trial], float | Sequence[float]]

# What is the same for all trials is captured of the run of the study.
_CAPTURED_OF_TRIALS = frozenset({Captured.USER, Captured.EXIT})


class TrivetCallback:
    """Logs each trial of a study as a run, below a run of the study; for `study.optimize(…, callbacks=[callback])`.

    It has the names of `optuna_integration.MLflowCallback`, and its runs the same keys: the params, the value under
    `metric_name`, and the tags `number`, `state`, `direction`, `datetime_start`, `datetime_complete` and
    `PARAM_distribution`. Values that a trial reports are points of the metric `intermediate_NAME`, at their steps. A
    trial that ends whole is FINISHED, one that is pruned KILLED, one that fails FAILED.

    The run of the study is the run that is active where the callback is made or first called; else one is begun, which
    ends with the process, or with the block: `with TrivetCallback() as callback:`. The best trial so far is noted on
    it. A study that is gone on with by a later process goes on with its run.

    Safe for `n_jobs`; one callback may serve several studies. Not to be pickled, nor used after a fork.
    """

    def __init__(
        self,
        tracking_uri: str | None = None,
        metric_name: str | Sequence[str] = "value",
        create_experiment: bool = True,  # noqa: FBT001, FBT002 - as Optuna's
        *,
        nest_trials: bool = True,
        tags: Mapping[str, object] | None = None,
        tag_study_user_attrs: bool = False,
        tag_trial_user_attrs: bool = True,
    ) -> None:
        """Logs nothing yet.

        Args:
            tracking_uri: As for `trivet.set_tracking_uri`, which it is given to. Default: as it is set.
            metric_name: The key of the value; of several objectives, a key for each, or one that is numbered.
            create_experiment: Makes the experiment of the name of the study the active one, and creates it where there
                is none. Where a run is active, trials go into its experiment all the same.
            nest_trials: Whether trials are below a run of the study.
            tags: More to mark each trial with.
            tag_study_user_attrs: Whether the user attributes of the study become tags of each trial.
            tag_trial_user_attrs: The same of those of the trial.

        Raises:
            TargetInvalid: the tracking URI cannot be used.
        """
        if tracking_uri is not None:
            _fluent.set_tracking_uri(tracking_uri)
        self._metric_name = metric_name
        self._create_experiment = create_experiment
        self._nest_trials = nest_trials
        self._tags = dict(tags or {})
        self._with_study_attrs = tag_study_user_attrs
        self._with_trial_attrs = tag_trial_user_attrs
        # Threads of `n_jobs` have no active run of their own.
        self._parent = _fluent.active_run()
        self._lock = threading.Lock()
        self._studies: dict[str, StudyRun] = {}
        self._tracked: dict[str, ActiveRun] = {}

    def __call__(self, study: Study, trial: FrozenTrial) -> None:
        """Logs a trial that has ended; Optuna calls it.

        Raises:
            InvalidArgument: there are not as many names of metrics as objectives, or a name cannot be kept.
            TrivetError: the server refuses the run. That none answers is no error: the run is sent later.
        """
        names = metric_names(self._metric_name, len(study.directions))
        record = record_of(
            study, trial, names, with_study_attrs=self._with_study_attrs, with_trial_attrs=self._with_trial_attrs
        )
        place = self._study_run(study)
        tracked = self._tracked.pop(str(trial.user_attrs.get(RUN_ATTRIBUTE)), None)
        run_id = self._log_whole(place, trial, record) if tracked is None else _log_rest(place, tracked, record)
        place.mark_best(study, trial, run_id, names)

    def track_in_trivet(self) -> Callable[[Objective], Objective]:
        """Decorates an objective so that what it logs goes to the run of its trial, which is active meanwhile.

        A trial whose exception ends `optimize` is logged, FAILED, only of such an objective: Optuna calls no callback
        then. The callback has to be given to `optimize` too.
        """

        def decorate(objective: Objective) -> Objective:
            @functools.wraps(objective)
            def tracked(trial: Trial) -> float | Sequence[float]:
                # The run is active in a copy of the context alone: the callback ends it, perhaps in another one.
                return copy_context().run(self._track, objective, trial)

            return tracked

        return decorate

    def end(self) -> None:
        """Ends the runs that were begun for studies, FINISHED; again does nothing."""
        self.__exit__(None, None, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            studies, self._studies = self._studies, {}
        for study_run in studies.values():
            study_run.end(kind, error, trace)

    def _study_run(self, study: Study) -> StudyRun:
        with self._lock:
            found = self._studies.get(study.study_name)
            if found is None:
                found = self._studies[study.study_name] = begin_study_run(
                    study,
                    self._parent or _fluent.active_run(),
                    create_experiment=self._create_experiment,
                    nest_trials=self._nest_trials,
                )
            return found

    def _track(self, objective: Objective, trial: Trial) -> float | Sequence[float]:
        from optuna import TrialPruned  # noqa: PLC0415 - whoever has a trial has Optuna

        place = self._study_run(trial.study)
        run = _fluent.start_run(
            run_id=new_run_id(),
            resume="never",  # not the run of TRIVET_RUN_ID, in threads without an active run
            experiment_id=None if place.experiment.name else place.experiment.experiment_id,
            run_name=str(trial.number),
            nested=place.run is not None,
            parent_run_id=None if place.run is None else place.run.info.run_id,
            tags=self._tags,
            capture=sorted(_CAPTURED_OF_TRIALS & chosen(None)) or False,
        )
        trial.set_user_attr(RUN_ATTRIBUTE, run.info.run_id)
        self._tracked[run.info.run_id] = run
        try:
            return objective(trial)
        except TrialPruned:
            raise
        except BaseException as error:
            # Perhaps nobody calls the callback now.
            place.tracking.log_batch(
                run.info.run_id, params=trial.params, tags={"number": trial.number, "state": "FAIL"}
            )
            run.__exit__(type(error), error, error.__traceback__)
            raise

    def _log_whole(self, place: StudyRun, trial: FrozenTrial, record: TrialRecord) -> str:
        """Logs a trial at once that has no run yet; returns the id of its run."""
        run = place.tracking.begin_run(
            place.experiment.experiment_id,
            experiment_name=place.experiment.name,
            run_name=str(trial.number),
            start_time=record.start_time,
            tags={**record.tags, **self._tags},
            parent_run_id=None if place.run is None else place.run.info.run_id,
            user=look_around(_CAPTURED_OF_TRIALS & chosen(None)).user,
        )
        run_id = run.info.run_id
        place.tracking.log_batch(run_id, metrics=record.metrics, params=record.params)
        place.tracking.set_terminated(run_id, status=record.status, end_time=record.end_time)
        return run_id


def _log_rest(place: StudyRun, run: ActiveRun, record: TrialRecord) -> str:
    """Logs what an objective did not log to its run, and ends that; returns its id."""
    place.tracking.log_batch(run.info.run_id, metrics=record.metrics, params=record.params, tags=record.tags)
    run.end(record.status)
    return run.info.run_id
