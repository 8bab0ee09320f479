"""What a real MLflow server tells whoever asks it: asked once, for a released version tells the same each time."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from trivet_testing.cache import made_once
from trivet_testing.environments import MLFLOW_LIBRARIES, MLFLOW_VERSION, OLD_MLFLOW_VERSION
from trivet_testing.mlflow_stores import MlflowDatabase, mlflow_server

_IS_ASKED_EACH_TIME: Final = bool(os.environ.get("TRIVET_TEST_FULL"))


def told_by_mlflow(name: str, sources: Iterable[Path], ask: Callable[[str], Any]) -> Any:
    """What a server of its own tells, as JSON has it; kept in the cache, but asked each time in the long form.

    Args:
        name: Of what is asked.
        sources: The files that say what is asked: where one is another, it is asked again.
        ask: Asks the server at an address; returns what JSON can say.
    """

    def write(folder: Path) -> None:
        with tempfile.TemporaryDirectory() as files, mlflow_server(MlflowDatabase(Path(files))) as address:
            (folder / "told.json").write_text(json.dumps(ask(address)), encoding="utf-8")

    def read(folder: Path) -> Any:
        return json.loads((folder / "told.json").read_text(encoding="utf-8"))

    if _IS_ASKED_EACH_TIME:
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder))
            return read(Path(folder))
    return read(made_once(f"mlflow-{MLFLOW_VERSION}-told-{name}-{_digest(sources)}", write))


def programs_in_cache(folder: Path) -> Path:
    """A copy of a folder of programs, in the same place wherever the project is: programs tell where they are."""
    sources = sorted(folder.glob("*.py"))

    def copy(target: Path) -> None:
        for source in sources:
            shutil.copy(source, target)

    return made_once(f"mlflow-programs-{_digest(sources)}", copy)


def _digest(sources: Iterable[Path]) -> str:
    digest = hashlib.sha256(repr((MLFLOW_LIBRARIES, OLD_MLFLOW_VERSION)).encode())
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]
