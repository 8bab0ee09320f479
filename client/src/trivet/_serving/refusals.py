"""What a caller is told of a request that gets no predictions."""

from __future__ import annotations

from typing import Final

import orjson
from starlette.responses import Response

BAD_REQUEST: Final = "BAD_REQUEST"


class Refusal(Exception):
    """A request that gets no predictions: a status of HTTP, an `error_code` and a sentence, which callers see."""

    def __init__(self, status: int, code: str, message: str, *, retry_seconds: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_seconds = retry_seconds
        """After how long the same request may be answered; None where it will not be."""

    def answer(self) -> Response:
        """As it is sent, in the form of MLflow's errors."""
        return Response(
            orjson.dumps({"error_code": self.code, "message": self.message}),
            status_code=self.status,
            media_type="application/json",
            headers=None if self.retry_seconds is None else {"retry-after": str(self.retry_seconds)},
        )


def bad_request(message: str) -> Refusal:
    """The input is not what the protocol, or the signature of the model, has."""
    return Refusal(400, BAD_REQUEST, message)


def unsupported(message: str) -> Refusal:
    """The input is of a kind that is not read."""
    return Refusal(415, BAD_REQUEST, message)


def no_model() -> Refusal:
    """Nothing is loaded yet."""
    return Refusal(503, "TEMPORARILY_UNAVAILABLE", "The model is not loaded yet. Try again.", retry_seconds=1)
