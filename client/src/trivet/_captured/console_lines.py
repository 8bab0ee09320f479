r"""What is written to a stream, as lines.

A terminal shows of `10 %\r20 %` what comes last; so does a line. What stays without its end for a while, as a progress
bar or `print(…, end="")` does, is sent as a piece that is unfinished, and the rest of the line follows in other pieces.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

# 16 KiB is the most that a server takes of a line, and a character has at most 4 bytes.
_PIECE_CHARACTERS: Final = 4096
_MAX_OPEN_CHARACTERS: Final = 64 * 1024
# How long a line may be open before what there is of it is sent; progress bars change often.
_OPEN_MILLIS: Final = 1000
_PROGRESS_MILLIS: Final = 5000


class Line(NamedTuple):
    """A line, or a piece of one. Many are made, and a tuple takes a tenth of the time of a `ConsoleLine`."""

    text: str
    timestamp: int
    stream: str
    rank: int | None
    unfinished: bool


class LineCutter:
    """Cuts what is written to one stream."""

    def __init__(self, stream: str, rank: int | None = None) -> None:
        """Begins; `stream` and `rank` are those of its lines."""
        self._stream = stream
        self._rank = rank
        self._open = ""
        self._is_continued = False
        """Whether the pieces of a line that are out already are unfinished."""
        self._since = 0
        """When the open line began, or its last piece was sent."""

    def feed(self, time_millis: int, text: str) -> Iterator[Line]:
        """The lines that a text ends."""
        if not self._open and not self._is_continued:
            self._since = time_millis
        *ended, self._open = (self._open + text).split("\n")
        for line in ended:
            yield from self._cut(time_millis, line.removesuffix("\r"), unfinished=False)
            self._since = time_millis
        if len(self._open) > _MAX_OPEN_CHARACTERS:
            yield from self._cut_open(time_millis)

    def look(self, now_millis: int) -> Iterator[Line]:
        """A piece of the line that is open, if it has been for long."""
        patience = _PROGRESS_MILLIS if "\r" in self._open else _OPEN_MILLIS
        if self._open.strip("\r") and now_millis - self._since >= patience:
            yield from self._cut_open(now_millis)

    def end(self, now_millis: int) -> Iterator[Line]:
        """What is open, as the last line."""
        text, self._open = self._open.removesuffix("\r"), ""
        if text:
            yield from self._cut(now_millis, text, unfinished=False)

    def _cut_open(self, time_millis: int) -> Iterator[Line]:
        text, self._since = self._open, time_millis
        # What follows begins at the left again.
        self._open = "\r" if text.endswith("\r") else ""
        yield from self._cut(time_millis, text, unfinished=True)

    def _cut(self, time_millis: int, line: str, *, unfinished: bool) -> Iterator[Line]:
        if "\r" in line:
            parts = line.split("\r")
            last = max((place for place, part in enumerate(parts) if part), default=0)
            # What stands before the first of them goes on with what is out already.
            line = f"\r{parts[last]}" if self._is_continued and last else parts[last]
        line = _storable(line)
        for begin in range(0, max(len(line), 1), _PIECE_CHARACTERS):
            end = begin + _PIECE_CHARACTERS
            yield Line(line[begin:end], time_millis, self._stream, self._rank, unfinished or end < len(line))
        self._is_continued = unfinished


def _storable(text: str) -> str:
    """A text without NUL and halves of characters, which no server takes."""
    if text.isascii():
        return text.replace("\0", "␀") if "\0" in text else text
    return text.replace("\0", "␀").encode("utf-8", "backslashreplace").decode()
