"""The file `MLproject`, and what a folder without one is."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final

import yaml

from trivet._errors import FailedPrecondition, InvalidArgument
from trivet._projects.parameters import EntryPoint, Parameter

PYTHON_ENV: Final = "python_env"
CONDA_ENV: Final = "conda_env"
DOCKER_ENV: Final = "docker_env"
_ENVIRONMENTS: Final = (PYTHON_ENV, CONDA_ENV, DOCKER_ENV)
_FILE: Final = "mlproject"
_DEFAULT_FILES: Final = {PYTHON_ENV: "python_env.yaml", CONDA_ENV: "conda.yaml"}
_VARIABLE: Final = re.compile(r"[^\s=#\0][^\s=\0]*")
_SCRIPTS: Final = {".py": "python", ".sh": "bash"}


@dataclass(frozen=True)
class DockerEnvironment:
    """What `docker_env` says."""

    image: str
    volumes: Sequence[str] = ()
    """As `docker run --volume` takes them."""
    environment: Sequence[str | tuple[str, str]] = ()
    """Variables: names whose values are those of this process, and pairs of name and value."""


@dataclass(frozen=True)
class Project:
    """A project in a folder of this machine."""

    folder: Path
    name: str = ""
    environment_file: Path | None = None
    """A `python_env.yaml` or `conda.yaml`; None where neither is there."""
    docker: DockerEnvironment | None = None
    """Instead of a file."""
    entry_points: Mapping[str, EntryPoint] = field(default_factory=dict)
    is_conda: bool = False
    """Whether the file is a `conda.yaml`."""

    def entry_point(self, name: str) -> EntryPoint:
        """The entry point of a name; a script of the folder is one by its path.

        Raises:
            InvalidArgument: there is none; says which there are.
        """
        if name in self.entry_points:
            return self.entry_points[name]
        path = PurePosixPath(name)
        if path.suffix in _SCRIPTS and not path.is_absolute() and ".." not in path.parts:
            if not (self.folder / path).is_file():
                raise InvalidArgument(f"The project has no entry point and no script {name!r}: {self._there_are()}")
            # Behind a dot, or a name could be an option of the interpreter.
            return EntryPoint(name, f"{_SCRIPTS[path.suffix]} {_escaped(shlex.quote(f'./{path}'))}")
        raise InvalidArgument(f"The project has no entry point {name!r}: {self._there_are()}")

    def _there_are(self) -> str:
        scripts = sorted(each.name for each in self.folder.iterdir() if each.suffix in _SCRIPTS and each.is_file())
        names = [*self.entry_points, *scripts]
        return f"there are {', '.join(map(repr, names))}." if names else "there is none, and no .py or .sh file."


def read_project(folder: Path) -> Project:
    """Reads what a folder says of itself.

    Raises:
        InvalidArgument: the file is no MLproject file, or names an environment that is not there.
    """
    file = _find(folder)
    content = _mapping(_parsed(file), "The MLproject file") if file is not None else {}
    if "databricks_spark_job" in content:
        raise FailedPrecondition("This project is a Spark job of Databricks, which Trivet does not run.")
    said = [kind for kind in _ENVIRONMENTS if content.get(kind)]
    if len(said) > 1:
        raise InvalidArgument(f"Project cannot contain multiple environment fields: {', '.join(said)}. Keep one.")
    entry_points = _mapping(content.get("entry_points"), "entry_points")
    project = Project(
        folder,
        str(content.get("name") or ""),
        entry_points={str(name): _entry_point(str(name), fields) for name, fields in entry_points.items()},
    )
    if said == [DOCKER_ENV]:
        return replace(project, docker=_docker(content[DOCKER_ENV]))
    for kind, default in _DEFAULT_FILES.items():
        named = content.get(kind)
        if said and kind not in said:
            continue
        place = folder / str(named or default)
        if place.is_file():
            return replace(project, environment_file=place, is_conda=kind == CONDA_ENV)
        if named:
            raise InvalidArgument(f"Project specified {kind} file {named!r}, but no such file was found.")
    return project


def _find(folder: Path) -> Path | None:
    try:
        return next((each for each in sorted(folder.iterdir()) if each.name.lower() == _FILE), None)
    except OSError as error:
        raise InvalidArgument(f"{str(folder)!r} cannot be read as a project: {error.strerror}.") from error


def _parsed(file: Path) -> object:
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidArgument(f"The MLproject file cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidArgument(f"The MLproject file is no YAML: {' '.join(str(error).split())}") from error


def _mapping(value: object, what: str) -> dict[Any, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidArgument(f"{what} must be a mapping of names, not {value!r:.80}.")
    return value


def _entry_point(name: str, said: object) -> EntryPoint:
    where = f"The entry point {name!r}"
    fields = _mapping(said, where)
    command = fields.get("command")
    if not isinstance(command, str) or not command.strip():
        raise InvalidArgument(f"{where} has no command.")
    parameters = _mapping(fields.get("parameters"), f"{where}: parameters")
    return EntryPoint(
        name,
        command.strip(),
        {str(each): _parameter(str(each), of_it, where) for each, of_it in parameters.items()},
    )


def _parameter(name: str, said: object, where: str) -> Parameter:
    if isinstance(said, str):
        return Parameter(name, said)
    fields = _mapping(said, f"{where}: the parameter {name!r}")
    default = fields.get("default")
    return Parameter(name, str(fields.get("type") or "string"), None if default is None else str(default))


def _docker(said: object) -> DockerEnvironment:
    fields = _mapping(said, DOCKER_ENV)
    image, volumes, variables = fields.get("image"), fields.get("volumes") or [], fields.get("environment") or []
    if not isinstance(image, str) or not image or image.startswith("-"):
        raise InvalidArgument("docker_env names no image.")
    if not isinstance(volumes, list) or not all(isinstance(each, str) for each in volumes):
        raise InvalidArgument('docker_env: volumes must be a list of texts, such as ["/data:/data:ro"].')
    if not isinstance(variables, list) or not all(map(_is_variable, variables)):
        raise InvalidArgument(
            "docker_env: environment must be a list of names, and of pairs of name and value, such as "
            '[["BATCH", "64"], "AWS_REGION"].'
        )
    pairs = [each if isinstance(each, str) else (str(each[0]), str(each[1])) for each in variables]
    return DockerEnvironment(image, tuple(volumes), tuple(pairs))


def _is_variable(said: object) -> bool:
    name = said[0] if isinstance(said, list) and len(said) == 2 else said
    return isinstance(name, str) and _VARIABLE.fullmatch(name) is not None


def _escaped(text: str) -> str:
    """A text as a command has it: braces are doubled."""
    return text.replace("{", "{{").replace("}", "}}")
