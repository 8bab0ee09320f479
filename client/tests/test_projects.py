"""Projects that run: what becomes of their runs, whatever becomes of them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

import trivet
from trivet import projects
from trivet._projects import child_variables, gateway
from trivet._projects.environments import PythonEnvironment, choose_manager, read_environment
from trivet._projects.local import LocalWork
from trivet._projects.mlproject import read_project
from trivet._projects.parameters import EntryPoint, Parameter, check_files, with_files
from trivet._projects.supervisor import Task
from trivet._target import resolve
from trivet_testing.environments import mlflow_environment
from trivet_testing.gateways import services_in
from trivet_testing.servers import run_to_exit
from trivet_testing.waiting import wait_until


def project(folder: Path, command: str = "true", *, name: str = "taxi", **fields: Any) -> Path:
    """A project whose entry point `main` has a command."""
    folder.mkdir(exist_ok=True)
    main = {"command": command, "parameters": fields.pop("parameters", {})}
    content = {"name": name, "entry_points": {"main": main}, **fields}
    (folder / "MLproject").write_text(yaml.safe_dump(content), encoding="utf-8")
    return folder


def writes_its_variables(file: Path) -> str:
    program = "import json, os, sys; json.dump([dict(os.environ), sys.argv[1:]], open(sys.argv[1], 'w'))"
    return f'{sys.executable} -c "{program}" {file}'


def written(file: Path) -> tuple[dict[str, str], list[str]]:
    variables, arguments = json.loads(file.read_text(encoding="utf-8"))
    return variables, arguments[1:]


def gone(pid: int) -> bool:
    """Whether a process has ended; a zombie has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


# --- what is said of a project


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("entry_points: [main]", "entry_points must be a mapping"),
        ("entry_points: {main: {parameters: {}}}", "'main' has no command"),
        ("entry_points: {main: {command: 'x', parameters: [a]}}", "parameters must be a mapping"),
        ("- a\n- b", "The MLproject file must be a mapping"),
        ("a: [", "is no YAML"),
        ("a: !!python/object/apply:os.system [true]", "is no YAML"),
        ("python_env: a.yaml\nconda_env: b.yaml", "cannot contain multiple environment fields: python_env, conda_env"),
        ("python_env: away.yaml", "specified python_env file 'away.yaml', but no such file"),
        ("docker_env: {volumes: [/a]}", "docker_env names no image"),
        ("docker_env: {image: --privileged}", "docker_env names no image"),
        ("docker_env: {image: x, volumes: /a}", "volumes must be a list"),
        ("docker_env: {image: x, environment: [[A]]}", "environment must be a list"),
        ("docker_env: {image: x, environment: [[A=B, c]]}", "environment must be a list"),
    ],
)
def test_bad_file_is_said(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "MLproject").write_text(content, encoding="utf-8")
    with pytest.raises(trivet.InvalidArgument, match=said):
        read_project(tmp_path)


def test_file_is_found_in_any_case_and_a_link_in_a_circle_is_said(tmp_path: Path) -> None:
    (tmp_path / "mlPROJECT").write_text("name: taxi", encoding="utf-8")
    assert read_project(tmp_path).name == "taxi"
    (tmp_path / "mlPROJECT").unlink()
    (tmp_path / "MLproject").symlink_to(tmp_path / "other")
    (tmp_path / "other").symlink_to(tmp_path / "MLproject")
    with pytest.raises(trivet.InvalidArgument, match="The MLproject file cannot be read"):
        read_project(tmp_path)


def test_entry_point_that_is_unknown_names_those_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "b.py").touch()
    (tmp_path / "a.sh").touch()
    (tmp_path / "c.txt").touch()
    with pytest.raises(trivet.InvalidArgument, match=r"no entry point 'main': there are 'a.sh', 'b.py'\."):
        read_project(tmp_path).entry_point("main")
    with pytest.raises(trivet.InvalidArgument, match=r"no script 'away.py': there are"):
        read_project(tmp_path).entry_point("away.py")
    with pytest.raises(trivet.InvalidArgument, match=r"no entry point '\.\./x.py'"):
        read_project(tmp_path).entry_point("../x.py")
    with pytest.raises(trivet.InvalidArgument, match=r"there are 'main', 'a.sh', 'b.py'"):
        read_project(project(tmp_path)).entry_point("test")


