"""Model versions whose files, lists of files or digests somebody altered in the stores, behind the services' backs."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

import trivet
from trivet_proto.artifacts.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from trivet_testing import artifacts as artifact_server
from trivet_testing import registry as registry_server
from trivet_testing.artifacts import Artifacts, Place
from trivet_testing.command_line import invoke
from trivet_testing.tracking import full
from trivet_testing.workspaces import unused_workspace

PATHS = ("MLmodel", "model.pkl", "parts/vocabulary")


@dataclass(frozen=True)
class Stored:
    """An object, and where its bytes are: in a file, which may have those of others too."""

    object_pk: int
    file: Path
    offset: int
    size: int

    def overwrite(self, at: int, data: bytes) -> None:
        """Changes bytes, from a place in the object on."""
        whole = bytearray(self.file.read_bytes())
        whole[self.offset + at : self.offset + at + len(data)] = data
        self._replace(bytes(whole))

    def cut(self, at: int) -> None:
        """Ends the file at a place in the object."""
        self._replace(self.file.read_bytes()[: self.offset + at])

    def _replace(self, data: bytes) -> None:
        self.file.chmod(0o600)
        self.file.write_bytes(data)


@dataclass(frozen=True)
class Stores:
    """Two services, and where they keep what they have."""

    artifacts: str
    registry: str
    artifacts_db: Path
    registry_db: Path
    files: Path

    def in_artifacts(self, statement: str, **values: object) -> list[tuple[object, ...]]:
        return _execute(self.artifacts_db, statement, values)

    def in_registry(self, statement: str, **values: object) -> list[tuple[object, ...]]:
        return _execute(self.registry_db, statement, values)

    def object_of(self, owner: str, path: str) -> Stored:
        """The object that a file has."""
        ((object_pk, object_key, offset, size),) = self.in_artifacts(
            "SELECT o.object_pk, o.object_key, o.offset_bytes, o.size_bytes FROM artifact_entry e "
            "JOIN artifact_object o USING (object_pk) JOIN artifact_owner w USING (owner_pk) "
            "WHERE w.owner = :owner AND e.path = :path",
            owner=owner,
            path=path,
        )
        (file,) = self.files.glob(f"objects/**/{str(object_key).rpartition('/')[2]}")
        return Stored(int(str(object_pk)), file, int(str(offset)), int(str(size)))


def _execute(database: Path, statement: str, values: dict[str, object]) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(database, timeout=30)) as connection:
        rows = connection.execute(statement, values).fetchall()
        connection.commit()
        return rows


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    folder = tmp_path_factory.mktemp("stores")
    place = Place(f"sqlite:///{folder / 'artifacts.db'}", str(folder / "files"), {})
    artifact_server.migrate(place.database_url)
    registry_url = f"sqlite:///{folder / 'registry.db'}"
    registry_server.migrate(registry_url)
    with ExitStack() as stack:
        artifacts = f"grpc://{stack.enter_context(artifact_server.start_server(place)).address}"
        registry = stack.enter_context(registry_server.start_server(registry_url, artifacts_url=artifacts))
        yield Stores(
            artifacts,
            f"grpc://{registry.address}",
            folder / "artifacts.db",
            folder / "registry.db",
            folder / "files",
        )


@pytest.fixture
def client(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> Iterator[trivet.Client]:
    monkeypatch.setenv("TRIVET_ARTIFACTS_URL", stores.artifacts)
    monkeypatch.setenv("TRIVET_REGISTRY_URL", stores.registry)
    # A digest that this machine has the bytes of needs nothing from the store.
    monkeypatch.setenv("TRIVET_CACHE_SIZE", "0")
    with trivet.Client(workspace=unused_workspace()) as client:
        yield client


def make_version(client: trivet.Client, folder: Path, number: int) -> trivet.ModelVersion:
    """A version of three files that no other one has; the run has more beside them."""
    run = f"run{number}"
    for path in PATHS:
        (folder / "model" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "model" / path).write_text(f"{path} {number}" * 20, encoding="utf-8")
    client.log_artifact(run, str(folder / "model"))
    (folder / "other").write_text(f"other {number}", encoding="utf-8")
    client.log_artifact(run, str(folder / "other"))
    return client.register_model(f"runs:/{run}/model", "taxi")


@dataclass(frozen=True)
class Case:
    """A version, and what is to be altered of it."""

    stores: Stores
    version: trivet.ModelVersion
    path: str
    chance: random.Random

    @property
    def entry(self) -> str:
        """SQL: the version's file."""
        return "path = :path AND owner_pk = (SELECT owner_pk FROM artifact_owner WHERE owner = :owner)"

    @property
    def stored(self) -> Stored:
        """The object of the version's file."""
        return self.stores.object_of(self.version.artifact_owner, self.path)

    @property
    def names(self) -> dict[str, object]:
        return {"path": self.path, "owner": self.version.artifact_owner}

    @property
    def run(self) -> str:
        """The owner of the files that it was registered from."""
        return f"{self.version.artifact_owner.partition('/models/')[0]}/runs/{self.version.run_id}"


