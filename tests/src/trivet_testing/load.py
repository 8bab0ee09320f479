"""What clients do all the time while something happens to the servers, and how it went."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import trivet
from trivet_testing.waiting import wait_until

_Answer = TypeVar("_Answer")
_PATIENCE_SECONDS: Final = 120
_SMALL_BYTES: Final = 100_000
# Goes to the store itself, in parts.
_LARGE_BYTES: Final = 12 << 20
_LARGE_EVERY: Final = 20


class FailedCallError(Exception):
    """A call failed, which is counted already; what was to follow it is left out."""


@dataclass
class Load:
    """Threads that call, and what became of their calls."""

    done: Counter[str] = field(default_factory=Counter)
    """Calls that succeeded, by name."""
    failed: list[str] = field(default_factory=list)
    """Calls that failed, and why."""
    pause_seconds: float = 0.1
    """Between what a thread does and the next time. Clients that leave none would take the processors from servers."""
    _stopped: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def call(self, name: str, act: Callable[..., _Answer], *arguments: Any, **options: Any) -> _Answer:
        """Calls, counts it, and returns the answer. Raises FailedCallError where it fails in whatever way."""
        try:
            answer = act(*arguments, **options)
        except Exception as error:
            self.failed.append(f"{name}: {type(error).__name__}: {error}")
            raise FailedCallError from error
        self.done[name] += 1
        return answer

    def keep(self, name: str, act: Callable[[int], object]) -> None:
        """Does something again and again until `stop`, in a thread; it is told how often that was."""

        def run() -> None:
            number = 0
            while not self._stopped.wait(self.pause_seconds):
                number += 1
                try:
                    act(number)
                except FailedCallError:
                    continue
                except Exception as error:  # noqa: BLE001 - what an answer should have been is noted, whatever it is
                    self.failed.append(f"{name}, {number}: {type(error).__name__}: {error}")

        self._threads.append(threading.Thread(target=run, name=name))
        self._threads[-1].start()

    def stop(self) -> None:
        """Returns when the last calls have ended."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(_PATIENCE_SECONDS)
            assert not thread.is_alive(), thread.name


class SdkLoad:
    """Calls of the SDK of each kind, by one client, in a workspace that has nothing yet."""

    def __init__(self, load: Load, client: trivet.Client, folder: Path) -> None:
        """Writes what it begins with; `folder` is for files."""
        self._load = load
        self._client = client
        self._folder = folder
        self._run_id = client.create_run(client.create_experiment("rolling")).info.run_id
        self._created: set[str] = set()
        self._heard: set[str] = set()
        (folder / "model.bin").write_bytes(bytes(_SMALL_BYTES))
        client.log_artifact(self._run_id, str(folder / "model.bin"), "model")
        client.create_registered_model("taxi")
        self._first = client.register_model(f"runs:/{self._run_id}/model", "taxi").version
        self._watch = client.watch_runs(["1"])
        self._watching = threading.Thread(target=self._listen, name="watch")
        self._watching.start()

    def begin(self) -> None:
        """Begins to call; `Load.stop` ends it."""
        self._load.keep("tracking", self._track)
        self._load.keep("artifacts", self._carry)
        self._load.keep("registry", self._register)

    def end(self) -> None:
        """Looks whether all is there that was acknowledged, after `Load.stop`."""
        load, client = self._load, self._client
        receipt = client.flush(60)
        assert (receipt.pending, receipt.refused) == (0, 0)
        assert len(client.get_metric_history(self._run_id, "loss")) == load.done["log_metric"]
        versions = client.search_model_versions("name = 'taxi'", max_results=load.done["register_model"] + 10)
        assert len(versions) == load.done["register_model"] + 1
        assert {version.status for version in versions} == {"READY"}
        assert client.verify_model("taxi").is_intact
        wait_until(lambda: self._created <= self._heard)

    def close(self) -> None:
        """Ends the watch."""
        self._watch.close()
        self._watching.join(_PATIENCE_SECONDS)

    def _track(self, number: int) -> None:
        call, client = self._load.call, self._client
        call("log_metric", client.log_metric, self._run_id, "loss", 1 / number, step=number)
        run_id = call("create_run", client.create_run, "1").info.run_id
        self._created.add(run_id)
        call("log_batch", client.log_batch, run_id, [trivet.Metric("acc", 0.5, number, number)], {"number": number})
        call("set_terminated", client.set_terminated, run_id)
        assert call("get_run", client.get_run, run_id).info.status == "FINISHED"
        call("get_metric_history", client.get_metric_history, self._run_id, "loss")
        call("search_runs", client.search_runs, ["1"], "metrics.acc = 0.5", max_results=5)

    def _carry(self, number: int) -> None:
        call, client = self._load.call, self._client
        size = _LARGE_BYTES if number % _LARGE_EVERY == 0 else _SMALL_BYTES
        file = self._folder / "more.bin"
        # Bytes that are there already would not move.
        file.write_bytes(number.to_bytes(8) * (size // 8))
        folder = f"more/{number % 10}"
        call("log_artifact", client.log_artifact, self._run_id, str(file), folder)
        target = str(self._folder / f"fetched-{number % 10}")
        fetched = call("download_artifacts", client.download_artifacts, self._run_id, f"{folder}/more.bin", target)
        assert Path(fetched).read_bytes() == file.read_bytes()
        call("list_artifacts", client.list_artifacts, self._run_id, "more")

    def _register(self, number: int) -> None:
        call, client = self._load.call, self._client
        call("register_model", client.register_model, f"runs:/{self._run_id}/model", "taxi")
        call("set_registered_model_alias", client.set_registered_model_alias, "taxi", "best", self._first)
        best = call("get_model_version_by_alias", client.get_model_version_by_alias, "taxi", "best")
        assert best.version == self._first
        call("update_registered_model", client.update_registered_model, "taxi", f"as of {number}")

    def _listen(self) -> None:
        """Hears of runs until the watch is closed."""
        for change in self._watch:
            if isinstance(change, trivet.RunChange):
                self._heard.add(change.run_id)
                self._load.done["watch_runs, changes heard"] += 1
