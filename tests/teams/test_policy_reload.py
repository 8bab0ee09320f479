"""A policy file that changes while a server runs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from trivet_proto.common.v1 import system_service_pb2 as pb
from trivet_proto.common.v1.system_service_pb2_grpc import SystemServiceStub
from trivet_testing.gateways import start_standalone
from trivet_testing.servers import ServerNotReadyError, ServerProcess
from trivet_testing.teams import Teams
from trivet_testing.waiting import wait_until


@dataclass(frozen=True)
class Served:
    """A server, and the link that its policy file is behind, as a ConfigMap is."""

    process: ServerProcess
    stub: SystemServiceStub
    teams: Teams
    folder: Path

    def swap(self, text: str) -> None:
        """Puts another text in the place of the policy, as the kubelet does: by another target of a link."""
        version = Path(tempfile.mkdtemp(prefix="..", dir=self.folder))
        (version / "policy.yaml").write_text(text)
        new = self.folder / "..new"
        new.symlink_to(version.name)
        new.rename(self.folder / "..data")

    def roles(self, token: str) -> dict[str, list[str]]:
        metadata = (("authorization", f"Bearer {token}"),)
        page = self.stub.ListWorkspaces(pb.ListWorkspacesRequest(), metadata=metadata, timeout=60)
        return {each.name.removeprefix("workspaces/"): list(each.roles) for each in page.workspaces}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    teams = Teams.in_folder(tmp_path, trivet={"roles": {"writer": ["user:trivet/ann"]}})
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    (mounted / "policy.yaml").symlink_to("..data/policy.yaml")
    (mounted / "..0").mkdir()
    (mounted / "..0" / "policy.yaml").write_text(teams.policy.read_text())
    (mounted / "..data").symlink_to("..0")
    with (
        start_standalone(tmp_path, TRIVET_POLICY=str(mounted / "policy.yaml")) as process,
        grpc.insecure_channel(process.address) as channel,
    ):
        yield Served(process, SystemServiceStub(channel), teams, mounted)
        assert "Traceback" not in process.stderr


def test_a_change_is_in_force_soon(served: Served) -> None:
    ann = served.teams.named_token("ann")
    assert served.roles(ann) == {"trivet": ["writer"]}
    text = served.teams.policy.read_text()
    served.swap(text.replace("writer:", "reader:"))
    wait_until(lambda: served.roles(ann) == {"trivet": ["reader"]})
    served.swap(text.replace("trivet/ann", "trivet/bob"))
    wait_until(lambda: served.roles(ann) == {})
    assert served.roles(served.teams.named_token("bob")) == {"trivet": ["writer"]}


def test_a_bad_file_leaves_the_old_one_in_force_and_says_so(served: Served) -> None:
    ann = served.teams.named_token("ann")
    text = served.teams.policy.read_text()
    served.swap(text.replace("writer:", "wirter:").replace("trivet/ann", "trivet/bob"))
    said = served.process.wait_for_line("What it said before stays in force", on="stderr")
    assert "workspaces.trivet.roles.wirter: there is no such key" in said.string
    assert served.roles(ann) == {"trivet": ["writer"]}
    # One that goes away altogether, too; and then a good one counts again.
    (served.folder / "..data").unlink()
    served.process.wait_for_line("cannot be read.* What it said before stays in force", on="stderr")
    assert served.roles(ann) == {"trivet": ["writer"]}
    served.swap(text.replace("writer:", "reader:"))
    wait_until(lambda: served.roles(ann) == {"trivet": ["reader"]})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read: no such file or directory"),
        ("workspaces: {Team: {}}", "line 1: workspaces.Team: 'Team' cannot be"),
        ("\0", "it is not YAML"),
    ],
)
def test_a_server_does_not_start_without_a_policy_that_it_was_to_have(
    tmp_path: Path, text: str | None, said: str
) -> None:
    policy = tmp_path / "policy.yaml"
    if text is not None:
        policy.write_text(text)
    with pytest.raises(ServerNotReadyError) as caught:
        start_standalone(tmp_path, TRIVET_POLICY=str(policy))
    assert said in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert not (tmp_path / ".trivet").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--host", "0.0.0.0"), "tokens would travel to it in the clear"),
        (("--insecure-no-auth",), "contradict each other"),
        (("--workspaces", "team-c"), "leave TRIVET_WORKSPACES away"),
    ],
)
def test_settings_that_contradict_a_policy_are_refused(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    teams = Teams.in_folder(tmp_path)
    with pytest.raises(ServerNotReadyError) as caught:
        start_standalone(tmp_path, *options, TRIVET_POLICY=str(teams.policy))
    assert said in str(caught.value)
