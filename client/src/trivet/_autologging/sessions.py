"""What is logged of one training: to which run, and that it is logged once however trainings are nested."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, TypeVar

from trivet._autologging.options import Settings
from trivet._client import Client
from trivet._errors import DeadlineExceeded, ParamChanged, ServerUnavailable
from trivet._fluent import ActiveRun, active_run, start_run

_Answer = TypeVar("_Answer")

_log: Final = logging.getLogger("trivet")

AUTOLOGGING_TAG: Final = "mlflow.autologging"
"""Of runs that were made because none was active: the framework."""
# What MLflow's autologging cuts keys and values of params to.
_MAX_KEY_CHARACTERS: Final = 250
_MAX_VALUE_CHARACTERS: Final = 6000
_GIVEN_UP_SECONDS: Final = 60
"""For which a training does not wait again for a server that did not answer: it may take hours, and the server come
back."""

# Threads start without it: a framework that trains in threads of its own lets them inherit it by `quiet`.
_is_quiet: ContextVar[bool] = ContextVar("trivet_autologging_is_quiet", default=False)


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing is logged unasked in the block, by this thread or task."""
    token = _is_quiet.set(True)
    try:
        yield
    finally:
        _is_quiet.reset(token)


def is_quiet() -> bool:
    """Whether what this thread or task does is not to be logged unasked: a training is logged already, around it."""
    return _is_quiet.get()


class AutologgedRun:
    """The run that a training is logged to, which is the active one. For the thread that trains."""

    def __init__(self, framework: str, settings: Settings, run: ActiveRun) -> None:
        self.settings = settings
        self.run = run
        self.client: Client = run._client  # noqa: SLF001 - what is logged goes where the run is
        self.run_id: str = run.info.run_id
        self._framework = framework
        self._left_out: dict[str, str] = {}
        self._given_up_until = -math.inf

    def attempt(self, what: str, step: Callable[[], _Answer], *, waits: bool = True) -> _Answer | None:
        """What a step of logging returns; None where it fails, which is said once at the end of the training.

        Args:
            what: What it logs, such as `the model`.
            step: Logs it.
            waits: Whether it waits for the server: once no server answers, no further such step is taken for a while.
        """
        if waits and time.monotonic() < self._given_up_until:
            self._left_out.setdefault(what, what)
            return None
        try:
            return step()
        except Exception as error:  # noqa: BLE001 - the training is what matters
            if isinstance(error, ServerUnavailable | DeadlineExceeded):
                self._given_up_until = time.monotonic() + _GIVEN_UP_SECONDS
            self.leave_out(what, error)
            return None

    def leave_out(self, what: str, why: object) -> None:
        """Notes what is not logged, to be said at the end of the training: once, however often it is left out."""
        reason = f"{type(why).__name__}: {why}" if isinstance(why, Exception) else why
        self._left_out.setdefault(what, f"{what} ({reason})")

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Logs params, cut as MLflow's autologging cuts them; one that the run has with another value stays."""
        texts = cut_params(params)
        try:
            self.client.tracking.log_params(self.run_id, texts)
        except ParamChanged:
            for key, text in texts.items():
                try:
                    self.client.tracking.log_params(self.run_id, {key: text})
                except ParamChanged as error:
                    self.leave_out(f"the param {key}", error)

    def say_left_out(self) -> None:
        """Says in the log what was not logged since it was last said, if anything."""
        if self._left_out and not self.settings.silent:
            _log.warning(
                "Autologging of %s left out of run %s: %s",
                self._framework,
                self.run_id,
                "; ".join(self._left_out.values()),
            )
        self._left_out.clear()


def cut_params(params: Mapping[str, Any]) -> dict[str, str]:
    """Params as texts, cut as MLflow's autologging cuts them."""
    return {
        _cut(str(key), _MAX_KEY_CHARACTERS): _cut(str(value), _MAX_VALUE_CHARACTERS) for key, value in params.items()
    }


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else f"{text[: characters - 3]}..."


@contextmanager
def training(framework: str, settings: Settings) -> Iterator[AutologgedRun | None]:
    """The run that the training in the block is logged to; None where it is not to be logged.

    It is the active run, which is left open; else that of TRIVET_RUN_ID, which becomes the active one of this thread or
    task and stays it, for whoever started the process has it for all that the process does; else one that is made, and
    ended as the block ends. Trainings within the
    block are not logged. What the block raises passes, and is to be nothing but what the training raises.

    Args:
        framework: Its name, for the tag of a run that is made.
        settings: What was chosen.
    """
    run = active_run()
    is_given = run is not None or bool(os.environ.get("TRIVET_RUN_ID"))
    if is_quiet() or (is_given and settings.exclusive):
        yield None
        return
    made = None
    if run is None and is_given:
        run = _begun(framework, settings, {})
    elif run is None:
        made = _begun(framework, settings, {AUTOLOGGING_TAG: framework, **settings.extra_tags})
    with quiet():
        if run is None and made is None:
            yield None
            return
        log = AutologgedRun(framework, settings, run or made)  # type: ignore[arg-type] # one of them is there
        ending: BaseException | None = None
        try:
            yield log
        except BaseException as error:
            ending = error
            raise
        finally:
            if made is not None:
                _end(log, made, ending)
            log.say_left_out()
            del ending  # which knows this frame


def _end(log: AutologgedRun, made: ActiveRun, ending: BaseException | None) -> None:
    try:
        made.__exit__(None if ending is None else type(ending), ending, None)
    except Exception as error:  # noqa: BLE001 - the training is what matters
        log.leave_out("the end of the run", error)


def _begun(framework: str, settings: Settings, tags: Mapping[str, object]) -> ActiveRun | None:
    try:
        return start_run(tags=tags)
    except Exception as error:  # noqa: BLE001 - the training is what matters
        if not settings.silent:
            _log.warning("Autologging of %s made no run: %s: %s", framework, type(error).__name__, error)
        return None
