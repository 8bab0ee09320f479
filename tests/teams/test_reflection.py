"""What a server serves is told to those who may call it; its health to all, as probes have no token."""

from __future__ import annotations

import subprocess
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from trivet_testing.gateways import start_standalone
from trivet_testing.teams import Teams
from trivet_testing.tools import grpcurl


def test_only_who_is_verified_learns_what_there_is(tmp_path: Path) -> None:
    teams = Teams.in_folder(tmp_path)
    with start_standalone(tmp_path, TRIVET_POLICY=str(teams.policy)) as server:

        def asked(*arguments: str, token: str | None = None) -> tuple[int, str]:
            sent = () if token is None else ("-H", f"authorization: Bearer {token}")
            command = [str(grpcurl()), "-plaintext", *sent, server.address, *arguments]
            ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
            return ended.returncode, ended.stdout + ended.stderr

        for token in (None, "forged"):
            for arguments in (("list",), ("describe", "trivet.tracking.v1.TrackingService")):
                code, said = asked(*arguments, token=token)
                assert code != 0
                assert "TrackingService/" not in said
                assert "no valid credentials" in said
        code, said = asked("list", token=teams.token("team-a", "reader"))
        assert (code, "trivet.registry.v1.RegistryService" in said.splitlines()) == (0, True), said
        code, said = asked("trivet.common.v1.SystemService/WhoAmI", token=teams.token("team-a", "reader"))
        assert (code, "trivet/reader-of-team-a" in said) == (0, True), said
        with grpc.insecure_channel(server.address) as channel:
            health = HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=30)
        assert health.status == health_pb2.HealthCheckResponse.SERVING
        assert "Traceback" not in server.stderr
