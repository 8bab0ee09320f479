"""Files up and down over a folder and MinIO: by parts and by streams, killed clients, damaged bytes, nothing twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import pytest
from minio import Minio

import trivet
from trivet_testing import artifacts as artifact_server
from trivet_testing.artifacts import Place
from trivet_testing.depot import LEASE_SECONDS
from trivet_testing.metered_proxy import MeteredProxy
from trivet_testing.minio import MinioServer
from trivet_testing.servers import ServerProcess, free_port
from trivet_testing.tcp_proxy import Direction
from trivet_testing.tracking import full
from trivet_testing.workspaces import unused_workspace

RUN = "0192f0c1a7"
MIB = 1024 * 1024

UPLOAD = "import sys, trivet; trivet.Client(sys.argv[1]).log_artifact(sys.argv[2], sys.argv[3])"
DOWNLOAD = "import sys, trivet; trivet.Client(sys.argv[1]).download_artifacts(sys.argv[2], sys.argv[3], sys.argv[4])"


@dataclass(frozen=True)
class Service:
    """An artifact service whose every byte passes a proxy: what goes to it, and what goes to the store directly."""

    kind: str
    proxy: MeteredProxy
    store_proxy: MeteredProxy | None
    place: Place
    minio: Minio | None
    workspace: str
    restart: Callable[[], None]
    """Kills the service and starts it again, at the same address."""

    @property
    def url(self) -> str:
        return f"grpc://{self.proxy.address}/{self.workspace}"

    @property
    def bytes_proxy(self) -> MeteredProxy:
        """The one that the bytes of large files pass."""
        return self.store_proxy if self.kind == "direct" and self.store_proxy is not None else self.proxy

    def passed(self, direction: Direction) -> int:
        """Bytes that passed that way by now, whichever way they took."""
        return self.proxy.passed(direction) + (self.store_proxy.passed(direction) if self.store_proxy else 0)

    def damage(self, old: bytes, new: bytes) -> None:
        """Changes the stored objects with these bytes, behind the service."""
        if self.minio is None:
            for file in Path(self.place.store).rglob("*"):
                if file.is_file() and file.read_bytes() == old:
                    file.write_bytes(new)
            return
        bucket = self.place.store.removeprefix("s3://").partition("?")[0]
        for entry in self.minio.list_objects(bucket, recursive=True):
            assert entry.object_name is not None
            if entry.size != len(old):
                continue
            with self.minio.get_object(bucket, entry.object_name) as answer:
                is_it = answer.read() == old
            if is_it:
                self.minio.put_object(bucket, entry.object_name, BytesIO(new), len(new))


@pytest.fixture(scope="module", params=["folder", "streamed", "direct"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Over a folder; over MinIO that clients do not reach; over MinIO that they do."""
    with serving(request.param, request, tmp_path_factory.mktemp(request.param)) as service:
        yield service


@pytest.fixture
def service(shared: Service) -> Service:
    """That, in a workspace that no other test uses."""
    return replace(shared, workspace=unused_workspace())


