"""Datasets: what data is, by its digest and schema, without the data itself."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from trivet._contents import array_of, is_of
from trivet._entities import Dataset
from trivet._errors import InvalidArgument

_DIGEST_CHARACTERS: Final = 32
"""Of SHA-256 in hexadecimal: what MLflow keeps of a digest, at most 36, has to be enough."""
_PIECE_BYTES: Final = 1 << 20
_SOURCE_TYPES: Final = {"": "local", "file": "local", "s3": "s3", "gs": "gs", "http": "http", "https": "http"}


def to_dataset(data: object, *, name: str = "", source: str = "") -> Dataset:
    """What `log_input` notes of data.

    Args:
        data: A `Dataset`, which is returned as it is; a DataFrame of pandas or polars; an array of NumPy, or arrays by
            their names; a file on this machine (a path), or a URI.
        name: What people call it. Default: the name of the file, or `dataset`.
        source: Where the data came from, a path or URI, where `data` does not say it.

    Raises:
        InvalidArgument: it is nothing of that kind.
        FileNotFoundError: there is no such file.
    """
    if isinstance(data, Dataset):
        return data
    if isinstance(data, str) and urlsplit(data).scheme not in ("", "file"):
        return from_uri(data, name=name)
    if isinstance(data, str | os.PathLike):
        return from_file(urlsplit(data).path if isinstance(data, str) and data.startswith("file:") else data, name=name)
    if is_of(data, "pandas", "DataFrame"):
        return from_pandas(data, name=name, source=source)
    if is_of(data, "polars", "DataFrame"):
        return from_polars(data, name=name, source=source)
    if is_of(data, "numpy", "ndarray") or isinstance(data, Mapping):
        return from_numpy(data, name=name, source=source)
    raise InvalidArgument(
        "A dataset is a DataFrame of pandas or polars, an array of NumPy or several by their names, a path, a URI, or "
        f"a trivet.Dataset; not {type(data).__name__}."
    )


def from_pandas(frame: Any, *, name: str = "", source: str = "") -> Dataset:
    """A DataFrame of pandas. Its digest is of the columns' names and types and of all rows, but not of the index."""
    import pandas as pd  # noqa: PLC0415 - whoever has a frame has it

    digest = hashlib.sha256()
    for column in frame.columns:
        digest.update(f"{column}\0{frame[column].dtype}\0".encode())
    digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    columns = [(str(column), _type_of(frame[column].dtype), bool(frame[column].isna().any())) for column in frame]
    return _dataset(
        name, source, digest.hexdigest(), _column_schema(columns), {"num_rows": len(frame), "num_elements": frame.size}
    )


def from_polars(frame: Any, *, name: str = "", source: str = "") -> Dataset:
    """A DataFrame of polars. Its digest is of its columns as Arrow streams them, so of names, types and values."""
    stream = _Hashed()
    frame.write_ipc_stream(stream)
    columns = [(column, _type_of(frame[column].dtype), bool(frame[column].null_count())) for column in frame.columns]
    size = {"num_rows": frame.height, "num_elements": frame.height * frame.width}
    return _dataset(name, source, stream.digest.hexdigest(), _column_schema(columns), size)


