"""A loaded model, and how a request is answered by it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Protocol

import trivet
from trivet._models.model_file import ModelFile
from trivet._serving import openapi, predictions
from trivet._serving.identity import Identity
from trivet._serving.inputs.reading import Kind, Reader
from trivet._serving.refusals import BAD_REQUEST, Refusal, bad_request

_log: Final = logging.getLogger("trivet.serving")


class Scorer(Protocol):
    """What predicts: a `trivet.pyfunc.PyFuncModel`."""

    @property
    def metadata(self) -> ModelFile:
        """What its `MLmodel` file says."""

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Predicts, after making the input what the signature says; as `PyFuncModel.predict`."""


@dataclass(frozen=True)
class Answer:
    """Predictions, as they are sent."""

    body: bytes
    rows: int


class ModelFailed(Refusal):
    """The model failed at what conforms to its signature."""


class ServedModel:
    """A model with all that answering takes. Safe for use by as many threads as the model is."""

    def __init__(self, identity: Identity, scorer: Scorer, folder: Path, max_body_bytes: int) -> None:
        self.identity = identity
        self._scorer = scorer
        self._folder = folder
        metadata = scorer.metadata
        self._signature = metadata.signature
        self._reader = Reader(
            None if self._signature is None else self._signature.inputs,
            max_body_bytes,
            takes_any=bool(metadata.unknown.get("is_signature_from_type_hint")),
        )

    def answer(self, kind: Kind, body: bytes) -> Answer:
        """Predicts for the body of a request.

        Raises:
            Refusal: it is not what the model takes, or the model failed at it.
        """
        given = self._reader.read(kind, body)
        try:
            predicted = self._scorer.predict(given.data, given.params)
        except trivet.InvalidArgument as error:
            raise bad_request(error.message) from None
        except BaseException as error:
            # Also SystemExit, which would end the worker. What it says may be anything, such as a path.
            _log.exception("the model %s failed at a request", self.identity.uri)
            raise ModelFailed(
                400, BAD_REQUEST, "The model failed at this input; the log of the server says why."
            ) from error
        return Answer(predictions.to_json(predicted), predictions.rows_of(predicted))

    def warm_up(self) -> None:
        """Predicts for the example that came with the model: what that loads, the first request need not wait for."""
        example = self.example
        if example is None:
            return
        try:
            self.answer(Kind.JSON, example)
        except Refusal as refusal:
            _log.warning("the model %s predicts nothing for its own example: %s", self.identity.uri, refusal.message)

    @cached_property
    def example(self) -> bytes | None:
        """The body of a request that came with the model; None where none did."""
        info = self._scorer.metadata.saved_input_example_info or {}
        name = str(info.get("serving_input_path") or "")
        path = self._folder / Path(name).name
        return path.read_bytes() if name and path.is_file() else None

    @cached_property
    def document(self) -> bytes:
        """The OpenAPI document of serving it."""
        return openapi.document(self.identity.uri, self.identity.version, self._signature, self.example)
