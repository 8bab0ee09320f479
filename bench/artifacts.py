"""Files up and down, beside the plain `minio` client, `dd` with `sha256sum`, and MLflow's proxied artifacts.

Each upload is of bytes that nobody has seen before: the first of a file are changed, so that neither the service nor
the client's cache knows them. The client's cache is on, as it is for everybody.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import grpc
from harness import Cell, Report, Side, median_millis
from peer import ArtifactStore, Peer, mlflow_on
from processes import memory_mib

import trivet
from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb
from trivet_proto.artifacts.v1 import content_pb2
from trivet_proto.artifacts.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from trivet_testing import minio, tools
from trivet_testing.artifacts import Place, migrate, start_server
from trivet_testing.minio import MinioServer
from trivet_testing.postgres import PostgresServer
from trivet_testing.servers import ServerProcess
from trivet_testing.workspaces import WORKSPACES

MIB = 1024 * 1024
SMALL_FILES = 1_000
SMALL_BYTES = 10 * 1024
FOLDER_FILES = 100_000
# What the SDK does with a file of 1 GiB: 256 parts at most, of at least 5 MiB, three at once.
PART_BYTES = 5 * MIB
PARALLEL = 3

_BATCH = 1_000  # the most that a call takes


@dataclass
class Bench:
    """What is measured, and with what."""

    folder: Path
    """For files; on the disk that has the folder store."""
    size_bytes: int
    """Of the large file."""
    s3: ServerProcess
    """The artifact service over MinIO."""
    local: ServerProcess
    """The artifact service over a folder."""
    minio: MinioServer
    bucket: str
    """For the plain client."""
    _count: int = field(default=0)

    def for_mlflow(self) -> ArtifactStore:
        """A bucket of its own on the same MinIO."""
        return ArtifactStore(
            f"s3://{self.minio.create_bucket()}",
            {"MLFLOW_S3_ENDPOINT_URL": self.minio.endpoint, **self.minio.credentials},
        )

    @property
    def large(self) -> Path:
        """The large file."""
        return self.folder / "large"

    def fresh(self) -> str:
        """The id of a run that has nothing; the large file has new bytes."""
        self._count += 1
        with self.large.open("r+b") as file:
            file.write(f"{self._count:20}".encode())
        return f"run{self._count}"


def report_on(report: Report, postgres: PostgresServer, file_mib: int) -> None:
    """Measures and prints the table."""
    with _bench(postgres, file_mib * MIB) as bench, mlflow_on(postgres, bench.for_mlflow()) as peer:
        report.notes.append(
            f"Large files have {file_mib:,} MiB. The plain client has parts of {PART_BYTES // MIB} MiB, {PARALLEL} at "
            "once, as the SDK; it reckons no digest of the whole file, and the SDK does. The SDK's cache is on: "
            "downloads are linked into it. What went to MinIO directly is read again by the service afterwards, before "
            f"the next measurement. {peer.versions()}."
        )
        report.table("Artifacts", cells(bench, peer, report))


@contextmanager
def _bench(postgres: PostgresServer, size_bytes: int) -> Iterator[Bench]:
    with ExitStack() as stack:
        # Not in memory, where that is what the system has for temporary files.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=os.environ.get("TRIVET_BENCH_DIR"))))
        server = stack.enter_context(minio.start(tools.find_minio().path, folder / "minio"))
        os.environ["TRIVET_CACHE_DIR"] = str(folder / "cache")
        places = (
            Place(postgres.create_database(), server.store(server.create_bucket()), server.credentials),
            Place(postgres.create_database(), str(folder / "store"), {}),
        )
        services = []
        for place in places:
            migrate(place.database_url)
            services.append(stack.enter_context(start_server(place)))
        bench = Bench(folder, size_bytes, services[0], services[1], server, server.create_bucket())
        block = os.urandom(MIB)
        with bench.large.open("wb") as file:
            for number in range(size_bytes // MIB):
                file.write(number.to_bytes(8, "big") + block[8:])
        yield bench


def cells(bench: Bench, peer: Peer, report: Report) -> Iterator[Cell]:
    """Issue by issue: large files, small files, folders."""
    with _client(bench.s3, direct=True) as direct, _client(bench.s3, direct=False) as streamed:
        fput, fget = Side("fput_object", partial(_fput, bench)), Side("fget_object", partial(_fget, bench))
        yield Cell("1 file up, direct", "MB/s", partial(_up, bench, direct), limit=fput, limit_reach=0.9)
        yield Cell("1 file down, direct", "MB/s", partial(_down, bench, direct), limit=fget, limit_reach=0.8)
        yield Cell("1 file up, streamed to MinIO", "MB/s", partial(_up, bench, streamed), limit=fput, limit_reach=0.7)
        yield Cell("1 file down, streamed", "MB/s", partial(_down, bench, streamed), limit=fget, limit_reach=0.6)
        yield Cell(
            "memory of the service at the most, 4 files up at once, streamed",
            "MB",
            partial(_memory, bench, streamed),
            reach=300,
            less_is_better=True,
            rounds=1,
        )
    with _client(bench.local, direct=True) as local:
        yield Cell(
            "1 file up, streamed to a folder, flushed",
            "MB/s",
            partial(_up, bench, local),
            limit=Side("dd conv=fsync, sha256sum", partial(_dd, bench)),
            limit_reach=0.8,
        )
    with _client(bench.s3, direct=True) as client:
        name = f"{SMALL_FILES:,} files of {SMALL_BYTES // 1024} KiB up"
        answer = peer.best("small_files", number=SMALL_FILES, most=True)
        yield Cell(name, "files/s", partial(_small, bench, client, are_new=True), peer=lambda: answer, peer_reach=10)
        yield Cell(
            "the same, already there",
            "files/s",
            partial(_small, bench, client, are_new=False),
            peer=lambda: answer,
            peer_reach=50,
        )
        yield Cell(
            f"first page, 1,000 of a folder of {FOLDER_FILES:,} files",
            "ms",
            partial(_first_page, bench, client),
            reach=100,
            less_is_better=True,
        )
    report.notes.append(
        f"Memory of the services now: {memory_mib(bench.s3.pid):,.0f} MiB over MinIO, "
        f"{memory_mib(bench.local.pid):,.0f} MiB over the folder."
    )


@contextmanager
def _client(server: ServerProcess, *, direct: bool) -> Iterator[trivet.Client]:
    os.environ["TRIVET_DIRECT"] = "1" if direct else "0"
    with trivet.Client(f"grpc://{server.address}/{WORKSPACES[0]}") as client:
        client.list_artifacts("none")  # it reads the setting now
        yield client


def _rate(bench: Bench, act: Callable[[], object]) -> float:
    """MB/s of the large file."""
    _touch_memory(bench)
    os.sync()  # what was written before is not to be paid for now
    begin = time.perf_counter()
    act()
    return bench.size_bytes / 1e6 / (time.perf_counter() - begin)


def _touch_memory(bench: Bench) -> None:
    """Has the machine hold free memory for a file of this size, so that nobody is the first who needs it.

    A virtual machine gives free memory back to its host. Whoever writes a file next would wait for it, and whoever
    writes one after that would not.
    """
    block = bytes(MIB)
    unused = bench.folder / "unused"
    with unused.open("wb", buffering=0) as file:
        for _ in range(bench.size_bytes // MIB):
            file.write(block)
    unused.unlink()


def _up(bench: Bench, client: trivet.Client) -> float:
    run = bench.fresh()
    rate = _rate(bench, lambda: client.log_artifact(run, str(bench.large)))
    _wait_until_verified(client, run)
    return rate


def _down(bench: Bench, client: trivet.Client) -> float:
    run = bench.fresh()
    client.log_artifact(run, str(bench.large))
    _wait_until_verified(client, run)
    with tempfile.TemporaryDirectory(dir=bench.folder) as folder:
        return _rate(bench, lambda: client.download_artifacts(run, "large", folder))


def _wait_until_verified(client: trivet.Client, run: str) -> None:
    """The service reads what went to the store directly again, which is not to slow what is measured next."""
    while not all(info.is_verified for info in client.list_artifacts(run)):
        time.sleep(0.05)


def _fput(bench: Bench) -> float:
    bench.fresh()
    client = bench.minio.client()
    return _rate(
        bench,
        lambda: client.fput_object(
            bench.bucket, "large", str(bench.large), part_size=PART_BYTES, num_parallel_uploads=PARALLEL
        ),
    )


def _fget(bench: Bench) -> float:
    client = bench.minio.client()
    with tempfile.TemporaryDirectory(dir=bench.folder) as folder:
        return _rate(bench, lambda: client.fget_object(bench.bucket, "large", f"{folder}/large"))


def _dd(bench: Bench) -> float:
    bench.fresh()
    with tempfile.TemporaryDirectory(dir=bench.folder) as folder:

        def copy() -> None:
            command = ["dd", f"if={bench.large}", f"of={folder}/large", "bs=1M", "conv=fsync", "status=none"]
            subprocess.run(command, check=True)
            subprocess.run(["sha256sum", f"{folder}/large"], check=True, stdout=subprocess.DEVNULL)

        return _rate(bench, copy)


def _memory(bench: Bench, client: trivet.Client) -> float:
    """The most that the service ever had, in MB: after all that was measured before, and four uploads at once."""
    files = []
    for number in range(4):
        run = bench.fresh()
        file = bench.folder / f"large-{number}"
        subprocess.run(["cp", str(bench.large), str(file)], check=True)
        files.append((run, file))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda task: client.log_artifact(task[0], str(task[1])), files))
    for _, file in files:
        file.unlink()
    return memory_mib(bench.s3.pid, "VmHWM") * MIB / 1e6


def _small(bench: Bench, client: trivet.Client, *, are_new: bool) -> float:
    folder = bench.folder / "small"
    folder.mkdir(exist_ok=True)
    if are_new:
        for number in range(SMALL_FILES):
            (folder / f"{number:05}").write_bytes(os.urandom(SMALL_BYTES))
    else:
        # As files are that are logged again: the cache knows them, once they are old enough to be trusted.
        time.sleep(2.1)
        client.log_artifacts(bench.fresh(), str(folder))
    run = bench.fresh()
    begin = time.perf_counter()
    client.log_artifacts(run, str(folder))
    return SMALL_FILES / (time.perf_counter() - begin)


def _first_page(bench: Bench, client: trivet.Client) -> float:
    run = "folder"
    if not client.list_artifacts(run):
        _fill(bench, client, run)
    request = pb.ListArtifactsRequest(owner=_owner(client, run), path="many", page_size=_BATCH)
    with _stub(bench.s3) as stub:
        page = stub.ListArtifacts(request)
        assert [file.path for file in page.artifacts] == [f"many/{number:06}" for number in range(_BATCH)]
        return median_millis(lambda: stub.ListArtifacts(request))


def _fill(bench: Bench, client: trivet.Client, run: str) -> None:
    """Makes a folder of files that all have the same bytes, of which one file was sent."""
    file = bench.folder / "tiny"
    file.write_bytes(b"tiny")
    client.log_artifact(run, str(file), "first")
    (sent,) = client.artifacts.list_artifacts(run, path="first/tiny")
    content = content_pb2.Content(sha256=bytes.fromhex(sent.sha256), size_bytes=4)
    with _stub(bench.s3) as stub:
        for begin in range(0, FOLDER_FILES, _BATCH):
            files = [
                content_pb2.NewArtifact(owner=_owner(client, run), path=f"many/{number:06}", content=content)
                for number in range(begin, begin + _BATCH)
            ]
            answer = stub.CommitArtifacts(content_pb2.CommitArtifactsRequest(files=files))
            assert all(result.HasField("artifact") for result in answer.results)


def _owner(client: trivet.Client, run: str) -> str:
    return f"workspaces/{client.workspace}/runs/{run}"


@contextmanager
def _stub(server: ServerProcess) -> Iterator[ArtifactServiceStub]:
    with grpc.insecure_channel(server.address) as channel:
        yield ArtifactServiceStub(channel)
