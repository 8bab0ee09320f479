"""How long texts may be."""

from __future__ import annotations

MAX_DESCRIPTION_BYTES = 64 * 1024
# MLflow's limit of the tags of models and versions (mlflow-protocol.md §4).
MAX_TAG_VALUE_BYTES = 100_000
MAX_EXTERNAL_URI_CHARACTERS = 2048
MAX_REASON_CHARACTERS = 2048
# Of a logical path, as the artifact service has it (artifact.proto).
MAX_ARTIFACT_PATH_BYTES = 1024
MAX_COMMIT_CHARACTERS = 250
MAX_SIGNATURE_BYTES = 64 * 1024
# Those of the inputs of runs, as the tracking service has them (run_inputs.proto).
MAX_DATASETS = 100
MAX_DATASET_NAME_CHARACTERS = 500
MAX_DATASET_DIGEST_CHARACTERS = 36
MAX_DATASET_CONTEXT_CHARACTERS = 250
MAX_STAGES = 20
MAX_STAGE_CHARACTERS = 50
MAX_PROTECTED_ALIASES = 100
# Of a workspace: each is told of every event.
MAX_WEBHOOKS = 100
MAX_WEBHOOK_DESCRIPTION_CHARACTERS = 2048
# Of what is protected; as in the policy file.
MAX_APPROVALS = 10
# Of a model.
MAX_PENDING_PROMOTION_REQUESTS = 100
PROMOTION_REQUEST_MILLIS = 7 * 24 * 3_600_000
MAX_PROMOTION_REQUEST_MILLIS = 90 * 24 * 3_600_000
