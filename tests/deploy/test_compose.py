"""deploy/docker/compose.yaml: what it lets its containers do, and who reaches them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from trivet_testing.kubernetes import setting_findings

FOLDER = Path(__file__).parents[2] / "deploy" / "docker"


def test_services_run_without_privileges_and_for_this_host_alone() -> None:
    compose: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    for name, service in compose["services"].items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
        assert [
            fault for key, value in service["environment"].items() for fault in setting_findings(name, key, value)
        ] == []
        assert set(service.get("secrets", [])) <= set(compose["secrets"])
        if "build" in service:
            assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
            assert service["security_opt"] == ["no-new-privileges:true"]
            assert (FOLDER / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
    for secret in compose["secrets"].values():
        assert (FOLDER / secret["file"]).is_file()
