"""Uploads that outlive clients and servers, and requests that clients send to the store themselves."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass

from trivet_artifacts import convert, convert_uploads
from trivet_artifacts.completing import Completions
from trivet_artifacts.domain import paths
from trivet_artifacts.resuming import Resuming
from trivet_kit.calls import Call
from trivet_kit.resources import parse_artifact_owner, parse_upload
from trivet_proto.artifacts.v1 import artifact_pb2, direct_pb2, upload_pb2


@dataclass(frozen=True)
class UploadServicer:
    """The methods about uploads; what each does is said in the contract."""

    resuming: Resuming
    completions: Completions
    threads: Executor
    """For other work of the methods that are coroutines."""

    def CreateUpload(self, request: upload_pb2.CreateUploadRequest, call: Call) -> upload_pb2.Upload:
        file, parts = convert_uploads.to_large_file(request)
        upload = self.resuming.create(file, parts, convert_uploads.to_resume_key(request))
        return convert_uploads.from_upload(upload, self.resuming.held(upload), direct=self.resuming.is_direct)

    def GetUpload(self, request: upload_pb2.GetUploadRequest, call: Call) -> upload_pb2.Upload:
        upload = self.resuming.open(parse_upload(request.name, "name"))
        return convert_uploads.from_upload(upload, self.resuming.held(upload), direct=self.resuming.is_direct)

    def DeleteUpload(self, request: upload_pb2.DeleteUploadRequest, call: Call) -> upload_pb2.DeleteUploadResponse:
        self.resuming.delete(parse_upload(request.name, "name"))
        return upload_pb2.DeleteUploadResponse()

    def SignUploadParts(
        self, request: direct_pb2.SignUploadPartsRequest, call: Call
    ) -> direct_pb2.SignUploadPartsResponse:
        name = parse_upload(request.upload, "upload")
        signed = self.resuming.sign(name, convert_uploads.to_parts(request))
        return direct_pb2.SignUploadPartsResponse(requests=map(convert_uploads.from_signed, signed))

    async def CompleteUpload(self, request: direct_pb2.CompleteUploadRequest, call: Call) -> artifact_pb2.Artifact:
        name = parse_upload(request.upload, "upload")
        if request.part_etags:
            etags = tuple(convert_uploads.to_etags(request))
            return convert.from_artifact(await self.completions.complete(name, etags))
        sha256 = convert.to_sha256(request.sha256, "sha256")
        digests = [
            convert.to_sha256(digest, f"part_sha256[{place}]") for place, digest in enumerate(request.part_sha256)
        ]
        completing = asyncio.get_running_loop().run_in_executor(
            self.threads, self.resuming.complete, name, sha256, digests
        )
        return convert.from_artifact(await completing)

    def GetDownloadUrl(self, request: direct_pb2.GetDownloadUrlRequest, call: Call) -> direct_pb2.DownloadUrl:
        owner = parse_artifact_owner(request.owner, "owner")
        artifact, signed = self.resuming.sign_read(owner, paths.check_path(request.path, "path"))
        return direct_pb2.DownloadUrl(
            artifact=convert.from_artifact(artifact), request=convert_uploads.from_signed(signed)
        )
