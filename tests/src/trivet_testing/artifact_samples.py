"""Files of each kind that people log, and a run that has them with a logged model: for pages that show them."""

from __future__ import annotations

import json
import wave
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

import trivet

LOG_LINES: Final = 20_000
PARQUET_ROWS: Final = 100_000
MANY_FILES: Final = 3_000
HOSTILE_NAME: Final = "<img src=x onerror=alert(1)>.txt"
MODEL_NAME: Final = "classifier"
BIG_NUMBER: Final = 9007199254740993
"""More digits than a double has."""

_MLMODEL: Final = """artifact_path: model
flavors:
  python_function:
    env:
      conda: conda.yaml
    loader_module: mlflow.sklearn
    python_version: 3.11.9
  sklearn:
    code: null
    pickled_model: model.pkl
    sklearn_version: 1.5.2
mlflow_version: 3.17.2
signature:
  inputs: '[{"type": "double", "name": "distance", "required": true}, {"type": "string", "name": "driver''s zone",
    "required": false}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}]'
  params: '[{"name": "threshold", "default": 0.5, "shape": null, "type": "double"}]'
utc_time_created: '2026-11-20 10:00:00.000000'
"""
_PYTHON: Final = '''"""Trains a model."""

import math


def loss(step: int) -> float:
    # It falls, as it should.
    return 1.0 / (1 + math.sqrt(step))  # <b>not bold</b> & not an entity
'''
_README: Final = """# What this run is

It has **bold** words, a [link](https://elsewhere.example) and a table:

| metric | value |
|---|---|
| loss | 0.1 |

![The plot](plots/wave.png)
"""


def log_samples(client: trivet.Client, folder: Path, film: bytes = b"") -> str:
    """Logs a file of each kind, a folder of many, and logged models; returns the id of the run.

    Args:
        client: Where to.
        folder: An empty one.
        film: A film of WebM, where there is one.
    """
    run_id = client.create_run("0", run_name="files").info.run_id
    for path, write in _FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        write(folder / path)
    if film:
        (folder / "media" / "wave.webm").write_bytes(film)
    client.log_artifacts(run_id, str(folder))
    client.log_table(run_id, {"question": ["1 + 1?", "<b>x</b>"], "score": [0.5, 1.0]}, "eval/answers.json")
    for requirements in ("scikit-learn==1.4.0\n", "mlflow==3.17.2\nscikit-learn==1.5.2\n"):
        _log_model(client, run_id, folder / "of-model", {"MLmodel": _MLMODEL, "requirements.txt": requirements})
    return run_id


def _log_model(client: trivet.Client, run_id: str, folder: Path, files: Mapping[str, str]) -> None:
    model = client.create_logged_model("0", MODEL_NAME, run_id, model_type="sklearn")
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "model.pkl").write_bytes(bytes(range(256)) * 8)
    client.log_model_artifacts(model.model_id, str(folder))
    client.finalize_logged_model(model.model_id, "READY")


def _text(text: str) -> Callable[[Path], None]:
    return lambda path: _write_text(path, text)


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="")


def _write_parquet(path: Path, compression: str) -> None:
    rows = range(PARQUET_ROWS)
    columns = {
        "id": pa.array(rows, pa.int64()),
        "fare": pa.array([None if row % 7 == 0 else row / 4 for row in rows], pa.float64()),
        "zone": pa.array([f"zone {row % 50}" for row in rows]),
        "stops": pa.array([[row, row + 1] for row in rows], pa.list_(pa.int32())),
    }
    pq.write_table(pa.table(columns), path, row_group_size=5_000, compression=compression)


def _write_wave(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(bytes(2 * 8_000 * 2))


def _write_many(path: Path) -> None:
    for number in range(MANY_FILES):
        (path.parent / f"{number:05}.txt").write_text(f"file {number}\n", encoding="utf-8")


_FILES: Final[Mapping[str, Callable[[Path], None]]] = {
    "README.md": _text(_README),
    HOSTILE_NAME: _text("<script>alert(1)</script>\n"),
    "code/train.py": _text(_PYTHON),
    "code/conda.yaml": _text("name: model\ndependencies:\n  - python=3.11\n"),
    "data/quoted.csv": _text('city,"a, b",note\r\nRiga,1,"two\nlines"\r\n=cmd(),2,<b>x</b>\r\n'),
    "data/long.csv": lambda path: _write_text(
        path, "id,value\n" + "".join(f"{row},{row / 8:.6f}\n" for row in range(400_000))
    ),
    "data/trips.parquet": lambda path: _write_parquet(path, "snappy"),
    "data/trips-zstd.parquet": lambda path: _write_parquet(path, "zstd"),
    "data/broken.parquet": _text("PAR1 this is none"),
    "data/config.json": _text(json.dumps({"id": BIG_NUMBER, "layers": [{"units": 8}] * 40, "name": "</script>"})),
    "data/nan.json": _text('{"loss": NaN}'),
    "data/zone.geojson": _text('{"type": "Point", "coordinates": [24.1, 56.9]}'),
    "logs/train.log": lambda path: _write_text(path, "".join(f"line {n} of many\n" for n in range(1, LOG_LINES + 1))),
    "logs/empty.txt": _text(""),
    "media/tone.wav": _write_wave,
    "plots/wave.png": lambda path: Image.new("RGBA", (640, 480), (30, 105, 210, 128)).save(path),
    "plots/photo.webp": lambda path: Image.new("RGB", (20, 10), (105, 165, 15)).save(path),
    "plots/page.pdf": lambda path: Image.new("RGB", (200, 100), (30, 105, 210)).save(path),
    "plots/broken.png": _text("this is no picture"),
    "many/00000.txt": _write_many,
}