class _Hashed(io.RawIOBase):
    """Takes bytes for their digest, and keeps none."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return len(data)


def from_numpy(arrays: Any, *, name: str = "", source: str = "") -> Dataset:
    """An array of NumPy, or several by their names. The digest is of names, types, shapes and values."""
    named = arrays if isinstance(arrays, Mapping) else {"": arrays}
    if not named:
        raise InvalidArgument("A dataset of arrays needs at least one.")
    digest = hashlib.sha256()
    specs = []
    rows = elements = 0
    for key, values in named.items():
        array = array_of(values, "a dataset")
        digest.update(f"{key}\0{array.dtype.str}\0{array.shape}\0".encode())
        for piece in _pieces(array):
            digest.update(piece.tobytes())
        spec = {"dtype": str(array.dtype), "shape": [-1, *array.shape[1:]]}
        specs.append({"type": "tensor", "tensor-spec": spec, **({"name": str(key)} if key else {})})
        rows = max(rows, array.shape[0] if array.ndim else 1)
        elements += array.size
    size = {"num_rows": rows, "num_elements": elements}
    return _dataset(name, source, digest.hexdigest(), {"mlflow_tensorspec": {"features": specs}}, size)


def _pieces(array: Any) -> Iterator[Any]:
    """The array in blocks of rows: the bytes of all of it would take as much memory again."""
    if array.ndim == 0 or array.size == 0:
        yield array
        return
    rows = max(1, _PIECE_BYTES * array.shape[0] // array.nbytes)
    for start in range(0, array.shape[0], rows):
        yield array[start : start + rows]


def from_file(path: str | os.PathLike[str], *, name: str = "") -> Dataset:
    """A file on this machine. Its digest is of its bytes; a folder's is of the paths and bytes of all its files.

    Raises:
        FileNotFoundError: there is nothing.
    """
    local = Path(path)
    if not local.exists():
        raise FileNotFoundError(f"There is no file or folder {local}.")
    files = sorted(file for file in local.rglob("*") if file.is_file()) if local.is_dir() else [local]
    digest = hashlib.sha256()
    size = 0
    for file in files:
        if local.is_dir():
            digest.update(f"{file.relative_to(local).as_posix()}\0{file.stat().st_size}\0".encode())
        with file.open("rb") as stream:
            while piece := stream.read(_PIECE_BYTES):
                digest.update(piece)
                size += len(piece)
    uri = local.resolve().as_uri()
    return _dataset(name or local.name, uri, digest.hexdigest(), None, {"num_files": len(files), "num_bytes": size})


def from_uri(uri: str, *, name: str = "") -> Dataset:
    """A URI, which is not opened: its digest is of the URI alone, and says nothing of what lies there."""
    return _dataset(name or urlsplit(uri).path.rsplit("/", 1)[-1], uri, hashlib.sha256(uri.encode()).hexdigest())


def _dataset(
    name: str, source: str, digest: str, schema: object = None, profile: Mapping[str, object] | None = None
) -> Dataset:
    scheme = urlsplit(source).scheme
    return Dataset(
        name=name or "dataset",
        digest=digest[:_DIGEST_CHARACTERS],
        source_type=_SOURCE_TYPES.get(scheme, scheme) if source else "code",
        source=json.dumps({"uri": source}) if source else "",
        schema=json.dumps(schema) if schema is not None else "",
        profile=json.dumps(profile) if profile is not None else "",
    )


def _column_schema(columns: list[tuple[str, str, bool]]) -> object:
    """As MLflow has it: model.proto's signatures are spelled alike."""
    return {
        "mlflow_colspec": [{"type": kind, "name": name, "required": not has_none} for name, kind, has_none in columns]
    }


def _type_of(dtype: object) -> str:
    """MLflow's name of a type of pandas or polars; its own name where MLflow has none."""
    name = str(dtype)
    lowered = name.lower()
    for matches, kind in _KINDS:
        if matches(lowered):
            return kind
    return name


def _starts(*prefixes: str) -> Callable[[str], bool]:
    return lambda name: name.startswith(prefixes)


_KINDS: Final[tuple[tuple[Callable[[str], bool], str], ...]] = (
    (_starts("bool"), "boolean"),
    (_starts("int64", "uint32", "uint64"), "long"),
    (_starts("int", "uint"), "integer"),
    (_starts("float32", "float16"), "float"),
    (_starts("float"), "double"),
    (_starts("datetime", "date"), "datetime"),
    (_starts("object", "str", "string", "utf8", "category", "categorical"), "string"),
    (_starts("binary", "bytes"), "binary"),
)
