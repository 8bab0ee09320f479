"""A backup by the scripts that the CronJob runs: what is lost comes back, whole, and a bad backup says so."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from trivet_testing.minio import MinioServer
from trivet_testing.postgres import PostgresServer
from trivet_testing.restore_drill import SCRIPTS, drill, rclone_env

SERVICES = ("registry", "tracking", "artifacts")


def test_all_that_was_lost_is_restored(
    tmp_path: Path, rclone: Path, postgres_server: PostgresServer, minio_server: MinioServer
) -> None:
    done = drill(tmp_path, rclone, postgres_server, minio_server, runs=6)
    assert done.differences == []
    assert (done.damaged, done.checked) == (0, 6)
    assert done.before.rows["trivet_tracking.run"] == 6
    assert len(done.before.digests) == 2 * 6 + 2 + 1
    report = done.report()
    assert "Digests of runs, their files and model versions: 15 of 15 equal." in report
    assert "Differences: none." in report


def script(name: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [str(SCRIPTS / name), *arguments]
    return subprocess.run(command, env={"PATH": os.environ["PATH"], **env}, check=False, capture_output=True, text=True)


def test_files_are_not_copied_without_dumps(tmp_path: Path, rclone: Path) -> None:
    place = {"TRIVET_BACKUP_FILES": str(tmp_path / "files"), "TRIVET_BACKUP_TO": str(tmp_path / "kept")}
    ended = script("files.sh", "backup", str(tmp_path), **place)
    assert (ended.returncode, ended.stderr) == (
        1,
        f"there is no {tmp_path}/registry.dump: databases.sh dump makes it\n",
    )
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize("where", ["folder", "s3"])
def test_backup_that_is_not_complete_is_not_restored(
    tmp_path: Path, rclone: Path, minio_server: MinioServer, where: str
) -> None:
    files, dumps, brought = tmp_path / "files", tmp_path / "dumps", tmp_path / "brought"
    for folder in (files, dumps, brought):
        folder.mkdir()
    (files / "object").write_bytes(b"bytes")
    for service in SERVICES:
        (dumps / f"{service}.dump").write_bytes(b"dump")
        (brought / f"{service}.dump").write_bytes(b"of another backup")
    kept = str(tmp_path / "kept") if where == "folder" else f"backup:{minio_server.create_bucket()}/trivet"
    env = rclone_env(tmp_path, rclone, minio_server)
    place = {**env, "TRIVET_BACKUP_FILES": str(files), "TRIVET_BACKUP_TO": kept}

    def listed(*options: str) -> list[str]:
        command = [str(rclone), "lsf", "--recursive", "--files-only", *options, kept]
        return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout.split()

    assert script("files.sh", "ahead", **place).returncode == 0
    assert listed() == ["files/object"]
    assert script("files.sh", "backup", str(dumps), **place).returncode == 0
    (complete,) = listed("--include", "complete")
    stamp = complete.split("/")[1]
    ended = script("files.sh", "restore", str(brought), stamp, **place)
    assert ended.returncode == 0, ended.stderr
    assert {(brought / f"{service}.dump").read_bytes() for service in SERVICES} == {b"dump"}
    subprocess.run([str(rclone), "deletefile", f"{kept}/{complete}"], env=env, check=True)
    for arguments, said in (((), f"in {kept}"), ((stamp,), f"{stamp} in {kept}"), (("never",), f"never in {kept}")):
        ended = script("files.sh", "restore", str(tmp_path / "none"), *arguments, **place)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.splitlines()[-1] == f"there is no complete backup {said}"
    assert not (tmp_path / "none").exists()


def test_backup_whose_dumps_are_gone_is_said_to_be_damaged(tmp_path: Path, rclone: Path) -> None:
    kept, files = tmp_path / "kept", tmp_path / "files"
    (kept / "dumps" / "2026-01-01T00-00-00Z").mkdir(parents=True)
    (kept / "dumps" / "2026-01-01T00-00-00Z" / "complete").write_text("2026-01-01T00-00-00Z")
    place = {"TRIVET_BACKUP_FILES": str(files), "TRIVET_BACKUP_TO": str(kept)}
    ended = script("files.sh", "restore", str(tmp_path), **place)
    assert ended.returncode == 1
    assert "registry.dump: the backup 2026-01-01T00-00-00Z is damaged" in ended.stderr


def told_to_restore(folder: Path, url: str) -> tuple[str, str]:
    """What a program in the place of PostgreSQL's is told for a database: its arguments, and the password."""
    told, programs = folder / "told", folder / "bin"
    programs.mkdir()
    (programs / "pg_restore").write_text(f"""#!/bin/sh\nprintf '%s\\n' "$*" "$PGPASSWORD" >> {told}\n""")
    (programs / "pg_restore").chmod(0o755)
    for service in SERVICES:
        (folder / service).mkdir(exist_ok=True)
        (folder / service / "url").write_text(f"{url}\n")
    path = os.pathsep.join([str(programs), os.environ["PATH"]])
    ended = script("databases.sh", "restore", "/dumps", PATH=path, TRIVET_DATABASES=str(folder))
    assert ended.returncode == 0, ended.stderr
    arguments, password = told.read_text().splitlines()[:2]
    return arguments, password


def test_password_of_a_database_is_not_on_the_command_line(tmp_path: Path) -> None:
    url = r"postgresql://me:p%40ss%2F\nord@db:5432/trivet?sslmode=require"
    arguments, password = told_to_restore(tmp_path, url)
    assert password == r"p@ss/\nord"
    assert "--dbname=postgresql://me@db:5432/trivet?sslmode=require " in arguments


@pytest.mark.parametrize(("options", "expected"), [("?sslrootcert=/in/a/pod", "?sslrootcert=/in/a/pod&"), ("", "?")])
def test_authority_of_a_database_is_the_one_beside_its_url(tmp_path: Path, options: str, expected: str) -> None:
    (tmp_path / "registry").mkdir()
    authority = tmp_path / "registry" / "ca.crt"
    authority.write_text("of the database")
    arguments, _ = told_to_restore(tmp_path, f"postgresql://db/trivet{options}")
    assert f"--dbname=postgresql://db/trivet{expected}sslrootcert={authority} " in arguments
