"""A policy file for workspaces of tests, and the tokens of those who may do something in them."""

from __future__ import annotations

import time
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import grpc

from trivet_kit.identity.own_tokens import NewToken, SigningKey
from trivet_testing.policies import key_entry, write_policy

WRITERS = ("ann", "bob", "fay")
APPROVERS = ("cat", "dan", "eve", "fay")
ADMINS = ("ops",)
_HOUR_SECONDS = 3600


class Team:
    """The same people in every workspace: WRITERS, APPROVERS and ADMINS, by Trivet's own tokens."""

    def __init__(self, folder: Path, workspaces: Iterable[str]) -> None:
        """Writes a policy file into a folder, without rules of any workspace."""
        self.policy = folder / "policy.yaml"
        self._key = SigningKey.create("tests")
        self._workspaces = tuple(workspaces)
        self._tokens: dict[str, str] = {}
        self.set_rules({})

    @property
    def settings(self) -> dict[str, str]:
        """Of servers that believe these people."""
        return {"TRIVET_POLICY": str(self.policy), "TRIVET_WORKSPACES": ""}

    def set_rules(self, rules: Mapping[str, Mapping[str, object]]) -> None:
        """Sets what the policy file says of workspaces besides who may do what, such as `protected_stages`."""
        policy: dict[str, Any] = {
            "token_keys": [key_entry(self._key.id, self._key.private)],
            "workspaces": {name: {"roles": _roles(), **rules.get(name, {})} for name in self._workspaces},
        }
        write_policy(self.policy, policy)

    def token(self, name: str) -> str:
        """Somebody's token, which was good for an hour when it was first asked for."""
        if name not in self._tokens:
            now = int(time.time())
            self._tokens[name] = NewToken(name, now, now + _HOUR_SECONDS).sign(self._key)[0]
        return self._tokens[name]

    def channel(self, channel: grpc.Channel, name: str) -> grpc.Channel:
        """The channel as somebody uses it."""
        return grpc.intercept_channel(channel, _Bearer(self.token(name)))


def _roles() -> dict[str, list[str]]:
    # New lists each time: a policy file refers to none that stands elsewhere in it.
    return {
        role: [f"user:{subject(name)}" for name in names]
        for role, names in (("writer", WRITERS), ("approver", APPROVERS), ("admin", ADMINS))
    }


def subject(name: str) -> str:
    """What servers call somebody."""
    return f"trivet/{name}"


class _Details(
    namedtuple("_Details", ("method", "timeout", "metadata", "credentials", "wait_for_ready", "compression")),
    grpc.ClientCallDetails,
):
    """What a call is made with."""


class _Bearer(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Sends a token with every call."""

    def __init__(self, token: str) -> None:
        self._authorization = ("authorization", f"Bearer {token}")

    def intercept_unary_unary(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        return continuation(self._with_token(details), request)

    def intercept_unary_stream(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        return continuation(self._with_token(details), request)

    def _with_token(self, details: Any) -> _Details:
        return _Details(
            details.method,
            details.timeout,
            [*(details.metadata or ()), self._authorization],
            details.credentials,
            details.wait_for_ready,
            details.compression,
        )
