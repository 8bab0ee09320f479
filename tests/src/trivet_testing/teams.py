"""Two teams on one Trivet: a policy file, and tokens of those who have a role in one of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trivet_kit.auth import Grant
from trivet_kit.identity.own_tokens import NewToken, SigningKey
from trivet_kit.roles import Role
from trivet_testing.policies import key_entry, write_policy

ROLES: Final = ("reader", "writer", "maintainer", "approver", "admin")


@dataclass(frozen=True)
class Teams:
    """A policy file of the workspaces `default`, `team-a` and `team-b`, and the key of tokens, each for an hour."""

    policy: Path
    _key: SigningKey

    @classmethod
    def in_folder(cls, folder: Path, besides: Mapping[str, object] | None = None, /, **workspaces: object) -> Teams:
        """Writes the file into a folder, with more of some workspaces than that they are there.

        Args:
            folder: There it is called `policy.yaml`.
            besides: What else the file has, such as `issuers`.
            workspaces: What it has of workspaces.
        """
        key = SigningKey.create("tests")
        policy = folder / "policy.yaml"
        there = {name: {} for name in ("default", "team-a", "team-b")} | workspaces
        said = {"token_keys": [key_entry(key.id, key.private)], "workspaces": there}
        write_policy(policy, said | dict(besides or {}))
        return cls(policy, key)

    def token(self, workspace: str, role: str) -> str:
        """A token of somebody who has a role in a workspace, and nothing else."""
        return self._signed(f"{role}-of-{workspace}", Grant(workspace, Role(role)))

    def named_token(self, name: str) -> str:
        """A token of `trivet/NAME`, who may do what the policy file says."""
        return self._signed(name, None)

    def _signed(self, name: str, grant: Grant | None) -> str:
        now = int(time.time())
        return NewToken(name, now, now + 3600, grant).sign(self._key)[0]
