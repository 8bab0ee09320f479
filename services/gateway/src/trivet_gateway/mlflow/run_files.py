"""A run's tree with its logged models in it, each as a folder of its name: where clients of 2.x had put them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from trivet_gateway.answers import without_empty
from trivet_gateway.errors import MlflowError, invalid, missing
from trivet_gateway.fields import Fields
from trivet_gateway.mlflow.files import download, entries_of, facts_of
from trivet_gateway.mlflow.logged_models import get as get_model
from trivet_gateway.mlflow.places import Place, place_in
from trivet_gateway.mlflow.runs import get as get_run
from trivet_gateway.requests import query_of
from trivet_gateway.upstream import Caller
from trivet_proto.tracking.v1 import logged_model_pb2
from trivet_proto.tracking.v1 import logged_model_service_pb2 as pb

_PAGE: Final = 1000

_Found = TypeVar("_Found")


async def list_of_run(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Lists a folder of a run and of its logged models by whole paths. Where both have one, it is the model's."""
    info = (await get_run(caller, fields))["run"]["info"]
    path = fields.text("path").strip("/")
    root = place_in(caller, info["artifact_uri"])
    if root is None:
        return {"root_uri": info["artifact_uri"]}  # the client reads there itself
    entries = await _listed(caller, root, path)
    name, _, inside = path.partition("/")
    if not path:
        names = {model.display_name async for model in _models(caller, info, "")}
        entries = {name: {"is_dir": True} for name in names} | entries
    elif model := await _newest(caller, info, name):
        of_model = await _listed(caller, Place(model.name, ""), inside)
        entries |= {f"{name}/{file}": facts for file, facts in of_model.items()}
    return _answer(info["artifact_uri"], entries)


async def list_of_model(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Lists a folder of a logged model by whole paths."""
    info = (await get_model(caller, fields))["model"]["info"]
    root = place_in(caller, info["artifact_uri"])
    if root is None:
        return {"root_uri": info["artifact_uri"]}  # the client reads there itself
    entries = await _listed(caller, root, fields.text("artifact_directory_path").strip("/"))
    return _answer(info["artifact_uri"], entries)


async def get_of_run(caller: Caller, request: Request) -> Response:
    """Gives a file of a run or of one of its logged models, for browsers."""
    fields = query_of(request)
    return await in_run(caller, fields, lambda place: download(caller, place, request))


async def in_run(caller: Caller, fields: Fields, act: Callable[[Place], Awaitable[_Found]]) -> _Found:
    """Does something with the file at a path of a run, or of one of its logged models, which comes first as in lists.

    Raises:
        MlflowError: there is no such run or file, or the path is none.
    """
    info = (await get_run(caller, fields))["run"]["info"]
    path = fields.needed("path")
    root = place_in(caller, info["artifact_uri"])
    if root is None:
        raise invalid(f"The files of this run are at {info['artifact_uri']}, which this server does not open.")
    name, _, inside = path.partition("/")
    if inside and (model := await _newest(caller, info, name)):
        try:
            return await act(Place(model.name, inside))
        except MlflowError as error:
            if error.code != missing("").code:
                raise
    return await act(root.below(path))


def _answer(root: str, entries: dict[str, dict[str, Any]]) -> dict[str, Any]:
    files = [{"path": path, **facts} for path, facts in sorted(entries.items())]
    return without_empty({"root_uri": root, "files": files})


async def _listed(caller: Caller, root: Place, path: str) -> dict[str, dict[str, Any]]:
    """A folder below a place: what it has by the path from there."""
    above = f"{root.path}/" if root.path else ""
    entries = await entries_of(caller, root.below(path))
    return {entry.path.removeprefix(above): facts_of(entry) for entry in entries}


async def _newest(caller: Caller, info: dict[str, Any], name: str) -> logged_model_pb2.LoggedModel | None:
    """The logged model of a run that has a name; of several the newest one."""
    quoted = name.replace("'", "''")
    return await anext(_models(caller, info, f" AND name = '{quoted}'"), None)


async def _models(caller: Caller, info: dict[str, Any], further: str) -> AsyncIterator[logged_model_pb2.LoggedModel]:
    """The logged models of a run, the newest first."""
    request = pb.SearchLoggedModelsRequest(
        parent=caller.parent,
        experiments=[caller.experiment(info["experiment_id"])],
        filter=f"source_run_id = '{info['run_id']}'{further}",
        order_by="creation_timestamp DESC",
        page_size=_PAGE,
    )
    while True:
        page = await caller.call(caller.upstream.tracking.SearchLoggedModels, request)
        for model in page.logged_models:
            yield model
        request.page_token = page.next_page_token
        if not request.page_token:
            return
