"""The Python environment of a project: what its files ask for, and a folder that has it, made once for all runs."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from trivet._artifact_cache import cache_folder
from trivet._captured.secrets_in_text import without_passwords
from trivet._errors import FailedPrecondition, InvalidArgument
from trivet._models.requirements import read_requirements
from trivet._projects.mlproject import Project

EnvManager = Literal["local", "uv", "virtualenv"]
ENV_MANAGERS: Final[tuple[EnvManager, ...]] = ("local", "uv", "virtualenv")

_FOLDER: Final = "environments"
_READY: Final = "trivet-ready"
"""Lies in an environment that is whole."""
_PYTHON: Final = re.compile(r"[0-9]+(\.[0-9]+){0,2}")
_CONDA_PYTHON: Final = re.compile(r"python(?P<said>\s*[=<>!~\s].*)?")
# A version that fits: the one that is said, or the lowest. Behind it come builds, and the highest.
_CONDA_VERSION: Final = re.compile(
    r"\s*(?:==?|>=|~=)?\s*(?P<version>[0-9]+(\.[0-9]+){0,2})(\.?\*)?(\s*[=,\s]\s*\S+)?\s*"
)
_CONDA_TOOL: Final = re.compile(r"(?:pip|setuptools|wheel)(?P<version>\s*[=<>!~\s].*)?")
_CONDA_OPERATOR: Final = re.compile(r"^\s*=(?!=)")
# What pip takes from a folder of this machine, whose content a key cannot have.
_OF_A_FOLDER: Final = re.compile(
    r"-e\b|--editable\b|\.(\[|$)|[^\s:@]*/|[^:]*\.(whl|zip|tar\.gz)(\s|$)|.*\bfile:|"
    r"(-f|--find-links)[\s=]*(?!https?:)[^\s=]"
)


@dataclass(frozen=True)
class PythonEnvironment:
    """What a project asks for."""

    python: str = ""
    """`3.11` or `3.11.7`; empty: that of this process."""
    build: Sequence[str] = ()
    """What builds others; installed first."""
    requirements: Sequence[str] = ()
    constraints: Sequence[str] = ()

    @property
    def is_kept(self) -> bool:
        """Whether the key says all: nothing is taken from a folder that may change."""
        return not any(map(_OF_A_FOLDER.match, (*self.build, *self.requirements)))

    def key(self, manager: str, folder: Path) -> str:
        """A name for it, the same for the same content, whatever project asks."""
        content: dict[str, object] = {
            "manager": manager,
            "python": self.python or f"{sys.version_info[0]}.{sys.version_info[1]}",
            "build": list(self.build),
            "requirements": list(self.requirements),
            "constraints": list(self.constraints),
            "folder": "" if self.is_kept else str(folder),
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def choose_manager(project: Project, wanted: str | None) -> EnvManager:
    """Who makes the environment: what somebody wants, else uv where the project has a file for one, else nobody.

    Raises:
        InvalidArgument: there is none of that name.
        FailedPrecondition: it is conda, which Trivet does not run.
    """
    if wanted == "conda":
        raise FailedPrecondition(
            "Trivet does not run conda. Say env_manager='uv': of a conda.yaml it takes the Python and what `pip` has. "
            "Or run it in an environment that conda made, which is active, with env_manager='local'."
        )
    if wanted is None:
        return "local" if project.environment_file is None else "uv"
    for manager in ENV_MANAGERS:
        if wanted == manager:
            return manager
    raise InvalidArgument(f"There is no env_manager {wanted!r}: say {', '.join(ENV_MANAGERS)}.")


def read_environment(project: Project) -> PythonEnvironment:
    """What the project's file asks for, with the files of requirements that it names; nothing without a file.

    Raises:
        InvalidArgument: a file is no such file, or cannot be read.
        FailedPrecondition: it is a `conda.yaml` with packages of conda itself; says which.
    """
    file = project.environment_file
    if file is None:
        return PythonEnvironment()
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidArgument(f"{file.name} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidArgument(f"{file.name} is no YAML: {' '.join(str(error).split())}") from error
    if content is not None and not isinstance(content, dict):
        raise InvalidArgument(f"{file.name} must be a mapping, with `dependencies` in it.")
    return (_of_conda if project.is_conda else _of_python_env)(content or {}, file)


def environment_folder(manager: Literal["uv", "virtualenv"], wanted: PythonEnvironment, folder: Path) -> Path:
    """The environment, which is made where there is none of that content yet; another process waits for it meanwhile.

    Args:
        manager: Who makes it.
        wanted: What is to be in it.
        folder: Of the project, in which requirements such as `.` are looked for.

    Raises:
        FailedPrecondition: it cannot be made; says why.
    """
    place = cache_folder() / _FOLDER / wanted.key(manager, folder)
    with _alone(place):
        is_ready = (place / _READY).is_file()
        if is_ready and wanted.is_kept:
            return place
        if not is_ready:
            shutil.rmtree(place, ignore_errors=True)  # of a process that was killed
        (_make_by_uv if manager == "uv" else _make_by_virtualenv)(place, wanted, folder, is_new=not is_ready)
        (place / _READY).touch()
    return place


def variables_of(environment: Path) -> dict[str, str]:
    """What is to be set for programs that run in an environment, as its script `activate` does."""
    programs = environment / "bin"
    return {
        "VIRTUAL_ENV": str(environment),
        "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
    }


def variables_of_local() -> dict[str, str]:
    """The same for `local`: nothing where an environment is active, else that `python` is the one that runs Trivet."""
    if os.environ.get("VIRTUAL_ENV") or os.environ.get("CONDA_PREFIX"):
        return {}
    programs = Path(sys.executable).parent
    return {"PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def _of_python_env(content: Mapping[str, Any], file: Path) -> PythonEnvironment:
    python = content.get("python")
    build = _texts(content.get("build_dependencies"), f"{file.name}: build_dependencies")
    return _environment(
        _python(python, file), build, _texts(content.get("dependencies"), f"{file.name}: dependencies"), file
    )


def _of_conda(content: Mapping[str, Any], file: Path) -> PythonEnvironment:
    said = content.get("dependencies") or []
    if not isinstance(said, list):
        raise InvalidArgument(f"{file.name}: dependencies must be a list.")
    python, build, others, requirements = "", [], [], []
    for each in said:
        if isinstance(each, dict) and set(each) == {"pip"}:
            requirements += _texts(each["pip"], f"{file.name}: pip")
            continue
        text = str(each).strip()
        tool = _CONDA_TOOL.fullmatch(text)
        of_python = _CONDA_PYTHON.fullmatch(text)
        if of_python is not None:
            python = _conda_python(of_python["said"], file)
        elif tool is not None:
            # One = of conda is == of pip.
            version = tool["version"] or ""
            build.append(text.removesuffix(version) + _CONDA_OPERATOR.sub("==", version).strip())
        else:
            others.append(text)
    if others:
        raise FailedPrecondition(
            f"{file.name} needs packages of conda, which Trivet does not run: {', '.join(others)}. Move them below "
            "`pip`, or write a python_env.yaml; or run the project in an environment that conda made, with "
            "env_manager='local'."
        )
    return _environment(_python(python, file), build, requirements, file)


def _conda_python(said: str | None, file: Path) -> str:
    if not said:
        return ""
    found = _CONDA_VERSION.fullmatch(said)
    if found is None:
        raise InvalidArgument(f"{file.name}: python is {said.strip()!r}; write a version such as python=3.11.")
    return found["version"]


def _environment(python: str, build: Sequence[str], requirements: Sequence[str], file: Path) -> PythonEnvironment:
    read = read_requirements(requirements, file.parent)
    return PythonEnvironment(python, tuple(build), read.requirements, read.constraints)


def _python(said: object, file: Path) -> str:
    text = "" if said is None else str(said).strip()
    if text and not _PYTHON.fullmatch(text):
        raise InvalidArgument(f'{file.name}: python is {text!r}; write a version such as 3.11 or "3.11.7".')
    return text


def _texts(said: object, what: str) -> list[str]:
    if said is None:
        return []
    if not isinstance(said, list) or not all(isinstance(each, str) for each in said):
        raise InvalidArgument(f"{what} must be a list of requirements, such as [numpy==2.3.0].")
    return said


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Lets one process at a time make an environment."""
    import fcntl  # noqa: PLC0415 - Windows has none, and `run` refused it there

    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        lock = place.with_suffix(".lock").open("w", encoding="utf-8")
    except OSError as error:
        raise FailedPrecondition(
            f"No environment can be made in {place.parent}: {(error.strerror or str(error)).lower()}. Set "
            "TRIVET_CACHE_DIR."
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make_by_uv(place: Path, wanted: PythonEnvironment, folder: Path, *, is_new: bool) -> None:
    uv = _find("uv")
    if uv is None:
        raise FailedPrecondition(
            "The environment of this project is made by uv, which is not installed: pip install uv. Or say "
            "env_manager='virtualenv', or env_manager='local' for what is installed here."
        )
    if is_new:
        _call([*uv, "venv", "--quiet", "--python", wanted.python or sys.executable, str(place)], folder)
    _install([*uv, "pip", "install", "--quiet", "--python", str(place / "bin" / "python")], wanted, folder)


def _make_by_virtualenv(place: Path, wanted: PythonEnvironment, folder: Path, *, is_new: bool) -> None:
    if is_new:
        python = _python_of(wanted.python)
        virtualenv = _find("virtualenv")
        make = [python, "-m", "venv"] if virtualenv is None else [*virtualenv, "--quiet", "--python", python]
        _call([*make, str(place)], folder)
    pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _install(pip, wanted, folder)


def _find(program: str) -> list[str] | None:
    """How a program is started: from PATH, else as a module of this Python."""
    if found := shutil.which(program):
        return [found]
    beside = Path(sys.executable).with_name(program)
    return [str(beside)] if beside.is_file() else None


def _python_of(version: str) -> str:
    """A Python of a version, on this machine. Raises FailedPrecondition."""
    major_minor = ".".join(version.split(".")[:2])
    own = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if not version or own == major_minor or (major_minor == version == str(sys.version_info[0])):
        return sys.executable
    found = shutil.which(f"python{major_minor}")
    if found is None:
        raise FailedPrecondition(
            f"The project needs Python {version}, and there is no python{major_minor} on PATH. With env_manager='uv', "
            "it is downloaded."
        )
    return found


def _install(install: Sequence[str], wanted: PythonEnvironment, folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="trivet-requirements-") as temporary:
        for number, lines in enumerate((wanted.build, wanted.requirements)):
            if lines:
                limits = _written(Path(temporary, f"constraints-{number}.txt"), wanted.constraints)
                _call([*install, "-r", _written(Path(temporary, f"{number}.txt"), lines), "-c", limits], folder)


def _written(path: Path, lines: Sequence[str]) -> str:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


def _call(command: Sequence[str], folder: Path) -> None:
    """Runs a program in the folder of the project. Raises FailedPrecondition with the end of what it says otherwise."""
    # An environment that is active is not the one that is made.
    own = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH")}
    try:
        subprocess.run(  # noqa: S603 - a program of ours, with files that we wrote
            command, cwd=folder, env=own, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
        )
    except subprocess.CalledProcessError as error:
        said = " ".join(f"{error.stdout}\n{error.stderr}".split())[-1000:]
        raise FailedPrecondition(f"The environment of the project cannot be made: {without_passwords(said)}") from error
    except OSError as error:
        raise FailedPrecondition(f"The environment of the project cannot be made: {error}") from error
