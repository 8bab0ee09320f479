"""`trivet doctor`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import typer

from trivet._commands.answers import Answer, Field, as_object
from trivet._commands.declaring import command
from trivet._commands.kinds import printable
from trivet._commands.options import UrlOption, WorkspaceOption

if TYPE_CHECKING:
    from trivet._doctor import Finding

app = typer.Typer()

_FINDING: Final[Sequence[Field[Finding]]] = (
    Field("outcome", "How"),
    Field("what", "What"),
    Field("remedy", "What to do"),
)
_MARKS: Final = {"ok": " ok ", "note": "note", "problem": "BAD "}


@dataclass(frozen=True)
class _Findings:
    findings: Sequence[Finding]

    @property
    def exit_code(self) -> int:
        return int(any(finding.outcome == "problem" for finding in self.findings))

    def to_json(self) -> object:
        return [as_object(_FINDING, finding) for finding in self.findings]

    def show(self) -> None:
        for finding in self.findings:
            typer.echo(f"{_MARKS[finding.outcome]}  {printable(finding.what)}")
            if finding.remedy:
                typer.echo(f"      {printable(finding.remedy)}")
        problems = sum(finding.outcome == "problem" for finding in self.findings)
        typer.echo(f"\n{problems} to mend." if problems else "\nNothing to mend.")


@command(app, "doctor", example="trivet doctor --url grpc://127.0.0.1:7330")
def doctor(url: UrlOption = "", workspace: WorkspaceOption = "") -> Answer:
    """Say what is wrong on this machine and with its servers, and how to mend it.

    Looked at are settings, the login, the three services, what was not sent, folders and the room in them, and
    libraries. The exit code is 1 if something has to be mended.
    """
    from trivet._doctor import examine  # noqa: PLC0415 - other commands need no client

    return _Findings(list(examine(url, workspace)))
