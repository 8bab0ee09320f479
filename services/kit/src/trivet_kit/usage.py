"""How much of their quotas workspaces use."""

from __future__ import annotations

from collections.abc import Sequence

from trivet_kit.calls import Call
from trivet_kit.quotas import Quota, Use
from trivet_kit.resources import parse_workspace
from trivet_proto.common.v1 import system_service_pb2 as pb


class UsageServicer:
    """Implements its part of `trivet.common.v1.SystemService`."""

    def __init__(self, quotas: Sequence[Quota]) -> None:
        self._quotas = quotas

    def GetWorkspaceUsage(self, request: pb.GetWorkspaceUsageRequest, call: Call) -> pb.WorkspaceUsage:
        """What a workspace uses of all that this server counts."""
        workspace = parse_workspace(request.workspace, "workspace").workspace
        uses = sorted((quota.use(workspace) for quota in self._quotas), key=lambda use: use.quota)
        return pb.WorkspaceUsage(quotas=[_from_use(use) for use in uses])


def _from_use(use: Use) -> pb.QuotaUsage:
    return pb.QuotaUsage(quota=use.quota, used=use.used, limit=use.limit)
