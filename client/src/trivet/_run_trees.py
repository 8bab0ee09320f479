"""The files of a run with its logged models in their places, each as a folder of its name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from trivet._entities import FileInfo
from trivet._errors import MethodUnknown
from trivet._filter_texts import quoted
from trivet._safe_paths import check_logical

if TYPE_CHECKING:
    from trivet._client import Client
    from trivet._entities import LoggedModel


def list_tree(client: Client, run_id: str, path: str) -> list[FileInfo]:
    """What lies in a folder, by path. Where a run and a model of it have one, it is the model's."""
    path = check_logical(path)
    found = {info.path: info for info in client.artifacts.list_artifacts(run_id, path=path)}
    name, _, inside = path.partition("/")
    if not path:
        for model in _models(client, run_id):
            found.setdefault(model.name, FileInfo(model.name, is_dir=True, file_size=None))
    elif model_id := newest_model(client, run_id, name):
        for info in client.list_logged_model_artifacts(model_id, inside):
            found[f"{name}/{info.path}"] = replace(info, path=f"{name}/{info.path}")
    return [found[each] for each in sorted(found)]


def newest_model(client: Client, run_id: str, name: str) -> str | None:
    """The id of the logged model of a run that has a name, of several the newest one's; None where there is none."""
    return next((model.model_id for model in _models(client, run_id, f" AND name = {quoted(name)}")), None)


def _models(client: Client, run_id: str, further: str = "") -> Iterator[LoggedModel]:
    """The logged models of a run, the newest first; those alone that a further part of the filter lets pass."""
    token = None
    while True:
        try:
            page = client.search_logged_models(
                filter_string=f"source_run_id = {quoted(run_id)}{further}", page_token=token
            )
        except MethodUnknown:
            return  # files are served alone, or by a release that had no logged models
        yield from page
        token = page.token
        if not token:
            return
