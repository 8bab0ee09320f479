"""Which function answers which request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from trivet_gateway import page_files
from trivet_gateway.fields import Fields
from trivet_gateway.mlflow import (
    browser_files,
    datasets,
    experiments,
    files,
    histories,
    logged_models,
    models,
    run_files,
    run_models,
    runs,
    transfers,
    webhooks,
    workspaces,
)
from trivet_gateway.mlflow import logging as of_runs
from trivet_gateway.upstream import Caller

Call = Callable[[Caller, Fields], Awaitable[dict[str, Any]]]
"""Answers fields by fields."""
Transfer = Callable[[Caller, Request], Awaitable[Response]]
"""Answers what has bytes in it."""

_Handler = TypeVar("_Handler")


@dataclass(frozen=True)
class Route(Generic[_Handler]):
    """A method and a path, and what answers them."""

    method: str
    path: str
    handler: _Handler


CALLS: Final[Sequence[Route[Call]]] = (
    Route("POST", "/runs/log-metric", of_runs.log_metric),
    Route("POST", "/runs/log-batch", of_runs.log_batch),
    Route("POST", "/runs/log-parameter", of_runs.log_param),
    Route("POST", "/runs/set-tag", of_runs.set_tag),
    Route("POST", "/runs/delete-tag", of_runs.delete_tag),
    Route("POST", "/runs/log-inputs", of_runs.log_inputs),
    Route("POST", "/runs/outputs", of_runs.log_outputs),
    Route("POST", "/runs/create", runs.create),
    Route("GET", "/runs/get", runs.get),
    Route("POST", "/runs/update", runs.update),
    Route("POST", "/runs/delete", runs.delete),
    Route("POST", "/runs/restore", runs.restore),
    Route("POST", "/runs/search", runs.search),
    Route("POST", "/runs/log-model", run_models.log_model),
    Route("GET", "/metrics/get-history", of_runs.get_history),
    Route("GET", "/metrics/get-history-bulk", histories.get_bulk),
    Route("GET", "/metrics/get-history-bulk-interval", histories.get_interval),
    Route("GET", "/artifacts/list", run_files.list_of_run),
    Route("POST", "/experiments/create", experiments.create),
    Route("GET", "/experiments/get", experiments.get),
    Route("GET", "/experiments/get-by-name", experiments.get_by_name),
    Route("GET", "/experiments/search", experiments.search),
    Route("POST", "/experiments/search", experiments.search),
    Route("POST", "/experiments/update", experiments.update),
    Route("POST", "/experiments/delete", experiments.delete),
    Route("POST", "/experiments/restore", experiments.restore),
    Route("POST", "/experiments/set-experiment-tag", experiments.set_tag),
    Route("POST", "/experiments/delete-experiment-tag", experiments.delete_tag),
    Route("POST", "/experiments/search-datasets", datasets.search),
    Route("POST", "/registered-models/create", models.create),
    Route("GET", "/registered-models/get", models.get),
    Route("POST", "/registered-models/rename", models.rename),
    Route("PATCH", "/registered-models/update", models.update),
    Route("DELETE", "/registered-models/delete", models.delete),
    Route("GET", "/registered-models/search", models.search),
    Route("GET", "/registered-models/get-latest-versions", models.get_latest_versions),
    Route("POST", "/registered-models/get-latest-versions", models.get_latest_versions),
    Route("POST", "/registered-models/set-tag", models.set_tag),
    Route("DELETE", "/registered-models/delete-tag", models.delete_tag),
    Route("POST", "/model-versions/create", models.create_version),
    Route("GET", "/model-versions/get", models.get_version),
    Route("PATCH", "/model-versions/update", models.update_version),
    Route("DELETE", "/model-versions/delete", models.delete_version),
    Route("GET", "/model-versions/search", models.search_versions),
    Route("POST", "/model-versions/transition-stage", models.transition_stage),
    Route("GET", "/model-versions/get-download-uri", models.get_download_uri),
    Route("POST", "/model-versions/set-tag", models.set_version_tag),
    Route("DELETE", "/model-versions/delete-tag", models.delete_version_tag),
    Route("GET", "/registered-models/alias", models.get_by_alias),
    Route("POST", "/registered-models/alias", models.set_alias),
    Route("DELETE", "/registered-models/alias", models.delete_alias),
    Route("POST", "/logged-models", logged_models.create),
    Route("POST", "/logged-models/search", logged_models.search),
    Route("GET", "/logged-models/{model_id}", logged_models.get),
    Route("PATCH", "/logged-models/{model_id}", logged_models.finalize),
    Route("DELETE", "/logged-models/{model_id}", logged_models.delete),
    Route("PATCH", "/logged-models/{model_id}/tags", logged_models.set_tags),
    Route("DELETE", "/logged-models/{model_id}/tags/{tag_key:path}", logged_models.delete_tag),
    Route("POST", "/logged-models/{model_id}/params", logged_models.log_params),
    Route("GET", "/logged-models/{model_id}/artifacts/directories", run_files.list_of_model),
    Route("POST", "/webhooks", webhooks.create),
    Route("GET", "/webhooks", webhooks.list_page),
    Route("GET", "/webhooks/{webhook_id}", webhooks.get),
    Route("PATCH", "/webhooks/{webhook_id}", webhooks.update),
    Route("DELETE", "/webhooks/{webhook_id}", webhooks.delete),
    Route("POST", "/webhooks/{webhook_id}/test", webhooks.test),
)
"""Below `/api/2.0/mlflow` and `/ajax-api/2.0/mlflow`, those first that training calls most."""
TRANSFERS: Final[Sequence[Route[Transfer]]] = (
    Route("POST", "/upload-artifact", browser_files.upload_to_run),
    Route("GET", "/logged-models/{model_id}/artifacts/files", browser_files.get_of_model),
)
"""There too."""
FILES: Final[Sequence[Route[Transfer]]] = (
    Route("GET", "/artifacts", files.list_folder),
    Route("GET", "/artifacts/{path:path}", files.get),
    Route("PUT", "/artifacts/{path:path}", files.put),
    Route("DELETE", "/artifacts/{path:path}", files.delete),
)
"""Below `/api/2.0/mlflow-artifacts` and `/ajax-api/2.0/mlflow-artifacts`."""
WORKSPACES: Final[Sequence[Route[Call]]] = (
    Route("GET", "/3.0/mlflow/workspaces", workspaces.list_all),
    Route("GET", "/3.0/mlflow/workspaces/{workspace_name}", workspaces.get),
)
"""Below `/api` and `/ajax-api`; what else there is of them in MLflow is not here."""
PAGE_FILES: Final[Sequence[Route[Transfer]]] = (
    Route("GET", "/get-artifact", run_files.get_of_run),
    Route("GET", "/model-versions/get-artifact", browser_files.get_of_version),
    Route("GET", "/files/save", page_files.save),
    Route("GET", "/files/show", page_files.show),
)
"""Below nothing: links in MLflow's pages, and in those of Trivet."""
OUT_OF_SCOPE: Final = (
    "traces",
    "get-trace-artifact",
    "assessments",
    "issues",
    "scorers",
    "label-schemas",
    "review-queues",
    "datasets",
    "gateway",
    "prompts",
    "prompt-optimization",
    "jobs",
    "mcp-servers",
    "skills",
    "workspaces",
    "users",
    "experiments/permissions",
    "registered-models/permissions",
)
"""Beginnings of paths below `/api/2.0/mlflow/` that MLflow has and Trivet does not."""


def direct(*, is_direct: bool) -> Sequence[Route[Call]]:
    """About transfers past this server, below `/api/2.0/mlflow`: refused where clients do not reach the store."""
    return _routes_of(transfers.run_calls(is_direct=is_direct))


def direct_files(*, is_direct: bool) -> Sequence[Route[Call]]:
    """About transfers past this server, below `/api/2.0/mlflow-artifacts`."""
    return _routes_of(transfers.proxy_calls(is_direct=is_direct))


def _routes_of(table: Mapping[str, tuple[str, Call]]) -> Sequence[Route[Call]]:
    return [Route(method, path, handler) for path, (method, handler) in table.items()]
