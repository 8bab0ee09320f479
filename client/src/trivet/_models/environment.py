"""The environment of a model: the packages that it needs, found out and written as MLflow writes them."""

from __future__ import annotations

import json
import logging
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import yaml

from trivet._errors import InvalidArgument
from trivet._models.loading import ALLOW_PICKLE
from trivet._models.requirements import Environment, name_of, pinned, read_requirements

REQUIREMENTS_FILE: Final = "requirements.txt"
CONSTRAINTS_FILE: Final = "constraints.txt"
CONDA_FILE: Final = "conda.yaml"
PYTHON_FILE: Final = "python_env.yaml"

_log = logging.getLogger("trivet")

_MAX_SECONDS: Final = 120
"""Until it is no longer waited for what a model imports; MLflow's limit as well."""
_LOOKS: Final = "TRIVET_LOOKS_WHAT_A_MODEL_IMPORTS"
_LOOKING: Final = {_LOOKS: "1", ALLOW_PICKLE: "true"}
"""Of the process that loads a model to see what it imports. It is one's own, so that it may be a pickle; and code there
that saves models itself does not look again, and so on without an end."""


def choose_requirements(
    folder: Path,
    own: Sequence[str],
    pip_requirements: str | Path | Iterable[str] | None = None,
    extra_pip_requirements: str | Path | Iterable[str] | None = None,
) -> Environment:
    """What a model requires: what somebody says, else what it is seen to import.

    Args:
        folder: Of the model, with its `MLmodel` file.
        own: As in `infer_requirements`.
        pip_requirements: All of them, as pip takes them, with `-r FILE` and `-c FILE`; or the path of a file.
        extra_pip_requirements: Some in addition to what is seen; for a package that is seen too, these count.

    Raises:
        InvalidArgument: both are given, or a file that is named cannot be read.
    """
    if pip_requirements is not None:
        if extra_pip_requirements is not None:
            raise InvalidArgument("Give pip_requirements, which are all, or extra_pip_requirements; not both.")
        return read_requirements(pip_requirements)
    extra = read_requirements(extra_pip_requirements if extra_pip_requirements is not None else ())
    said = {name_of(line) for line in extra.requirements}
    seen = [line for line in infer_requirements(folder, own) if name_of(line) not in said]
    return Environment((*seen, *extra.requirements), extra.constraints)


def infer_requirements(folder: Path, own: Sequence[str]) -> tuple[str, ...]:
    """The packages that a model imports when it is loaded and asked for its example, pinned and sorted.

    They are seen in a new process, since this one has imported what else it does: that takes as long as loading the
    model does there.

    Args:
        folder: Of the model, with its `MLmodel` file.
        own: The packages that its flavor says it needs, for where the model cannot be loaded; a warning says so then.
    """
    if os.environ.get(_LOOKS):
        return tuple(map(pinned, own))
    with tempfile.TemporaryDirectory() as temporary:
        answer = Path(temporary, "answer.json")
        try:
            subprocess.run(  # noqa: S603 - this Python, with a module of Trivet
                # -P: what is imported is what this process would find, not what the working directory has besides.
                [sys.executable, "-P", "-m", "trivet._models.imported", str(folder.resolve()), str(answer)],
                env={**os.environ, **_LOOKING, "PYTHONPATH": os.pathsep.join(each or "." for each in sys.path)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_MAX_SECONDS,
                check=True,
            )
            found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            requirements = tuple(map(pinned, own))
            _log.warning(
                "What the model imports could not be seen: %s. It is said to require %s; if it needs more, pass "
                "extra_pip_requirements.",
                _reason(error),
                ", ".join(requirements) or "nothing",
            )
            return requirements
    if found["problem"]:
        _log.warning(
            "The model could be loaded, but not be asked for its input example (%s): if it needs packages for that "
            "which loading does not, pass extra_pip_requirements.",
            found["problem"],
        )
    return tuple(found["requirements"])


def write_environment(folder: Path, environment: Environment) -> None:
    """Writes what a model requires into its folder, as pip, MLflow and conda read it."""
    lines = [*environment.requirements]
    if environment.constraints:
        lines.append(f"-c {CONSTRAINTS_FILE}")
        _write_lines(folder / CONSTRAINTS_FILE, environment.constraints)
    _write_lines(folder / REQUIREMENTS_FILE, lines)
    python = platform.python_version()
    build = {name: _installed(name) for name in ("pip", "setuptools", "wheel")}
    _write_yaml(
        folder / PYTHON_FILE,
        {
            "python": python,
            "build_dependencies": [f"{name}=={known}" if known else name for name, known in build.items()],
            "dependencies": [f"-r {REQUIREMENTS_FILE}"],
        },
    )
    # Not ==: the newest pip comes to conda-forge later than to the index.
    pip = f"pip<={build['pip']}" if build["pip"] else "pip"
    _write_yaml(
        folder / CONDA_FILE,
        {
            "name": "mlflow-env",
            "channels": ["conda-forge"],
            "dependencies": [f"python={python}", pip, {"pip": lines}],
        },
    )


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.TimeoutExpired):
        return f"it took longer than {_MAX_SECONDS} seconds"
    if isinstance(error, subprocess.CalledProcessError):
        # The last line of a traceback says what is wrong.
        return next(reversed(str(error.stderr).strip().splitlines()), f"its process ended with {error.returncode}")
    return str(error)


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _write_yaml(path: Path, content: object) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
