"""The wheels work where there is nothing else of Trivet, and hold what they must and nothing more."""

from __future__ import annotations

import json
import os
import re
import subprocess
import urllib.request
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from release.versions import current
from release.wheels import DISTRIBUTIONS, build, install, list_installed, list_pages
from trivet_testing.servers import ServerProcess

LOGGED = """
import sys, trivet
with trivet.start_run(run_name="from a wheel") as run:
    trivet.log_metric("rmse", 0.5, step=1)
    trivet.log_text("weights", "model/weights.txt")
client = trivet.Client()
version = client.register_model(f"runs:/{run.info.run_id}/model", "taxi")
found = client.get_run(run.info.run_id)
print(found.info.run_name, found.data.metrics, version.version, version.status)
"""
ALONE = """
import importlib.util, sys, trivet
assert "grpc" not in sys.modules
print(trivet.__version__, *(name for name in sys.argv[1:] if importlib.util.find_spec(name)))
with trivet.start_run():
    trivet.log_metric("rmse", 0.5)
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all wheels."""
    folder = tmp_path_factory.mktemp("wheels")
    build(folder)
    return folder


@pytest.fixture(scope="module")
def installed(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment into which `trivet[local]` was installed from the wheels."""
    return install(tmp_path_factory.mktemp("installed") / "environment", wheels, "local")


def output_of(command: list[str], folder: Path, **settings: str) -> str:
    """What a program prints that knows a folder and these settings alone, and ends well."""
    environment = {"PATH": os.defpath, "HOME": str(folder), **settings}
    ended = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def names_in(wheels: Path, distribution: str) -> list[str]:
    return wheel_of(wheels, distribution).namelist()


def wheel_of(wheels: Path, distribution: str) -> ZipFile:
    (path,) = wheels.glob(f"{distribution.replace('-', '_')}-{current()}-py3-none-any.whl")
    return ZipFile(path)


def metadata_of(wheels: Path, distribution: str) -> Message:
    with wheel_of(wheels, distribution) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(wheel.read(name))


def test_there_is_a_wheel_of_each_distribution_and_no_other(wheels: Path) -> None:
    expected = {f"{name.replace('-', '_')}-{current()}-py3-none-any.whl" for name in DISTRIBUTIONS}
    assert {path.name for path in wheels.iterdir()} == expected


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_a_wheel_says_its_version_and_licence_and_asks_for_siblings_by_that_version(
    wheels: Path, distribution: str
) -> None:
    metadata = metadata_of(wheels, distribution)
    assert (metadata["Name"], metadata["Version"]) == (distribution, current())
    assert (metadata["License-Expression"], metadata["License-File"]) == ("Apache-2.0", "LICENSE")
    assert metadata["Requires-Python"] == ">=3.11"
    asked = [str(each).split(";")[0].strip() for each in metadata.get_all("Requires-Dist", [])]
    siblings = [each for each in asked if re.match(r"trivet\b", each) and not each.startswith(f"{distribution}[")]
    assert [each for each in siblings if not each.endswith(f"=={current()}")] == []
    assert bool(siblings) == (distribution != "trivet-proto")


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_a_wheel_holds_its_package_and_nothing_else(wheels: Path, distribution: str) -> None:
    package, names = distribution.replace("-", "_"), names_in(wheels, distribution)
    about = f"{package}-{current()}.dist-info/"
    assert {name.split("/")[0] for name in names} == {package, about.rstrip("/")}
    assert {f"{package}/py.typed", f"{about}licenses/LICENSE"} <= set(names)
    assert [name for name in names if re.search(r"(^|/)(tests?|__pycache__|node_modules)/|\.pyc$|\.proto$", name)] == []


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_a_wheel_holds_the_licence_of_the_project(wheels: Path, distribution: str) -> None:
    licence = (Path(__file__).parents[2] / "LICENSE").read_bytes()
    with wheel_of(wheels, distribution) as wheel:
        assert wheel.read(f"{distribution.replace('-', '_')}-{current()}.dist-info/licenses/LICENSE") == licence


@pytest.mark.parametrize("service", ["tracking", "artifacts", "registry"])
def test_the_wheel_of_a_service_holds_its_migrations(wheels: Path, service: str) -> None:
    folder = Path(__file__).parents[2] / "services" / service / "src"
    scripts = {str(path.relative_to(folder)) for path in folder.glob("*/migrations/versions/*.py")}
    assert scripts
    assert scripts <= set(names_in(wheels, f"trivet-{service}"))


def test_the_wheel_of_the_gateway_holds_the_pages_and_the_licences_of_what_they_bundle(wheels: Path) -> None:
    with wheel_of(wheels, "trivet-gateway") as wheel:
        document = wheel.read("trivet_gateway/ui/index.html").decode()
        scripts = re.findall(r'src="/ui/(assets/[^"]+\.js)"', document)
        assert scripts
        for script in scripts:
            assert wheel.read(f"trivet_gateway/ui/{script}")
        licences = wheel.read("trivet_gateway/ui/licenses.md").decode()
    assert re.search(r"^## react - \S+ \(MIT\)\n\nMIT License\n\nCopyright \(c\) Meta", licences, re.MULTILINE)


def test_what_was_installed_serves_logs_and_shows_pages(installed: Path, tmp_path: Path) -> None:
    trivet = str(installed.parent / "trivet")
    assert output_of([trivet, "--version"], tmp_path) == f"{current()}\n"
    up = [trivet, "up", "--grpc-port", "0", "--http-port", "0", "--data", str(tmp_path / "data")]
    with ServerProcess.start(up, {}, r"Web pages: (\S+)$", cwd=tmp_path) as server:
        pages, grpc = server.address, server.wait_for_line(r"ready: grpc (\S+)$")[1]
        logged = output_of([str(installed), "-c", LOGGED], tmp_path, TRIVET_URL=f"grpc://{grpc}")
        assert logged == "from a wheel {'rmse': 0.5} 1 READY\n"
        with urllib.request.urlopen(f"{pages}/experiments", timeout=30) as answer:
            document = answer.read().decode()
        (script, *_) = re.findall(r'src="(/ui/assets/[^"]+\.js)"', document)
        with urllib.request.urlopen(f"{pages}{script}", timeout=30) as answer:
            assert answer.headers["Content-Type"].startswith("text/javascript")


def test_the_client_alone_needs_no_server_and_logs_what_is_sent_later(wheels: Path, tmp_path: Path) -> None:
    python = install(tmp_path / "environment", wheels)
    absent = ("trivet_kit", "trivet_tracking", "trivet_standalone", "numpy", "typer")
    settings = {"TRIVET_MODE": "offline", "TRIVET_URL": "grpc://127.0.0.1:1"}
    assert output_of([str(python), "-c", ALONE, *absent], tmp_path, **settings) == f"{current()}\n"
    kept = [path.read_bytes() for path in (tmp_path / ".local" / "state").rglob("*") if path.is_file()]
    assert any(b"rmse" in each for each in kept), "nothing waits to be sent"


def test_an_environment_is_listed_with_the_licence_of_each_package(installed: Path, tmp_path: Path) -> None:
    listing = tmp_path / "trivet.cdx.json"
    list_installed(installed, listing, validated=os.environ.get("TRIVET_TEST_FULL") == "1")
    text = listing.read_text()
    found = json.loads(text)
    assert (found["bomFormat"], found["metadata"]["component"]["version"]) == ("CycloneDX", current())
    there = subprocess.run(
        [str(installed), "-c", "import importlib.metadata as m; print(*(d.name for d in m.distributions()))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert {each["name"] for each in found["components"]} == set(there) - {"trivet"}
    assert {f"trivet-{name}" for name in ("gateway", "kit", "tracking")} <= set(there)
    assert without_licence(found) == []
    assert str(tmp_path.parent) not in text  # where it was installed is nobody's concern


def test_the_packages_of_the_pages_are_listed_with_their_licences(tmp_path: Path) -> None:
    listing = tmp_path / "pages.cdx.json"
    list_pages(listing)
    found = json.loads(listing.read_text())
    assert found["metadata"]["component"]["name"] == "trivet-ui"
    names = {each["name"] for each in found["components"]}
    assert "react" in names
    assert "vite" not in names  # builds them, and is not in them
    assert without_licence(found) == []


def without_licence(listing: dict[str, Any]) -> list[str]:
    return [each["name"] for each in listing["components"] if not each.get("licenses")]
