"""Every form of input, every bad one, and every kind of predictions: Trivet's server beside MLflow's."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from trivet import pyfunc
from trivet._serving.app import State, build
from trivet._serving.identity import Identity
from trivet._serving.metrics import Metrics
from trivet._serving.served_model import ServedModel
from trivet._serving.settings import Access, Limits, WorkerSettings
from trivet_testing import scoring_cases as cases
from trivet_testing.mlflow_scoring import all_served_by_mlflow
from trivet_testing.model_servers import HttpAnswer, ModelServer, serving, write_model
from trivet_testing.scoring_cases import Case
from trivet_testing.waiting import wait_until


@dataclass(frozen=True)
class Beside:
    """The same models, served by Trivet and by MLflow."""

    ours: ModelServer
    theirs: ModelServer

    def ask(self, model: str, body: object, content_type: str) -> tuple[HttpAnswer, HttpAnswer]:
        path = f"/{model}/invocations"
        return self.ours.post(body, content_type, path=path), self.theirs.post(body, content_type, path=path)


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    folder = tmp_path_factory.mktemp("served")
    models = [
        write_model(folder / name, cases.RECEIVES, inputs=inputs, params=None if inputs is None else cases.PARAMS)
        for name, inputs in cases.SIGNATURES.items()
    ]
    chosen = [{"type": "string", "name": "gives", "required": True}]
    models.append(write_model(folder / "gives", cases.GIVES, inputs=chosen))
    with all_served_by_mlflow(models) as theirs, all_served(models, theirs) as ours:
        yield Beside(ours, theirs)


@contextmanager
def all_served(models: list[Path], theirs: ModelServer) -> Iterator[ModelServer]:
    """The application of a worker for each model, in a thread: processes are for other tests."""
    settings, measured = WorkerSettings(Limits(), Access()), Metrics()

    def app_of(folder: Path) -> Mount:
        model = ServedModel(Identity(folder.name), pyfunc.load_model(folder), folder, settings.limits.max_body_bytes)
        return Mount(f"/{folder.name}", build(settings, State(model), measured))

    server = uvicorn.Server(
        uvicorn.Config(Starlette(routes=[app_of(each) for each in models]), port=0, log_config=None)
    )
    thread = threading.Thread(target=asyncio.run, args=(server.serve(),))
    thread.start()
    try:
        wait_until(lambda: server.started)
        (host, port) = server.servers[0].sockets[0].getsockname()
        yield ModelServer(theirs.process, f"{host}:{port}")
    finally:
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize("name", list(cases.SIGNATURES))
def test_input_is_understood_and_refused_as_by_mlflow(beside: Beside, name: str) -> None:
    faults = []
    for case in (*cases.FORMS, *cases.BAD):
        if case.signature == name:
            mine, upstream = beside.ask(name, case.body, case.content_type)
            if fault := fault_of(case, mine, upstream):
                faults.append(f"{case.name}: {fault}\n  Trivet {shown(mine)}\n  MLflow {shown(upstream)}")
    assert not faults, "\n".join(faults)


def fault_of(case: Case, mine: HttpAnswer, upstream: HttpAnswer) -> str:
    """What is wrong with Trivet's answer; empty if nothing."""
    if mine.status >= 400 and (sorted(mine.content) != ["error_code", "message"] or "Traceback" in str(mine.content)):
        return "is no error of the protocol"
    if (mine.status < 400) != (case in cases.FORMS):
        return "is taken, or refused, against what is expected"
    if case.differs:
        return "" if mine.status == case.status != upstream.status else "differs otherwise than expected"
    if mine.status != upstream.status:
        return "has another status"
    if mine.status == http.client.OK:
        return "" if mine.content == upstream.content else "was understood otherwise"
    return "" if mine.content["error_code"] == "BAD_REQUEST" else "has another error_code"


def shown(answer: HttpAnswer) -> str:
    return f"{answer.status} {answer.body[:600].decode(errors='replace')}"


@pytest.mark.parametrize("given", cases.GIVEN)
def test_predictions_have_the_form_of_mlflow(beside: Beside, given: str) -> None:
    mine, upstream = beside.ask("gives", {"dataframe_records": [{"gives": given}]}, "application/json")
    assert (mine.status, upstream.status) == (200, 200)
    # As texts: NaN is not equal to itself, and 1 is to 1.0.
    assert repr(json.loads(mine.body)) == repr(json.loads(upstream.body))


def test_probes_answer_as_those_of_mlflow(beside: Beside, tmp_path: Path) -> None:
    with serving(write_model(tmp_path / "probed", "return [1]")) as ours:
        for path in ("/ping", "/health", "/version"):
            mine, upstream = ours.get(path), beside.theirs.get(f"/none{path}")
            assert (mine.status, mine.headers["content-type"]) == (upstream.status, upstream.headers["content-type"])
            assert path == "/health" or mine.body == upstream.body
