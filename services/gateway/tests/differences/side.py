"""A server that is asked, and what it answers, without what is by chance: ids, times, names made up, sentences."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from .case import Case, Group, filled, part_of

_API: Final = "/api/2.0/mlflow/"
_NOW_MILLIS: Final = 1_600_000_000_000
_TIMES: Final = frozenset(
    {
        *("creation_time", "last_update_time", "creation_timestamp", "last_updated_timestamp", "start_time"),
        *("creation_timestamp_ms", "last_updated_timestamp_ms"),
    }
)
_NAMES_OF_IDS: Final = frozenset({"experiment_id", "artifact_location", "artifact_uri", "root_uri", "source"})
_RANDOM_NAME: Final = re.compile(r"[a-z]+-[a-z]+-\d{1,4}")
_HEX_ID: Final = re.compile(r"(?:m-)?[0-9a-f]{32}")
_WITHOUT_ORDER: Final = frozenset({"tags", "params", "aliases", "metrics", "dataset_inputs", "dataset_summaries"})
_LENGTH_OF_IDS: Final = 32


@dataclass(frozen=True)
class Answer:
    """The status, and MLflow's code of an error or the body of what went well."""

    status: int
    code: str = ""
    body: Any = None

    @property
    def kind(self) -> tuple[int, str]:
        """Without the body."""
        return self.status, self.code


class Side:
    """A server, called over one connection."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        """Connects at the first call."""
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        self._headers = dict(headers or {})

    def play(self, group: Group) -> dict[str, Answer]:
        """The answers to the cases of a group, by their names."""
        kept: dict[str, str] = {}
        answers: dict[str, Answer] = {}
        for case in group.cases:
            assert case.name not in answers, f"two cases of {group.name} are called {case.name!r}"
            status, body = self._ask(case, kept)
            for name, path in case.keep.items():
                found = part_of(body, path)
                assert isinstance(found, str), f"{case.name}: {status} {body} has no {path}"
                kept[name] = found
            answers[case.name] = _answer(case, status, body, kept)
        return answers

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()

    def _ask(self, case: Case, kept: Mapping[str, str]) -> tuple[int, Any]:
        path = quote(filled(case.path, kept), safe="/%?=&@:$")
        path = path if path.startswith("/") else _API + path
        fields = filled(case.fields, kept)
        if case.method == "GET":
            path, body = f"{path}?{urlencode(fields, doseq=True)}" if fields else path, case.body
        else:
            body = case.body if case.body is not None else json.dumps(fields).encode()
        self._connection.request(case.method, path, body, {**self._headers, **case.headers})
        answer = self._connection.getresponse()
        content = answer.read()
        try:
            return answer.status, json.loads(content)
        except ValueError:
            return answer.status, content.decode(errors="replace")


def _answer(case: Case, status: int, body: Any, kept: Mapping[str, str]) -> Answer:
    if status >= 400:
        code = body.get("error_code", "") if isinstance(body, dict) else ""
        return Answer(status, str(code))
    by_id = {each: f"${name}" for name, each in kept.items()}
    return Answer(status, "", part_of(_without_chance(body, "", by_id), case.only))


def _without_chance(value: Any, name: str, by_id: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            each: "random"
            if value.get("key") == "mlflow.runName" and each == "value" and _RANDOM_NAME.fullmatch(str(inner))
            else _without_chance(inner, each, by_id)
            for each, inner in value.items()
        }
    if isinstance(value, list):
        elements = [_without_chance(each, name, by_id) for each in value]
        return sorted(elements, key=_key) if name in _WITHOUT_ORDER else elements
    if isinstance(value, int) and name in _TIMES and value > _NOW_MILLIS:
        return "now"
    if isinstance(value, str):
        return _text_without_chance(value, name, by_id)
    return value


def _text_without_chance(value: str, name: str, by_id: Mapping[str, str]) -> str:
    if name == "next_page_token":
        return "a token"
    if name in ("run_name", "name") and _RANDOM_NAME.fullmatch(value):
        return "random"
    if name in _NAMES_OF_IDS:
        value = _number_of_experiment(value, name, by_id)
    if name == "workspace":
        return "a workspace"
    if value in by_id and len(value) >= _LENGTH_OF_IDS:
        return by_id[value]
    return _HEX_ID.sub(lambda found: by_id.get(found[0], "an id"), value)


def _number_of_experiment(value: str, name: str, by_id: Mapping[str, str]) -> str:
    """A text with the number of an experiment replaced: one server counts them by workspaces, the other does not."""
    if name == "experiment_id":
        return by_id.get(value, "an id" if value != "0" else value)
    scheme, _, rest = value.partition(":/")
    number, slash, path = rest.partition("/")
    if scheme != "mlflow-artifacts" or not number.isdecimal():
        return value
    return f"{scheme}:/{by_id.get(number, 'an id')}{slash}{path}"


def _key(element: Any) -> str:
    """Lists of keys and values have no order; a sort keeps that of several values of one key."""
    if not isinstance(element, dict):
        return str(element)
    return str(element.get("key") or element.get("alias") or element.get("dataset") or element.get("name"))
