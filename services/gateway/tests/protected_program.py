"""Tries to change what is protected with MLflow's own client, and tells what it says."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import mlflow
from mlflow.exceptions import RestException

client = mlflow.MlflowClient()
name = sys.argv[1]
attempts: dict[str, Callable[[], object]] = {
    "move": lambda: client.transition_model_version_stage(name, "1", "Production", archive_existing_versions=True),
    "set alias": lambda: client.set_registered_model_alias(name, "champion", "1"),
    "delete version": lambda: client.delete_model_version(name, "2"),
    "frozen alias": lambda: client.set_registered_model_alias(name, "pinned", "1"),
}
told: dict[str, tuple[str, str]] = {}
for what, attempt in attempts.items():
    try:
        attempt()
    except RestException as error:
        told[what] = (error.error_code, error.message)
sys.stdout.write("\n" + json.dumps(told))
