"""Who may use a server: the authenticator and the policy of a process, from its settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trivet_kit.auth import Authenticator, NoAuthentication, OpenPolicy, Policy
from trivet_kit.identity.sign_in import SignInIssuer
from trivet_kit.quotas import Quotas

SignInIssuers = Callable[[], Mapping[str, SignInIssuer]]
"""The issuers that people sign in with, by their names, as the policy file has them now."""


def nobody_signs_in() -> Mapping[str, SignInIssuer]:
    """No issuers."""
    return {}


@dataclass(frozen=True)
class Access:
    """What every call is asked."""

    authenticator: Authenticator
    policy: Policy
    workspaces: Callable[[], frozenset[str]]
    """Those that there are now."""
    sign_in: SignInIssuers = nobody_signs_in

    def quotas(self, workspace: str) -> Quotas:
        """What a workspace may use at most, at this moment."""
        return self.policy.rules(workspace).quotas


@contextmanager
def open_access(
    policy_file: Path | None, workspaces: frozenset[str], *, with_certificates: bool = False
) -> Iterator[Access]:
    """By the policy file, looked at until the end of the block; without one everybody may do everything.

    Args:
        policy_file: Says who may do what; callers must present credentials then.
        workspaces: Those that exist without a policy file.
        with_certificates: Whether clients present certificates, which count where they send no token.

    Raises:
        StartupError: the file cannot be read, or is no policy file.
    """
    if policy_file is None:
        yield Access(NoAuthentication(), OpenPolicy(workspaces), lambda: workspaces)
        return
    # Most servers of one person have none, and need not wait for what reads one.
    from trivet_kit.identity.reloading import ReloadedPolicy  # noqa: PLC0415 - said above
    from trivet_kit.identity.tokens import TokenAuthenticator  # noqa: PLC0415 - said above

    policy = ReloadedPolicy(policy_file)
    authenticator = TokenAuthenticator(lambda: policy.file, policy.denial, with_certificates=with_certificates)
    try:
        yield Access(
            authenticator, policy, lambda: frozenset(policy.file.workspaces), lambda: policy.file.sign_in_issuers
        )
    finally:
        authenticator.close()
        policy.close()


@contextmanager
def open_sign_in(policy_file: Path | None) -> Iterator[SignInIssuers]:
    """For a server that only passes credentials on: whom people sign in with, until the end of the block.

    Raises:
        StartupError: as `open_access`.
    """
    if policy_file is None:
        yield nobody_signs_in
        return
    from trivet_kit.identity.reloading import ReloadedPolicy  # noqa: PLC0415 - as above

    policy = ReloadedPolicy(policy_file)
    try:
        yield lambda: policy.file.sign_in_issuers
    finally:
        policy.close()
