"""How what is written to a stream becomes lines."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trivet._captured.console_lines import Line, LineCutter

LONG = 10_000
"""Milliseconds after which whatever is open is sent."""


def shown(text: str) -> list[str]:
    """What a terminal shows of a text in the end, line by line, if each line is written over from its start."""
    lines = text.split("\n")
    parts = [[part for part in line.split("\r") if part] for line in lines]
    return [line[-1] if line else "" for line in parts]


def joined(lines: Iterable[Line]) -> list[str]:
    """The texts of whole lines."""
    texts, open_text = [], ""
    for line in lines:
        open_text += line.text
        if not line.unfinished:
            texts.append(open_text)
            open_text = ""
    return [*texts, *([open_text] if open_text else [])]


def cut(*writes: str, pause: int = 0) -> list[Line]:
    """The lines of some writes, so far apart in milliseconds that nothing, or all that is open, is sent in between."""
    cutter, now = LineCutter("stdout"), 0
    lines: list[Line] = []
    for text in writes:
        lines += cutter.feed(now, text)
        now += pause
        lines += cutter.look(now)
    return [*lines, *cutter.end(now)]


@settings(deadline=None)
@given(st.lists(st.text(st.sampled_from("ab\n\r"), max_size=6)), st.sampled_from([0, LONG]))
def test_lines_show_what_a_terminal_shows_in_the_end(writes: list[str], pause: int) -> None:
    text = "".join(writes)
    expected = shown(text)
    found = [shown(line)[-1] for line in joined(cut(*writes, pause=pause))]
    # The end of the last line is left open, and may be empty.
    assert [*found, ""][: len(expected)] == expected
    assert len(found) <= len(expected)


def test_a_line_is_sent_when_it_ends() -> None:
    cutter = LineCutter("stderr", 3)
    assert list(cutter.feed(5, "a")) == []
    assert list(cutter.feed(6, "b\nc\r\n\n")) == [
        Line("ab", 6, "stderr", 3, unfinished=False),
        Line("c", 6, "stderr", 3, unfinished=False),
        Line("", 6, "stderr", 3, unfinished=False),
    ]
    assert list(cutter.end(7)) == []


def test_of_a_progress_bar_its_states_come_now_and_then() -> None:
    cutter = LineCutter("stdout")
    lines: list[Line] = []
    for step in range(1000):
        lines += cutter.feed(step * 20, f"\r{step / 10:.1f} %")
        lines += cutter.look(step * 20)
    lines += cutter.feed(20_000, "\r100.0 %\n")
    assert [line.unfinished for line in lines] == [True, True, True, False]
    assert joined(lines) == ["25.0 %\r50.0 %\r75.0 %\r100.0 %"]


def test_what_stays_open_is_sent_in_pieces() -> None:
    cutter = LineCutter("stdout")
    assert list(cutter.feed(0, "Loading")) == []
    assert list(cutter.look(999)) == []
    assert list(cutter.look(1000)) == [Line("Loading", 1000, "stdout", None, unfinished=True)]
    assert list(cutter.look(5000)) == []
    assert list(cutter.feed(6000, " … done\n")) == [Line(" … done", 6000, "stdout", None, unfinished=False)]


@pytest.mark.parametrize("character", ["x", "ü", "🚀"])
@pytest.mark.parametrize("end", ["\n", ""])
def test_a_long_line_comes_in_pieces_that_a_server_takes(character: str, end: str) -> None:
    text = character * 300_000
    lines = cut(text[:200_000], text[200_000:] + end)
    assert joined(lines) == [text]
    assert max(len(line.text.encode()) for line in lines) <= 16 * 1024
    assert [key for key, _ in groupby(line.unfinished for line in lines)] == ([True, False] if end else [True])


def test_what_no_server_takes_is_replaced() -> None:
    assert joined(cut("nul \0 half \udcff \ud83d\n", "\x1b[1mbold\x07\n")) == [
        "nul ␀ half \\udcff \\ud83d",
        "\x1b[1mbold\x07",
    ]
