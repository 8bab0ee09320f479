"""The Job of a project: the configuration of the back end `kubernetes`, and the object that is made of its template."""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from trivet._errors import InvalidArgument

Object = dict[str, Any]

CONTEXT: Final = "kube-context"
REPOSITORY: Final = "repository-uri"
TEMPLATE: Final = "kube-job-template-path"
_KEYS: Final = (CONTEXT, REPOSITORY, TEMPLATE)
RUN_LABEL: Final = "trivet.dev/run-id"
_NO_LABEL: Final = re.compile(r"[^a-z0-9]+")
_LONGEST_TITLE: Final = 40
"""Of 63 that a name may have, as pods have a suffix."""
_ID_DIGITS: Final = 12
_DEFAULT_TEMPLATE: Final[Object] = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"namespace": "default"},
    # A training that failed is not begun again by itself.
    "spec": {"backoffLimit": 0, "template": {"spec": {"restartPolicy": "Never", "containers": [{}]}}},
}


@dataclass(frozen=True)
class ClusterConfig:
    """Where a Job goes, and what it is made of."""

    context: str = ""
    """Of the user's configuration of kubectl; empty: the current one."""
    repository: str = ""
    """What an image that is built is called, and where it is pushed to."""
    template: Mapping[str, Any] = field(default_factory=lambda: _DEFAULT_TEMPLATE)
    """A Job."""


@dataclass(frozen=True)
class Job:
    """A Job that is to be made."""

    namespace: str
    name: str
    object: Object


def read_cluster_config(said: Mapping[str, Any] | str | os.PathLike[str] | None) -> ClusterConfig:
    """Reads a configuration, and the template that it names.

    Args:
        said: A mapping with `kube-context`, `repository-uri` and `kube-job-template-path`, none of which is needed; or
            the path of a file of JSON or YAML with it, or JSON itself. None is an empty one.

    Raises:
        InvalidArgument: it is none, or there is no such file; says why.
    """
    content: object = said
    if isinstance(said, str | os.PathLike):
        text = os.fspath(said)
        content = (
            _parsed(text, "backend_config") if text.lstrip().startswith("{") else _read(Path(text), "backend_config")
        )
    content = {} if content is None else content
    if not isinstance(content, Mapping):
        raise InvalidArgument(f"backend_config must be a mapping with {', '.join(_KEYS)}.")
    unknown = [str(key) for key in content if key not in _KEYS]
    if unknown:
        raise InvalidArgument(f"backend_config has {', '.join(unknown)}; there are {', '.join(_KEYS)}.")
    texts = {key: str(content.get(key) or "") for key in _KEYS}
    template = _DEFAULT_TEMPLATE
    if texts[TEMPLATE]:
        template = _checked_template(_read(Path(texts[TEMPLATE]), TEMPLATE), texts[TEMPLATE])
    return ClusterConfig(texts[CONTEXT], texts[REPOSITORY], template)


def job_name(title: str, run_id: str) -> str:
    """The name of a Job: what the project is called, as Kubernetes takes it, and the end of the run's id."""
    label = _NO_LABEL.sub("-", title.lower()).strip("-")[:_LONGEST_TITLE].strip("-")
    return f"{label or 'project'}-{run_id[-_ID_DIGITS:]}"


def render_job(
    template: Mapping[str, Any], *, name: str, image: str, command: str, variables: Mapping[str, str]
) -> Job:
    """A Job of a template: its name, and image, command and variables of its first container.

    Variables that the template sets stay as they are, but for those of the run: a cluster may know the server by
    another address. A shell of the image runs the command.
    """
    job = copy.deepcopy(dict(template))
    metadata = _inside(job, "metadata")
    namespace = metadata["namespace"] = metadata.get("namespace") or "default"
    metadata["name"] = name
    metadata.pop("generateName", None)
    pod = job["spec"]["template"]
    for labelled in (metadata, _inside(pod, "metadata")):
        _inside(labelled, "labels")[RUN_LABEL] = variables["TRIVET_RUN_ID"]
    container = pod["spec"]["containers"][0]
    said = [each for each in container.get("env") or [] if each.get("name") not in _OF_THE_RUN]
    names = {each.get("name") for each in said}
    ours = [{"name": key, "value": value} for key, value in sorted(variables.items()) if key not in names]
    container |= {"name": container.get("name") or "project", "image": image, "command": ["sh", "-c", command]}
    container.pop("args", None)
    container["env"] = [*said, *ours]
    return Job(str(namespace), name, job)


_OF_THE_RUN: Final = frozenset({"TRIVET_RUN_ID", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"})


def _read(path: Path, what: str) -> object:
    try:
        return _parsed(path.read_text(encoding="utf-8"), f"{what} {str(path)!r}")
    except OSError as error:
        raise InvalidArgument(f"{what} {str(path)!r} cannot be read: {error.strerror}.") from error


def _parsed(text: str, what: str) -> object:
    try:
        return json.loads(text) if text.lstrip().startswith("{") else yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidArgument(f"{what} is neither JSON nor YAML: {' '.join(str(error).split())}") from error


def _inside(parent: Object, key: str) -> Object:
    """A mapping in another one, made where there is none; null is none, as for Kubernetes."""
    if parent.get(key) is None:
        parent[key] = {}
    found: Object = parent[key]
    return found


def _checked_template(said: object, path: str) -> Object:
    if not isinstance(said, dict) or said.get("kind") != "Job":
        raise InvalidArgument(f"{path!r} is no Job of Kubernetes.")
    try:
        pod = said["spec"]["template"]
        container = pod["spec"]["containers"][0]
        is_whole = isinstance(container, dict)
    except (KeyError, IndexError, TypeError):
        is_whole = False
    if not is_whole:
        raise InvalidArgument(f"{path!r} has no container: spec.template.spec.containers needs one.")
    for where, parent in (("", said), ("spec.template.", pod)):
        metadata = parent.get("metadata") or {}
        if not isinstance(metadata, dict) or not isinstance(metadata.get("labels") or {}, dict):
            raise InvalidArgument(f"{path!r}: {where}metadata, and labels in it, must be mappings.")
    variables = container.get("env") or []
    if not isinstance(variables, list) or not all(isinstance(each, dict) for each in variables):
        raise InvalidArgument(f"{path!r}: env of the first container must be a list of mappings with name and value.")
    return said
