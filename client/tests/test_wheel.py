"""The wheels of the SDK, as a user installs them: what they bring, and that they work."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from trivet_testing.servers import run_to_exit

ROOT = Path(__file__).parents[2]
UV = ROOT / ".ci" / "uv"

# What grpcio and protobuf need is theirs to say; these are all that the SDK may bring.
INSTALLED = {"grpcio", "protobuf", "googleapis-common-protos", "typing-extensions", "trivet", "trivet-proto"}


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh environment with the SDK's wheels, and what they ask for from the package index."""
    folder = tmp_path_factory.mktemp("wheels")
    for package in ("client", "protos"):
        run(UV, "build", "--quiet", "--wheel", "--out-dir", folder, ROOT / package)
    venv.create(folder / "venv", with_pip=False)
    interpreter = folder / "venv" / "bin" / "python"
    wheels = sorted(folder.glob("*.whl"))
    assert len(wheels) == 2
    run(UV, "pip", "install", "--quiet", "--python", interpreter, *wheels)
    return interpreter


def run(*command: str | Path) -> str:
    # From the wheels' folder: uv must not take our workspace for what it is asked to install.
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, cwd="/", env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_base_install_brings_nothing_more(python: Path) -> None:
    lines = run(UV, "pip", "list", "--quiet", "--format", "freeze", "--python", python).splitlines()
    assert {line.partition("==")[0] for line in lines} == INSTALLED


def test_installed_package_is_typed_and_logs(python: Path, tracked: str) -> None:
    program = """
import sys, pathlib, trivet
assert not {"grpc", "google", "numpy", "pandas"} & set(sys.modules)
assert (pathlib.Path(trivet.__file__).parent / "py.typed").exists()
with trivet.start_run() as run:
    trivet.log_metric("m", 1)
print(trivet.get_run(run.info.run_id).data.metrics, type(trivet.search_runs()).__name__)
"""
    ended = run_to_exit([str(python), "-c", program], {"TRIVET_URL": tracked})
    assert (ended.stdout, ended.stderr) == ("{'m': 1.0} PagedList\n", "")


def test_command_without_its_extra_says_what_to_install(python: Path) -> None:
    ended = run_to_exit([str(python.with_name("trivet"))], {})
    assert ended.returncode == 1
    assert "pip install 'trivet[cli]'" in ended.stderr
    assert sys.executable != str(python)


def test_data_on_this_machine_without_its_extra_says_what_to_install(python: Path, tmp_path: Path) -> None:
    ended = run_to_exit([str(python), "-c", "import trivet; trivet.start_run()"], {"TRIVET_URL": f"file:{tmp_path}"})
    assert ended.returncode == 1
    assert "pip install 'trivet[local]'" in ended.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []
