"""How long texts may be."""

from __future__ import annotations

# Design §4.
MAX_PARAM_VALUE_BYTES = 16 * 1024
MAX_TAG_VALUE_BYTES = 64 * 1024
MAX_DESCRIPTION_BYTES = 64 * 1024
# MLflow's limits of an experiment's name and a dataset's name.
MAX_DISPLAY_NAME_CHARACTERS = 500
MAX_DATASET_NAME_CHARACTERS = 500
MAX_DATASET_DIGEST_CHARACTERS = 64
MAX_DATASET_SOURCE_TYPE_CHARACTERS = 250
# MLflow's limits of datasets (mlflow-protocol.md §4), but for the profile: MLflow's is more than a message holds.
MAX_DATASET_SOURCE_BYTES = 65_535
MAX_DATASET_SCHEMA_BYTES = 1_048_575
MAX_DATASET_PROFILE_BYTES = 4 * 1024 * 1024
MAX_INPUT_TAG_KEY_CHARACTERS = 255
MAX_INPUT_TAG_VALUE_CHARACTERS = 500
MAX_INPUTS = 1000
# MLflow's limits of a logged model.
MAX_MODEL_TYPE_CHARACTERS = 500
MAX_USER_CHARACTERS = 250
MAX_GIT_COMMIT_CHARACTERS = 250
# Longest path on Linux (PATH_MAX).
MAX_SOURCE_CHARACTERS = 4096
MAX_ARTIFACT_LOCATION_CHARACTERS = 2048

# Of the columns of a table: as many as a page has rows.
MAX_READ_KEYS = 1000
# More experiments are asked for by naming none: all of the workspace.
MAX_SEARCHED_EXPERIMENTS = 1000
MAX_SEARCHED_RUNS = 1000
MAX_COMPARED_RUNS = 100
MAX_DELETED_KEYS = 1000
# Of those that a purge is bound to; more are purged by naming none.
MAX_PURGED_NAMES = 1000
# Of metrics, params or tags that are loaded at once: so many metrics with short keys go into one message, and a page of
# runs with 100,000 each would not go into memory.
MAX_LOADED_ENTRIES = 50_000
MAX_SELECTED_DATASETS = 100
# Each sorts a table of its own.
MAX_LOGGED_MODEL_CLAUSES = 16

# Of those of an experiment, and of those of none: more than people tell apart in a list.
MAX_SAVED_VIEWS = 1000
MAX_SAVED_VIEW_NAME_CHARACTERS = 250
MAX_SAVED_VIEW_STATE_BYTES = 65_535

# Of those of an experiment, and of those of a run: each is one more thing to look at whenever a run is written.
MAX_RULES = 100
# Of a rule, whose tag begins with `trivet.rule.`.
MAX_RULE_NAME_CHARACTERS = 100
MAX_STOP_REASON_CHARACTERS = 2048

# Of the console of a run: in a message, and of a line.
MAX_CONSOLE_LINES = 10_000
MAX_CONSOLE_LINE_BYTES = 16 * 1024
