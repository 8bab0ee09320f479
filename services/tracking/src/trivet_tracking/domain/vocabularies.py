"""What runs, experiments and logged models can be searched by. The aliases are MLflow's (mlflow-protocol.md §3)."""

from __future__ import annotations

from trivet_kit.search.expressions import Entity
from trivet_kit.search.vocabulary import (
    OF_ATTRIBUTES,
    OF_DATASETS,
    OF_METRICS,
    OF_PARAMS,
    OF_TAGS,
    Attribute,
    ValueType,
    Vocabulary,
)
from trivet_tracking.domain.logged_models import LoggedModelStatus
from trivet_tracking.domain.runs import RunStatus

RUNS = Vocabulary(
    resources="runs",
    attributes=(
        Attribute("run_id"),
        Attribute("run_name", aliases=("run name", "Run name", "Run Name")),
        Attribute("status", values=tuple(status.name for status in RunStatus)),
        Attribute("user_id"),
        Attribute("created_by"),
        Attribute("source"),
        Attribute("git_commit"),
        Attribute("artifact_uri"),
        Attribute("parent_run_id"),
        Attribute("forked_from_run_id"),
        Attribute("forked_from_step", ValueType.INTEGER, optional=True),
        Attribute("stale", values=("true", "false")),
        Attribute("start_time", ValueType.TIME_MILLIS, aliases=("created", "Created")),
        Attribute("end_time", ValueType.TIME_MILLIS, optional=True),
        Attribute("duration", ValueType.INTEGER, optional=True),
        Attribute("last_write_time", ValueType.TIME_MILLIS),
    ),
    prefixes={**OF_METRICS, **OF_PARAMS, **OF_TAGS, **OF_DATASETS, **OF_ATTRIBUTES, "run": Entity.ATTRIBUTE},
    sortable=frozenset(Entity) - {Entity.DATASET},
)

EXPERIMENTS = Vocabulary(
    resources="experiments",
    attributes=(
        Attribute("name"),
        Attribute("experiment_id"),
        Attribute("creation_time", ValueType.TIME_MILLIS),
        Attribute("last_update_time", ValueType.TIME_MILLIS),
    ),
    prefixes={**OF_TAGS, **OF_ATTRIBUTES},
    sortable=frozenset({Entity.ATTRIBUTE}),
)

LOGGED_MODELS = Vocabulary(
    resources="logged models",
    attributes=(
        Attribute("name"),
        Attribute("model_id"),
        Attribute("model_type"),
        Attribute("status", values=tuple(status.name for status in LoggedModelStatus)),
        Attribute("source_run_id"),
        Attribute("creation_timestamp", ValueType.TIME_MILLIS, aliases=("creation_time",)),
        Attribute("last_updated_timestamp", ValueType.TIME_MILLIS, aliases=("last_updated_time",)),
    ),
    prefixes={**OF_METRICS, **OF_PARAMS, **OF_TAGS, **OF_ATTRIBUTES},
    sortable=frozenset(Entity) - {Entity.DATASET},
)
