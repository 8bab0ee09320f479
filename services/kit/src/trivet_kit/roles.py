"""The roles that callers have in a workspace, and what each of them permits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final, TypeAlias

from trivet_proto.common.v1 import options_pb2

# In quotes: `ValueType` exists for type checkers only.
PermissionValue: TypeAlias = "options_pb2.Permission.ValueType"


class Role(StrEnum):
    """What somebody is in a workspace, or on the server."""

    READER = "reader"
    """Sees what is there."""
    WRITER = "writer"
    """Trains: creates and changes experiments, runs, files and models."""
    MAINTAINER = "maintainer"
    """Keeps a workspace in order besides: purges and collects."""
    APPROVER = "approver"
    """Sees what is there, and decides about moves into protected stages and aliases."""
    ADMIN = "admin"
    """Does everything."""
    MAINTENANCE = "maintenance"
    """The background work of the services themselves, in every workspace."""


PERMISSIONS: Final[Mapping[Role, frozenset[PermissionValue]]] = {
    Role.READER: frozenset({options_pb2.PERMISSION_READ}),
    Role.WRITER: frozenset({options_pb2.PERMISSION_READ, options_pb2.PERMISSION_WRITE}),
    Role.MAINTAINER: frozenset(
        {options_pb2.PERMISSION_READ, options_pb2.PERMISSION_WRITE, options_pb2.PERMISSION_MAINTAIN}
    ),
    Role.APPROVER: frozenset({options_pb2.PERMISSION_READ, options_pb2.PERMISSION_APPROVE}),
    Role.ADMIN: frozenset(
        {
            options_pb2.PERMISSION_READ,
            options_pb2.PERMISSION_WRITE,
            options_pb2.PERMISSION_MAINTAIN,
            options_pb2.PERMISSION_APPROVE,
            options_pb2.PERMISSION_ADMIN,
        }
    ),
    Role.MAINTENANCE: frozenset(
        {options_pb2.PERMISSION_READ, options_pb2.PERMISSION_WRITE, options_pb2.PERMISSION_MAINTAIN}
    ),
}


def permissions_of(roles: Iterable[Role]) -> frozenset[PermissionValue]:
    """What several roles permit together."""
    return frozenset().union(*(PERMISSIONS[role] for role in roles))
