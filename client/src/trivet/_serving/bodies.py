"""The bodies of requests: how large each may be, and all together that a worker holds."""

from __future__ import annotations

from starlette.requests import Request

from trivet._serving.admission import too_many
from trivet._serving.refusals import Refusal


class Bodies:
    """Reads bodies, and counts those that are held. For one event loop."""

    def __init__(self, most_of_one: int, most_held: int) -> None:
        """Holds nothing yet.

        Args:
            most_of_one: Bytes that a body may have.
            most_held: Bytes that all may have together, those included that are still coming.
        """
        self._most_of_one = most_of_one
        self._most_held = most_held
        self._held = 0

    async def read(self, request: Request) -> bytes:
        """The body of a request, which counts until it is let go.

        Raises:
            Refusal: it is too large, or too much is held.
        """
        announced = request.headers.get("content-length", "")
        self._check(int(announced) if announced.isdecimal() else 0)
        pieces, size = [], 0
        try:
            async for piece in request.stream():
                size += len(piece)
                self._held += len(piece)
                self._check(size)
                pieces.append(piece)
        except BaseException:
            self.let_go(size)
            raise
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def let_go(self, size: int) -> None:
        """Counts bytes no more that were held."""
        self._held -= size

    def _check(self, size: int) -> None:
        if size > self._most_of_one:
            raise Refusal(413, "BAD_REQUEST", f"The body has more than {self._most_of_one} bytes.")
        if self._held > self._most_held:
            raise too_many()
