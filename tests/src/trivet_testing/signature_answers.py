"""What real MLflow makes of the samples of signatures, asked once and kept in the cache."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

from trivet_testing.cache import made_once
from trivet_testing.environments import MLFLOW_VERSION, mlflow_environment

_HERE: Final = Path(__file__).parent
_SAMPLES: Final = ("signature_samples.py", "enforcement_samples.py")


def signature_answers() -> dict[str, Any]:
    """What it infers and enforces, by kind and by name of the sample."""

    def make(folder: Path) -> None:
        _run("mlflow_signatures", folder / "answers.json")

    kept = made_once(_name("signatures", "mlflow_signatures", b""), make)
    answers: dict[str, Any] = json.loads((kept / "answers.json").read_text(encoding="utf-8"))
    return answers


def written_examples() -> Path:
    """A folder with the examples that it writes, and with what it reads of them in `answers.json`."""

    def make(folder: Path) -> None:
        _run("mlflow_examples", "write", folder)

    return made_once(_name("examples", "mlflow_examples", b""), make)


def read_examples(written: Path) -> dict[str, Any]:
    """What it reads of the examples that somebody else wrote into a folder, as it writes them."""
    files = sorted(path for path in written.rglob("*") if path.is_file())
    content = b"".join(str(path.relative_to(written)).encode() + path.read_bytes() for path in files)

    def make(folder: Path) -> None:
        shutil.copytree(written, folder, dirs_exist_ok=True)
        _run("mlflow_examples", "read", folder)

    kept = made_once(_name("read-examples", "mlflow_examples", content), make)
    answers: dict[str, Any] = json.loads((kept / "answers.json").read_text(encoding="utf-8"))
    return answers


def _name(what: str, program: str, content: bytes) -> str:
    programs = b"".join((_HERE / name).read_bytes() for name in (*_SAMPLES, f"{program}.py"))
    return f"mlflow-{MLFLOW_VERSION}-{what}-{hashlib.sha256(programs + content).hexdigest()[:12]}"


def _run(program: str, *arguments: str | Path) -> None:
    command = [str(mlflow_environment() / "bin" / "python"), "-m", f"trivet_testing.{program}", *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(_HERE.parent), "MLFLOW_DISABLE_TELEMETRY": "true"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
