"""Uploads whose client, service or store is killed at a random moment: files are whole or not there, and no byte stays.

A client in a process of its own replaces the files of a run by others, over and over. In the midst of each upload one
of client, service and MinIO is killed, and started again.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
import sqlalchemy as sa

import trivet
from trivet_artifacts.server import open_database
from trivet_artifacts.store import tables
from trivet_testing import artifacts as artifact_server
from trivet_testing.artifacts import Place
from trivet_testing.depot import LEASE_SECONDS, MIB, Depot, await_no_litter, await_that
from trivet_testing.metered_proxy import MeteredProxy
from trivet_testing.minio import MinioServer
from trivet_testing.servers import ServerProcess
from trivet_testing.tcp_proxy import Direction
from trivet_testing.tracking import full
from trivet_testing.workspaces import unused_workspace

UPLOAD: Final = "import sys, trivet; trivet.Client(sys.argv[1]).log_artifacts(sys.argv[2], sys.argv[3])"
DEADLINE_SECONDS: Final = 180  # it only bounds a failure
DAY_MILLIS: Final = 24 * 60 * 60 * 1000
RUNS: Final = ("0192f0c1a7", "0192f0c1b8")
# What is sent twice of an upload that is gone on with: parts that were in flight.
SENT_AGAIN_BYTES: Final = 20 * MIB
OVERHEAD_BYTES: Final = MIB


@dataclass
class Site:
    """A service whose every byte passes a proxy, in front of a store; each can be killed and started again."""

    place: Place
    workspace: str
    server: ServerProcess
    proxy: MeteredProxy
    minio: MinioServer | None = None
    store_proxy: MeteredProxy | None = None

    @property
    def url(self) -> str:
        return f"grpc://{self.proxy.address}/{self.workspace}"

    @property
    def depot(self) -> Depot:
        return Depot(self.place)

    def kill_service(self) -> None:
        self.server.kill()
        self.proxy.drop()

    def start_service(self) -> None:
        self.server = start_service(self.place, self.server.address)

    def kill_minio(self) -> None:
        assert self.minio is not None
        assert self.store_proxy is not None
        self.minio.kill()
        self.store_proxy.drop()

    def start_minio(self) -> None:
        assert self.minio is not None
        self.minio.start()

    def unfinished_on_disk(self) -> list[Path]:
        """What MinIO has of objects that are not whole, whatever their keys: it lists them by whole keys only."""
        if self.minio is None:
            return []
        return [file for file in (self.minio.folder / ".minio.sys" / "multipart").rglob("*") if file.is_file()]


def start_service(place: Place, listen: str = "127.0.0.1:0") -> ServerProcess:
    return artifact_server.start_server(place, listen, TRIVET_UPLOAD_LEASE=LEASE_SECONDS)


@contextmanager
def site_over(place: Place, minio: MinioServer | None) -> Iterator[Site]:
    artifact_server.migrate(place.database_url)
    with ExitStack() as stack:
        store_proxy = None
        if minio is not None:
            store_proxy = stack.enter_context(MeteredProxy(f"127.0.0.1:{minio.port}"))
            public = {"TRIVET_S3_PUBLIC_ENDPOINT": f"http://{store_proxy.address}"}
            place = replace(place, env={**place.env, **public})
        server = start_service(place)
        try:
            proxy = stack.enter_context(MeteredProxy(server.address))
        except BaseException:
            server.close()
            raise
        site = Site(place, unused_workspace(), server, proxy, minio, store_proxy)
        try:
            yield site
        finally:
            site.server.close()


@dataclass(frozen=True)
class Round:
    """One upload that is interrupted."""

    run: str
    goes_direct: bool
    victim: str
    """`client`, `service` or `minio`."""
    moment: str
    """`early`: among the small files; `midway`: in the large one; `late`: when all bytes are in the store."""
    is_tried_again: bool


@dataclass
class Interruptions:
    """Uploads that are interrupted one after the other, and what their runs may have after each."""

    site: Site
    folder: Path
    chosen: random.Random
    monkeypatch: pytest.MonkeyPatch
    may_be: dict[str, dict[str, set[str]]] = field(default_factory=lambda: {run: {} for run in RUNS})
    """What the SHA-256 of each file of each run may be: several where its last upload was not answered."""
    listed: dict[str, set[str]] = field(default_factory=lambda: {run: set() for run in RUNS})
    """The files that each run had when last looked at; none of them may vanish."""
    seen: Counter[str] = field(default_factory=Counter)

    def interrupt(self, number: int, this: Round) -> None:
        """Does a round and checks what it left."""
        self.monkeypatch.setenv("TRIVET_DIRECT", "1" if this.goes_direct else "0")
        source = self.folder / f"source-{number}"
        new = self._make_files(source)
        counted = self.site.store_proxy if this.goes_direct and self.site.store_proxy else self.site.proxy
        large = (source / "large").stat().st_size
        others = sum(file.stat().st_size for file in files_of(source)) - large
        # The bytes of small files go through the service in any case.
        size = large if counted is self.site.store_proxy else others + large
        match this.moment:
            case "early":
                self.site.proxy.stop_after(Direction.REQUESTS, self.chosen.randint(1, others))
            case "midway":
                counted.stop_after(Direction.REQUESTS, self.chosen.randint(size - large + 1, size))
        before = counted.passed(Direction.REQUESTS)
        is_done = self._upload_and_kill(this, source, self.site.proxy if this.moment == "early" else counted, len(new))
        passed = counted.passed(Direction.REQUESTS) - before
        found = self._check(this.run, new)
        self.seen["whole in spite of it"] += is_done
        if is_done:
            assert found == new
        if this.is_tried_again:
            before = counted.passed(Direction.REQUESTS)
            with trivet.Client(self.site.url) as client:
                client.log_artifacts(this.run, str(source))
            again = counted.passed(Direction.REQUESTS) - before
            if this.victim == "client" and this.moment == "midway":
                assert again <= size + OVERHEAD_BYTES - max(0, passed - SENT_AGAIN_BYTES)
            assert self._check(this.run, new) == new
        else:
            self.seen["abandoned"] += not is_done
        shutil.rmtree(source)

    def finish(self) -> None:
        """Lets time pass and collects the garbage; checks that nothing is left but what can be seen."""
        depot = self.site.depot
        self.site.kill_service()
        let_a_day_pass(self.site.place.database_url)
        self.site.start_service()
        await_that(lambda: not depot.reserved())
        await_that(lambda: not counted_rows(self.site.place.database_url, tables.artifact_resumable))
        with trivet.Client(self.site.url) as client:
            collected = client.artifacts.housekeeping.collect_garbage(grace_period=timedelta(0))
            while collected.has_more:
                collected = client.artifacts.housekeeping.collect_garbage(grace_period=timedelta(0))
            depot.let_readers_go()
            await_no_litter(depot)
            visible = set()
            for run in RUNS:
                visible |= set(self._check(run, {}).values())
                assert {check.state for check in client.artifacts.verify_artifacts(run)} <= {"ok"}
        assert len(depot.whole()) == len(depot.referred()) > 0
        assert counted_rows(self.site.place.database_url, tables.artifact_object) == len(visible)
        assert counted_rows(self.site.place.database_url, tables.artifact_blob) == len(depot.whole())
        assert self.site.unfinished_on_disk() == []
        for table in (tables.artifact_upload, tables.artifact_resumable, tables.artifact_collection):
            assert counted_rows(self.site.place.database_url, table) == 0, table.name

    def _make_files(self, source: Path) -> dict[str, str]:
        """Files whose bytes are new; their digests."""
        sizes = {f"small/{number}": self.chosen.randint(1, 200_000) for number in range(4)}
        sizes["middle"] = self.chosen.randint(1, 4) * MIB + 1
        sizes["large"] = self.chosen.randint(16 * MIB, 30 * MIB)
        digests = {}
        for path, size in sizes.items():
            content = self.chosen.randbytes(size)
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            (source / path).write_bytes(content)
            digests[path] = hashlib.sha256(content).hexdigest()
        return digests

    def _upload_and_kill(self, this: Round, source: Path, proxy: MeteredProxy, files: int) -> bool:
        """Uploads so many files in another process, kills one in the midst, and starts it again.

        Returns:
            Whether the client says that all is stored.
        """
        before = self.site.depot.whole()
        with subprocess.Popen(
            [sys.executable, "-c", UPLOAD, self.site.url, this.run, str(source)],
            env=os.environ,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                if this.moment == "late":
                    await_that(lambda: process.poll() is not None or len(self.site.depot.whole() - before) >= files)
                else:
                    proxy.wait_until_stopped(DEADLINE_SECONDS)
                    # Once in the middle of what moves, and once in a moment of silence.
                    if self.chosen.random() < 0.5:
                        proxy.go_on()
                match this.victim:
                    case "client":
                        process.kill()
                    case "service":
                        self.site.kill_service()
                        proxy.go_on()
                        self.site.start_service()
                    case "minio":
                        self.site.kill_minio()
                        proxy.go_on()
                        self.site.start_minio()
                proxy.go_on()
                _, said = process.communicate(timeout=DEADLINE_SECONDS)
            except BaseException:
                process.kill()
                raise
        if this.victim == "client":
            proxy.finish()
        elif process.returncode:
            # Whoever uploads is told what was not there, and nothing else goes wrong.
            reason = said.strip().splitlines()[-1]
            assert reason.startswith("trivet."), said
            self.seen[reason.partition(":")[0]] += 1
        return process.returncode == 0

    def _check(self, run: str, new: Mapping[str, str]) -> dict[str, str]:
        """Checks that each file of a run is as it was or as it is to be; nothing is listed that is not whole.

        What a client that is gone asked for last may still be done while this looks.

        Returns:
            The SHA-256 of each file.
        """
        may_be = self.may_be[run]
        for path, sha256 in new.items():
            may_be.setdefault(path, set()).add(sha256)
        back = self.folder / "back"
        with trivet.Client(self.site.url) as client:
            infos = client.artifacts.list_artifacts(run, recursive=True)
            listed = {info.path: info for info in infos if not info.is_dir}
            if listed:
                client.download_artifacts(run, "", str(back))
        found = {str(file.relative_to(back)): file for file in files_of(back)}
        assert self.listed[run] <= listed.keys() <= found.keys() <= may_be.keys()
        self.listed[run] = set(found)
        assert all(info.sha256 in may_be[path] for path, info in listed.items())
        digests = {path: hashlib.sha256(file.read_bytes()).hexdigest() for path, file in found.items()}
        for path, sha256 in digests.items():
            assert sha256 in may_be[path], path
            if sha256 == new.get(path):
                may_be[path] = {sha256}
            found[path].unlink()
        return digests


def files_of(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


def counted_rows(database_url: str, table: sa.Table) -> int:
    database = open_database(database_url)
    try:
        with database.transaction("read") as connection:
            return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())
    finally:
        database.close()


def let_a_day_pass(database_url: str) -> None:
    """Makes uploads, and what processes keep to themselves, a day older."""
    database = open_database(database_url)
    upload, resumable, kept = tables.artifact_upload, tables.artifact_resumable, tables.artifact_object
    with database.transaction("write") as connection:
        connection.execute(sa.update(upload).values(expire_time=upload.c.expire_time - DAY_MILLIS))
        connection.execute(sa.update(resumable).values(complete_time=resumable.c.complete_time - DAY_MILLIS))
        connection.execute(sa.update(kept).values(check_time=kept.c.check_time - DAY_MILLIS))
    database.close()


def rounds(chosen: random.Random, count: int, victims: Sequence[str], ways: Sequence[bool]) -> list[Round]:
    """Rounds in which each victim dies about as often, in each way of sending."""
    # Neighbours have other victims, so that a few rounds have them all.
    kinds = [
        (victim, ways[(turn + place) % len(ways)]) for turn in range(len(ways)) for place, victim in enumerate(victims)
    ]
    begin = chosen.randrange(len(kinds))
    moments = ("early", "midway", "midway", "late")
    made = [
        Round(chosen.choice(RUNS), goes_direct, victim, chosen.choice(moments), chosen.random() < 0.6)
        for victim, goes_direct in itertools.islice(itertools.cycle(kinds), begin, begin + count)
    ]
    chosen.shuffle(made)
    return made


def run_rounds(
    site: Site, folder: Path, seed: int, monkeypatch: pytest.MonkeyPatch, count: int, victims: Sequence[str]
) -> None:
    # What is here already must not hide what the server has.
    monkeypatch.setenv("TRIVET_CACHE_DIR", str(folder / "cache"))
    monkeypatch.setenv("TRIVET_CACHE_SIZE", "0")
    chosen = random.Random(seed)
    interruptions = Interruptions(site, folder, chosen, monkeypatch)
    ways = (True, False) if site.minio is not None else (False,)
    for number, this in enumerate(rounds(chosen, count, victims, ways)):
        try:
            interruptions.interrupt(number, this)
        except BaseException as error:
            error.add_note(f"in round {number} of seed {seed}: {this}")
            error.add_note(f"{site.proxy.open_connections} connections; the service said: {site.server.stderr[-5000:]}")
            raise
    interruptions.finish()
    store = "S3" if site.minio else "a folder"
    print(  # noqa: T201 - what a person asks of such a run
        f"{count} interrupted uploads over {store}, seed {seed}: {dict(interruptions.seen)}"
    )


@pytest.mark.timeout(full(300, 3600))
def test_uploads_to_s3_that_are_interrupted_are_whole_or_not_there(
    own_minio_server: MinioServer, postgres_url: str, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = own_minio_server.store(own_minio_server.create_bucket())
    with site_over(Place(postgres_url, store, own_minio_server.credentials), own_minio_server) as site:
        run_rounds(site, tmp_path, seed, monkeypatch, full(3, 60), ("client", "service", "minio"))


def test_small_files_that_come_while_the_store_is_away_are_sent_again(
    own_minio_server: MinioServer, postgres_url: str, tmp_path: Path, seed: int
) -> None:
    chosen = random.Random(seed)
    source = tmp_path / "source"
    source.mkdir()
    for number in range(300):
        (source / f"{number:03}").write_bytes(chosen.randbytes(1000))
    store = own_minio_server.store(own_minio_server.create_bucket())
    with site_over(Place(postgres_url, store, own_minio_server.credentials), own_minio_server) as site:
        site.kill_minio()
        uploading = subprocess.Popen([sys.executable, "-c", UPLOAD, site.url, RUNS[0], str(source)])
        await_that(lambda: "the artifact store does not answer" in site.server.stderr)
        assert uploading.poll() is None
        site.start_minio()
        assert uploading.wait(DEADLINE_SECONDS) == 0
        with trivet.Client(site.url) as client:
            back = Path(client.download_artifacts(RUNS[0], "", str(tmp_path / "back")))
        assert {file.name: file.read_bytes() for file in files_of(back)} == {
            file.name: file.read_bytes() for file in files_of(source)
        }
        await_no_litter(site.depot)


@pytest.mark.timeout(full(300, 3600))
def test_uploads_to_a_folder_that_are_interrupted_are_whole_or_not_there(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(f"sqlite:///{tmp_path / 'artifacts.db'}", str(tmp_path / "store"), {})
    with site_over(place, None) as site:
        run_rounds(site, tmp_path, seed, monkeypatch, full(2, 40), ("client", "service"))
