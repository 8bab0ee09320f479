"""`trivet models serve` and `package`: a model over HTTP, here or in an image."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

import trivet
from trivet._commands.answers import Answer, Done
from trivet._commands.declaring import client_command

app = typer.Typer()

TOKEN: Final = "TRIVET_SERVE_TOKEN"  # noqa: S105 - the name of a variable
_NEEDED: Final = ("numpy", "orjson", "pandas", "prometheus_client", "starlette", "uvicorn", "yaml")

ModelUriOption = Annotated[
    str,
    typer.Option(
        "-m",
        "--model-uri",
        metavar="URI",
        help="models:/NAME/VERSION, models:/NAME/STAGE, models:/NAME@ALIAS, models:/MODEL_ID, runs:/RUN_ID/PATH, or "
        "a folder.",
        show_default=False,
    ),
]


@client_command(app, "serve", example="trivet models serve -m models:/taxi@champion --port 5001", has_json=False)
def serve(
    client: trivet.Client,
    model_uri: ModelUriOption,
    port: Annotated[int, typer.Option("-p", "--port", min=0, max=65535, help="0 is any free one.")] = 5000,
    host: Annotated[str, typer.Option("-h", "--host", help="The address to listen on.")] = "127.0.0.1",
    workers: Annotated[int, typer.Option("-w", "--workers", min=1, help="Processes, each with the model.")] = 1,
    timeout_seconds: Annotated[
        float, typer.Option("-t", "--timeout", metavar="SECONDS", min=0.01, help="For an answer; then 504.")
    ] = 60,
    threads: Annotated[int, typer.Option("--threads", min=1, help="Predictions at once, in each worker.")] = 2,
    waiting: Annotated[
        int, typer.Option("--queue", min=0, help="Requests that may wait, in each worker; the next one gets 429.")
    ] = 64,
    max_body_mib: Annotated[
        float, typer.Option("--max-body-mib", min=0.001, help="Of a request; a larger one gets 413.")
    ] = 64,
    poll_seconds: Annotated[
        float,
        typer.Option("--poll", metavar="SECONDS", min=0.05, help="How often to ask where a stage or alias points."),
    ] = 2,
    drain_seconds: Annotated[
        int, typer.Option("--drain", metavar="SECONDS", min=0, help="For running requests, when the server ends.")
    ] = 20,
    allowed_hosts: Annotated[
        str,
        typer.Option(
            "--allowed-hosts",
            envvar="TRIVET_ALLOWED_HOSTS",
            metavar="NAMES",
            help="Names that requests may call it by, with commas between; those of this machine always may.",
            show_default=False,
        ),
    ] = "",
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            envvar="TRIVET_SERVE_TOKEN_FILE",
            help=f"Has what requests must present as `Authorization: Bearer TOKEN`. Or say it by {TOKEN}.",
            show_default=False,
        ),
    ] = None,
    insecure_no_auth: Annotated[  # noqa: FBT002 - a flag
        bool,
        typer.Option(
            "--insecure-no-auth", envvar="TRIVET_INSECURE_NO_AUTH", help="Let other machines ask without a token."
        ),
    ] = False,
) -> Answer | None:
    """Serve a model by MLflow's scoring protocol, until Ctrl-C or SIGTERM.

    Where a stage or alias moves, the new version is loaded beside the old one and takes its place; no request fails.
    """
    _check_extra()
    from trivet._serving.guarding import is_loopback  # noqa: PLC0415 - it needs the extra
    from trivet._serving.logs import set_up_logs  # noqa: PLC0415 - as above
    from trivet._serving.server import Plan  # noqa: PLC0415 - as above
    from trivet._serving.server import serve as run  # noqa: PLC0415 - as above
    from trivet._serving.settings import MIB, Access, Limits, WorkerSettings  # noqa: PLC0415 - as above

    token = _token(token_file)
    if not is_loopback(host) and not token and not insecure_no_auth:
        raise trivet.InvalidArgument(
            f"{host} can be reached from other machines, and no token is set. Listen on 127.0.0.1, give a token by "
            f"--token-file or {TOKEN}, or say --insecure-no-auth to let anyone ask."
        )
    set_up_logs()
    names = tuple(name.strip().lower() for name in allowed_hosts.split(",") if name.strip())
    # By a token, or where anybody may ask, names protect nothing; what listens for this machine alone is known by its.
    access = Access(token, names if names or (is_loopback(host) and not token) else None)
    limits = Limits(threads, waiting, int(max_body_mib * MIB), timeout_seconds, drain_seconds)
    plan = Plan(model_uri, host, port, workers, poll_seconds, WorkerSettings(limits, access))

    def ready(version: str, address: str) -> None:
        of_version = f", version {version}" if version else ""
        typer.echo(f"trivet serves {model_uri}{of_version}: http://{address}")
        sys.stdout.flush()

    run(client, plan, ready)
    return None


@client_command(app, "package", example="trivet models package -m models:/taxi@champion -o served-taxi")
def package(
    client: trivet.Client,
    model_uri: ModelUriOption,
    folder: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="A new folder.", show_default=False)],
    name: Annotated[
        str, typer.Option("--name", help="Of what is deployed. Default: that of the model.", show_default=False)
    ] = "",
    image: Annotated[
        str,
        typer.Option("--image", metavar="NAME:TAG", help="Default: the name, and the version.", show_default=False),
    ] = "",
    namespace: Annotated[str, typer.Option("--namespace", help="Of Kubernetes.")] = "models",
) -> Answer:
    """Write a Dockerfile and a Kubernetes manifest for serving a model, with its files, into a folder.

    Where the URI is a stage or alias, the version that it names now is taken. An image does not follow them.
    """
    _check_extra()
    from trivet._serving.packaging import package as write  # noqa: PLC0415 - it needs the extra

    deployed = write(client, model_uri, folder, name=name, image=image, namespace=namespace)
    return Done(
        f"{folder} has {deployed.title}. Build it: docker build -t {deployed.image} {folder}",
        {"folder": str(folder), "name": deployed.name, "image": deployed.image, "namespace": deployed.namespace},
    )


def _check_extra() -> None:
    missing = [package for package in _NEEDED if importlib.util.find_spec(package) is None]
    if missing:
        sys.exit(f"trivet: serving needs an extra ({', '.join(missing)} missing): pip install 'trivet[serve]'")


def _token(file: Path | None) -> str:
    token = os.environ.get(TOKEN, "") if file is None else file.read_text(encoding="utf-8")
    if file is not None and not token.strip():
        raise trivet.InvalidArgument(f"There is no token in {str(file)!r}.")
    return token.strip()
