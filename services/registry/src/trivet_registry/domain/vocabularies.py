"""What models and versions can be searched by. The names are MLflow's (mlflow-protocol.md §3.3, §3.4)."""

from __future__ import annotations

from trivet_kit.search.expressions import Entity
from trivet_kit.search.vocabulary import OF_ATTRIBUTES, OF_DATASETS, OF_TAGS, Attribute, ValueType, Vocabulary
from trivet_registry.domain.versions import VersionState

MODELS = Vocabulary(
    resources="models",
    attributes=(
        Attribute("name"),
        Attribute("creation_timestamp", ValueType.TIME_MILLIS),
        Attribute("last_updated_timestamp", ValueType.TIME_MILLIS, aliases=("timestamp",)),
    ),
    prefixes={**OF_TAGS, **OF_ATTRIBUTES},
    sortable=frozenset({Entity.ATTRIBUTE}),
)

VERSIONS = Vocabulary(
    resources="versions",
    attributes=(
        Attribute("name"),
        Attribute("version_number", ValueType.INTEGER),
        Attribute("run_id"),
        Attribute("logged_model_id"),
        Attribute("source_path"),
        Attribute("stage"),
        Attribute("state", values=tuple(state.name for state in VersionState)),
        Attribute("creation_timestamp", ValueType.TIME_MILLIS),
        Attribute("last_updated_timestamp", ValueType.TIME_MILLIS),
    ),
    prefixes={**OF_TAGS, **OF_DATASETS, **OF_ATTRIBUTES},
    sortable=frozenset({Entity.ATTRIBUTE}),
)
