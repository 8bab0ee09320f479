"""Calls of MLflow's REST interface, with what the standard library has."""

from __future__ import annotations

import base64
import json
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote, urlencode, urlsplit, urlunsplit

from trivet._connection import Pauses
from trivet._errors import CredentialsInvalid, InvalidArgument, NotFound, PermissionDenied, ServerUnavailable

Json = Mapping[str, Any]

_TIMEOUT_SECONDS: Final = 120.0
_TRIES: Final = 5
_PASSING: Final = frozenset({408, 429, 500, 502, 503, 504})


class NotThere(NotFound):
    """The server has no such thing, or does not know the call."""


class _StaysHere(urllib.request.HTTPRedirectHandler):
    """Follows no redirection, which could take the credentials elsewhere."""

    def redirect_request(self, *_arguments: Any, **_named: Any) -> None:
        """None: an answer that redirects is a refusal."""


class RestCalls:
    """Calls one server. Reads are repeated where it is away for a moment."""

    def __init__(self, url: str, workspace: str) -> None:
        """Prepares it; calls nobody.

        Args:
            url: `http://[USER:PASSWORD@]HOST:PORT[/PREFIX]`.
            workspace: Of MLflow.
        """
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self._url = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        self._headers = {"Content-Type": "application/json", **_authorization(parts.username, parts.password)}
        if workspace != "default":
            self._headers["X-MLFLOW-WORKSPACE"] = workspace
        self._opener = urllib.request.build_opener(_StaysHere)

    def get(self, path: str, query: Json) -> Json:
        """Asks by GET. Raises as `download`."""
        return self._json(f"api/2.0/mlflow/{path}?{urlencode(query)}", None)

    def post(self, path: str, body: Json) -> Json:
        """Asks by POST, for something that has no effect. Raises as `download`."""
        return self._json(f"api/2.0/mlflow/{path}", json.dumps(body).encode())

    def download(self, path: str, query: Mapping[str, str], place: Path) -> None:
        """Writes a file.

        Raises:
            NotThere: there is none.
            InvalidArgument: what answers is not MLflow, or refuses.
            CredentialsInvalid, PermissionDenied: it wants other credentials: user and password in the address, or those
                in MLflow's environment variables.
            ServerUnavailable: nobody answers, also after some tries.
        """
        self._ask(f"{path}?{urlencode(query, quote_via=quote)}", None, place)

    def _json(self, path: str, body: bytes | None) -> Json:
        text = self._ask(path, body, None)
        try:
            found = json.loads(text or b"{}")
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise InvalidArgument(f"{self._url} does not answer as an MLflow server does.")
        return found

    def _ask(self, path: str, body: bytes | None, place: Path | None) -> bytes:
        request = urllib.request.Request(f"{self._url}/{path}", body, self._headers)  # noqa: S310 - http or https, as `open_source` has checked
        pauses = Pauses()
        for number in range(1, _TRIES + 1):
            try:
                with self._opener.open(request, timeout=_TIMEOUT_SECONDS) as answer:
                    if place is None:
                        return bytes(answer.read())
                    with place.open("wb") as file:
                        shutil.copyfileobj(answer, file)
                    return b""
            except urllib.error.HTTPError as error:
                if error.code not in _PASSING or number == _TRIES:
                    raise self._refusal(error) from error
            except (OSError, HTTPException) as error:
                if number == _TRIES:
                    reason = getattr(error, "reason", None) or error
                    raise ServerUnavailable(f"The MLflow server at {self._url} does not answer: {reason}.") from error
            time.sleep(pauses.after())
        raise AssertionError

    def _refusal(self, error: urllib.error.HTTPError) -> Exception:
        with error:
            text = error.read(10_000)
        try:
            said = str(json.loads(text)["message"])
        except (ValueError, KeyError, TypeError):
            said = ""
        if error.code == 401:
            return CredentialsInvalid(
                f"The MLflow server at {self._url} wants credentials: http://USER:PASSWORD@HOST, or those in "
                "MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD and MLFLOW_TRACKING_TOKEN."
            )
        if error.code == 403:
            return PermissionDenied(f"The MLflow server at {self._url} refuses: {said or error.reason}.")
        if error.code in _PASSING:
            return ServerUnavailable(f"The MLflow server at {self._url} fails: {said or error.reason}.")
        if error.code == 404:
            return NotThere(said) if said else _NotMlflow(f"{self._url} does not answer as an MLflow server does.")
        return InvalidArgument(f"The MLflow server at {self._url} refuses: {said or error.reason}.")


class _NotMlflow(InvalidArgument, NotThere):
    """A page that is missing, as any web server says it; an old MLflow server too."""


def _authorization(user: str | None, password: str | None) -> dict[str, str]:
    user = unquote(user or "") or os.environ.get("MLFLOW_TRACKING_USERNAME", "")
    password = unquote(password or "") or os.environ.get("MLFLOW_TRACKING_PASSWORD", "")
    token = os.environ.get("MLFLOW_TRACKING_TOKEN", "")
    if user:
        return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}
    return {"Authorization": f"Bearer {token}"} if token else {}
