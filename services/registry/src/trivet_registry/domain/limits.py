"""How long texts may be."""

from __future__ import annotations

MAX_DESCRIPTION_BYTES = 64 * 1024
# MLflow's limit of the tags of models and versions (mlflow-protocol.md §4).
MAX_TAG_VALUE_BYTES = 100_000
MAX_EXTERNAL_URI_CHARACTERS = 2048
MAX_MOVE_REASON_CHARACTERS = 2048
# Of a logical path, as the artifact service has it (artifact.proto).
MAX_ARTIFACT_PATH_BYTES = 1024
