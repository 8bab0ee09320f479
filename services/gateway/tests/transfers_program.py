"""Sends and fetches files large and small with MLflow's own client; says what came back."""

from __future__ import annotations

import hashlib
import json
import random
import sys
import tempfile
from pathlib import Path

import mlflow
from mlflow import MlflowClient


def digest(path: Path | str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


contents = {"large.bin": random.Random(1).randbytes(12_000_000), "small.txt": b"small", "empty": b""}
answer: dict[str, object] = {}
mlflow.set_experiment("transfers")
with tempfile.TemporaryDirectory() as folder, mlflow.start_run() as run:
    for name, content in contents.items():
        Path(folder, name).write_bytes(content)
    try:
        mlflow.log_artifacts(folder, "files")
        answer["sent"] = "all"
    except Exception as error:  # noqa: BLE001 - the answer
        answer["sent"] = type(error).__name__
    client = MlflowClient()
    answer["listed"] = {file.path: file.file_size for file in client.list_artifacts(run.info.run_id, "files")}
    there = Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, dst_path=f"{folder}/all")) / "files"
    answer["whole"] = {path.name: digest(path) for path in sorted(there.iterdir())} if there.is_dir() else {}
    answer["right"] = {name: digest(Path(folder, name)) for name in sorted(contents)}
answer["run_id"] = run.info.run_id
sys.stdout.write("\n" + json.dumps(answer) + "\n")
