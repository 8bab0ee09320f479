"""Models and versions as flat texts by field: what histories record, and what they are compared with."""

from __future__ import annotations

from collections.abc import Mapping

from trivet_registry.domain.models import Model
from trivet_registry.domain.versions import ArtifactSource, ModelVersion

ALIAS_PREFIX = "aliases."


def model_fields(model: Model) -> dict[str, str]:
    """The fields of a model; what is empty is left out, but for tags."""
    fields = {"model_id": model.name.model_id, "description": model.description}
    aliases = {alias_field(alias): str(number) for alias, number in model.aliases.items()}
    return _filled(fields) | aliases | _tags(model.tags)


def version_fields(version: ModelVersion) -> dict[str, str]:
    """The fields of a version, its aliases left out; what is empty is left out, but for tags."""
    source, provenance, signature = version.source, version.provenance, version.signature
    fields = {
        "state": version.state.name,
        "state_message": version.state_message,
        "stage": version.stage,
        "manifest_sha256": version.manifest_sha256.hex(),
        "description": version.description,
        "signature.inputs": signature.inputs,
        "signature.outputs": signature.outputs,
        "signature.params": signature.params,
        "source.run": provenance.run_id,
        "source.logged_model": provenance.logged_model_id,
        "source.commit": provenance.commit,
        "copied_from": version.copied_from,
    }
    if isinstance(source, ArtifactSource):
        fields |= {"source.artifacts.owner": source.owner, "source.artifacts.path": source.path}
    else:
        fields["source.external_uri"] = source.uri
    for index, dataset in enumerate(provenance.datasets):
        for name in ("name", "digest", "context"):
            fields[f"source.datasets[{index}].{name}"] = getattr(dataset, name)
    return _filled(fields) | _tags(version.tags)


def alias_field(alias: str) -> str:
    """The field of an alias."""
    return f"{ALIAS_PREFIX}{alias}"


def _filled(fields: Mapping[str, str]) -> dict[str, str]:
    return {field: value for field, value in fields.items() if value}


def _tags(tags: Mapping[str, str]) -> dict[str, str]:
    return {f"tags.{key}": value for key, value in tags.items()}
