from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from trivet_testing import nursery
from trivet_testing.cache import made_once
from trivet_testing.postgres import PostgresServer
from trivet_testing.servers import ServerNotReadyError, ServerProcess, run_to_exit

READY = r"^ready: grpc (\S+)$"


def ask(url: str, statement: str) -> object:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
        connection.commit()
    assert row is not None
    return row[0]


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def test_postgres_answers_with_its_version(postgres_url: str) -> None:
    assert str(ask(postgres_url, "select version()")).startswith("PostgreSQL ")


def test_a_database_is_utf8_and_sorts_by_code_point(postgres_url: str) -> None:
    assert ask(postgres_url, "show server_encoding") == "UTF8"
    assert ask(postgres_url, "select 'B' < 'a'") is True


def test_two_databases_are_distinct_and_gone_when_dropped(postgres_server: PostgresServer) -> None:
    first, second = postgres_server.create_database(), postgres_server.create_database()
    assert first != second
    for url in (first, second):
        assert ask(url, "select current_database()") == url.rpartition("/")[2]
        postgres_server.drop_database(url)
        with pytest.raises(psycopg2.OperationalError, match="does not exist"):
            psycopg2.connect(url)


def test_dropping_a_database_ends_the_connections_to_it(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database()
    with closing(psycopg2.connect(url)):
        postgres_server.drop_database(url)


def test_a_killed_postgres_comes_back_with_what_was_committed(own_postgres_server: PostgresServer) -> None:
    url = own_postgres_server.create_database()
    ask(url, "create table kept (k int); insert into kept values (7); select 1")
    own_postgres_server.restart_after_kill()
    assert ask(url, "select k from kept") == 7


def test_own_postgres_syncs_and_has_no_socket_but_one_of_loopback(own_postgres_server: PostgresServer) -> None:
    url = own_postgres_server.url("postgres")
    assert ask(url, "show fsync") == "on"
    assert ask(url, "show listen_addresses") == "127.0.0.1"
    assert ask(url, "show unix_socket_directories") == ""


def test_database_url_names_an_empty_database(database_url: str) -> None:
    assert database_url.startswith(("sqlite:///", "postgresql://"))


def test_grpcurl_runs(grpcurl: Path) -> None:
    assert subprocess.run([grpcurl, "-help"], capture_output=True, check=False).stderr.startswith(b"Usage:")


def test_a_server_is_ready_with_its_address_and_ends_by_sigterm() -> None:
    program = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
print("starting", flush=True)
print("ready: grpc 127.0.0.1:1", flush=True)
signal.pause()
"""
    with ServerProcess.start(python(program), {}, READY) as server:
        assert server.address == "127.0.0.1:1"
        assert server.stdout_lines == ["starting", "ready: grpc 127.0.0.1:1"]
        assert server.exit_code is None
        assert server.terminate() == 3


def test_a_server_that_exits_before_it_is_ready_is_reported_with_its_stderr() -> None:
    with pytest.raises(ServerNotReadyError, match="the port is taken") as failure:
        ServerProcess.start(python("import sys; sys.exit('the port is taken')"), {}, READY)
    assert failure.value.exit_code == 1
    assert failure.value.stderr == "the port is taken"


def test_a_server_that_is_never_ready_is_killed_at_the_deadline() -> None:
    program = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
    with pytest.raises(ServerNotReadyError, match=r"not ready after 0\.5 s") as failure:
        ServerProcess.start(python(program), {}, READY, timeout_seconds=0.5)
    assert failure.value.exit_code is None


def test_a_server_that_ignores_sigterm_is_killed() -> None:
    program = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready: grpc 127.0.0.1:1", flush=True)
while True: signal.pause()
"""
    with (
        ServerProcess.start(python(program), {}, READY) as server,
        pytest.raises(TimeoutError, match=r"0\.2 s after SIGTERM"),
    ):
        server.terminate(timeout_seconds=0.2)
    assert server.exit_code == -9


def test_a_server_inherits_no_setting_of_trivet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIVET_LISTEN", "0.0.0.0:1")
    monkeypatch.setenv("KEPT", "yes")
    program = "import os; print(os.environ.get('TRIVET_LISTEN'), os.environ['KEPT'], os.environ['TRIVET_DATABASE_URL'])"
    ended = run_to_exit(python(program), {"TRIVET_DATABASE_URL": "sqlite:///x"})
    assert (ended.returncode, ended.stdout) == (0, "None yes sqlite:///x\n")


def test_the_cache_makes_an_entry_once_and_keeps_nothing_of_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIVET_CACHE", str(tmp_path))
    made: list[Path] = []

    def make(fail: bool) -> Callable[[Path], None]:  # noqa: FBT001 - a local function of one argument
        def fill(target: Path) -> None:
            made.append(target)
            (target / "tool").touch()
            if fail:
                raise OSError("disk full")

        return fill

    with pytest.raises(OSError, match="disk full"):
        made_once("tool-1", make(fail=True))
    assert not list(tmp_path.glob("tool-1*/"))
    for _ in range(2):
        assert [path.name for path in made_once("tool-1", make(fail=False)).iterdir()] == ["tool"]
    assert len(made) == 2


MISSING_PART = """
from trivet_testing.left_out import leave_out

def test_with_a_real_part():
    leave_out("the moon", "it is below the horizon")
"""


@pytest.mark.parametrize(("required", "outcome", "exit_code"), [("", "1 skipped", 0), ("1", "1 failed", 1)])
def test_a_missing_part_is_listed_and_fails_only_where_real_parts_are_required(
    tmp_path: Path, required: str, outcome: str, exit_code: int
) -> None:
    (tmp_path / "test_moon.py").write_text(MISSING_PART)
    command = [sys.executable, "-m", "pytest", "-c", "/dev/null", "--rootdir", str(tmp_path), str(tmp_path)]
    ended = run_to_exit(
        [*command, "-p", "no:cacheprovider"], {"TRIVET_REQUIRE_REAL": required, "TRIVET_TEST_SEED": "41"}
    )
    assert ended.returncode == exit_code
    assert outcome in ended.stdout
    assert "TRIVET_TEST_SEED=41" in ended.stdout
    assert "the moon: it is below the horizon" in ended.stdout.partition("= left out =")[2]


def test_an_unknown_choice_of_postgres_is_said(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(postgres_url): pass")
    command = [sys.executable, "-m", "pytest", "-c", "/dev/null", "--rootdir", str(tmp_path), str(tmp_path)]
    ended = run_to_exit([*command, "-p", "no:cacheprovider"], {"TRIVET_TEST_POSTGRES": "cloud"})
    assert "TRIVET_TEST_POSTGRES is 'cloud'; it may be one of docker, local, wheel" in ended.stdout


def tracking_command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "trivet_tracking", *arguments]


@pytest.mark.parametrize(
    ("arguments", "env"),
    [
        (["fly"], {}),
        (["serve"], {"TRIVET_DATABASE_URL": "sqlite:////dev/null/x.db"}),
    ],
)
def test_a_program_from_a_nursery_says_and_ends_as_one_from_nothing(arguments: list[str], env: dict[str, str]) -> None:
    command = tracking_command(*arguments)
    known = {name: value for name, value in os.environ.items() if not name.startswith("TRIVET_")} | env
    from_nothing = subprocess.run(command, env=known, capture_output=True, text=True, check=False)
    ended = nursery.run(command, known, timeout_seconds=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (
        from_nothing.returncode,
        from_nothing.stdout,
        from_nothing.stderr,
    )


def test_a_program_that_has_ended_before_anybody_asks_has_its_exit_code() -> None:
    program = nursery.Fork(tracking_command("fly"), dict(os.environ), None)
    with program.stdout, program.stderr:
        assert "No such command 'fly'" in program.stderr.read()
        assert program.wait(60) == 2
        assert (program.poll(), program.wait(0)) == (2, 2)


def test_a_program_from_a_nursery_is_a_process_of_its_own_that_can_be_killed(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'tracking.db'}"
    env = {"PATH": os.environ["PATH"], "TRIVET_DATABASE_URL": database, "TRIVET_LISTEN": "127.0.0.1:0"}
    assert nursery.run(tracking_command("migrate"), env, timeout_seconds=60).returncode == 0
    program = nursery.Fork(tracking_command("serve"), env, tmp_path)
    with program.stdout, program.stderr:
        assert program.stdout.readline().startswith("trivet-tracking is ready")
        assert program.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            program.wait(0.01)
        assert os.getsid(program.pid) == program.pid
        assert Path(f"/proc/{program.pid}/cwd").resolve() == tmp_path.resolve()
        program.kill()
        assert program.wait(60) == -signal.SIGKILL
        assert program.poll() == -signal.SIGKILL
        assert not Path(f"/proc/{program.pid}").exists()