TYPED = EntryPoint(
    "main",
    "python train.py {alpha} --data {data} --json '{{}}'",
    {
        "alpha": Parameter("alpha", "float", "0.5"),
        "data": Parameter("data"),
        "source": Parameter("source", "uri", "https://example.org"),
    },
)


def test_values_are_quoted_and_extra_ones_come_behind() -> None:
    values = TYPED.values({"data": "a b; $(rm -rf /) 'x'", "extra": "1 2", "odd name;": 3})
    assert TYPED.command_line(values) == (
        "python train.py 0.5 --data 'a b; $(rm -rf /) '\"'\"'x'\"'\"'' --json '{}' --extra '1 2' '--odd name;' 3"
    )
    assert values.all() == {
        "alpha": "0.5",
        "data": "a b; $(rm -rf /) 'x'",
        "source": "https://example.org",
        "extra": "1 2",
        "odd name;": "3",
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "No value given for missing parameters: 'data'"),
        ({"data": None}, "No value given for missing parameters: 'data'"),
        ({"data": "x", "alpha": "much"}, "Expected a number for parameter 'alpha' but got 'much'"),
        ({"data": "x", "source": "/a/path"}, "Expected URI for parameter 'source' but got '/a/path'"),
    ],
)
def test_bad_parameter_is_said(given: Mapping[str, object], said: str) -> None:
    with pytest.raises(trivet.InvalidArgument, match=said):
        TYPED.values(given)


@pytest.mark.parametrize("command", ["x {beta}", "x {alpha.__class__}", "x {alpha!r}", "x {alpha:>9}", "x {", "x {}"])
def test_placeholder_that_is_none_is_said(command: str) -> None:
    entry_point = EntryPoint("main", command, {"alpha": Parameter("alpha", "float", "0.5")})
    with pytest.raises(trivet.InvalidArgument, match="The command of the entry point 'main'"):
        entry_point.command_line(entry_point.values({}))


HOSTILE = "a b; $(touch made) `touch made` \"x\" 'y' \\ {z}"


@pytest.mark.parametrize(
    "command",
    [
        "printf %s {a}",
        'printf %s "{a}"',
        "printf %s '{a}'",
        'printf %s "${{HOME}}"{a} | tail -c +$((${{#HOME}}+1))',
        "# it's said\nprintf %s {a}",
        "printf %s $(printf %s it\\'s >&2){a}",
    ],
)
def test_value_is_taken_as_it_is_by_the_shell(tmp_path: Path, command: str) -> None:
    entry_point = EntryPoint("main", command, {"a": Parameter("a")})
    line = entry_point.command_line(entry_point.values({"a": HOSTILE}))
    ended = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ended.stdout == HOSTILE
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    [
        'echo "is {a}"',
        "bash -c 'echo {a}'",
        'echo "$(echo "{a}")"',
        "cat <<END\n{a}\nEND",
        "echo `echo {a}`",
        "echo ${a}",
        "echo \\{a}",
        "true # don't {a}",
        "echo $(({a}))",
        "echo $'\\'' {a}",
        'echo "${{x:-"{a}"}}"',
        "true # ends here",
    ],
)
def test_value_that_no_quotes_hold_is_refused(command: str) -> None:
    entry_point = EntryPoint("main", command, {"a": Parameter("a")} if "{a}" in command else {})
    with pytest.raises(trivet.InvalidArgument, match="cannot be put into the command of the entry point 'main'"):
        entry_point.command_line(entry_point.values({"a": HOSTILE}))
    assert "7-a.b" in entry_point.command_line(entry_point.values({"a": "7-a.b"}))


# --- environments


def environment_of(folder: Path, **files: str) -> PythonEnvironment:
    for name, text in files.items():
        (folder / name.replace("_txt", ".txt").replace("_yaml", ".yaml")).write_text(text, encoding="utf-8")
    return read_environment(read_project(folder))