def flips_a_byte(case: Case) -> str:
    """Each function alters something, and returns what the refusal has to name."""
    stored = case.stored
    at = case.chance.randrange(stored.size)
    before = stored.file.read_bytes()[stored.offset + at]
    stored.overwrite(at, bytes([before ^ 1 << case.chance.randrange(8)]))
    return repr(case.path)


def cuts_a_file(case: Case) -> str:
    """Must be the last one that lies in the file of the store, so that it is the only one that is cut."""
    case.stored.cut(case.chance.randrange(case.stored.size))
    return repr(case.path)


def puts_other_bytes(case: Case) -> str:
    """The file becomes another one that the workspace has, with a digest that fits its bytes."""
    other = case.stores.object_of(case.run, "other")
    case.stores.in_artifacts(
        f"UPDATE artifact_entry SET object_pk = :object_pk WHERE {case.entry}", object_pk=other.object_pk, **case.names
    )
    return f"{case.path!r} has other bytes"


def removes_a_file(case: Case) -> str:
    case.stores.in_artifacts(f"DELETE FROM artifact_entry WHERE {case.entry}", **case.names)
    return f"{case.path!r} is missing"


def adds_a_file(case: Case) -> str:
    case.stores.in_artifacts(
        "INSERT INTO artifact_entry SELECT owner_pk, path || '.so', parent, object_pk, media_type, create_time, "
        f"reference_uri, reference_size_bytes, reference_sha256 FROM artifact_entry WHERE {case.entry}",
        **case.names,
    )
    return f"'{case.path}.so' was added"


def renames_a_file(case: Case) -> str:
    case.stores.in_artifacts(f"UPDATE artifact_entry SET path = path || '2' WHERE {case.entry}", **case.names)
    return f"{case.path!r} is missing, '{case.path}2' was added"


def changes_bytes_with_their_digest(case: Case) -> str:
    """Also in the run, whose files are the same objects; so that nothing shows which file it was."""
    stored = case.stored
    other = f"other {case.version.version}"
    ((sha256,),) = case.stores.in_artifacts(
        "SELECT o.sha256 FROM artifact_object o JOIN artifact_entry e USING (object_pk) JOIN artifact_owner w "
        "USING (owner_pk) WHERE w.owner = :run AND e.path = 'other'",
        run=case.run,
    )
    stored.overwrite(0, other.encode())
    # The index knows a content once; the other one makes room.
    case.stores.in_artifacts("UPDATE artifact_object SET sha256 = randomblob(32) WHERE sha256 = :sha256", sha256=sha256)
    case.stores.in_artifacts(
        "UPDATE artifact_object SET sha256 = :sha256, size_bytes = :size WHERE object_pk = :object_pk",
        sha256=sha256,
        size=len(other),
        object_pk=stored.object_pk,
    )
    return "both were altered, or the digest"


def changes_the_digest_in_the_registry(case: Case) -> str:
    changed = bytearray.fromhex(case.version.manifest_sha256)
    changed[case.chance.randrange(32)] ^= 1 << case.chance.randrange(8)
    case.stores.in_registry(
        "UPDATE version SET manifest_sha256 = :changed WHERE manifest_sha256 = :manifest",
        changed=bytes(changed),
        manifest=bytes.fromhex(case.version.manifest_sha256),
    )
    return "or the digest in the registry was"


def removes_the_digest_in_the_registry(case: Case) -> str:
    case.stores.in_registry(
        "UPDATE version SET manifest_sha256 = x'' WHERE manifest_sha256 = :manifest",
        manifest=bytes.fromhex(case.version.manifest_sha256),
    )
    return "pinned to no digest"


ALTERATIONS: tuple[Callable[[Case], str], ...] = (
    flips_a_byte,
    cuts_a_file,
    puts_other_bytes,
    removes_a_file,
    adds_a_file,
    renames_a_file,
    changes_bytes_with_their_digest,
    changes_the_digest_in_the_registry,
    removes_the_digest_in_the_registry,
)


