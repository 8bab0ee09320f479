"""Models that predict in one way, whatever library made them, and models of one's own. Needs `trivet[models]`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Unpack

from trivet._client import Client
from trivet._fluent import process_client
from trivet._models.flavors.python_function import FLAVOR
from trivet._models.folders import local_files
from trivet._models.loading import load_pyfunc
from trivet._models.options import LogOptions, SaveOptions, log_with, save_with
from trivet._models.pyfunc_model import PyFuncModel
from trivet._models.python_model import PythonModel, PythonModelContext
from trivet._models.saving import ModelInfo

__all__ = ["PyFuncModel", "PythonModel", "PythonModelContext", "load_model", "log_model", "save_model", "spark_udf"]


def load_model(
    model_uri: str | os.PathLike[str], *, model_config: Mapping[str, Any] | None = None, client: Client | None = None
) -> PyFuncModel:
    """Loads a model so that it predicts, whatever library made it, here or with MLflow.

    What Trivet keeps is downloaded, or taken from the cache of this machine, and verified by its digests; of a
    registered version, all of its files together have to be those that were registered.

    Args:
        model_uri: `models:/NAME/VERSION`, `models:/NAME/STAGE` (`latest`: the newest of all stages),
            `models:/NAME@ALIAS`, `models:/MODEL_ID` of a logged model, `runs:/RUN_ID/PATH`, `mlflow-artifacts:/…`,
            `s3://BUCKET/PATH`, or a folder of this machine as a path or a `file:` URI.
        model_config: For a model of one's own: what its context is to say otherwise than what it was saved with.
        client: Whom to ask. Default: the client of this process.

    Raises:
        ModelNotFound, ModelVersionNotFound, ModelAliasNotFound, ArtifactNotFound: there is no such model.
        ArtifactCorrupt: its files are not those that were stored, or registered.
        FailedPrecondition: a package that it needs is not installed, or loading it runs code of its maker's and
            TRIVET_ALLOW_PICKLE forbids that.
        InvalidArgument: the URI is none, or what is there is no model.
    """
    return load_pyfunc(os.fspath(model_uri), client, model_config=model_config)


def save_model(
    python_model: Any,
    path: str | os.PathLike[str],
    *,
    artifacts: Mapping[str, str | os.PathLike[str]] | None = None,
    model_config: Mapping[str, Any] | None = None,
    **about: Unpack[SaveOptions],
) -> None:
    """Saves a model of one's own into a new folder of this machine, whole or not at all.

    Args:
        python_model: A function of the input, or of the input and `params`; or an object of a class derived from
            `PythonModel`, or of another class with a method `predict`. It is pickled, with its class where that is no
            part of an installed package.
        path: The folder; it is not there, or is empty.
        artifacts: Files and folders that go with it, by the names under which its context has them: as paths, or as
            URIs of what Trivet keeps, such as `runs:/RUN_ID/PATH`.
        model_config: What its context has as `model_config`, as YAML can hold it.
        about: What `SaveOptions` has.

    Raises:
        InvalidArgument: something is there already, or it is no model, or cannot be pickled; says why.
    """
    with local_files(artifacts or {}, process_client) as places:
        save_with(FLAVOR, python_model, path, {"artifacts": places, "model_config": model_config}, about)


def log_model(
    python_model: Any,
    name: str | None = None,
    *,
    artifacts: Mapping[str, str | os.PathLike[str]] | None = None,
    model_config: Mapping[str, Any] | None = None,
    **about: Unpack[LogOptions],
) -> ModelInfo:
    """Logs a model of one's own to the active run, or without one, and registers it where that is said.

    Args:
        python_model: As in `save_model`.
        name: What people will call it. Default: the server makes a name up.
        artifacts: As in `save_model`.
        model_config: As in `save_model`.
        about: What `LogOptions` has.

    Raises:
        InvalidArgument: it is no model, or cannot be pickled; says why, and nothing is logged.
        TrivetError: it cannot be sent, and the logged model is UPLOAD_FAILED then; or it is READY, and cannot be
            registered.
    """
    with local_files(artifacts or {}, process_client) as places:
        return log_with(FLAVOR, python_model, name, {"artifacts": places, "model_config": model_config}, about)


def spark_udf(
    spark: Any,
    model_uri: str | os.PathLike[str],
    *,
    result_type: Any = "double",
    params: Mapping[str, Any] | None = None,
    client: Client | None = None,
) -> Callable[..., Any]:
    """Makes a model a function of Spark's columns, so that a cluster predicts for the rows of a data frame.

    `frame.withColumn("minutes", spark_udf(spark, "models:/taxi/Production")())`. The files of the model go to the
    processes of the cluster once; Trivet and what the model needs have to be installed there.

    Args:
        spark: The session.
        model_uri: As in `load_model`.
        result_type: What the model gives, as a type of Spark or its name: one such as `double` or `string`, an
            `array<double>` for several columns, or a `struct<…>` for a data frame by the names of its columns.
        params: Of the prediction.
        client: Whom to ask. Default: the client of this process.

    Returns:
        A function of columns, or of their names: none, where the signature names them; those of the signature in its
        order; or one `struct` of them by their names.

    Raises:
        TrivetError: what `load_model` raises; FailedPrecondition where pyspark is not installed.
    """
    from trivet._batch.spark import spark_udf as make  # noqa: PLC0415 - brings pyarrow

    return make(spark, os.fspath(model_uri), result_type, params, client)
