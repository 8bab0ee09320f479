"""The fixtures and the report of the real parts; pytest loads this by the entry point `trivet`."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Final

import pytest

from trivet_testing import minio, nursery, postgres, secret_search, tools
from trivet_testing.environments import mlflow_environment
from trivet_testing.left_out import all_left_out, leave_out, note_left_out
from trivet_testing.minio import MinioServer
from trivet_testing.postgres import PostgresMissingError, PostgresServer

SEED: Final = "TRIVET_TEST_SEED"
"""Environment variable: the seed of random input. Default: a fresh one, which the header prints."""

_seed_key: Final = pytest.StashKey[int]()
_parts_key: Final = pytest.StashKey[dict[str, str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Fixes the seed of the run, and lets SIGTERM end it by way of the teardown of the servers that it started."""
    told = getattr(config, "workerinput", {})  # by the process that deals the tests out, where several run them
    config.stash[_seed_key] = int(told.get(SEED) or os.environ.get(SEED) or random.SystemRandom().randrange(2**32))
    config.stash[_parts_key] = {}
    signal.signal(signal.SIGTERM, _end_in_order)
    if not os.environ.get("TRIVET_TEST_FULL"):
        nursery.enable()


def pytest_unconfigure() -> None:
    """Ends what all tests used."""
    nursery.stop()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tells a worker of pytest-xdist the seed of the run."""
    node.workerinput[SEED] = node.config.stash[_seed_key]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Takes over what a worker reports: the real parts it used, and those that it left out."""
    reported = getattr(node, "workeroutput", {})
    node.config.stash[_parts_key].update(reported.get("parts", {}))
    for part, why in reported.get("left_out", ()):
        note_left_out(part, why)
    secret_search.add_findings([secret_search.Finding(log, kind) for log, kind in reported.get("secrets", ())])


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Reports, where this is a worker; fails the session where a secret was found in what it left behind."""
    output = getattr(session.config, "workeroutput", None)
    # The process that deals the tests out has run none, and the folders of the others are below its own.
    if output is not None or session.testscollected:
        secret_search.search_spools(_folder_of(session.config))
    if output is not None:
        output["parts"] = session.config.stash[_parts_key]
        output["left_out"] = all_left_out()
        output["secrets"] = [(found.log, found.kind) for found in secret_search.findings()]
    elif secret_search.findings():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _folder_of(config: pytest.Config) -> Path:
    """Where the temporary folders of this process are."""
    factory: pytest.TempPathFactory = config._tmp_path_factory  # type: ignore[attr-defined]  # no hook has the fixture
    return factory.getbasetemp()


def _end_in_order(number: int, frame: FrameType | None) -> None:
    pytest.exit("terminated by SIGTERM", returncode=128 + number)


def pytest_report_header(config: pytest.Config) -> str:
    """Says with which seed this run can be repeated, and which PostgreSQL was asked for."""
    choice = os.environ.get(postgres.CHOICE) or "the first to be had"
    return f"trivet: {SEED}={config.stash[_seed_key]}, PostgreSQL: {choice}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Lists the real parts that the tests ran against, and those that they had to leave out."""
    if parts := config.stash[_parts_key]:
        terminalreporter.section("real parts")
        for part, origin in parts.items():
            terminalreporter.write_line(f"{part}: {origin}")
    if found := secret_search.findings():
        terminalreporter.section("secrets in logs and spools", red=True)
        for each in found:
            terminalreporter.write_line(f"{each.kind}: {each.log}")
    if missing := all_left_out():
        terminalreporter.section("left out")
        for part, why in missing:
            terminalreporter.write_line(f"{part}: {why}")


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    """The seed for random input; the header of the run prints it, and `TRIVET_TEST_SEED` sets it."""
    return pytestconfig.stash[_seed_key]


