"""Workspaces for tests: servers are shared, and what a test does in a workspace of its own no other test sees."""

from __future__ import annotations

WORKSPACES = tuple(f"test-{number}" for number in range(5000))
"""The workspaces that a server of these tests has."""

_unused = iter(WORKSPACES)


def unused_workspace() -> str:
    """One that nothing else in this process uses."""
    return next(_unused)
