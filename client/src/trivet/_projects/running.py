"""Runs a project: fetched, its run made, its environment brought, its command started."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trivet._client import Client
from trivet._errors import FailedPrecondition, InvalidArgument, ProjectFailed, TrivetError
from trivet._models.s3_folders import download_s3
from trivet._projects.child_variables import (
    cluster_variables,
    container_server_variables,
    mlflow_token,
    run_variables,
    server_variables,
)
from trivet._projects.cluster import Cluster, JobWork
from trivet._projects.docker import (
    build_image,
    container_name,
    container_variables,
    docker_command,
    find_docker,
    push_image,
    remove_command,
    write_variables,
)
from trivet._projects.environments import (
    EnvManager,
    PythonEnvironment,
    choose_manager,
    environment_folder,
    read_environment,
    variables_of,
    variables_of_local,
)
from trivet._projects.gateway import gateway_command
from trivet._projects.jobs import job_name, read_cluster_config, render_job
from trivet._projects.local import LocalWork, shell_command
from trivet._projects.mlproject import Project, read_project
from trivet._projects.parameters import EntryPoint, Values, check_files, with_files
from trivet._projects.run_records import (
    BACKEND_TAG,
    ENTRY_POINT_TAG,
    ENVIRONMENT_TAG,
    IMAGE_TAG,
    JOB_TAG,
    RunWish,
    begin_run,
    end_run,
    log_params,
)
from trivet._projects.sources import Fetched, fetch, parse_source
from trivet._projects.submitted import SubmittedRun
from trivet._projects.supervisor import GRACE_SECONDS, PATIENCE_SECONDS, Task

if TYPE_CHECKING:
    from trivet._entities import Run

_log = logging.getLogger("trivet")
BACKENDS: Final = ("local", "kubernetes")


@dataclass(frozen=True)
class ProjectWish:
    """What is to be run, and how."""

    uri: str
    entry_point: str = "main"
    version: str | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)
    backend: str = "local"
    backend_config: Mapping[str, Any] | str | os.PathLike[str] | None = None
    env_manager: str | None = None
    storage_dir: str | os.PathLike[str] | None = None
    build_image: bool = False
    docker_args: Mapping[str, str | bool] = field(default_factory=dict)
    run: RunWish = field(default_factory=RunWish)

    def check(self) -> None:
        """Raises where it cannot be run, whatever the project is."""
        if sys.platform == "win32":
            raise FailedPrecondition("Projects run on Linux and macOS.")
        if self.backend not in BACKENDS:
            raise InvalidArgument(f"There is no backend {self.backend!r}: say {' or '.join(BACKENDS)}.")
        self.run.check()


@dataclass(frozen=True)
class _Prepared:
    """A project that is here, with what it is run with."""

    fetched: Fetched
    project: Project
    entry_point: EntryPoint
    values: Values
    temporary: Path
    """A folder of this run alone."""


def run_project(client: Client, wish: ProjectWish) -> SubmittedRun:
    """Starts a project; what it is, and what it is run with, is checked before a run is made.

    Raises:
        TrivetError: it cannot be started; where its run was made, that is FAILED then, or KILLED on Ctrl-C.
    """
    wish.check()
    temporary = _temporary_folder(wish.storage_dir)
    try:
        prepared = _prepare(wish, temporary)
        submit = _submit_to_kubernetes if wish.backend == "kubernetes" else _submit_here
        return submit(client, wish, prepared)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def check_ended_well(submitted: SubmittedRun) -> None:
    """Waits for a run, and ends it where the wait is interrupted. Raises ProjectFailed where it does not end well."""
    try:
        is_well = submitted.wait()
    except (KeyboardInterrupt, SystemExit):
        # Not after another failure: what cannot be asked now may go on well.
        try:
            submitted.cancel()
        except TrivetError as error:
            _log.warning("The run %s may go on: it could not be cancelled: %s", submitted.run_id, error.message)
        raise
    if not is_well:
        status = "was killed" if submitted.get_status() == "KILLED" else "failed"
        raise ProjectFailed(
            f"Run (ID '{submitted.run_id}') {status}. {submitted.message}".strip(),
            metadata={"run_id": submitted.run_id},
        )


def _temporary_folder(storage: str | os.PathLike[str] | None) -> Path:
    try:
        if storage is not None:
            Path(storage).mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix="trivet-project-", dir=storage)).absolute()
    except OSError as error:
        raise InvalidArgument(f"The folder {str(storage)!r} cannot be used: {error.strerror}.") from error


def _prepare(wish: ProjectWish, temporary: Path) -> _Prepared:
    fetched = fetch(parse_source(wish.uri), wish.version, temporary / "project")
    project = read_project(fetched.folder)
    entry_point = project.entry_point(wish.entry_point)
    values = entry_point.values(wish.parameters)
    # Braces that are none show before there is a run.
    entry_point.command_line(values)
    return _Prepared(fetched, project, entry_point, values, temporary)


@contextmanager
def _begun(client: Client, wish: ProjectWish, prepared: _Prepared, tags: Mapping[str, str]) -> Iterator[Run]:
    """The run of a project, which ends with the block where that fails."""
    target = client._target  # noqa: SLF001 - the same server, by a client of its own
    run = begin_run(client, wish.run, prepared.fetched, tags)
    try:
        log_params(client, wish.run, run, prepared.values.all())
        yield run
    except Exception as error:
        end_run(target, run.info.run_id, "FAILED", str(error))
        raise
    except BaseException:
        end_run(target, run.info.run_id, "KILLED")
        raise


def _submit_here(client: Client, wish: ProjectWish, prepared: _Prepared) -> SubmittedRun:
    project = prepared.project
    # What cannot be made by anybody shows before there is a run.
    manager = None if project.docker is not None else choose_manager(project, wish.env_manager)
    wanted = read_environment(project) if manager in ("uv", "virtualenv") else None
    tags = {
        ENTRY_POINT_TAG: wish.entry_point,
        BACKEND_TAG: wish.backend,
        ENVIRONMENT_TAG: "docker" if manager is None else manager,
    }
    check_files(prepared.entry_point, prepared.values)
    target = client._target  # noqa: SLF001 - the same server, for a process of its own
    if project.docker is None:
        told = server_variables(target)
    else:
        find_docker()
        told = container_variables(project.docker) | container_server_variables(target)
    with _begun(client, wish, prepared, tags) as run:
        values = with_files(prepared.entry_point, prepared.values, prepared.temporary / "files", _downloader(client))
        command = prepared.entry_point.command_line(values)
        if project.docker is not None:
            task = _in_container(client, wish, prepared, run, command, told | run_variables(run))
        else:
            gateway = gateway_command(target, project.folder)
            own = _python_variables(manager, wanted, project) | (mlflow_token(target) if gateway else {})
            task = _task(prepared, run, shell_command(command), {**own, **told, **run_variables(run)}, gateway)
        return SubmittedRun(run.info.run_id, LocalWork(task, target))


def _task(
    prepared: _Prepared,
    run: Run,
    words: Sequence[str],
    variables: Mapping[str, str],
    gateway: Sequence[str] = (),
    cleaner: Sequence[str] = (),
) -> Task:
    return Task(
        words,
        str(prepared.project.folder),
        {**os.environ, **variables},
        run.info.run_id,
        gateway,
        removed=[str(prepared.temporary)],
        grace_seconds=GRACE_SECONDS,
        patience_seconds=PATIENCE_SECONDS,
        cleaner=cleaner,
    )


def _downloader(client: Client) -> Callable[[str, Path], str]:
    def download(uri: str, folder: Path) -> str:
        if uri.lower().startswith("s3:"):
            download_s3(uri, folder)
            return str(folder)
        return client.download_artifacts(dst_path=str(folder), artifact_uri=uri)

    return download


def _python_variables(manager: EnvManager | None, wanted: PythonEnvironment | None, project: Project) -> dict[str, str]:
    if wanted is None or manager is None or manager == "local":
        return variables_of_local()
    return variables_of(environment_folder(manager, wanted, project.folder))


def _in_container(
    client: Client, wish: ProjectWish, prepared: _Prepared, run: Run, command: str, ours: Mapping[str, str]
) -> Task:
    """What runs a project in a container."""
    project = prepared.project
    assert project.docker is not None
    image = project.docker.image
    if wish.build_image:
        image = build_image(project, "", prepared.fetched.commit)
        client.tracking.set_tag(run.info.run_id, IMAGE_TAG, image)
    folder = None if wish.build_image else project.folder
    variables = write_variables(ours, prepared.temporary / "variables")
    name = container_name(run.info.run_id, wish.docker_args)
    words = docker_command(project.docker, image, folder, wish.docker_args, variables, command, name)
    # What the supervisor itself needs to find the server.
    found = {**server_variables(client._target), **run_variables(run)}  # noqa: SLF001 - see `_submit_here`
    return _task(prepared, run, words, found, cleaner=remove_command(name))


def _submit_to_kubernetes(client: Client, wish: ProjectWish, prepared: _Prepared) -> SubmittedRun:
    project, target = prepared.project, client._target  # noqa: SLF001 - see `_submit_here`
    config = read_cluster_config(wish.backend_config)
    if project.docker is None:
        raise InvalidArgument("A project for Kubernetes needs docker_env with an image in its MLproject file.")
    variables = container_variables(project.docker) | cluster_variables(target)
    cluster = Cluster(config.context)
    tags = {ENTRY_POINT_TAG: wish.entry_point, BACKEND_TAG: wish.backend, ENVIRONMENT_TAG: "docker"}
    with _begun(client, wish, prepared, tags) as run:
        image = project.docker.image
        if wish.build_image:
            image = push_image(build_image(project, config.repository, prepared.fetched.commit))
        job = render_job(
            config.template,
            name=job_name(project.name, run.info.run_id),
            image=image,
            command=prepared.entry_point.command_line(prepared.values),
            variables=variables | run_variables(run),
        )
        client.tracking.set_tags(run.info.run_id, {IMAGE_TAG: image, JOB_TAG: f"{job.namespace}/{job.name}"})
        try:
            cluster.create_job(job)
            shutil.rmtree(prepared.temporary, ignore_errors=True)
            return SubmittedRun(run.info.run_id, JobWork(cluster, job, target, run.info.run_id))
        except (KeyboardInterrupt, SystemExit):
            # The cluster may have made it before the answer was here.
            with suppress(FailedPrecondition):
                cluster.delete_job(job)
            raise
