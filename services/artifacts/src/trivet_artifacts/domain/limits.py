"""Limits of what the artifact service takes; the contract has them too."""

from __future__ import annotations

# artifact.proto
MAX_PATH_BYTES = 1024
# artifact.proto; as long as HTTP gateways take a header without complaint.
MAX_MEDIA_TYPE_CHARACTERS = 255
# artifact_service.proto: bytes of a file in one message, of an upload and of a download.
MAX_DATA_BYTES = 1024 * 1024
# artifact_service.proto: files of one download.
MAX_DOWNLOADED = 1000
# content.proto: contents of one question, and files of one commit.
MAX_CONTENTS = 10_000
MAX_COMMITTED = 1000
# content.proto; as long as browsers and proxies take a URL.
MAX_URI_CHARACTERS = 2048
# upload.proto; S3 takes no less and no more of a part but the last, no more parts, and no larger object
# (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
MIN_PART_BYTES = 5 * 1024 * 1024
MAX_PART_BYTES = 5 * 1024**3
MAX_PARTS = 10_000
MAX_UPLOAD_BYTES = 5 * 1024**4
# upload.proto
DEFAULT_PART_BYTES = 8 * 1024 * 1024
MAX_RESUME_KEY_CHARACTERS = 128
# direct.proto: parts that are signed in one call.
MAX_SIGNED = 100
# garbage.proto
MAX_REASON_CHARACTERS = 500
DEFAULT_COLLECTED = 1000
MAX_COLLECTED = 10_000
