"""A server of tracking or artifacts that everybody may use, as far as the quotas of a policy file go.

    python -m trivet_testing.limited_server tracking DATABASE_URL POLICY
    python -m trivet_testing.limited_server artifacts DATABASE_URL POLICY STORE

With `--policy` alone, a server asks its callers for credentials, which is not what is tested with it.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from pathlib import Path

from trivet_artifacts import server as artifacts
from trivet_kit.auth import NoAuthentication, OpenPolicy
from trivet_kit.identity.access import Access
from trivet_kit.identity.reloading import ReloadedPolicy
from trivet_kit.logs import set_up_logs
from trivet_kit.server import Component, run
from trivet_kit.settings import Address, ServerSettings
from trivet_kit.workspace_rules import WorkspaceRules
from trivet_testing.servers import ServerProcess
from trivet_testing.workspaces import WORKSPACES
from trivet_tracking import server as tracking

_READY = "trivet-limited is ready: grpc"


class _Limits(OpenPolicy):
    """Permits everything, with the rules of a file."""

    def __init__(self, file: ReloadedPolicy) -> None:
        super().__init__(frozenset(WORKSPACES))
        self._file = file

    def rules(self, workspace: str) -> WorkspaceRules:
        """Those of the file."""
        return self._file.rules(workspace)


def start_limited(service: str, database_url: str, policy: Path, store: str = "", **env: str) -> ServerProcess:
    """Starts a server on a migrated database; `service` is `tracking` or `artifacts`, which needs a store."""
    command = [sys.executable, "-m", "trivet_testing.limited_server", service, database_url, str(policy)]
    return ServerProcess.start([*command, store] if store else command, env, rf"^{_READY} (\S+)$")


def write_quotas(policy: Path, quotas: Mapping[str, Mapping[str, int]]) -> None:
    """Writes a policy file with the quotas of workspaces."""
    policy.write_text(json.dumps({"workspaces": {name: {"quotas": limits} for name, limits in quotas.items()}}))


def main() -> None:
    """Serves until SIGTERM."""
    service, database_url, policy_file, *store = sys.argv[1:]
    set_up_logs(logging.INFO)
    policy = ReloadedPolicy(Path(policy_file))
    access = Access(NoAuthentication(), _Limits(policy), lambda: frozenset(WORKSPACES))
    settings = ServerSettings(Address("127.0.0.1", 0), frozenset(WORKSPACES))

    def say_ready(address: str) -> None:
        print(_READY, address, flush=True)  # noqa: T201 - for whoever started it

    try:
        run((_build(service, database_url, store, access),), settings, access, say_ready)
    finally:
        policy.close()


def _build(service: str, database_url: str, store: list[str], access: Access) -> Component:
    if service == "tracking":
        return tracking.build(tracking.open_database(database_url), quotas=access.quotas)
    blobs = artifacts.open_blobs(*store)
    blobs.check_usable()
    return artifacts.build(artifacts.open_database(database_url), blobs, quotas=access.quotas)


if __name__ == "__main__":
    main()
