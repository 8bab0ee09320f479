"""What goes wrong with an OpenID provider."""

from __future__ import annotations


class ProviderAway(Exception):
    """It does not answer, or nothing of use. The message says why, as a clause, and has no token in it."""


class ProviderRefused(Exception):
    """It gives no token, or one that is not believed. The message is as above."""