def test_environment_is_what_the_files_say(tmp_path: Path) -> None:
    found = environment_of(
        tmp_path,
        python_env_yaml="python: '3.11'\nbuild_dependencies: [setuptools]\ndependencies: [-r more.txt, numpy==2.3.0]",
        more_txt="scipy>=1\n-c limits.txt\n",
        limits_txt="pandas<3\n",
    )
    assert found == PythonEnvironment("3.11", ("setuptools",), ("scipy>=1", "numpy==2.3.0"), ("pandas<3",))
    assert read_project(tmp_path).environment_file == tmp_path / "python_env.yaml"


def test_environment_has_a_key_by_its_content(tmp_path: Path) -> None:
    wanted = PythonEnvironment("3.11", (), ("numpy",))
    assert wanted.key("uv", tmp_path) == PythonEnvironment("3.11", (), ("numpy",)).key("uv", tmp_path / "other")
    others = [
        wanted.key("virtualenv", tmp_path),
        PythonEnvironment("3.12", (), ("numpy",)).key("uv", tmp_path),
        PythonEnvironment("3.11", ("numpy",), ()).key("uv", tmp_path),
        PythonEnvironment("3.11", (), ("numpy",), ("scipy",)).key("uv", tmp_path),
    ]
    assert len({*others, wanted.key("uv", tmp_path)}) == 5
    local = PythonEnvironment("3.11", (), ("-e .",))
    assert local.key("uv", tmp_path) != local.key("uv", tmp_path / "other")
    assert (wanted.is_kept, local.is_kept) == (True, False)


def test_conda_file_is_taken_where_it_is_pip_alone(tmp_path: Path) -> None:
    found = environment_of(
        tmp_path,
        conda_yaml="channels: [conda-forge]\ndependencies: [python=3.11.7, pip<=24, wheel=0.4, {pip: [numpy]}]",
    )
    assert found == PythonEnvironment("3.11.7", ("pip<=24", "wheel==0.4"), ("numpy",))
    with pytest.raises(
        trivet.FailedPrecondition, match=r"packages of conda, which Trivet does not run: cudatoolkit=11"
    ):
        environment_of(tmp_path, conda_yaml="dependencies: [python=3.11, cudatoolkit=11, {pip: [numpy]}]")


@pytest.mark.parametrize(
    ("said", "python"),
    [
        ("python", ""),
        ("python 3.11.*", "3.11"),
        ("python=3.11.7=h955ad1f_0_cpython", "3.11.7"),
        ('"python>=3.10,<3.13"', "3.10"),
        ("python ~=3.11", "3.11"),
    ],
)
def test_python_of_a_conda_file_is_one_that_fits(tmp_path: Path, said: str, python: str) -> None:
    assert environment_of(tmp_path, conda_yaml=f"dependencies: [{said}]").python == python


@pytest.mark.parametrize("said", ["python<3.11", "python>3.9", "python<=3.11", "python!=3.9", "python=3.11|3.12"])
def test_python_of_a_conda_file_that_names_no_version_is_said(tmp_path: Path, said: str) -> None:
    with pytest.raises(trivet.InvalidArgument, match=r"conda.yaml: python is '.*'; write a version"):
        environment_of(tmp_path, conda_yaml=f"dependencies: ['{said}']")


@pytest.mark.parametrize("said", ["python-dateutil=2.8", "pip-tools=6", "pythonnet"])
def test_package_of_conda_is_told_from_python_and_pip(tmp_path: Path, said: str) -> None:
    with pytest.raises(trivet.FailedPrecondition, match=said):
        environment_of(tmp_path, conda_yaml=f"dependencies: [{said}]")


