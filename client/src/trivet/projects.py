"""Projects: code in a folder or a git repository, run with params in an environment of its own, as a run of Trivet."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from typing import Any

from trivet._client import Client
from trivet._errors import FailedPrecondition, ProjectFailed
from trivet._fluent import active_run, chosen_experiment, process_client
from trivet._projects.submitted import SubmittedRun

__all__ = ["ProjectFailed", "SubmittedRun", "run"]


def run(
    uri: str,
    entry_point: str = "main",
    version: str | None = None,
    parameters: Mapping[str, object] | None = None,
    docker_args: Mapping[str, str | bool] | None = None,
    experiment_name: str | None = None,
    experiment_id: str | int | None = None,
    backend: str = "local",
    backend_config: Mapping[str, Any] | str | os.PathLike[str] | None = None,
    storage_dir: str | os.PathLike[str] | None = None,
    synchronous: bool = True,  # noqa: FBT001, FBT002 - as MLflow's
    run_id: str | None = None,
    run_name: str | None = None,
    env_manager: str | None = None,
    build_image: bool = False,  # noqa: FBT001, FBT002 - as MLflow's
    *,
    client: Client | None = None,
) -> SubmittedRun:
    """Runs a project.

    Its run is made first, with where the code comes from, its commit and its params. `trivet.start_run()` in the code
    goes on with that run, and so does `mlflow.start_run()` of MLflow's own client. The exit code says how the run ends.

    Args:
        uri: A folder; a git repository by `https://`, `http://`, `ssh://`, `git://`, `file://` or `USER@HOST:PATH`; or
            a `.zip` file, here or at `https://`. With `#FOLDER` behind it, a folder inside.
        entry_point: One of the `MLproject` file, or a `.py` or `.sh` file of the folder.
        version: A branch, a tag or a commit, of a git repository. Default: what its HEAD is.
        parameters: By their names. Those that the entry point does not declare are added to its command.
        docker_args: Options of `docker run` by their names, for a project with `docker_env`; True for one without a
            value.
        experiment_name: Where the run goes; it is made where there is none. Default: the active experiment.
        experiment_id: Instead of the name.
        backend: `local`, or `kubernetes` for a Job of a cluster.
        backend_config: For `kubernetes`: a mapping with `kube-context`, `repository-uri` and `kube-job-template-path`,
            none of which is needed, or the path of a JSON or YAML file with it.
        storage_dir: Where what is fetched is kept while it runs. Default: the folder of the system for that.
        synchronous: Whether to wait for the end. Otherwise it returns when the command has started, and this process
            waits for it at its own end.
        run_id: Of a run that is there, which is used instead of a new one.
        run_name: What people call the run.
        env_manager: `uv` or `virtualenv` makes the environment of `python_env.yaml` or `conda.yaml`, once for all runs
            with the same content; `local` uses what is installed here. Default: `uv` where there is such a file, else
            `local`.
        build_image: For a project with `docker_env`: whether an image with the code is built, and pushed for a cluster.
        client: Whom to tell. Default: the client of this process.

    Returns:
        The run: with `run_id`, `wait()`, `get_status()` and `cancel()`.

    Raises:
        InvalidArgument: there is no such project, version or entry point, or a parameter is missing or of another type.
        FailedPrecondition: it cannot be fetched, or its environment cannot be made; says why.
        ProjectFailed: it did not end well, with `synchronous`.
    """
    check_extra()
    from trivet._projects.run_records import RunWish  # noqa: PLC0415 - needs what was looked for
    from trivet._projects.running import ProjectWish, check_ended_well, run_project  # noqa: PLC0415 - as above

    active = active_run()
    default_id, default_name = chosen_experiment()
    if experiment_name is None and experiment_id is None and default_name:
        experiment_name = default_name
    wish = ProjectWish(
        uri,
        entry_point,
        version,
        parameters or {},
        backend,
        backend_config,
        env_manager,
        storage_dir,
        build_image,
        docker_args or {},
        RunWish(
            experiment_name,
            experiment_id,
            run_id,
            run_name,
            parent_run_id=active.info.run_id if active is not None else None,
            default_experiment_id=default_id,
        ),
    )
    submitted = run_project(client or process_client(), wish)
    if synchronous:
        check_ended_well(submitted)
    return submitted


def check_extra() -> None:
    """Raises FailedPrecondition where the extra is not installed."""
    if importlib.util.find_spec("yaml") is None:
        raise FailedPrecondition("Projects need an extra (yaml missing): pip install 'trivet[projects]'")
