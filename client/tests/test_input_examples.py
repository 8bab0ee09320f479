"""Examples of what models take: written as MLflow writes them, and read from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from trivet import InvalidArgument
from trivet._models.examples import read_example, write_example
from trivet.models import Signature, infer_signature
from trivet_testing.signature_answers import read_examples, written_examples
from trivet_testing.signature_samples import examples, told

UNLIKE_MLFLOW = {
    # MLflow writes NaN, which is no JSON.
    "frame with missing values",
    # MLflow writes them so that it cannot read them.
    "frame without params",
}
FILES = ("input_example.json", "serving_input_example.json")


def as_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


def written(folder: Path, example: Any) -> dict[str, Any] | None:
    """What is written of an example; None if it is refused."""
    folder.mkdir()
    try:
        info = write_example(folder, example).info
    except InvalidArgument:
        return None
    return {"info": info, **{name: (folder / name).read_text(encoding="utf-8") for name in FILES}}


def test_examples_are_written_as_mlflow_writes_them(tmp_path: Path) -> None:
    expected: dict[str, Any] = {}
    for name in examples():
        folder = written_examples() / name
        if (folder / "refused.txt").exists():
            expected[name] = None
        else:
            said = json.loads((folder / "model.json").read_text(encoding="utf-8"))
            texts = {file: (folder / file).read_text(encoding="utf-8") for file in FILES}
            expected[name] = {"info": said["info"], **texts}
    found = {name: written(tmp_path / name, example) for name, example in examples().items()}
    assert {name for name in found if found[name] != expected[name]} == UNLIKE_MLFLOW


def test_examples_of_mlflow_are_read_as_mlflow_reads_them() -> None:
    folder = written_examples()
    answers = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
    del answers["frame without params"]
    found = {}
    for name in answers:
        said = json.loads((folder / name / "model.json").read_text(encoding="utf-8"))
        example = read_example(folder / name, said["info"], Signature.from_dict(said["signature"]).inputs)
        found[name] = as_json([told(example.data), told(example.params)])
    assert found == answers


def test_mlflow_reads_what_is_written(tmp_path: Path) -> None:
    for name, example in examples().items():
        folder = tmp_path / name
        said = written(folder, example)
        if said is not None:
            signature = infer_signature(example[0] if isinstance(example, tuple) else example).to_dict()
            content = json.dumps({"info": said["info"], "signature": signature})
            (folder / "model.json").write_text(content, encoding="utf-8")
    answers = read_examples(tmp_path)
    own = json.loads((written_examples() / "answers.json").read_text(encoding="utf-8"))
    own["frame without params"] = answers["frame"]
    assert answers == own


TYPED = [name for name in examples() if name.split()[0] in ("frame", "array", "matrix")]


@pytest.mark.parametrize("name", TYPED)
def test_example_is_read_as_it_was_written(tmp_path: Path, name: str) -> None:
    example = write_example(tmp_path, examples()[name])
    found = read_example(tmp_path, example.info, infer_signature(example.data).inputs)
    wanted = example.data.reset_index(drop=True) if isinstance(example.data, pd.DataFrame) else example.data
    assert told(found.data) == told(wanted)
    assert (found.params is None) == (example.params is None)


def test_series_is_an_example_of_one_column(tmp_path: Path) -> None:
    example = write_example(tmp_path, pd.Series([1.5], name="x"))
    assert told(read_example(tmp_path, example.info).data) == told(pd.DataFrame({"x": [1.5]}))


def test_example_of_bytes_in_an_array_is_read_as_it_was_written(tmp_path: Path) -> None:
    array = np.array([[b"a"], [b"bcd"]])
    example = write_example(tmp_path, array)
    found = read_example(tmp_path, example.info, infer_signature(array).inputs)
    assert found.data.tolist() == array.tolist()


def test_example_that_older_mlflow_wrote_is_read(tmp_path: Path) -> None:
    (tmp_path / "input_example.json").write_text('{"inputs": [[1, 2]]}', encoding="utf-8")
    info = {"artifact_path": "input_example.json", "type": "ndarray", "format": "tf-serving"}
    assert read_example(tmp_path, info).data.tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("text", "info", "message"),
    [
        (None, {"type": "ndarray"}, "There is no input_example.json beside the model"),
        ("[", {"type": "ndarray"}, "is no example as the model says"),
        ("[1]", {"type": "picture"}, "there is no type 'picture'"),
        ("[1]", {"type": "dataframe"}, "is no example as the model says"),
        ("[1]", {"type": "ndarray", "params": "true"}, "is no example as the model says"),
        ("[[1], [1, 2]]", {"type": "ndarray"}, "is no example as the model says"),
        ("{}", {"type": "sparse_matrix_csr"}, "is no example as the model says"),
    ],
)
def test_example_that_cannot_be_understood_is_refused(
    tmp_path: Path, text: str | None, info: dict[str, str], message: str
) -> None:
    if text is not None:
        (tmp_path / "input_example.json").write_text(text, encoding="utf-8")
    with pytest.raises(InvalidArgument, match=message):
        read_example(tmp_path, info)


def test_example_is_looked_for_nowhere_but_beside_the_model(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text("[1]", encoding="utf-8")
    folder = tmp_path / "model"
    folder.mkdir()
    with pytest.raises(InvalidArgument, match=r"There is no secret\.json beside the model"):
        read_example(folder, {"artifact_path": "../secret.json", "type": "json_object"})


@pytest.mark.parametrize(
    ("example", "message"),
    [
        ({"a": np.ones(2), "b": 1}, "a dict of arrays and of other values"),
        ([np.ones(2)], "a list with arrays in it"),
        ((1, 2), "a tuple; it must be a data frame"),
        (np.array([1j]), "cannot be written as JSON"),
        (pd.DataFrame({"a": [object()]}), "cannot be written as JSON"),
    ],
)
def test_example_that_json_cannot_have_is_refused(tmp_path: Path, example: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        write_example(tmp_path, example)