@pytest.mark.parametrize(
    ("requirement", "is_kept"),
    [
        ("numpy>=2", True),
        ("taxi @ https://example.org/taxi.whl", True),
        ("git+https://example.org/taxi.git@v1", True),
        ("--find-links https://example.org/wheels", True),
        ("-e .", False),
        (".[all]", False),
        ("taxi @ file:///srv/taxi", False),
        ("vendor/lib", False),
        ("./vendor/lib", False),
        ("taxi-1.0-py3-none-any.whl", False),
        ("--find-links ./wheels", False),
        ("-f wheels", False),
    ],
)
def test_environment_with_something_of_a_folder_is_made_anew(requirement: str, *, is_kept: bool) -> None:
    assert PythonEnvironment("3.11", (), (requirement,)).is_kept == is_kept


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a: [", "is no YAML"),
        ("[a]", "must be a mapping"),
        ("python: newest", "python is 'newest'"),
        ("dependencies: numpy", "must be a list of requirements"),
        ("dependencies: [-r away.txt]", "cannot be read: No such file"),
        ("dependencies: [-r circle.txt]", "names itself"),
    ],
)
def test_bad_environment_is_said(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(trivet.InvalidArgument, match=said):
        environment_of(tmp_path, python_env_yaml=content, circle_txt="-r circle.txt")


def test_manager_is_chosen_by_the_files(tmp_path: Path) -> None:
    assert choose_manager(read_project(tmp_path), None) == "local"
    (tmp_path / "python_env.yaml").touch()
    assert choose_manager(read_project(tmp_path), None) == "uv"
    with pytest.raises(trivet.FailedPrecondition, match="does not run conda"):
        choose_manager(read_project(tmp_path), "conda")
    with pytest.raises(trivet.InvalidArgument, match="no env_manager 'pipx': say local, uv, virtualenv"):
        choose_manager(read_project(tmp_path), "pipx")


def test_missing_uv_is_said(client: trivet.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project(tmp_path / "p") / "python_env.yaml").touch()
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(trivet.FailedPrecondition, match="made by uv, which is not installed"):
        projects.run(str(tmp_path / "p"), client=client)
    (run,) = client.search_runs(["0"])
    assert run.info.status == "FAILED"
    assert "uv, which is not installed" in run.data.tags["trivet.exit.message"]


# --- runs


def test_run_is_made_first_and_the_code_finds_it(client: trivet.Client, tmp_path: Path) -> None:
    file = tmp_path / "written"
    parameters = {"alpha": {"type": "float", "default": 0.5}, "who": "string"}
    folder = project(tmp_path / "p", f"{writes_its_variables(file)} {{alpha}} {{who}}", parameters=parameters)
    submitted = projects.run(
        str(folder), parameters={"who": "it's me", "beta": 1}, experiment_name="taxi", run_name="first", client=client
    )
    assert (submitted.get_status(), submitted.wait(), submitted.message) == ("FINISHED", True, "")
    variables, arguments = written(file)
    assert arguments == ["0.5", "it's me", "--beta", "1"]
    run = client.get_run(submitted.run_id)
    assert variables["TRIVET_RUN_ID"] == variables["MLFLOW_RUN_ID"] == run.info.run_id
    assert variables["MLFLOW_EXPERIMENT_ID"] == run.info.experiment_id
    assert client.get_experiment(run.info.experiment_id).name == "taxi"
    assert (run.info.status, run.info.run_name, run.info.source) == ("FINISHED", "first", str(folder))
    assert run.data.params == {"alpha": "0.5", "who": "it's me", "beta": "1"}
    assert {key: value for key, value in run.data.tags.items() if key.startswith("mlflow.") and "git" not in key} == {
        "mlflow.source.type": "PROJECT",
        "mlflow.source.name": str(folder),
        "mlflow.project.entryPoint": "main",
        "mlflow.project.env": "local",
        "mlflow.project.backend": "local",
        "mlflow.user": run.info.user_id,
    }
    # What starts from the folder finds the same server.
    assert (
        resolve(variables["TRIVET_TRACKING_URL"], workspace=variables["TRIVET_WORKSPACE"]).addresses["tracking"]
        == (resolve(os.environ["TRIVET_TRACKING_URL"]).addresses["tracking"])
    )


def test_code_goes_on_with_the_run_and_worse_endings_count(client: trivet.Client, tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "train.py").write_text(
        textwrap.dedent(
            """
            import sys
            import trivet

            trivet.set_experiment("another")
            with trivet.start_run():
                trivet.log_metric("rmse", 0.25)
            sys.exit(7)
            """
        ),
        encoding="utf-8",
    )
    with pytest.raises(trivet.ProjectFailed, match=r"failed\. Its command ended with exit code 7\.") as caught:
        projects.run(str(folder), "train.py", client=client)
    run = client.get_run(caught.value.metadata["run_id"])
    assert run.data.metrics == {"rmse": 0.25}
    # Its block ended well, what came behind did not.
    assert (run.info.status, run.info.experiment_id) == ("FAILED", "0")
    assert run.data.tags["trivet.exit.message"] == "Its command ended with exit code 7."


def test_script_of_a_shell_is_an_entry_point(client: trivet.Client, tmp_path: Path) -> None:
    (tmp_path / "odd {name}.sh").write_text('echo "$@" > said; kill -KILL $$', encoding="utf-8")
    with pytest.raises(trivet.ProjectFailed, match="Its command was ended by SIGKILL"):
        projects.run(str(tmp_path), "odd {name}.sh", parameters={"a": "b c"}, client=client)
    assert (tmp_path / "said").read_text(encoding="utf-8") == "--a b c\n"


def test_run_that_is_there_is_used(client: trivet.Client, tmp_path: Path) -> None:
    run_id = client.create_run("0").info.run_id
    client.log_param(run_id, "alpha", "0.5")
    client.set_terminated(run_id)
    folder = str(project(tmp_path / "p"))
    submitted = projects.run(folder, parameters={"alpha": 1}, run_id=run_id, run_name="again", client=client)
    assert submitted.run_id == run_id
    run = client.get_run(run_id)
    assert (run.info.status, run.info.run_name) == ("FINISHED", "again")
    # As MLflow has it: params are those that the run began with.
    assert run.data.params == {"alpha": "0.5"}
    assert run.data.tags["mlflow.source.type"] == "PROJECT"


def test_run_whose_param_is_refused_has_failed(client: trivet.Client, tmp_path: Path) -> None:
    with pytest.raises(trivet.InvalidArgument):
        projects.run(str(project(tmp_path / "p")), parameters={"alpha": "x" * 20_000}, client=client)
    (run,) = client.search_runs(["0"])
    assert run.info.status == "FAILED"


def test_run_within_a_run_is_its_child(environment: object, tmp_path: Path) -> None:
    with trivet.start_run() as parent:
        submitted = projects.run(str(project(tmp_path / "p")))
    assert trivet.get_run(submitted.run_id).info.parent_run_id == parent.info.run_id


def test_path_that_is_a_uri_is_downloaded(client: trivet.Client, tmp_path: Path) -> None:
    run_id = client.create_run("0").info.run_id
    (tmp_path / "trips.csv").write_text("trips", encoding="utf-8")
    client.log_artifact(run_id, str(tmp_path / "trips.csv"), "data")
    parameters = {"data": "path"}
    folder = project(tmp_path / "p", "cp {data} copy; echo {data} > place", parameters=parameters)
    uri = f"runs:/{run_id}/data/trips.csv"
    storage = tmp_path / "storage"
    submitted = projects.run(str(folder), parameters={"data": uri}, storage_dir=storage, client=client)
    assert (folder / "copy").read_text(encoding="utf-8") == "trips"
    assert (folder / "place").read_text(encoding="utf-8").startswith(f"{storage}/")
    assert list(storage.iterdir()) == []
    assert client.get_run(submitted.run_id).data.params == {"data": uri}


def test_path_of_this_machine_is_absolute_and_has_to_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry_point = EntryPoint("main", "x {data}", {"data": Parameter("data", "path")})
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trips").touch()

    def no_download(uri: str, _folder: Path) -> str:
        raise AssertionError(uri)

    for given in ("trips", f"file://{tmp_path}/trips"):
        values = with_files(entry_point, entry_point.values({"data": given}), tmp_path, no_download)
        assert values.declared == {"data": str(tmp_path / "trips")}
    with pytest.raises(trivet.InvalidArgument, match="Got value away for parameter 'data', but no such file"):
        check_files(entry_point, entry_point.values({"data": "away"}))


def test_cancelled_run_is_killed_with_all_that_it_started(client: trivet.Client, tmp_path: Path) -> None:
    folder = project(tmp_path / "p", "sleep 600 & echo $! > pid.new; mv pid.new pid; wait")
    submitted = projects.run(str(folder), synchronous=False, client=client)
    wait_until((folder / "pid").exists)
    assert submitted.get_status() == "RUNNING"
    assert client.get_run(submitted.run_id).info.status == "RUNNING"
    submitted.cancel()
    submitted.cancel()
    assert (submitted.get_status(), submitted.wait()) == ("KILLED", False)
    assert client.get_run(submitted.run_id).info.status == "KILLED"
    pid = int((folder / "pid").read_text(encoding="utf-8"))
    wait_until(lambda: gone(pid))


def test_run_that_ends_by_itself_is_seen_to(client: trivet.Client, tmp_path: Path) -> None:
    submitted = projects.run(str(project(tmp_path / "p", "exit 4")), synchronous=False, client=client)
    wait_until(lambda: submitted.get_status() != "RUNNING")
    assert (submitted.get_status(), submitted.message) == ("FAILED", "Its command ended with exit code 4.")
    submitted.cancel()
    assert submitted.get_status() == "FAILED"


IGNORES = "trap '' TERM; echo $$ > pid.new; mv pid.new pid; while true; do sleep 0.1; done"


def test_command_that_ignores_sigterm_is_killed(
    client: trivet.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project(tmp_path / "p", IGNORES)
    monkeypatch.setattr("trivet._projects.running.GRACE_SECONDS", 0.2)
    submitted = projects.run(str(folder), synchronous=False, client=client)
    wait_until((folder / "pid").exists)
    pid = int((folder / "pid").read_text(encoding="utf-8"))
    submitted.cancel()
    assert submitted.get_status() == "KILLED"
    assert gone(pid)


def test_command_ends_when_what_watches_it_is_killed(client: trivet.Client, tmp_path: Path) -> None:
    folder = project(tmp_path / "p", "echo $$ $PPID > pids.new; mv pids.new pids; exec sleep 600")
    submitted = projects.run(str(folder), synchronous=False, client=client)
    wait_until((folder / "pids").exists)
    command, watcher = map(int, (folder / "pids").read_text(encoding="utf-8").split())
    os.kill(watcher, signal.SIGKILL)
    assert not submitted.wait()
    wait_until(lambda: gone(command))
    assert submitted.get_status() == client.get_run(submitted.run_id).info.status == "KILLED"


def test_what_a_command_started_has_time_to_end(client: trivet.Client, tmp_path: Path) -> None:
    inner = "trap 'sleep 0.5; touch saved; exit' TERM; touch begun; while true; do sleep 0.05; done"
    folder = project(tmp_path / "p", f'bash -c "{inner}" & wait')
    submitted = projects.run(str(folder), synchronous=False, client=client)
    wait_until((folder / "begun").exists)
    submitted.cancel()
    assert submitted.get_status() == "KILLED"
    assert (folder / "saved").exists()


def test_end_is_known_where_no_server_can_be_told(tmp_path: Path) -> None:
    away = resolve("grpc://127.0.0.1:1")
    settings = {**os.environ, "TRIVET_URL": "ftp://127.0.0.1"}
    task = Task(["true"], str(tmp_path), settings, "0" * 32, (), (), grace_seconds=1, patience_seconds=0)
    for command, status in ((["true"], "FINISHED"), (["a\0b"], "FAILED")):
        work = LocalWork(replace(task, command=command), away)
        work.wait()
        assert work.status() == status


def test_what_the_code_says_of_a_run_is_what_is_told(client: trivet.Client, tmp_path: Path) -> None:
    program = "import trivet; trivet.Client().set_terminated(trivet.start_run().info.run_id, status='FAILED')"
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "x.py").write_text(f"{program}; import os; os._exit(0)", encoding="utf-8")
    with pytest.raises(trivet.ProjectFailed, match="the code in it says that the run failed") as caught:
        projects.run(str(tmp_path / "p"), "x.py", client=client)
    assert client.get_run(caught.value.metadata["run_id"]).info.status == "FAILED"


def test_command_ends_when_whoever_started_it_is_killed(client: trivet.Client, tmp_path: Path) -> None:
    folder = project(tmp_path / "p", "echo $$ > pid.new; mv pid.new pid; exec sleep 600")
    program = f"from trivet import projects; projects.run({str(folder)!r})"
    with subprocess.Popen([sys.executable, "-c", program]) as process:
        wait_until((folder / "pid").exists)
        process.send_signal(signal.SIGKILL)
    pid = int((folder / "pid").read_text(encoding="utf-8"))
    wait_until(lambda: gone(pid))
    (run,) = client.search_runs(["0"])
    wait_until(lambda: client.get_run(run.info.run_id).info.status == "KILLED")


def test_process_waits_at_its_end_for_what_it_started(client: trivet.Client, tmp_path: Path) -> None:
    folder = project(tmp_path / "p", "sleep 0.5; touch done")
    program = f"from trivet import projects; projects.run({str(folder)!r}, synchronous=False)"
    subprocess.run([sys.executable, "-c", program], check=True)
    assert (folder / "done").exists()
    (run,) = client.search_runs(["0"])
    assert run.info.status == "FINISHED"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"backend": "databricks"}, "no backend 'databricks': say local or kubernetes"),
        ({"experiment_name": "a", "experiment_id": "0"}, "Specify only one of"),
        ({"env_manager": "conda"}, "does not run conda"),
        ({"entry_point": "test"}, "no entry point 'test'"),
        ({"parameters": {"data": "away"}}, "Got value away for parameter 'data'"),
        ({"parameters": {"alpha": "a\0b"}}, "no command can have the character NUL"),
    ],
)
def test_what_cannot_be_run_makes_no_run(
    client: trivet.Client, tmp_path: Path, options: Mapping[str, Any], said: str
) -> None:
    parameters = {"data": {"type": "path", "default": "https://example.org/trips"}}
    with pytest.raises(trivet.TrivetError, match=said):
        projects.run(str(project(tmp_path / "p", parameters=parameters)), client=client, **options)
    assert client.search_runs(["0"]) == []


