"""What a server of a model does when its stage or alias moves, when that fails, and when the registry is away."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

import trivet
from trivet._held_folders import hold_alone
from trivet_testing.model_servers import COLUMN, GIVES_ITS_VERSION, ModelServer, serving, write_model
from trivet_testing.tcp_proxy import TcpProxy
from trivet_testing.tracking import full
from trivet_testing.waiting import wait_until

ROW: Final[Any] = {"dataframe_split": {"columns": ["x"], "data": [[1.0]]}}
POLL: Final = ("--poll", "0.1")
NAME: Final = "taxi"
CALLERS: Final = 4


def register(client: trivet.Client, folder: Path, version: int, *, load: str = "pass") -> None:
    """Registers the next version of the model, which answers its number."""
    model = write_model(folder / "model", GIVES_ITS_VERSION, load=load, inputs=COLUMN, files={"version": str(version)})
    run = client.create_run("0").info.run_id
    client.log_artifacts(run, str(model), "model")
    registered = client.registry.register_model(f"runs:/{run}/model", NAME)
    assert registered.version == version


def move(client: trivet.Client, version: int) -> None:
    client.registry.set_registered_model_alias(NAME, "champion", version)


def answered(server: ModelServer) -> int:
    answer = server.post(ROW)
    assert answer.status == 200, answer
    (version,) = answer.content["predictions"]
    return int(version)


def problem_of(server: ModelServer) -> str:
    return str(server.get("/health").content["problem"])


def serves(server: ModelServer, version: int, workers: int = 1) -> Callable[[], bool]:
    """Whether all workers have a version."""
    model = {"model": f"models:/{NAME}@champion"}
    return lambda: server.metric("trivet_serving_workers", **model, version=str(version)) == workers


class Load:
    """Callers that ask again and again, each by one connection, and count what they are answered."""

    def __init__(self, address: str) -> None:
        self.answers: Counter[str] = Counter()
        self._address = address
        self._is_over = threading.Event()
        self._lock = threading.Lock()
        self._callers = [threading.Thread(target=self._call) for _ in range(CALLERS)]
        for caller in self._callers:
            caller.start()

    def end(self) -> None:
        self._is_over.set()
        for caller in self._callers:
            caller.join()

    def _call(self) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=60)
        body, headers = json.dumps(ROW), {"content-type": "application/json"}
        while not self._is_over.is_set():
            try:
                connection.request("POST", "/invocations", body, headers)
                answer = connection.getresponse()
                what = f"{answer.status} {answer.read().decode()}"
            except (OSError, http.client.HTTPException) as error:
                what = f"no answer: {error!r}"
                connection.close()
            with self._lock:
                self.answers[what] += 1
        connection.close()


def test_no_request_fails_while_an_alias_moves_twice(client: trivet.Client, tmp_path: Path) -> None:
    for version in (1, 2, 3):
        register(client, tmp_path, version)
    move(client, 1)
    seconds = full(3, 60)
    with serving(f"models:/{NAME}@champion", *POLL, "--workers", "2") as server:
        load, begin = Load(server.address), time.monotonic()
        for version in (2, 3):
            threading.Event().wait(seconds / 3)
            move(client, version)
            wait_until(serves(server, version, workers=2))
            wait_until(serves(server, version - 1, workers=0))
        threading.Event().wait(max(0.0, begin + seconds - time.monotonic()))
        load.end()
        answers = dict(load.answers)
        assert answers.keys() == {f'200 {{"predictions":[{version}]}}' for version in (1, 2, 3)}
        assert server.metric("trivet_serving_requests_total", status="200") == sum(answers.values())
        assert server.get("/health").content["version"] == "3"


def test_stage_is_followed_in_any_case(client: trivet.Client, tmp_path: Path) -> None:
    register(client, tmp_path, 1)
    register(client, tmp_path, 2)
    client.transition_model_version_stage(NAME, 1, "Production")
    with serving(f"models:/{NAME}/production", *POLL) as server:
        assert answered(server) == 1
        client.transition_model_version_stage(NAME, 2, "Production", archive_existing_versions=True)
        wait_until(lambda: answered(server) == 2)


def test_version_by_its_number_stays(client: trivet.Client, tmp_path: Path) -> None:
    register(client, tmp_path, 1)
    with serving(f"models:/{NAME}/1", *POLL) as server:
        register(client, tmp_path, 2)
        assert answered(server) == 1
        assert server.get("/health").content["version"] == "1"


def test_version_that_cannot_be_loaded_leaves_what_is_served(client: trivet.Client, tmp_path: Path) -> None:
    register(client, tmp_path, 1)
    register(client, tmp_path, 2, load="raise ValueError('it is broken')")
    register(client, tmp_path, 3)
    move(client, 1)
    with serving(f"models:/{NAME}@champion", *POLL, "--workers", "2") as server:
        move(client, 2)
        wait_until(lambda: problem_of(server) == "Version 2 cannot be loaded; the log says why.")
        assert server.get("/health").status == 200
        assert server.metric("trivet_serving_loads_total", result="failed") >= 1
        assert {answered(server) for _ in range(20)} == {1}
        server.process.wait_for_line(
            "version 2 cannot be loaded, and version 1 is served on: ValueError: it is broken", on="stderr"
        )
        move(client, 3)
        wait_until(serves(server, 3, workers=2))
        assert {answered(server) for _ in range(20)} == {3}
        assert server.get("/health").content["problem"] == ""


@pytest.mark.parametrize("workers", [1, 2])
def test_version_that_ends_its_worker_is_not_tried_again(client: trivet.Client, tmp_path: Path, workers: int) -> None:
    register(client, tmp_path, 1)
    register(client, tmp_path, 2, load="import os\nos._exit(1)")
    register(client, tmp_path, 3)
    move(client, 1)
    with serving(f"models:/{NAME}@champion", *POLL, "--workers", str(workers)) as server:
        move(client, 2)
        server.process.wait_for_line(
            "version 2 cannot be loaded, and version 1 is served on: a worker ended by 1 while", on="stderr"
        )
        load = Load(server.address)
        wait_until(serves(server, 1, workers=workers))
        load.end()
        assert load.answers.keys() == {'200 {"predictions":[1]}'}
        assert problem_of(server) == "Version 2 cannot be loaded; the log says why."
        assert server.process.stderr.count("another one begins") == 1
        move(client, 3)
        wait_until(serves(server, 3, workers=workers))
        assert problem_of(server) == ""


def test_served_version_that_cannot_be_loaded_again_is_tried_with_pauses(client: trivet.Client, tmp_path: Path) -> None:
    broken, tries = tmp_path / "broken", tmp_path / "tries"
    counted = f"with open({str(tries)!r}, 'a') as tries: tries.write('x')"
    register(client, tmp_path, 1, load=f"{counted}\nimport os\nif os.path.exists({str(broken)!r}): raise ValueError")
    move(client, 1)
    with serving(f"models:/{NAME}@champion", *POLL) as server:
        broken.touch()
        begin = time.monotonic()
        os.kill(children_of(server.process.pid)[0], signal.SIGKILL)
        wait_until(lambda: tries.stat().st_size == 4)
        # Of the worker, and before the second and the third try.
        assert time.monotonic() - begin >= 1 + 1 + 2
        broken.unlink()
        assert answered(server) == 1
        assert problem_of(server) == ""


def test_alias_that_is_removed_leaves_what_is_served(client: trivet.Client, tmp_path: Path) -> None:
    register(client, tmp_path, 1)
    move(client, 1)
    with serving(f"models:/{NAME}@champion", *POLL) as server:
        client.registry.delete_registered_model_alias(NAME, "champion")
        wait_until(lambda: problem_of(server) == "The registry names no version; the log says why.")
        assert answered(server) == 1


def test_server_works_on_while_the_registry_is_away(
    client: trivet.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(client, tmp_path, 1)
    register(client, tmp_path, 2)
    move(client, 1)
    with TcpProxy(client_registry()) as proxy:
        monkeypatch.setenv("TRIVET_REGISTRY_URL", f"grpc://{proxy.address}")
        with serving(f"models:/{NAME}@champion", *POLL) as server:
            proxy.close()
            move(client, 2)
            wait_until(lambda: problem_of(server) == "The registry does not answer; the log says why.")
            assert answered(server) == 1
            # A worker that has to begin anew needs no registry.
            (worker,) = children_of(server.process.pid)
            os.kill(worker, signal.SIGKILL)
            assert answered(server) == 1


def client_registry() -> str:
    return os.environ["TRIVET_REGISTRY_URL"].removeprefix("grpc://")


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_files_of_an_old_version_are_removed_when_nobody_reads_them(
    client: trivet.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    register(client, tmp_path, 1)
    register(client, tmp_path, 2)
    move(client, 1)
    environment = {"TMPDIR": str(folder), "TRIVET_CACHE_SIZE": "0"}
    with serving(f"models:/{NAME}@champion", *POLL, env=environment) as server:
        assert len(list(folder.glob("trivet-model-*"))) == 1
        move(client, 2)
        wait_until(serves(server, 2))
        wait_until(lambda: len(list(folder.glob("trivet-model-*"))) == 1)
        assert answered(server) == 2
        assert server.process.terminate() == 0
    assert list(folder.glob("trivet-*")) == []


def test_folder_of_an_old_version_in_the_cache_is_let_go(client: trivet.Client, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    folders = []
    for number in (1, 2):
        register(client, tmp_path, number)
        folders.append(cache / "folders" / client.registry.get_model_version(NAME, number).manifest_sha256)
    move(client, 1)
    with serving(f"models:/{NAME}@champion", *POLL, env={"TRIVET_CACHE_DIR": str(cache)}) as server:
        assert not is_free(folders[0])
        move(client, 2)
        wait_until(serves(server, 2))
        wait_until(lambda: is_free(folders[0]))
        assert not is_free(folders[1])
        assert answered(server) == 2
        assert server.process.terminate() == 0
    assert is_free(folders[1])


def is_free(folder: Path) -> bool:
    """Whether a folder of the cache is there and nobody reads from it."""
    assert folder.is_dir()
    held = hold_alone(folder)
    if held is not None:
        held.release()
    return held is not None
