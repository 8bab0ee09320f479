"""The commands of `trivet`, run in this process."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from trivet._commands.root import app

# Putting them together takes 33 ms, most of what a command takes, and the runner would do it each time.
_put_together = functools.cache(typer.main.get_command)


def invoke(*arguments: str, **options: Any) -> Result:
    """Runs a command; options are those of `CliRunner.invoke`, such as `input` and `env`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.testing._get_command", _put_together)
        return CliRunner().invoke(app, arguments, **options)