def test_experiment_or_run_that_is_not_there_is_said(client: trivet.Client, tmp_path: Path) -> None:
    folder = str(project(tmp_path / "p"))
    with pytest.raises(trivet.ExperimentNotFound):
        projects.run(folder, experiment_id="77", client=client)
    with pytest.raises(trivet.RunNotFound):
        projects.run(folder, run_id="0" * 32, client=client)


# --- MLflow's own client


def test_server_is_told_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    told = child_variables.server_variables(resolve("file:data"))
    assert told["TRIVET_URL"] == f"file://{tmp_path}/data"
    assert child_variables.server_variables(resolve("sqlite:///x.db"))["TRIVET_URL"] == f"sqlite:///{tmp_path}/x.db"
    monkeypatch.setenv("TRIVET_TOKEN", "secret")
    told = child_variables.server_variables(resolve("grpcs://example.org/team-a"))
    assert told == {
        "TRIVET_URL": "grpcs://example.org:7330",
        "TRIVET_WORKSPACE": "team-a",
        "TRIVET_TOKEN": "secret",
        **dict.fromkeys(("TRIVET_TRACKING_URL", "TRIVET_ARTIFACTS_URL", "TRIVET_REGISTRY_URL"), ""),
    }
    monkeypatch.setenv("TRIVET_UI_URL", "https://trivet.example.org/")
    told = child_variables.server_variables(resolve("grpcs://example.org/team-a"))
    assert told["MLFLOW_TRACKING_URI"] == "https://trivet.example.org/w/team-a"
    assert told["MLFLOW_TRACKING_TOKEN"] == "secret"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://other.example.org")
    told = child_variables.server_variables(resolve("grpcs://example.org/team-a"))
    assert told["MLFLOW_TRACKING_URI"] == "https://other.example.org"
    # It may be a server of MLflow itself.
    assert "MLFLOW_TRACKING_TOKEN" not in told
    monkeypatch.delenv("TRIVET_TOKEN")
    (tmp_path / "token").write_text("kept\n", encoding="utf-8")
    monkeypatch.setenv("TRIVET_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://example.org:7443")
    target = resolve("grpcs://example.org/team-a")
    told = child_variables.server_variables(target)
    assert (told["TRIVET_TOKEN_FILE"], told["MLFLOW_TRACKING_TOKEN"]) == (str(tmp_path / "token"), "kept")
    inside = child_variables.container_server_variables(target)
    assert (inside["TRIVET_TOKEN"], "TRIVET_TOKEN_FILE" in inside) == ("kept", False)


