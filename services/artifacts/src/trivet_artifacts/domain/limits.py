"""Limits of what the artifact service takes; the contract has them too."""

from __future__ import annotations

# artifact.proto
MAX_PATH_BYTES = 1024
# artifact.proto; as long as HTTP gateways take a header without complaint.
MAX_MEDIA_TYPE_CHARACTERS = 255
# artifact_service.proto: bytes of a file in one message, of an upload and of a download.
MAX_DATA_BYTES = 1024 * 1024
