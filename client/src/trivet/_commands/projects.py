"""`trivet run`: a project."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

import trivet
from trivet import projects
from trivet._commands.answers import Answer, Done
from trivet._commands.declaring import client_command
from trivet._commands.options import JsonOption, parse_pairs

app = typer.Typer()

_STDOUT, _STDERR = 1, 2
_TERMINATED = 128 + signal.SIGTERM  # as shells say it


class Backend(StrEnum):
    """Where a project runs."""

    LOCAL = "local"
    KUBERNETES = "kubernetes"


@client_command(app, "run", example="trivet run https://github.com/mlflow/mlflow-example -P alpha=0.5", has_json=False)
def run(
    client: trivet.Client,
    uri: Annotated[
        str,
        typer.Argument(
            metavar="PROJECT",
            help="A folder, a git repository or a .zip file; #FOLDER behind it is one inside.",
            show_default=False,
        ),
    ],
    entry_point: Annotated[
        str,
        typer.Option(
            "-e", "--entry-point", metavar="NAME", help="One of the MLproject file, or a .py or .sh file of the folder."
        ),
    ] = "main",
    version: Annotated[
        str,
        typer.Option(
            "-v",
            "--version",
            metavar="VERSION",
            help="A branch, a tag or a commit, of a git repository.",
            show_default=False,
        ),
    ] = "",
    parameters: Annotated[
        list[str] | None,
        typer.Option(
            "-P",
            "--param-list",
            metavar="NAME=VALUE",
            help="A parameter of the entry point; may be given several times.",
            show_default=False,
        ),
    ] = None,
    docker_args: Annotated[
        list[str] | None,
        typer.Option(
            "-A",
            "--docker-args",
            metavar="NAME[=VALUE]",
            help="An option of docker run, for a project with docker_env; may be given several times.",
            show_default=False,
        ),
    ] = None,
    experiment_name: Annotated[
        str,
        typer.Option(
            "--experiment-name",
            metavar="NAME",
            help="Where the run goes, made where there is none. Default: Default.",
            show_default=False,
        ),
    ] = "",
    experiment_id: Annotated[
        str, typer.Option("--experiment-id", metavar="ID", help="The same, by the id.", show_default=False)
    ] = "",
    backend: Annotated[Backend, typer.Option("-b", "--backend", help="Where it runs.")] = Backend.LOCAL,
    backend_config: Annotated[
        str,
        typer.Option(
            "-c",
            "--backend-config",
            metavar="FILE",
            help="JSON or YAML, or JSON itself: kube-context, repository-uri, kube-job-template-path.",
            show_default=False,
        ),
    ] = "",
    env_manager: Annotated[
        str,
        typer.Option(
            "--env-manager",
            metavar="NAME",
            help="uv, virtualenv, or local for what is installed here. Default: uv where a file says what is needed.",
            show_default=False,
        ),
    ] = "",
    storage_dir: Annotated[
        Path | None,
        typer.Option(
            "--storage-dir", metavar="FOLDER", help="Where what is fetched is kept meanwhile.", show_default=False
        ),
    ] = None,
    run_id: Annotated[
        str, typer.Option("--run-id", metavar="RUN_ID", help="Use this run, which is there.", show_default=False)
    ] = "",
    run_name: Annotated[
        str, typer.Option("--run-name", metavar="NAME", help="What people call the run.", show_default=False)
    ] = "",
    build_image: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--build-image", help="With docker_env: build an image that has the code.")
    ] = False,
    as_json: JsonOption = False,  # noqa: FBT002 - a flag
) -> Answer:
    """Run a project, as a run of Trivet; its output is shown, and the exit code is 1 where it does not end well.

    Ctrl-C and SIGTERM end it, and its run is KILLED. With --json, its output goes to standard error.
    """
    with _ended_by_sigterm(), _output_beside(is_wanted=as_json):
        submitted = projects.run(
            uri,
            entry_point,
            version or None,
            _parameters(parameters),
            _docker_args(docker_args),
            experiment_name or None,
            experiment_id or None,
            backend.value,
            backend_config or None,
            storage_dir,
            run_id=run_id or None,
            run_name=run_name or None,
            env_manager=env_manager or None,
            build_image=build_image,
            client=client,
        )
    return Done(
        f"Run (ID '{submitted.run_id}') succeeded", {"run_id": submitted.run_id, "status": submitted.get_status()}
    )


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Lets SIGTERM end the command as Ctrl-C does: what runs is ended first."""

    def end(_number: int, _frame: object) -> NoReturn:
        raise SystemExit(_TERMINATED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _output_beside(*, is_wanted: bool) -> Iterator[None]:
    """Lets what is started write to standard error, so that the answer is all that programs read."""
    if not is_wanted:
        yield
        return
    sys.stdout.flush()
    output = os.dup(_STDOUT)
    os.dup2(_STDERR, _STDOUT)
    try:
        yield
    finally:
        os.dup2(output, _STDOUT)
        os.close(output)


def _parameters(texts: Sequence[str] | None) -> dict[str, str]:
    _check_once(texts, "-P")
    return parse_pairs(texts, "-P")


def _docker_args(texts: Sequence[str] | None) -> dict[str, str | bool]:
    _check_once(texts, "-A")
    lone = {text: True for text in texts or () if "=" not in text}
    return {**lone, **parse_pairs([text for text in texts or () if "=" in text], "-A")}


def _check_once(texts: Sequence[str] | None, option: str) -> None:
    names = [text.partition("=")[0] for text in texts or ()]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise typer.BadParameter(f"{', '.join(repeated)} is given more than once.", param_hint=option)