def test_gateway_is_for_projects_that_speak_of_mlflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    plain = project(tmp_path / "plain")
    uses = project(tmp_path / "uses")
    (uses / "deep").mkdir()
    (uses / "deep" / "x.py").write_text("import mlflow", encoding="utf-8")
    here = resolve("grpc://127.0.0.1:7330")
    # What git and environments keep is no file of the project, however much it is.
    for name in (".git", ".venv", "made"):
        (plain / name / "deep").mkdir(parents=True)
        (plain / name / "deep" / "x.py").write_text("import mlflow", encoding="utf-8")
    (plain / "made" / "pyvenv.cfg").touch()
    (uses / "data").mkdir()
    for number in range(2001):
        (uses / "data" / f"{number}.csv").touch()
    assert gateway.gateway_command(here, plain) == ()
    assert "grpc://127.0.0.1:7330" in gateway.gateway_command(here, uses)
    assert not caplog.records
    # It does not speak TLS.
    assert gateway.gateway_command(resolve("grpcs://example.org"), uses) == ()
    assert "set MLFLOW_TRACKING_URI" in caplog.text


def test_gateway_that_does_not_start_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    told, _other = socket.socketpair()
    with told, _other:
        with gateway.running_gateway([sys.executable, "-c", "raise SystemExit(1)"], told) as address:
            assert address == ""
        assert "the gateway for MLflow's client did not start" in capsys.readouterr().err
        # One that says nothing is not waited for where the run is to end.
        _other.sendall(b"end\n")
        with gateway.running_gateway(["sleep", "600"], told) as address:
            assert address == ""


