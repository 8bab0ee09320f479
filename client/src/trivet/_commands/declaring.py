"""How a command is declared, and how every command ends."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Concatenate, Final, NoReturn, ParamSpec

import typer

import trivet
from trivet._commands.answers import Answer, write, write_error
from trivet._commands.options import JsonOption, UrlOption, WorkspaceOption

_Arguments = ParamSpec("_Arguments")
_Options = Mapping[str, tuple[Any, object]]

_JSON: Final[_Options] = {"as_json": (JsonOption, False)}
_TARGET: Final[_Options] = {"url": (UrlOption, ""), "workspace": (WorkspaceOption, "")}


def command(
    app: typer.Typer, name: str, *, example: str, has_json: bool = True
) -> Callable[[Callable[_Arguments, Answer | None]], Callable[_Arguments, Answer | None]]:
    """Adds a function to an app, as a command that prints what the function returns.

    The command has the function's arguments, and `--json`. Its exit code is that of the answer; 1 where a TrivetError
    or an OSError is raised, which is said in one line; 130 after Ctrl-C.

    Args:
        app: What the command belongs to.
        name: What people type.
        example: A whole command line, for the help.
        has_json: Whether the answer has another form for programs.
    """

    def add(function: Callable[_Arguments, Answer | None]) -> Callable[_Arguments, Answer | None]:
        def run(**arguments: Any) -> None:
            # A function that prints by itself, as things come, may have the option too.
            as_json = arguments.pop("as_json", False) if has_json else arguments.get("as_json", False)
            with _failures_told(as_json=as_json):
                answer = function(**arguments)  # type: ignore[call-arg] # typer passes those that it was told of
                if answer is not None:
                    write(answer, as_json=as_json)
                sys.stdout.flush()
            raise typer.Exit(0 if answer is None else answer.exit_code)

        _shape(run, function, _JSON if has_json else {})
        app.command(name, epilog=f"Example: {example}")(run)
        return function

    return add


def client_command(
    app: typer.Typer, name: str, *, example: str, has_json: bool = True
) -> Callable[
    [Callable[Concatenate[trivet.Client, _Arguments], Answer | None]],
    Callable[Concatenate[trivet.Client, _Arguments], Answer | None],
]:
    """Adds a function that takes a client first, as a command that has `--url` and `--workspace` too; as `command`."""

    def add(
        function: Callable[Concatenate[trivet.Client, _Arguments], Answer | None],
    ) -> Callable[Concatenate[trivet.Client, _Arguments], Answer | None]:
        def with_client(*, url: str, workspace: str, **arguments: Any) -> Answer | None:
            with trivet.Client(url, workspace=workspace) as client:
                return function(client, **arguments)  # type: ignore[call-arg] # as above

        _shape(with_client, function, _TARGET, skipped=1)
        command(app, name, example=example, has_json=has_json)(with_client)
        return function

    return add


def _shape(wrapper: Callable[..., Any], function: Callable[..., Any], options: _Options, *, skipped: int = 0) -> None:
    """Gives a wrapper the name, the description and the arguments of a function, and more options."""
    signature = inspect.signature(function, eval_str=True)
    parameters = list(signature.parameters.values())[skipped:]
    parameters += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in options.items()
    ]
    # What typer reads; functools.wraps would let it see the function's own arguments.
    wrapper.__name__ = function.__name__
    wrapper.__doc__ = function.__doc__
    wrapper.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined] # see PEP 362
    wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}


@contextmanager
def _failures_told(*, as_json: bool) -> Iterator[None]:
    try:
        yield
    except trivet.TrivetError as error:
        _fail(error.reason or _reason(error), error.message, as_json=as_json)
    except BrokenPipeError:
        raise  # typer ends quietly
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail("LOCAL_FILE", f"{where}{error.strerror or error}", as_json=as_json)


def _fail(reason: str, message: str, *, as_json: bool) -> NoReturn:
    write_error(reason, message, as_json=as_json)
    raise typer.Exit(1)


def _reason(error: trivet.TrivetError) -> str:
    """A name for an error that no server gave one, such as SERVER_UNAVAILABLE."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(error).__name__).upper()
