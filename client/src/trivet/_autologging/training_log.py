"""What is logged of one training whose framework tells of it step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trivet._autologging.sessions import AutologgedRun, cut_params
from trivet._clock import now_millis
from trivet._errors import InvalidArgument
from trivet._records import check_key


@dataclass(frozen=True)
class _Point:
    value: float
    step: int
    timestamp: int


class TrainingLog:
    """Logs params, points and the model of one training. For the thread that trains."""

    def __init__(self, run: AutologgedRun) -> None:
        self.settings = run.settings
        self.attempt = run.attempt
        self.say_left_out = run.say_left_out
        self.client = run.client
        self.run_id = run.run_id
        self._run = run
        self._params: dict[str, Any] = {}
        self._last: dict[str, _Point] = {}
        self._model_id: str | None = None
        self._refused: set[str] = set()

    def log_params(self, *params: Mapping[str, Any]) -> None:
        """Logs params; a function is told by its name, which is the same each time."""
        given = {key: getattr(value, "__qualname__", value) for each in params for key, value in each.items()}
        self._params |= given
        self.attempt("the params", lambda: self._run.log_params(given), waits=False)

    def log_points(self, metrics: Mapping[str, float], step: int) -> None:
        """Logs what was measured at a step, at once: sending it does not keep the training waiting.

        Never raises: the training would end of it. A metric that no server would take is left out, from then on.
        """
        taken = {key: value for key, value in metrics.items() if self._takes(key)}
        if taken:
            self.attempt("the metrics", lambda: self._write_points(taken, step), waits=False)

    def _takes(self, key: str) -> bool:
        if key in self._refused:
            return False
        try:
            check_key(key)
        except InvalidArgument as error:
            self._refused.add(key)
            self._run.leave_out("the metrics", error)
            return False
        return True

    def _write_points(self, metrics: Mapping[str, float], step: int) -> None:
        timestamp = now_millis()
        self.client.tracking.log_metrics(self.run_id, metrics, step=step, timestamp=timestamp, model_id=self._model_id)
        self._last |= {key: _Point(float(value), step, timestamp) for key, value in metrics.items()}

    def log_model(
        self,
        log_model: Callable[..., Any],
        model: Any,
        sample: Any,
        answer: Any,
        requirements: Sequence[str] | None,
    ) -> None:
        """Logs the model that was trained, and what was measured of it.

        Args:
            log_model: The public function that does, with what its framework alone lets choose.
            model: What was trained.
            sample: The first rows of what it was trained on; None where those are not known.
            answer: What the model says of them; None where it has no signature.
            requirements: The packages that it needs; None to see what it imports.
        """
        from trivet._models.inference import infer_signature  # noqa: PLC0415 - it needs `trivet[models]`

        signature = None
        if answer is not None:
            signature = self.attempt("the signature", lambda: infer_signature(sample, answer))
        info = log_model(
            model,
            "model",
            signature=signature or False,
            input_example=sample if self.settings.log_input_examples else None,
            registered_model_name=self.settings.registered_model_name,
            params=cut_params(self._params),
            pip_requirements=requirements,
        )
        self._model_id = info.model_id
        # The same points once more, now that there is a model to know them: the run keeps each once.
        for key, point in self._last.items():
            self.client.tracking.log_metrics(
                self.run_id,
                {key: point.value},
                step=point.step,
                timestamp=point.timestamp,
                model_id=info.model_id,
            )
