"""Calls of a gateway: bytes on the wire, without a client's help."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from trivet_testing.workspaces import unused_workspace

API = "/api/2.0/mlflow"
AJAX = "/ajax-api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"


class Http:
    """Calls a gateway in a workspace of its own."""

    def __init__(self, gateway: str) -> None:
        self.host = urlsplit(gateway).netloc
        self.workspace = unused_workspace()
        self.headers = {"x-mlflow-workspace": self.workspace}

    def raw(
        self,
        method: str,
        path: str,
        body: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Mapping[str, str], bytes]:
        with self.opened(method, path, body, headers) as answer:
            return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()

    @contextmanager
    def opened(
        self,
        method: str,
        path: str,
        body: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[http.client.HTTPResponse]:
        """An answer whose body is not read yet."""
        connection = http.client.HTTPConnection(self.host, timeout=60)
        try:
            connection.request(method, path, body, {**self.headers, **(headers or {})})
            yield connection.getresponse()
        finally:
            connection.close()

    def call(self, method: str, path: str, /, **fields: Any) -> tuple[int, dict[str, Any]]:
        body = json.dumps(fields).encode()
        status, _, answer = self.raw(method, f"{API}{path}", body, {"content-type": "application/json"})
        return status, json.loads(answer)

    def run(self) -> str:
        status, answer = self.call("POST", "/runs/create", experiment_id="0", start_time=5)
        assert status == 200
        return str(answer["run"]["info"]["run_id"])
