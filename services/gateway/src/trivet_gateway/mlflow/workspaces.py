"""Workspaces, as far as MLflow's client reads them: which there are is a setting of the services."""

from __future__ import annotations

from typing import Any, Final

from trivet_gateway.callers import checked_workspace
from trivet_gateway.errors import missing
from trivet_gateway.fields import Fields
from trivet_gateway.mlflow.paging import gathered
from trivet_gateway.upstream import Caller, last
from trivet_proto.common.v1.system_service_pb2 import ListWorkspacesRequest

_ALL: Final = (1 << 31) - 1


async def list_all(caller: Caller, fields: Fields) -> dict[str, Any]:
    """`GET workspaces`: those that the caller may use, on one page, as upstream has it."""
    del fields
    return {"workspaces": [{"name": name} for name in await _names(caller)]}


async def get(caller: Caller, fields: Fields) -> dict[str, Any]:
    """`GET workspaces/NAME`."""
    name = checked_workspace(fields.needed("workspace_name"))
    if name not in await _names(caller):
        raise missing(f"Workspace '{name}' not found")
    return {"workspace": {"name": name}}


async def _names(caller: Caller) -> list[str]:
    method = caller.upstream.system.ListWorkspaces
    found, _ = await gathered(caller, method, ListWorkspacesRequest(), lambda page: page.workspaces, _ALL)
    return [last(workspace.name) for workspace in found]
