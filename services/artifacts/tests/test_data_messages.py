"""The messages that the service spells itself are those that the message class would make."""

from __future__ import annotations

import os

import pytest

from trivet_artifacts.data_messages import serialize_data
from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb

# Where the number of bytes takes one more byte to write, and the largest message.
SIZES = (0, 1, 127, 128, 16_383, 16_384, 1024 * 1024)


@pytest.mark.parametrize("size", SIZES)
def test_bytes_are_spelled_as_the_message_class_does(size: int) -> None:
    data = os.urandom(size)
    assert serialize_data(data) == pb.DownloadArtifactResponse(data=data).SerializeToString()
