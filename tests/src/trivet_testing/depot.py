"""What an artifact service keeps, seen from behind it: its rows, and the objects in its store."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import sqlalchemy as sa
from minio import Minio

from trivet_artifacts.server import open_database
from trivet_artifacts.store import tables
from trivet_proto.artifacts.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from trivet_testing.artifacts import Artifacts, Place, start_server
from trivet_testing.servers import ServerProcess

LEASE_SECONDS = "1"
MIB = 1024 * 1024


@dataclass(frozen=True)
class Depot:
    """A database and a store, seen from behind the server."""

    place: Place

    def start(self) -> ServerProcess:
        """A server that gives up other servers' uploads soon."""
        return start_server(self.place, TRIVET_UPLOAD_LEASE=LEASE_SECONDS)

    def reserved(self) -> set[str]:
        """The object keys of uploads that are not done."""
        with closing(open_database(self.place.database_url)) as database, database.transaction("read") as connection:
            return set(connection.execute(sa.select(tables.artifact_upload.c.object_key)).scalars())

    def referred(self) -> set[str]:
        """The object keys that files refer to, or did once."""
        with closing(open_database(self.place.database_url)) as database, database.transaction("read") as connection:
            return set(connection.execute(sa.select(tables.artifact_object.c.object_key)).scalars())

    def let_readers_go(self) -> None:
        """Makes the time pass that bytes stay where they were for those who know that place."""
        upload = tables.artifact_upload
        with closing(open_database(self.place.database_url)) as database, database.transaction("write") as connection:
            connection.execute(sa.update(upload).where(upload.c.holder == "freed").values(expire_time=1))

    def alter(self, object_key: str, change: Callable[[bytes], bytes]) -> None:
        """Changes the bytes of an object, as nobody should."""
        if client := self._bucket():
            answer = client.get_object(self._name, object_key)
            data = change(answer.data)
            answer.close()
            answer.release_conn()
            client.put_object(self._name, object_key, io.BytesIO(data), len(data))
            return
        (file,) = (Path(self.place.store) / "objects").rglob(object_key.rpartition("/")[2])
        file.write_bytes(change(file.read_bytes()))

    def lose(self, object_key: str) -> None:
        """Removes an object, as nobody should."""
        if client := self._bucket():
            client.remove_object(self._name, object_key)
            return
        (file,) = (Path(self.place.store) / "objects").rglob(object_key.rpartition("/")[2])
        file.unlink()

    def whole(self) -> set[str]:
        """The last parts of the keys of the objects in the store."""
        if client := self._bucket():
            return {
                str(found.object_name).rpartition("/")[2] for found in client.list_objects(self._name, recursive=True)
            }
        return {file.name for file in (Path(self.place.store) / "objects").rglob("*") if file.is_file()}

    def unfinished(self) -> set[str]:
        """Parts of objects that are not whole."""
        if client := self._bucket():
            return {
                str(found.upload_id)
                for key in self.reserved()
                for found in client._list_multipart_uploads(self._name, prefix=key).uploads
            }
        return {file.name for file in (Path(self.place.store) / "uploads").iterdir()}

    def litter(self) -> dict[str, set[str]]:
        """What the store has besides the objects of files, and what it lacks of those; empty where all is well."""
        whole, referred = self.whole(), {key.rpartition("/")[2] for key in self.referred()}
        found = {
            "reserved": self.reserved(),
            "unfinished": self.unfinished(),
            "referred to by nothing": whole - referred,
            "missing": referred - whole,
        }
        return {what: keys for what, keys in found.items() if keys}

    def _bucket(self) -> Minio | None:
        if not self.place.store.startswith("s3:"):
            return None
        endpoint = urlsplit(self.place.store.partition("endpoint=")[2].partition("&")[0]).netloc
        keys = self.place.env
        return Minio(
            endpoint,
            access_key=keys["AWS_ACCESS_KEY_ID"],
            secret_key=keys["AWS_SECRET_ACCESS_KEY"],
            secure=False,
            region="us-east-1",
        )

    @property
    def _name(self) -> str:
        return urlsplit(self.place.store).netloc


def await_that(what: Callable[[], object]) -> None:
    """Asks until the answer is yes."""
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline, "it did not come to that within a minute"


def await_no_litter(depot: Depot) -> None:
    """Waits until nothing is left of uploads that were cut off."""
    deadline = time.monotonic() + 60
    while litter := depot.litter():
        assert time.monotonic() < deadline, f"after a minute there still is {litter}"


@contextmanager
def connected(server: ServerProcess) -> Iterator[Artifacts]:
    with grpc.insecure_channel(server.address) as channel:
        yield Artifacts(ArtifactServiceStub(channel), "test-0")
