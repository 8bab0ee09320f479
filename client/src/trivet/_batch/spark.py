"""A model as a function of Spark's columns: Spark splits the rows, and each of its processes loads the model once."""

from __future__ import annotations

import atexit
import functools
import os
import secrets
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd

from trivet._batch.tables import PREDICTION, as_frame
from trivet._client import Client
from trivet._errors import InvalidArgument
from trivet._fluent import process_client
from trivet._models.folders import model_folder
from trivet._models.libraries import needed
from trivet._models.loading import load_pyfunc
from trivet._models.schema import Schema

Udf = Callable[..., Any]
"""Takes columns, or their names, and gives the column of the predictions."""

_SCALARS: Final = ("boolean", "int", "integer", "long", "bigint", "float", "double", "string")


def spark_udf(
    spark: Any, model_uri: str, result_type: Any, params: Mapping[str, Any] | None, client: Client | None
) -> Udf:
    """Makes the function. Args and errors as `trivet.pyfunc.spark_udf`."""
    sql = needed("pyspark.sql", "pyspark")
    functions = needed("pyspark.sql.functions", "pyspark")
    folder = model_folder(model_uri, client or process_client())
    # Here first: what may not be loaded, or cannot be, is not sent.
    metadata = load_pyfunc(str(folder.path)).metadata
    schema = None if metadata.signature is None else metadata.signature.inputs
    archive = _archived(folder.path)
    spark.sparkContext.addFile(str(archive))
    name = archive.name
    simple = result_type if isinstance(result_type, str) else result_type.simpleString()
    is_scalar = simple.lower() in _SCALARS
    names = None if schema is None or not schema.has_names else [str(each) for each in schema.names]

    def predicted(batches: Iterator[pd.DataFrame]) -> Iterator[Any]:
        model = _loaded(name)
        for rows in batches:
            yield _as_result(model.predict(rows, params), len(rows), simple, is_scalar=is_scalar)

    # Spark reads what a function of pandas is from its annotations, which are texts in this module.
    is_column = is_scalar or simple.startswith("array")
    predicted.__annotations__ = {
        "batches": Iterator[pd.DataFrame],
        "return": Iterator[pd.Series] if is_column else Iterator[pd.DataFrame],
    }
    asked = functions.pandas_udf(predicted, result_type)

    def udf(*columns: Any) -> Any:
        if len(columns) == 1 and isinstance(columns[0], sql.Column) and names is not None and len(names) > 1:
            return asked(columns[0])  # a struct of them
        return asked(functions.struct(*_named(columns, names, schema, functions)))

    return udf


def _named(columns: Sequence[Any], names: list[str] | None, schema: Schema | None, functions: Any) -> list[Any]:
    """The columns under the names that the model takes them by, in its order."""
    if not columns:
        if names is None:
            raise InvalidArgument("The signature of this model names no columns; say which ones it is to be given.")
        return [functions.col(_quoted(name)) for name in names]
    given = [functions.col(_quoted(each)) if isinstance(each, str) else each for each in columns]
    if names is None:
        return [column.alias(str(number)) for number, column in enumerate(given)]
    if all(isinstance(each, str) for each in columns) and set(columns) >= set(_required(schema)):
        return given  # by their own names
    if len(given) != len(names):
        raise InvalidArgument(f"The model takes {len(names)} columns, {', '.join(names)}; {len(given)} were given.")
    return [column.alias(name) for column, name in zip(given, names, strict=True)]


def _required(schema: Schema | None) -> list[str]:
    return [] if schema is None else [str(name) for name in schema.required_names]


def _quoted(name: str) -> str:
    escaped = name.replace("`", "``")
    return f"`{escaped}`"


def _archived(folder: Path) -> Path:
    """The files of a model as one file, which Spark brings to where its processes are, until this process ends."""
    target = Path(tempfile.mkdtemp(prefix="trivet-spark-"))
    atexit.register(shutil.rmtree, target, ignore_errors=True)
    # A session refuses another file of a name that it has.
    return Path(shutil.make_archive(str(target / f"trivet-model-{secrets.token_hex(8)}"), "zip", folder))


@functools.lru_cache(maxsize=4)
def _loaded(name: str) -> Any:
    """The model of an archive, in a process of Spark's."""
    files = needed("pyspark", "pyspark").SparkFiles
    # Of this process alone, and gone with the application.
    target = Path(files.getRootDirectory()) / f"{name}-{os.getpid()}"
    with zipfile.ZipFile(files.get(name)) as archive:
        archive.extractall(target)
    return load_pyfunc(str(target))


def _as_result(answer: Any, count: int, result_type: str, *, is_scalar: bool) -> Any:
    """What the model gives for the rows of a batch, as Spark takes it."""
    frame = as_frame(answer)
    if len(frame) != count:
        raise InvalidArgument(f"For {count} rows the model gives {len(frame)} predictions.")
    if is_scalar:
        if len(frame.columns) > 1:
            raise InvalidArgument(
                f"The model gives the columns {', '.join(map(str, frame.columns))}, and {result_type!r} takes one; "
                "use one such as 'struct<a: double, b: double>' or 'array<double>'."
            )
        return frame.iloc[:, 0].rename(PREDICTION)
    if result_type.startswith("array"):
        if len(frame.columns) == 1:
            return frame.iloc[:, 0].map(list)
        return pd.Series(frame.to_numpy().tolist())
    return frame
