"""Projects in containers, by the command `docker`: run here, or built into an image that a cluster gets."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from trivet._errors import FailedPrecondition, InvalidArgument
from trivet._projects.mlproject import DockerEnvironment, Project

CODE: Final = "/mlflow/projects/code/"
"""Where the project is in a container; MLflow's place."""
_COMMIT_DIGITS: Final = 7


def docker_command(
    environment: DockerEnvironment,
    image: str,
    folder: Path | None,
    arguments: Mapping[str, str | bool],
    variables: Path,
    command: str,
    name: str,
) -> list[str]:
    """The command that runs a project in a container of this machine.

    Args:
        environment: What the project says of it.
        image: The image.
        folder: Of the project, which the container sees; None where the image has it.
        arguments: More options of `docker run`, by their names: True for one without a value.
        variables: A file with what is set in the container, of `write_variables`.
        command: What runs there, for a shell.
        name: Of the container, of `container_name`.

    Raises:
        FailedPrecondition: docker is not installed.
    """
    # A first process that passes on signals: a shell would not.
    words = [find_docker(), "run", "--rm", "--init", "--name", name]
    for option_name, value in arguments.items():
        if option_name in ("name", "init"):
            continue
        option = f"-{option_name}" if len(option_name) == 1 else f"--{option_name}"
        words += [option] if value is True else [option, str(value)]
    if folder is not None:
        words += ["--volume", f"{folder}:{CODE}", "--workdir", CODE]
    for volume in environment.volumes:
        words += ["--volume", volume]
    return [*words, "--env-file", str(variables), image, "sh", "-c", command]


def container_name(run_id: str, arguments: Mapping[str, str | bool]) -> str:
    """What the container of a run is called: as somebody wants it, else by the run."""
    return str(arguments.get("name") or f"trivet-{run_id}")


def remove_command(name: str) -> list[str]:
    """The command that ends a container, and is quiet where there is none: docker's own client may end before it."""
    return [find_docker(), "rm", "--force", name]


def write_variables(variables: Mapping[str, str], file: Path) -> Path:
    """Writes variables for a container, where nobody else reads them. They are none of docker's own client.

    Raises:
        FailedPrecondition: one has several lines, which docker takes none of.
    """
    for name, value in variables.items():
        if "\n" in value or "\r" in value:
            raise FailedPrecondition(
                f"The variable {name} for a container has several lines, which docker does not read."
            )
    file.touch(mode=0o600, exist_ok=False)
    with file.open("w", encoding="utf-8") as stream:
        stream.writelines(f"{name}={value}\n" for name, value in sorted(variables.items()))
    return file


def container_variables(environment: DockerEnvironment) -> dict[str, str]:
    """The variables that a project wants in its container, with those of this process by their names.

    Raises:
        FailedPrecondition: one is not set here.
    """
    variables = {}
    for each in environment.environment:
        name, value = (each, os.environ.get(each)) if isinstance(each, str) else each
        if value is None:
            raise FailedPrecondition(f"The project takes the variable {name} from here, and it is not set.")
        variables[name] = value
    return variables


def build_image(project: Project, repository: str, commit: str) -> str:
    """Builds the image of a project, from that of its `docker_env` with the folder in it; returns its name.

    Args:
        project: With `docker_env`.
        repository: What the image is called, such as registry.example.org/team/taxi. Empty: as the project.
        commit: Of the project; a part of it is the tag. Empty: `latest`.

    Raises:
        FailedPrecondition: docker is not there, or cannot build it; says why.
    """
    assert project.docker is not None
    name = repository or project.name.lower()
    if not name:
        raise InvalidArgument("The MLproject file must have a name, which the image is called by.")
    image = f"{name}:{commit[:_COMMIT_DIGITS] or 'latest'}"
    with tempfile.TemporaryDirectory(prefix="trivet-image-") as temporary:
        file = Path(temporary, "Dockerfile")
        file.write_text(f"FROM {project.docker.image}\nCOPY . {CODE}\nWORKDIR {CODE}\n", encoding="utf-8")
        _call("build", "--quiet", "--tag", image, "--file", str(file), str(project.folder))
    return image


def push_image(image: str) -> str:
    """Pushes an image, and returns its name with the digest that the registry gave it. Raises FailedPrecondition."""
    _call("push", "--quiet", image)
    said = _call("image", "inspect", "--format", "{{range .RepoDigests}}{{println .}}{{end}}", image)
    repository = image.rpartition(":")[0]
    return next((line for line in said.split() if line.startswith(f"{repository}@")), image)


def find_docker() -> str:
    """Where docker is. Raises FailedPrecondition where it is not installed."""
    docker = shutil.which("docker")
    if docker is None:
        raise FailedPrecondition("A project with docker_env needs docker, which is not installed here.")
    return docker


def _call(*arguments: str) -> str:
    command: Sequence[str] = [find_docker(), *arguments]
    ended = subprocess.run(  # noqa: S603 - docker; names that begin with a hyphen were refused
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
    )
    if ended.returncode:
        said = " ".join(ended.stderr.split())[-500:]
        raise FailedPrecondition(f"docker {arguments[0]} failed: {said}")
    return ended.stdout