def test_project_of_mlflow_runs_unmodified(tmp_path: Path) -> None:
    """As MLflow's users have it: `mlflow.start_run()`, by their own Python, with nothing of Trivet."""
    folder = project(tmp_path / "p", "python train.py {alpha}", parameters={"alpha": {"type": "float", "default": 0.5}})
    (folder / "train.py").write_text(
        textwrap.dedent(
            """
            import sys
            from pathlib import Path
            import mlflow

            with mlflow.start_run() as run:
                mlflow.log_metric("rmse", float(sys.argv[1]) / 2)
                mlflow.log_param("seed", 7)
                Path("model.txt").write_text("a model")
                mlflow.log_artifact("model.txt")
            try:
                import trivet
            except ImportError:
                print("without trivet", mlflow.get_tracking_uri())
            """
        ),
        encoding="utf-8",
    )
    own = mlflow_environment()
    with services_in(tmp_path) as services:
        ended = run_to_exit(
            [str(Path(sys.executable).with_name("trivet")), "run", str(folder), "-P", "alpha=0.25"],
            {
                "TRIVET_URL": services,
                "VIRTUAL_ENV": str(own),
                "PATH": f"{own / 'bin'}:{os.environ['PATH']}",
                "MLFLOW_DISABLE_TELEMETRY": "true",
            },
        )
        assert ended.returncode == 0, ended.stderr
        assert "without trivet http://127.0.0.1:" in ended.stdout
        with trivet.Client(services) as client:
            (run,) = client.search_runs(["0"])
            assert (run.info.status, run.data.metrics) == ("FINISHED", {"rmse": 0.125})
            assert run.data.params == {"alpha": "0.25", "seed": "7"}
            assert run.data.tags["mlflow.source.type"] == "PROJECT"
            assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["model.txt"]