@pytest.fixture
def direct(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    """One of the test's own over MinIO that clients reach."""
    with serving("direct", request, tmp_path) as service:
        yield service


@contextmanager
def serving(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Service]:
    database = f"sqlite:///{folder / 'artifacts.db'}"
    artifact_server.migrate(database)
    with ExitStack() as stack:
        place, store_proxy, minio, public = Place(database, str(folder / "store"), {}), None, None, ""
        if kind != "folder":
            server: MinioServer = request.getfixturevalue("minio_server")
            place = Place(database, server.store(server.create_bucket()), server.credentials)
            minio, public = server.client(), "none"
        if kind == "direct":
            store_proxy = stack.enter_context(MeteredProxy(f"127.0.0.1:{server.port}"))
            public = f"http://{store_proxy.address}"

        def start(listen: str = "127.0.0.1:0") -> ServerProcess:
            server = artifact_server.start_server(
                place, listen, TRIVET_S3_PUBLIC_ENDPOINT=public, TRIVET_UPLOAD_LEASE=LEASE_SECONDS
            )
            return stack.enter_context(server)

        processes = [start()]
        proxy = stack.enter_context(MeteredProxy(processes[0].address))

        def restart() -> None:
            processes[-1].kill()
            proxy.drop()
            processes.append(start(processes[-1].address))

        yield Service(kind, proxy, store_proxy, place, minio, unused_workspace(), restart)


@pytest.fixture
def client(service: Service) -> Iterator[trivet.Client]:
    with trivet.Client(service.url) as client:
        yield client


def write(file: Path, size_bytes: int, seed: int) -> bytes:
    source = random.Random(seed)
    # In steps: `randbytes` makes less than 256 MiB at once.
    content = b"".join(source.randbytes(min(16 * MIB, size_bytes - begin)) for begin in range(0, size_bytes, 16 * MIB))
    file.write_bytes(content)
    return content


def killed(service: Service, direction: Direction, passing_bytes: int, *arguments: str) -> None:
    """Runs a program with the SDK, and kills it when so many bytes of a large file have passed."""
    service.bytes_proxy.stop_after(direction, passing_bytes)
    process = subprocess.Popen([sys.executable, "-c", *arguments], env=os.environ)
    try:
        service.bytes_proxy.wait_until_stopped()
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        service.bytes_proxy.finish()


# --- up


def test_large_and_small_files_come_back_as_they_were(
    client: trivet.Client, service: Service, tmp_path: Path, seed: int
) -> None:
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    sizes = {"large": 33 * MIB + 1, "sub/exact": 20 * MIB, "middle": 3 * MIB, "sub/small": 17, "empty": 0}
    contents = {name: write(source / name, size, seed + size) for name, size in sizes.items()}
    client.log_artifacts(RUN, str(source))
    infos = {info.path: info for info in client.artifacts.list_artifacts(RUN, recursive=True)}
    assert {name: info.file_size for name, info in infos.items()} == sizes
    back = Path(client.download_artifacts(RUN, "", str(tmp_path / "back")))
    assert {name: (back / name).read_bytes() for name in sizes} == contents
    assert sorted(file.name for file in back.rglob(".*")) == []
    went_direct = service.store_proxy.passed(Direction.REQUESTS) if service.store_proxy else 0
    assert went_direct >= (53 * MIB if service.kind == "direct" else 0)


@pytest.mark.timeout(full(120, 600))
@pytest.mark.parametrize("restarts", [False, True], ids=["", "restart"])
def test_killed_upload_is_gone_on_with_by_another_process(
    client: trivet.Client, service: Service, tmp_path: Path, seed: int, *, restarts: bool
) -> None:
    size = full(64, 1024) * MIB
    file = tmp_path / "large"
    content = write(file, size, seed)
    begin = service.passed(Direction.REQUESTS)
    killed(service, Direction.REQUESTS, size // 2, UPLOAD, service.url, RUN, str(file))
    assert client.list_artifacts(RUN) == []
    if restarts:
        service.restart()
    before = service.passed(Direction.REQUESTS)
    subprocess.run([sys.executable, "-c", UPLOAD, service.url, RUN, str(file)], env=os.environ, check=True)
    again = service.passed(Direction.REQUESTS) - before
    first = before - begin
    print(  # noqa: T201 - what a person asks of such a run
        f"{service.kind}{', service restarted' * restarts}: of {size // MIB} MiB the first process sent "
        f"{first / size:.2%}, the second {again / size:.2%}"
    )
    assert size // 2 <= first < size
    # A fiftieth of 1 GiB goes twice, at the most.
    assert first + again <= size + 20 * MIB
    assert Path(client.download_artifacts(RUN, "large", str(tmp_path / "back"))).read_bytes() == content


def test_another_file_of_the_same_size_and_time_is_not_mixed_up(
    client: trivet.Client, service: Service, tmp_path: Path, seed: int
) -> None:
    size = 40 * MIB
    file = tmp_path / "large"
    write(file, size, seed)
    status = file.stat()
    killed(service, Direction.REQUESTS, size // 2, UPLOAD, service.url, RUN, str(file))
    content = write(file, size, seed + 1)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    client.log_artifact(RUN, str(file))
    assert Path(client.download_artifacts(RUN, "large", str(tmp_path / "back"))).read_bytes() == content


def test_connection_that_breaks_is_taken_up_again(
    client: trivet.Client, service: Service, tmp_path: Path, seed: int
) -> None:
    size = 40 * MIB
    content = write(tmp_path / "large", size, seed)
    client.list_artifacts(RUN)
    service.bytes_proxy.stop_after(Direction.REQUESTS, size // 2)
    process = subprocess.Popen(
        [sys.executable, "-c", UPLOAD, service.url, RUN, str(tmp_path / "large")], env=os.environ
    )
    service.bytes_proxy.wait_until_stopped()
    service.bytes_proxy.drop()
    assert process.wait(120) == 0
    place = Path(client.download_artifacts(RUN, "large", str(tmp_path / "back")))
    assert place.read_bytes() == content


def test_store_that_is_out_of_reach_is_done_without(direct: Service, tmp_path: Path, seed: int) -> None:
    # Signed for an address at which nobody answers.
    nobody = f"http://127.0.0.1:{free_port()}"
    content = write(tmp_path / "large", 20 * MIB, seed)
    with (
        artifact_server.start_server(direct.place, TRIVET_S3_PUBLIC_ENDPOINT=nobody) as server,
        trivet.Client(f"grpc://{server.address}/{direct.workspace}") as client,
    ):
        client.log_artifact(RUN, str(tmp_path / "large"))
        place = Path(client.download_artifacts(RUN, "large", str(tmp_path / "back")))
    assert place.read_bytes() == content


def test_direct_transfers_can_be_switched_off(
    direct: Service, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIVET_DIRECT", "0")
    content = write(tmp_path / "large", 20 * MIB, seed)
    with trivet.Client(direct.url) as client:
        client.log_artifact(RUN, str(tmp_path / "large"))
        assert Path(client.download_artifacts(RUN, "large", str(tmp_path / "back"))).read_bytes() == content
    assert direct.store_proxy is not None
    assert direct.store_proxy.passed(Direction.REQUESTS) == 0


# --- nothing twice


def test_what_the_workspace_holds_does_not_move(
    client: trivet.Client, service: Service, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number in range(20):
        write(source / f"{number:02}", 50_000, seed + number)
    client.log_artifacts(RUN, str(source))
    before = service.passed(Direction.REQUESTS)
    client.log_artifacts("another", str(source), "again")
    assert service.passed(Direction.REQUESTS) - before < 20_000
    # Also from a machine that does not know the digests.
    monkeypatch.setenv("TRIVET_CACHE_DIR", str(tmp_path / "other-cache"))
    with trivet.Client(service.url) as other:
        before = service.passed(Direction.REQUESTS)
        other.log_artifacts("third", str(source))
        assert service.passed(Direction.REQUESTS) - before < 20_000
    assert client.artifacts.get_manifest("third") == client.artifacts.get_manifest(RUN)


def test_of_files_with_the_same_bytes_one_moves(
    client: trivet.Client, service: Service, tmp_path: Path, seed: int
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number in range(10):
        write(source / str(number), 100_000, seed)
    before = service.passed(Direction.REQUESTS)
    client.log_artifacts(RUN, str(source))
    assert service.passed(Direction.REQUESTS) - before < 150_000
    assert len(client.list_artifacts(RUN)) == 10


def test_large_file_whose_digest_is_known_does_not_move(
    client: trivet.Client, service: Service, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "large"
    write(file, 20 * MIB, seed)
    # The clock of the cache: the file is not changed any more for long.
    later = max(file.stat().st_mtime_ns, file.stat().st_ctime_ns) + 10_000_000_000
    monkeypatch.setattr(client.artifacts._cache, "_now_ns", lambda: later)
    client.log_artifact(RUN, str(file))
    # Over S3 the service reads a direct upload again before it counts as held.
    for info in client.list_artifacts(RUN):
        while not info.is_verified:
            (info,) = client.list_artifacts(RUN)  # noqa: PLW2901 - until it is
    before = service.passed(Direction.REQUESTS)
    client.log_artifact("another", str(file))
    assert service.passed(Direction.REQUESTS) - before < 20_000


def test_copies_move_no_bytes(client: trivet.Client, service: Service, tmp_path: Path, seed: int) -> None:
    source = tmp_path / "source"
    (source / "model").mkdir(parents=True)
    write(source / "model" / "weights", 1_000_000, seed)
    write(source / "model" / "config", 100, seed)
    client.log_artifacts(RUN, str(source))
    before = service.passed(Direction.REQUESTS) + service.passed(Direction.RESPONSES)
    copied = client.artifacts.copy_artifacts(RUN, "copy", path="model", destination_path="of/it")
    assert service.passed(Direction.REQUESTS) + service.passed(Direction.RESPONSES) - before < 20_000
    assert (copied.file_count, copied.total_bytes) == (2, 1_000_100)
    assert [info.path for info in client.artifacts.list_artifacts("copy", recursive=True)] == [
        "of/it/config",
        "of/it/weights",
    ]
    manifest = client.artifacts.get_manifest("copy", path="of/it")
    assert manifest == client.artifacts.get_manifest(RUN, path="model")
    assert manifest.sha256 == copied.sha256
    with pytest.raises(trivet.ArtifactNotFound):
        client.artifacts.copy_artifacts(RUN, "copy", path="nothing")
    with pytest.raises(trivet.ArtifactNotFound):
        client.artifacts.get_manifest(RUN, path="nothing")


# --- down


def test_killed_download_is_gone_on_with_by_another_process(
    client: trivet.Client, service: Service, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIVET_CACHE_SIZE", "0")
    size = full(128, 1024) * MIB
    content = write(tmp_path / "large", size, seed)
    client.log_artifact(RUN, str(tmp_path / "large"))
    arguments = (DOWNLOAD, service.url, RUN, "large", str(tmp_path / "back"))
    killed(service, Direction.RESPONSES, size // 2, *arguments)
    back = tmp_path / "back" / "large"
    assert not back.exists()
    before = service.passed(Direction.RESPONSES)
    subprocess.run([sys.executable, "-c", *arguments], env=os.environ, check=True)
    # Pieces that were not whole come again.
    assert service.passed(Direction.RESPONSES) - before <= size // 2 + 4 * 16 * MIB
    assert back.read_bytes() == content
    assert [file.name for file in back.parent.iterdir()] == ["large"]


def test_download_goes_on_when_its_service_is_killed(
    client: trivet.Client, service: Service, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIVET_CACHE_SIZE", "0")
    size = 128 * MIB
    content = write(tmp_path / "large", size, seed)
    client.log_artifact(RUN, str(tmp_path / "large"))
    before = service.passed(Direction.RESPONSES)
    service.bytes_proxy.stop_after(Direction.RESPONSES, size // 2)
    arguments = (DOWNLOAD, service.url, RUN, "large", str(tmp_path / "back"))
    with subprocess.Popen([sys.executable, "-c", *arguments], env=os.environ) as process:
        service.bytes_proxy.wait_until_stopped()
        service.restart()
        service.bytes_proxy.go_on()
        assert process.wait(120) == 0
    assert (tmp_path / "back" / "large").read_bytes() == content
    # The pieces that were on their way come again, from where they were cut off or from their beginnings.
    assert service.passed(Direction.RESPONSES) - before <= size + 4 * 16 * MIB


def test_small_files_go_on_when_the_service_is_killed(
    client: trivet.Client, service: Service, tmp_path: Path, seed: int
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    contents = {str(number): write(source / str(number), 100_000, seed + number) for number in range(50)}
    client.list_artifacts(RUN)
    service.proxy.stop_after(Direction.REQUESTS, 2_000_000)
    arguments = (UPLOAD, service.url, RUN, str(source))
    with subprocess.Popen([sys.executable, "-c", *arguments], env=os.environ) as process:
        service.proxy.wait_until_stopped()
        service.restart()
        assert process.wait(120) == 0
    back = Path(client.download_artifacts(RUN, "source", str(tmp_path / "back")))
    assert {name: (back / name).read_bytes() for name in contents} == contents


def test_damaged_rest_of_a_killed_download_is_thrown_away(
    client: trivet.Client, service: Service, tmp_path: Path, seed: int
) -> None:
    size = 128 * MIB
    content = write(tmp_path / "large", size, seed)
    client.log_artifact(RUN, str(tmp_path / "large"))
    killed(service, Direction.RESPONSES, size // 2, DOWNLOAD, service.url, RUN, "large", str(tmp_path / "back"))
    for part in (tmp_path / "back").glob(".trivet-*.part"):
        with part.open("r+b") as file:
            file.write(b"damaged")
    assert Path(client.download_artifacts(RUN, "large", str(tmp_path / "back"))).read_bytes() == content


def test_files_that_are_there_do_not_move(client: trivet.Client, service: Service, tmp_path: Path, seed: int) -> None:
    source = tmp_path / "source"
    source.mkdir()
    contents = {str(number): write(source / str(number), 100_000, seed + number) for number in range(5)}
    client.log_artifacts(RUN, str(source))
    back = Path(client.download_artifacts(RUN, "", str(tmp_path / "back")))
    (back / "2").unlink()
    (back / "2").write_bytes(b"changed since")
    before = service.passed(Direction.RESPONSES)
    client.download_artifacts(RUN, "", str(tmp_path / "back"))
    assert service.passed(Direction.RESPONSES) - before < 20_000
    assert {name: (back / name).read_bytes() for name in contents} == contents


@pytest.mark.parametrize("size", [1000, 20 * MIB])
def test_flipped_byte_in_the_store_is_an_error_that_names_the_file(
    client: trivet.Client, service: Service, tmp_path: Path, seed: int, size: int
) -> None:
    content = write(tmp_path / "weights", size, seed)
    client.log_artifact(RUN, str(tmp_path / "weights"), "model")
    for info in client.list_artifacts(RUN, "model"):
        while not info.is_verified:
            (info,) = client.list_artifacts(RUN, "model")  # noqa: PLW2901 - until it is
    flipped = bytearray(content)
    flipped[size // 2] ^= 1
    service.damage(content, bytes(flipped))
    with pytest.raises(trivet.ArtifactCorrupt, match="'model/weights'"):
        client.download_artifacts(RUN, "", str(tmp_path / "back"))
    assert [file for file in (tmp_path / "back").rglob("*") if file.is_file()] == []
    assert [(check.path, check.state) for check in client.artifacts.verify_artifacts(RUN)] == [
        ("model/weights", "corrupt")
    ]


# --- references and checks


def test_reference_is_recorded_and_never_fetched(client: trivet.Client, tmp_path: Path, seed: int) -> None:
    write(tmp_path / "here", 100, seed)
    client.log_artifact(RUN, str(tmp_path / "here"), "data")
    client.artifacts.log_reference(RUN, "s3://bucket/trips.csv", "data/trips", size_bytes=7, sha256="ab" * 32)
    client.artifacts.log_reference(RUN, "https://example.com/x", "data/x")
    here, trips, unknown = client.list_artifacts(RUN, "data")
    assert (here.reference_uri, here.is_verified) == ("", True)
    assert (trips.reference_uri, trips.file_size, trips.sha256, trips.is_verified) == (
        "s3://bucket/trips.csv",
        7,
        "ab" * 32,
        False,
    )
    assert (unknown.reference_uri, unknown.file_size, unknown.sha256) == ("https://example.com/x", 0, "")
    back = Path(client.download_artifacts(RUN, "data", str(tmp_path / "back")))
    assert [file.name for file in back.iterdir()] == ["here"]
    with pytest.raises(trivet.FailedPrecondition, match=r"s3://bucket/trips\.csv"):
        client.download_artifacts(RUN, "data/trips", str(tmp_path / "back"))
    assert client.artifacts.get_manifest(RUN).reference_count == 2
    assert [check.state for check in client.artifacts.verify_artifacts(RUN)] == ["ok", "reference", "reference"]


@pytest.mark.parametrize(
    ("uri", "path", "sha256"),
    [
        ("data.csv", "x", ""),
        ("s3://user:password@bucket/x", "x", ""),
        ("s3://bucket/x", "../x", ""),
        ("s3://bucket/x", "", ""),
        ("s3://bucket/x", "x", "abc"),
        ("s3://bucket/x", "x", "ab"),
    ],
)
def test_reference_that_can_be_none_is_refused(client: trivet.Client, uri: str, path: str, sha256: str) -> None:
    with pytest.raises(trivet.InvalidArgument):
        client.artifacts.log_reference(RUN, uri, path, sha256=sha256)
    assert client.list_artifacts(RUN) == []


def test_copy_here_is_compared_by_its_digests(
    client: trivet.Client, service: Service, tmp_path: Path, seed: int
) -> None:
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    for name in ("a", "b", "sub/c"):
        write(source / name, 1000, seed)
    client.log_artifacts(RUN, str(source), "model")
    assert {check.state for check in client.artifacts.verify_artifacts(RUN, path="model", local_path=source)} == {"ok"}
    write(source / "a", 1000, seed + 1)
    (source / "b").unlink()
    write(source / "sub" / "d", 5, seed)
    before = service.passed(Direction.RESPONSES)
    checks = client.artifacts.verify_artifacts(RUN, path="model", local_path=source)
    assert service.passed(Direction.RESPONSES) - before < 5_000
    assert [(check.path, check.state) for check in checks] == [
        ("model/a", "changed"),
        ("model/b", "missing"),
        ("model/sub/c", "ok"),
        ("model/sub/d", "extra"),
    ]
    (one,) = client.artifacts.verify_artifacts(RUN, path="model/sub/c", local_path=source / "sub" / "c")
    assert (one.path, one.state) == ("model/sub/c", "ok")
    with pytest.raises(trivet.ArtifactNotFound):
        client.artifacts.verify_artifacts(RUN, path="nothing")
