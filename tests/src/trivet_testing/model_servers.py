"""Models that need no library, and `trivet models serve` of them as a real process."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from trivet_testing.servers import ServerProcess

INVOCATIONS: Final = "/invocations"
JSON: Final = "application/json"
COLUMN: Final = [{"type": "double", "name": "x", "required": True}]
"""The signature of a model that takes one number a row."""

_CODE: Final = '''\
"""A model of a test."""

from pathlib import Path


class Model:
    def __init__(self, folder):
        self.folder = folder

    def predict(self, data, params=None):
{predict}


def _load_pyfunc(path):
{load}
    return Model(Path(path))
'''
GIVES_ITS_VERSION: Final = "return [int((self.folder / 'version').read_text())] * len(data)"
"""Reads its file at each request, so that it shows that the file is there."""


@dataclass(frozen=True)
class HttpAnswer:
    """What was answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        """The body, as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class ModelServer:
    """A server of a model that runs."""

    process: ServerProcess
    address: str

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        """Reads."""
        return self.send("GET", path, None, headers)

    def post(
        self, body: Any, content_type: str = JSON, headers: Mapping[str, str] | None = None, path: str = INVOCATIONS
    ) -> HttpAnswer:
        """Asks for predictions; what is no bytes is sent as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.send("POST", path, content, {"content-type": content_type, **(headers or {})})

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        """Sends a request by a connection of its own."""
        connection = http.client.HTTPConnection(self.address, timeout=120)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return HttpAnswer(answer.status, {name.lower(): text for name, text in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def metric(self, name: str, **labels: str) -> float:
        """What a metric says; 0 where it is not there."""
        shown = ",".join(f'{key}="{value}"' for key, value in labels.items())
        start = f"{name}{{{shown}}} " if labels else f"{name} "
        lines = self.get("/metrics").body.decode().splitlines()
        return next((float(line.removeprefix(start)) for line in lines if line.startswith(start)), 0.0)


@contextmanager
def serving(uri: str | Path, *options: str, env: Mapping[str, str] | None = None) -> Iterator[ModelServer]:
    """`trivet models serve` with this environment's Python, on a free port."""
    command = [str(Path(sys.executable).with_name("trivet")), "models", "serve", "-m", str(uri), "-p", "0", *options]
    # What tests set for this process holds for the server as well.
    settings = {name: value for name, value in os.environ.items() if name.startswith("TRIVET_")}
    with ServerProcess.start(command, {**settings, **(env or {})}, r"^trivet serves .*: http://(\S+)$") as process:
        yield ModelServer(process, process.address)


def write_model(
    folder: Path,
    predict: str,
    *,
    load: str = "pass",
    inputs: Sequence[Mapping[str, Any]] | None = None,
    params: Sequence[Mapping[str, Any]] | None = None,
    files: Mapping[str, str] | None = None,
    example: object = None,
) -> Path:
    """Writes a model whose code is in its folder, as real MLflow loads it too.

    Args:
        folder: Is made anew.
        predict: The lines of its method `predict(self, data, params)`.
        load: Lines that run when it is loaded.
        inputs: Its signature, in MLflow's JSON.
        params: Of its signature.
        files: More files in its folder, by their names.
        example: A request that comes with it.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "code").mkdir(parents=True)
    # A name of its own: real MLflow keeps modules that it has imported.
    module = f"model_{folder.name.replace('-', '_')}"
    code = _CODE.format(predict=_indented(predict, 8), load=_indented(load, 4))
    (folder / "code" / f"{module}.py").write_text(code, encoding="utf-8")
    for name, text in (files or {}).items():
        (folder / name).write_text(text, encoding="utf-8")
    about: dict[str, Any] = {
        "flavors": {
            "python_function": {"loader_module": module, "code": "code", "python_version": sys.version.split()[0]}
        },
    }
    if inputs is not None or params is not None:
        about["signature"] = {
            "inputs": None if inputs is None else json.dumps(list(inputs)),
            "outputs": None,
            "params": None if params is None else json.dumps(list(params)),
        }
    if example is not None:
        (folder / "serving_input_example.json").write_text(json.dumps(example), encoding="utf-8")
        about["saved_input_example_info"] = {
            "artifact_path": "input_example.json",
            "serving_input_path": "serving_input_example.json",
            "type": "dataframe",
            "pandas_orient": "split",
        }
    (folder / "MLmodel").write_text(yaml.safe_dump(about), encoding="utf-8")
    return folder


def _indented(lines: str, spaces: int) -> str:
    return "\n".join(" " * spaces + line for line in lines.splitlines())
