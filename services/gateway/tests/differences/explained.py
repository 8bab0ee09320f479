"""How a difference between two answers is told, and which ones are right by a rule."""

from __future__ import annotations

from typing import Final

from .side import Answer

_LONGEST: Final = 200


def told(theirs: Answer, ours: Answer) -> str:
    """What differs between two answers, with what each side has; empty: nothing."""
    if theirs == ours:
        return ""
    if theirs.status == ours.status == 200:
        return "; ".join(_parts(theirs.body, ours.body, ""))
    return f"{_one(theirs)} | {_one(ours)}"


def is_refused_instead(theirs: Answer, ours: Answer) -> bool:
    """Whether upstream fails at what we refuse: its client would send that again for minutes."""
    return theirs.status >= 500 and 400 <= ours.status < 500


def is_json_instead(theirs: Answer, ours: Answer) -> bool:
    """Whether upstream answers in HTML that there is no such path or method, and we do in JSON."""
    return theirs.status == ours.status and (theirs.code, ours.code) == ("", "ENDPOINT_NOT_FOUND")


def _one(answer: Answer) -> str:
    if answer.status >= 400:
        return f"{answer.status} {answer.code}".rstrip()
    shown = str(answer.body)
    return "200" if answer.body in (None, {}) or len(shown) > _LONGEST else f"200 {shown}"


def _parts(theirs: object, ours: object, path: str) -> list[str]:
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return [
            part
            for name in sorted({*theirs, *ours})
            if theirs.get(name, "-") != ours.get(name, "-")
            for part in _parts(theirs.get(name, "-"), ours.get(name, "-"), f"{path}.{name}")
        ]
    if isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours) and path:
        return [
            part
            for number, (one, other) in enumerate(zip(theirs, ours, strict=True))
            if one != other
            for part in _parts(one, other, f"{path}[{number}]")
        ]
    return [f"{path}: {_short(theirs)} | {_short(ours)}".removeprefix(": ")]


def _short(value: object) -> str:
    shown = str(value)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"
