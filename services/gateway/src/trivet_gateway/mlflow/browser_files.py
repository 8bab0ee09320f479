"""Files that MLflow's pages ask for and send: by a run, logged model or version, and a path in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from trivet_gateway.answers import to_json
from trivet_gateway.errors import MlflowError, invalid
from trivet_gateway.mlflow.files import download, upload
from trivet_gateway.mlflow.models import get_download_uri
from trivet_gateway.mlflow.places import Place, place_in
from trivet_gateway.mlflow.runs import get as get_run
from trivet_gateway.mlflow.runs import run_id_of
from trivet_gateway.requests import body_of, query_of
from trivet_gateway.upstream import Caller

_MOST_BYTES: Final = 10 << 20


async def get_of_model(caller: Caller, request: Request) -> Response:
    """Gives a file of a logged model."""
    path = query_of(request).text("artifact_file_path")
    if not path:
        raise MlflowError("BAD_REQUEST", 'Request must include the "artifact_file_path" query parameter.')
    return await download(caller, Place(caller.logged_model(request.path_params["model_id"]), path), request)


async def get_of_version(caller: Caller, request: Request) -> Response:
    """Gives a file of a model's version."""
    fields = query_of(request)
    path = fields.needed("path")
    root = place_in(caller, (await get_download_uri(caller, fields))["artifact_uri"])
    if root is None:
        raise invalid("The files of this version are somewhere else.")
    return await download(caller, root.below(path), request)


async def upload_to_run(caller: Caller, request: Request) -> Response:
    """Takes in a small file of a run."""
    fields = query_of(request)
    place = Place(caller.run(run_id_of(fields)), fields.needed("path"))
    if place_in(caller, (await get_run(caller, fields))["run"]["info"]["artifact_uri"]) is None:
        raise invalid("The files of this run are somewhere else.")
    data = await body_of(request, _MOST_BYTES)
    if not data:
        raise invalid("Request must specify data.")
    await upload(caller, place, _in_one(data), len(data))
    return to_json({})


async def _in_one(data: bytes) -> AsyncIterator[bytes]:
    yield data
