"""The run of a study, below which its trials are."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from contextvars import Context
from types import TracebackType
from typing import TYPE_CHECKING, Final

from trivet import _fluent
from trivet._errors import RunDeleted, RunNotFound
from trivet._tuning.trial_records import RUN_ATTRIBUTE

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from trivet._fluent import ActiveRun, RunsExperiment
    from trivet._tracking import Tracking

STUDY_TAG: Final = "optuna.study_name"


class StudyRun:
    """Where the trials of a study go: an experiment, and a run in it unless they stand by themselves.

    Safe to use from several threads.
    """

    def __init__(self, tracking: Tracking, experiment: RunsExperiment, run: ActiveRun | None, *, is_own: bool) -> None:
        """Takes what was begun.

        Args:
            tracking: Where all of it is logged.
            experiment: Of the trials.
            run: Their parent.
            is_own: Whether it was begun for the study, so that `end` ends it.
        """
        self.tracking = tracking
        self.experiment = experiment
        self.run = run
        self._is_own = is_own
        self._lock = threading.Lock()

    def mark_best(self, study: Study, trial: FrozenTrial, run_id: str, names: Sequence[str]) -> None:
        """Notes a trial that has just ended on the run of the study, where it is the best so far.

        Tags say which one it is; the metrics `best_NAME` have a point for each that was. Of several objectives,
        `best_trials` has the numbers of all that no other trial dominates.
        """
        if self.run is None or trial.state.name != "COMPLETE":
            return
        of_study = self.run.info.run_id
        # Of two that end at once, the better one is told last.
        with self._lock:
            if len(names) > 1:
                front = [each.number for each in study.best_trials]
                if trial.number in front:
                    self.tracking.set_tag(of_study, "best_trials", json.dumps(front))
            elif study.best_trial.number == trial.number:
                params = json.dumps(trial.params, default=str)
                tags = {"best_trial": trial.number, "best_run_id": run_id, "best_params": params}
                self.tracking.set_tags(of_study, tags)
                self.tracking.log_metric(of_study, f"best_{names[0]}", trial.values[0], step=trial.number)

    def end(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Ends a run that was begun for the study, by an exception or without one."""
        if self.run is not None and self._is_own:
            self.run.__exit__(kind, error, trace)


def begin_study_run(study: Study, parent: ActiveRun | None, *, create_experiment: bool, nest_trials: bool) -> StudyRun:
    """Begins the run of a study, or goes on with the one that it had.

    Args:
        study: Its attributes have its run, which other processes and other callbacks go on with.
        parent: A run that is active already, which takes the place of one that would be begun.
        create_experiment: Whether the experiment of the name of the study becomes the active one, where no run is.
        nest_trials: Whether there is such a run at all.
    """
    if parent is None and create_experiment:
        _fluent.set_experiment(study.study_name)
    tracking = _fluent.process_client().tracking
    experiment = _fluent.experiment_of_process()
    if not nest_trials:
        return StudyRun(tracking, experiment, None, is_own=False)
    run = parent or _begin(study)
    if run.info.experiment_id:
        experiment = _fluent.RunsExperiment(run.info.experiment_id, "")
    tracking.set_tag(run.info.run_id, STUDY_TAG, study.study_name)
    if study.user_attrs.get(RUN_ATTRIBUTE) != run.info.run_id:
        study.set_user_attr(RUN_ATTRIBUTE, run.info.run_id)
    return StudyRun(tracking, experiment, run, is_own=parent is None)


def _begin(study: Study) -> ActiveRun:
    known = study.user_attrs.get(RUN_ATTRIBUTE)
    if known is not None:
        try:
            # In a context of its own, where it is not the active run of this thread.
            return Context().run(_fluent.start_run, run_id=str(known))
        except (RunNotFound, RunDeleted):
            pass  # somebody deleted it, or the study moved to another server
    return Context().run(_fluent.start_run, run_name=study.study_name)
