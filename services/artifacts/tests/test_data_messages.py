"""The messages that the service spells itself are those that the message class would make."""

from __future__ import annotations

import os

import pytest

from trivet_artifacts.data_messages import serialize_data, serialize_listed
from trivet_proto.artifacts.v1 import artifact_pb2
from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb

# Where the number of bytes takes one more byte to write, and the largest message.
SIZES = (0, 1, 127, 128, 16_383, 16_384, 1024 * 1024)


@pytest.mark.parametrize("size", SIZES)
def test_bytes_are_spelled_as_the_message_class_does(size: int) -> None:
    data = os.urandom(size)
    assert serialize_data(data) == pb.DownloadArtifactResponse(data=data).SerializeToString()


def test_a_page_with_bytes_is_spelled_as_the_message_class_does() -> None:
    files = [os.urandom(size) for size in SIZES]
    artifacts = [artifact_pb2.Artifact(path=f"{size}.bin", size_bytes=size) for size in SIZES]
    page = pb.ListArtifactsResponse(artifacts=artifacts, next_page_token="more")
    listed = pb.ListArtifactsResponse.FromString(serialize_listed(page, enumerate(map(memoryview, files))))
    page.contents.extend(pb.ArtifactContent(index=index, data=data) for index, data in enumerate(files))
    assert listed == page
    # A place in the page that takes more than one byte to write.
    (content,) = pb.ListArtifactsResponse.FromString(
        serialize_listed(pb.ListArtifactsResponse(), [(999, memoryview(b"x"))])
    ).contents
    assert (content.index, content.data) == (999, b"x")
