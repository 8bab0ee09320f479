"""A policy file that is looked at again and again, whatever comes in between."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from trivet_kit.identity.reloading import ReloadedPolicy
from trivet_kit.workspace_rules import WorkspaceRules
from trivet_testing.waiting import wait_until


class _Disk(type(Path())):  # type: ignore[misc] # Path itself cannot be inherited from before Python 3.12
    """A file on a disk that fails as nobody expects while `fails` is set."""

    fails = False

    def read_text(self, encoding: str | None = None, errors: str | None = None) -> str:
        if _Disk.fails:
            raise RuntimeError("s3cret")
        return super().read_text(encoding, errors)  # type: ignore[no-any-return] # see above


def test_whatever_fails_it_is_looked_at_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _Disk(tmp_path, "policy.yaml")
    path.write_text("workspaces: {default: {}}")
    with caplog.at_level(logging.INFO, "trivet.policy"):
        policy = ReloadedPolicy(path)
        try:
            monkeypatch.setattr(_Disk, "fails", True)
            wait_until(lambda: "cannot be taken: RuntimeError" in caplog.text)
            assert "s3cret" not in caplog.text
            assert policy.rules("default") == WorkspaceRules()
            path.write_text("workspaces: {default: {retention: {deleted_days: 3}}}")
            monkeypatch.setattr(_Disk, "fails", False)
            wait_until(lambda: policy.rules("default").deleted_days == 3)
        finally:
            policy.close()