def test_every_altered_model_is_refused_by_name(
    stores: Stores, client: trivet.Client, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    count = full(45, 500)
    for number in range(1, count + 1):
        folder = tmp_path / str(number)
        version = make_version(client, folder, number)
        uri = f"models:/taxi/{version.version}"
        back = client.download_artifacts(artifact_uri=uri, dst_path=str(folder / "before"))
        assert sorted(str(file.relative_to(back)) for file in Path(back).rglob("*") if file.is_file()) == list(PATHS)
        alter = ALTERATIONS[number % len(ALTERATIONS)]
        path = chance.choice(PATHS)
        if alter is cuts_a_file:
            path = max(PATHS, key=lambda path: stores.object_of(version.artifact_owner, path).offset)
        case = Case(stores, version, path, chance)
        named = alter(case)
        with pytest.raises(trivet.ArtifactCorrupt) as refused:
            client.download_artifacts(artifact_uri=uri, dst_path=str(folder / "after"))
        assert named in refused.value.message, (alter.__name__, refused.value.message)
        assert not (folder / "after" / case.path).exists()


def test_part_of_an_altered_model_is_refused_too(stores: Stores, client: trivet.Client, tmp_path: Path) -> None:
    version = make_version(client, tmp_path / "1", 1)
    adds_a_file(Case(stores, version, "model.pkl", random.Random(1)))
    with pytest.raises(
        trivet.ArtifactCorrupt, match=r"models:/taxi/1 was altered after it was registered: 'model\.pkl\.so'"
    ):
        client.download_artifacts(artifact_uri="models:/taxi/1/MLmodel", dst_path=str(tmp_path / "after"))
    assert not (tmp_path / "after").exists()


def test_file_that_somebody_uploads_to_a_version_is_found(
    stores: Stores, client: trivet.Client, tmp_path: Path
) -> None:
    """Nothing in the artifact service keeps a caller from writing there (ADR 11)."""
    version = make_version(client, tmp_path / "1", 1)
    with grpc.insecure_channel(stores.artifacts.removeprefix("grpc://")) as channel:
        files = Artifacts(ArtifactServiceStub(channel), client.workspace)
        files.upload(version.artifact_owner, "sitecustomize.py", b"print('mine')")
    with pytest.raises(trivet.ArtifactCorrupt, match=r"'sitecustomize\.py' was added"):
        client.download_artifacts(artifact_uri="models:/taxi/1")
    with pytest.raises(trivet.ArtifactCorrupt, match=r"'sitecustomize\.py' was added"):
        client.artifacts.verify_model_version(version)
    command = ("artifacts", "get", "models:/taxi/1", "--to", str(tmp_path / "after"), "--json")
    ended = invoke(*command, "--workspace", client.workspace)
    assert ended.exit_code == 1
    assert "'sitecustomize.py' was added" in json.loads(ended.stderr)["error"]["message"]
    assert not (tmp_path / "after").exists()


def test_file_that_somebody_replaces_in_a_version_is_found(
    stores: Stores, client: trivet.Client, tmp_path: Path
) -> None:
    """All that a caller with WRITE needs are calls of the contract: the bytes and their digest are in accord."""
    version = make_version(client, tmp_path / "1", 1)
    with grpc.insecure_channel(stores.artifacts.removeprefix("grpc://")) as channel:
        files = Artifacts(ArtifactServiceStub(channel), client.workspace)
        assert files.delete(version.artifact_owner, "model.pkl") == 1
        files.upload(version.artifact_owner, "model.pkl", b"cos\nsystem\n(S'mine'\ntR.")
    for uri in ("models:/taxi/1", "models:/taxi/1/model.pkl", "models:/taxi/1/MLmodel"):
        with pytest.raises(trivet.ArtifactCorrupt, match=r"models:/taxi/1 was altered .*'model\.pkl' "):
            client.download_artifacts(artifact_uri=uri, dst_path=str(tmp_path / "after"))
    assert not (tmp_path / "after").exists()


def test_version_that_is_here_is_the_registered_one_whatever_became_of_the_store(
    stores: Stores, client: trivet.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = make_version(client, tmp_path / "1", 1)
    monkeypatch.setenv("TRIVET_CACHE_SIZE", "1 MiB")
    monkeypatch.setenv("TRIVET_CACHE_DIR", str(tmp_path / "cache"))
    with trivet.Client(workspace=client.workspace) as caching:
        held = caching.artifacts.hold_model_version(version)
        held.release()
        flips_a_byte(Case(stores, version, "model.pkl", random.Random(1)))
        removes_a_file(Case(stores, version, "MLmodel", random.Random(1)))
        again = caching.artifacts.hold_model_version(version)
        assert again.path == held.path
        assert (again.path / "MLmodel").read_text(encoding="utf-8") == "MLmodel 1" * 20
        (again.path / "MLmodel").write_text("mine", encoding="utf-8")
        again.release()
        # Here it is another one now, and there too.
        with pytest.raises(trivet.ArtifactCorrupt, match=r"models:/taxi/1 was altered"):
            caching.artifacts.hold_model_version(version)
    assert list((tmp_path / "cache" / "folders").iterdir()) == []
    assert list((tmp_path / "cache" / "unfinished").iterdir()) == []


def test_version_without_a_cache_is_held_in_a_folder_of_its_own(client: trivet.Client, tmp_path: Path) -> None:
    version = make_version(client, tmp_path / "1", 1)
    held = client.artifacts.hold_model_version(version)
    other = client.artifacts.hold_model_version(version)
    assert held.path != other.path
    assert (held.path / "MLmodel").read_text(encoding="utf-8") == "MLmodel 1" * 20
    held.release()
    assert not held.path.exists()
    other.release()


def test_what_remains_whole_of_a_changed_run_can_be_loaded(
    stores: Stores, client: trivet.Client, tmp_path: Path
) -> None:
    version = make_version(client, tmp_path / "1", 1)
    client.delete_artifacts(version.run_id, "model")
    back = client.download_artifacts(artifact_uri="models:/taxi/1")
    assert (Path(back) / "MLmodel").read_text(encoding="utf-8") == "MLmodel 1" * 20
    # The source cannot show any more which file it was.
    removes_a_file(Case(stores, version, "MLmodel", random.Random(1)))
    with pytest.raises(trivet.ArtifactCorrupt, match="cannot be told"):
        client.download_artifacts(artifact_uri="models:/taxi/1")


def test_check_of_a_version_names_the_file_whose_bytes_are_others(
    stores: Stores, client: trivet.Client, tmp_path: Path
) -> None:
    version = make_version(client, tmp_path / "1", 1)
    assert [check.state for check in client.artifacts.verify_model_version(version)] == ["ok", "ok", "ok"]
    flips_a_byte(Case(stores, version, "model.pkl", random.Random(1)))
    checks = {check.path: check.state for check in client.artifacts.verify_model_version(version)}
    assert checks == {"MLmodel": "ok", "model.pkl": "corrupt", "parts/vocabulary": "ok"}


@pytest.mark.parametrize(
    ("statement", "kind", "names"),
    [
        ("UPDATE version SET stage = 'Production' WHERE version = 1 AND model_pk = :pk", "STATE_ALTERED", "stage"),
        ("UPDATE model SET description = 'mine' WHERE model_pk = :pk", "STATE_ALTERED", "description"),
        ("UPDATE version SET manifest_sha256 = x'00' WHERE model_pk = :pk", "STATE_ALTERED", "manifest_sha256"),
        ("DELETE FROM alias WHERE model_pk = :pk", "STATE_ALTERED", "aliases.champion"),
        ("UPDATE history SET actor = 'nobody' WHERE model_uid = :uid AND sequence = 3", "ENTRY_ALTERED", "3"),
        ("DELETE FROM history WHERE model_uid = :uid AND sequence = 2", "ENTRY_MISSING", "2"),
    ],
)
def test_verify_names_what_was_altered_in_the_database(
    stores: Stores, client: trivet.Client, tmp_path: Path, statement: str, kind: str, names: str
) -> None:
    make_version(client, tmp_path / "1", 1)
    client.set_registered_model_alias("taxi", "champion", 1)
    # Its addresses come from the environment.
    command = ["models", "verify", "taxi", "--workspace", client.workspace]
    whole = invoke(*command)
    assert (whole.exit_code, whole.stderr) == (0, "Nothing was altered.\n")
    uid = client.get_registered_model("taxi").uid
    ((model_pk,),) = stores.in_registry("SELECT model_pk FROM model WHERE uid = :uid", uid=uid)
    stores.in_registry(statement, pk=model_pk, uid=uid)
    found = client.verify_model("taxi")
    assert not found.is_intact
    assert kind in {fault.kind for fault in found.faults}
    fault = next(fault for fault in found.faults if fault.kind == kind)
    assert names in (fault.field, str(fault.sequence))
    ended = invoke(*command, "--json")
    answer = json.loads(ended.stdout)
    assert (ended.exit_code, answer["is_intact"], kind in ended.stdout) == (1, False, True)


def test_verify_with_files_names_the_version_and_the_file(
    stores: Stores, client: trivet.Client, tmp_path: Path
) -> None:
    first = make_version(client, tmp_path / "1", 1)
    second = make_version(client, tmp_path / "2", 2)
    client.register_model("s3://bucket/model", "taxi")
    flips_a_byte(Case(stores, first, "model.pkl", random.Random(1)))
    removes_a_file(Case(stores, second, "MLmodel", random.Random(1)))
    ended = invoke("models", "verify", "taxi", "--files", "--json", "--workspace", client.workspace)
    answer = json.loads(ended.stdout)
    assert (ended.exit_code, answer["is_intact"], answer["faults"]) == (1, True, [])
    files = [(check["version"], check["path"], check["state"]) for check in answer["files"]]
    assert files == [
        (1, "MLmodel", "ok"),
        (1, "model.pkl", "corrupt"),
        (1, "parts/vocabulary", "ok"),
        (2, "", "altered"),
        (3, "s3://bucket/model", "outside"),
    ]
    assert "'MLmodel' is missing" in answer["files"][3]["problem"]
