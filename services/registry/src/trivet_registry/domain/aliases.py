"""Names of aliases."""

from __future__ import annotations

import re

from trivet_kit.errors import FieldInvalid

_ALIAS = re.compile(r"[A-Za-z0-9_-]{1,255}")
# `latest` and `v3` mean versions already, in the URIs of MLflow's clients.
_RESERVED = re.compile(r"latest|v[0-9]+", re.IGNORECASE)


def check_alias(text: str, field: str) -> str:
    """Returns an alias. Raises FieldInvalid."""
    if not _ALIAS.fullmatch(text):
        raise FieldInvalid(field, f"must match {_ALIAS.pattern}")
    if _RESERVED.fullmatch(text):
        raise FieldInvalid(field, "must not be `latest`, or `v` and digits: these are reserved")
    return text
