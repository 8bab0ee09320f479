"""What the commands of all services do alike."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Final, NoReturn

import typer

from trivet_kit import health
from trivet_kit.errors import CallerError
from trivet_kit.logs import set_up_logs
from trivet_kit.redaction import redacted
from trivet_kit.settings import Address, StartupError, TlsFiles

if TYPE_CHECKING:
    from trivet_kit.db import Database, Migrations  # a second to import, which a check of health need not wait for


_WRONG_USAGE_CODE: Final = 2
# What typer raises where a command line is wrong; of click, or of a click of its own, by version.
_WrongUsage: Final[type[Exception]] = typer.BadParameter.__bases__[0]


def run(app: typer.Typer, program: str) -> NoReturn:
    """Runs a command line, and ends the process.

    A start that fails says why in one line and ends it with code 1. So does a wrong command line, with code 2; the
    database's URL, where it is what stands in the wrong place, is shown without its password.
    """
    try:
        sys.exit(app(prog_name=program, standalone_mode=False))
    except _WrongUsage as error:
        error.message = redacted(error.message)  # type: ignore[attr-defined] # of all that are raised so
        error.show()  # type: ignore[attr-defined] # as above
        sys.exit(_WRONG_USAGE_CODE)
    except typer.Abort:
        sys.exit(1)
    except StartupError as error:
        sys.exit(f"{program}: {error}")
    except CallerError as error:
        sys.exit(f"{program}: {error.message}")
    except health.NotServingError as error:
        sys.exit(f"{program}: {error}")


def say_ready(program: str, address: str) -> None:
    """Says on standard output that a server answers, and where: scripts wait for this line."""
    print(f"{program} is ready: grpc {address}", flush=True)  # noqa: T201 - for whoever starts it


def migrate(database: Database, migrations: Migrations) -> None:
    """Migrates a database and says what was done.

    Raises:
        StartupError: the database cannot be used, or is of a newer version.
    """
    set_up_logs(logging.WARNING)
    database.check_usable()
    before, after = migrations.upgrade()
    database.close()
    done = f"is at {after} already" if before == after else f"went from {before or 'nothing'} to {after}"
    print(f"Schema {database.schema} {done}.")  # noqa: T201 - the answer of the command


def say_health(program: str, listen: Address, tls: TlsFiles | None, service: str) -> None:
    """Asks the server that listens here for its health, as `health.check` does, and says that it serves.

    Raises:
        health.NotServingError: it does not.
    """
    health.check(listen, tls, service)
    print(f"{program} serves{f' {service}' if service else ''}.")  # noqa: T201 - the answer of the command
