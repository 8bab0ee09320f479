"""Real servers of all three services over SQLite, which all tests share, and for each test a workspace of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import trivet
from trivet import _fluent
from trivet_testing import artifacts as artifact_server
from trivet_testing import registry as registry_server
from trivet_testing import tracking as tracking_server
from trivet_testing.artifacts import Place
from trivet_testing.workspaces import unused_workspace


@dataclass(frozen=True)
class Servers:
    """Where the three services are."""

    tracking: str
    artifacts: str
    registry: str


@pytest.fixture(scope="session")
def tracking_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    url = f"sqlite:///{tmp_path_factory.mktemp('tracking') / 'tracking.db'}"
    tracking_server.migrate(url)
    with tracking_server.start_server(url) as server:
        yield server.address


@pytest.fixture(scope="session")
def servers(tracking_address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("services")
    place = Place(f"sqlite:///{folder / 'artifacts.db'}", str(folder / "files"), {})
    artifact_server.migrate(place.database_url)
    registry_url = f"sqlite:///{folder / 'registry.db'}"
    registry_server.migrate(registry_url)
    with artifact_server.start_server(place) as artifacts:
        artifacts_url = f"grpc://{artifacts.address}"
        with registry_server.start_server(
            registry_url,
            artifacts_url=artifacts_url,
            # Receivers of webhooks are here.
            TRIVET_WEBHOOK_NETWORKS="127.0.0.0/8",
            TRIVET_WEBHOOK_RETRY_SECONDS="0.1",
        ) as registry:
            yield Servers(f"grpc://{tracking_address}", artifacts_url, f"grpc://{registry.address}")


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the folders that each test has: to number one, `mktemp` reads the names of all that were made."""
    return tmp_path_factory.mktemp("homes")


@pytest.fixture(autouse=True)
def clean_process(monkeypatch: pytest.MonkeyPatch, homes: Path) -> Iterator[None]:
    """No setting of the person who runs the tests, and nothing left of another test."""
    home = Path(tempfile.mkdtemp(dir=homes))
    # Programs that tests start have these too.
    for name, kind in (("TRIVET_CACHE_DIR", "cache"), ("XDG_CONFIG_HOME", "config"), ("XDG_STATE_HOME", "state")):
        (home / kind).mkdir()
        monkeypatch.setenv(name, str(home / kind))
    monkeypatch.delenv("TRIVET_CACHE_SIZE", raising=False)
    for name in ("URL", "TRACKING_URL", "ARTIFACTS_URL", "REGISTRY_URL", "WORKSPACE", "TOKEN", "TOKEN_FILE", "RUN_ID"):
        monkeypatch.delenv(f"TRIVET_{name}", raising=False)
    # Gateways of the person, which projects would tell their code of.
    for name in ("TRIVET_UI_URL", "MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    # Only what a test logs is logged; `test_capturing` asks for more.
    monkeypatch.setenv("TRIVET_CAPTURE", "none")
    trivet.set_tracking_uri("")
    yield
    while trivet.active_run() is not None:
        trivet.end_run("KILLED")
    client = _fluent._process.client
    trivet.set_tracking_uri("")
    if client is not None:
        client.close()


@pytest.fixture
def workspace() -> str:
    """A workspace that no other test uses."""
    return unused_workspace()


@pytest.fixture
def tracked(tracking_address: str, workspace: str) -> str:
    """Lets the fluent functions use the shared tracking server; the URI of that."""
    uri = f"grpc://{tracking_address}/{workspace}"
    trivet.set_tracking_uri(uri)
    return uri


@pytest.fixture
def environment(servers: Servers, workspace: str, monkeypatch: pytest.MonkeyPatch) -> Servers:
    """Lets everything use the three shared servers, by the environment."""
    monkeypatch.setenv("TRIVET_TRACKING_URL", servers.tracking)
    monkeypatch.setenv("TRIVET_ARTIFACTS_URL", servers.artifacts)
    monkeypatch.setenv("TRIVET_REGISTRY_URL", servers.registry)
    monkeypatch.setenv("TRIVET_WORKSPACE", workspace)
    return servers


@pytest.fixture
def client(environment: Servers) -> Iterator[trivet.Client]:
    """A client of the three shared servers."""
    with trivet.Client() as client:
        yield client


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The spool of this test alone."""
    folder = tmp_path / "spool"
    monkeypatch.setenv("TRIVET_SPOOL_DIR", str(folder))
    return folder