@pytest.fixture(scope="session")
def postgres_server(pytestconfig: pytest.Config) -> Iterator[PostgresServer]:
    """A running PostgreSQL server that all tests share; make databases in it, leave the server itself alone."""
    try:
        server = postgres.start()
    except PostgresMissingError as missing:
        leave_out("PostgreSQL", str(missing))
    pytestconfig.stash[_parts_key]["PostgreSQL"] = server.origin
    yield server
    server.stop()


@pytest.fixture
def own_postgres_server() -> Iterator[PostgresServer]:
    """A running PostgreSQL server of the test's own, which it may kill; two seconds to start."""
    try:
        server = postgres.start_own()
    except PostgresMissingError as missing:
        leave_out("PostgreSQL that can be killed", str(missing))
    yield server
    server.stop()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a fresh, empty PostgreSQL database; dropped after the test."""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a fresh, empty database; the test runs once with SQLite and once with PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'tracking.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture(scope="session")
def minio_server(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinioServer]:
    """A running MinIO server that all tests share; make buckets in it, leave the server itself alone."""
    program = _part(pytestconfig, "MinIO", tools.find_minio)
    with minio.start(program, tmp_path_factory.mktemp("minio")) as server:
        yield server


@pytest.fixture
def own_minio_server(tmp_path: Path) -> Iterator[MinioServer]:
    """A running MinIO server of the test's own, which it may kill."""
    try:
        tool = tools.find_minio()
    except tools.ToolMissingError as missing:
        leave_out("MinIO", str(missing))
    with minio.start(tool.path, tmp_path / "minio") as server:
        yield server


@pytest.fixture(scope="session")
def nginx(pytestconfig: pytest.Config) -> Path:
    """The program `nginx`."""
    return _part(pytestconfig, "nginx", tools.find_nginx)


@pytest.fixture(scope="session")
def pgbouncer(pytestconfig: pytest.Config) -> Path:
    """The program `pgbouncer`."""
    return _part(pytestconfig, "PgBouncer", tools.find_pgbouncer)


@pytest.fixture(scope="session")
def rclone(pytestconfig: pytest.Config) -> Path:
    """The program `rclone`."""
    return _part(pytestconfig, "rclone", tools.find_rclone)


@pytest.fixture(scope="session")
def chromium(pytestconfig: pytest.Config) -> Path:
    """The program `chromium`, for Playwright to start."""
    return _part(pytestconfig, "Chromium", tools.find_chromium)


@pytest.fixture(scope="session")
def headless_chromium(pytestconfig: pytest.Config, chromium: Path) -> Path:
    """The program of a Chromium without windows, where there is one: it opens pages with half the work."""
    tool = tools.find_headless_chromium()
    if tool is None:
        return chromium
    pytestconfig.stash[_parts_key]["Chromium without windows"] = f"{tool.path} ({tool.origin})"
    return tool.path


@pytest.fixture(scope="session")
def grpcurl() -> Path:
    """The program `grpcurl`: a client that was not made by us."""
    try:
        return tools.grpcurl()
    except tools.ToolMissingError as missing:
        leave_out("grpcurl", str(missing))


@pytest.fixture(scope="session")
def pyspark(pytestconfig: pytest.Config) -> Path:
    """The folder that holds `pyspark`, for PYTHONPATH."""
    return _part(pytestconfig, "Spark", tools.find_pyspark)


@pytest.fixture(scope="session")
def mlflow(pytestconfig: pytest.Config) -> Path:
    """The folder of a Python environment that has MLflow."""
    try:
        environment = mlflow_environment()
    except subprocess.CalledProcessError as failure:
        leave_out("MLflow", f"it cannot be installed: {failure.stderr}")
    pytestconfig.stash[_parts_key]["MLflow"] = str(environment)
    return environment


def _part(config: pytest.Config, name: str, find: Callable[[], tools.Tool]) -> Path:
    """Where a real part is; the summary of the run names it."""
    try:
        tool = find()
    except tools.ToolMissingError as missing:
        leave_out(name, str(missing))
    config.stash[_parts_key][name] = f"{tool.path} ({tool.origin})"
    return tool.path
