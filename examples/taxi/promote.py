"""From the best run to the model in production, and back by its name."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import trivet
from model import Model
from trivet import ModelVersion, Run


def best_run(experiment_name: str) -> Run:
    """The run with the smallest error."""
    (best,) = trivet.search_runs(
        experiment_names=[experiment_name],
        filter_string="attributes.status = 'FINISHED'",
        order_by=["metrics.rmse ASC"],
        max_results=1,
        output_format="list",
    )
    return best


def register(run_id: str, name: str) -> ModelVersion:
    """Makes the model of a run the next version of a registered model."""
    return trivet.register_model(f"runs:/{run_id}/model", name)


def promote(version: ModelVersion) -> None:
    """Moves a version to Staging, where it would be tried out, and then to Production in place of the one there."""
    trivet.transition_model_version_stage(version.name, version.version, "Staging")
    trivet.transition_model_version_stage(version.name, version.version, "Production", archive_existing_versions=True)


def stages(name: str) -> dict[int, str]:
    """The stage of each version of a model, for those that are the newest there."""
    versions = trivet.get_latest_versions(name)
    return {version.version: version.current_stage for version in sorted(versions, key=lambda each: each.version)}


def load_from_production(name: str) -> Model:
    """The model in production. Whoever uses it knows its name: no run, no version, no path."""
    with TemporaryDirectory() as folder:
        return Model.load(Path(trivet.download_artifacts(artifact_uri=f"models:/{name}/Production", dst_path=folder)))
