"""Settings of a server process: read from flags and the environment, checked before anything starts."""

from __future__ import annotations

import ipaddress
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from trivet_kit.redaction import redacted
from trivet_kit.resources import DEFAULT_WORKSPACE, WORKSPACE_ID

# Twice the largest batch that the SDK sends (4 MiB, design §12), so that a message is never refused for its framing.
MAX_MESSAGE_BYTES = 8 * 1024 * 1024
# A client that stays connected for so long has learnt of new replicas after it, and old ones are rid of it.
MAX_CONNECTION_AGE_SECONDS = 300
# A quarter of a year, after which most reviews of who did what are done.
AUDIT_DAYS = 90

READ_URL_SETTING = "TRIVET_DATABASE_READ_URL"
"""Where the URL of a hot standby comes from."""


class StartupError(Exception):
    """The server cannot start; the message is one line that says why and what to do. Ends the process with code 1."""


@dataclass(frozen=True)
class Address:
    """Where a server listens: a host and a port, or a Unix socket."""

    host: str
    port: int
    socket: Path | None = None

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        if self.socket is not None or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        if self.socket is not None:
            return f"unix:{self.socket}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str, setting: str) -> Address:
    """Parses `HOST:PORT`, `[IPv6]:PORT` or `unix:PATH`; port 0 means any free one.

    Raises:
        StartupError: another form; names `setting`.
    """
    if text.startswith("unix:") and len(text) > len("unix:"):
        return Address("", 0, Path(text.removeprefix("unix:")))
    match = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([^\s:/\[\]]+)):([0-9]{1,5})", text)
    if match is None or int(match[3]) > 65535:
        # The URL of a database that was put there by mistake has a password.
        raise StartupError(
            f"{setting} is {redacted(text)!r}; it must be HOST:PORT or unix:PATH, such as 127.0.0.1:7332."
        )
    return Address(match[1] or match[2], int(match[3]))


@dataclass(frozen=True)
class TlsFiles:
    """PEM files of a server's TLS."""

    certificate: Path
    key: Path
    client_ca: Path | None
    """Where set, clients must present a certificate of it."""


@dataclass(frozen=True)
class ServerSettings:
    """What a server process needs to know besides its components."""

    listen: Address
    workspaces: frozenset[str] = frozenset({DEFAULT_WORKSPACE})
    tls: TlsFiles | None = None
    insecure_no_auth: bool = False
    policy: Path | None = None
    """The policy file. Where there is one, callers must present credentials."""
    tls_terminated: bool = False
    """Whether something before this server ends TLS, and begins it for the servers that this one calls."""
    max_message_bytes: int = MAX_MESSAGE_BYTES
    max_connection_age_seconds: int = MAX_CONNECTION_AGE_SECONDS
    """After it, a client is asked to connect anew; its running calls end in their own time."""
    metrics: Address | None = None
    """Where whoever measures reads what is measured; None: nowhere."""

    @property
    def with_certificates(self) -> bool:
        """Whether clients present certificates."""
        return self.tls is not None and self.tls.client_ca is not None

    def check(self) -> None:
        """Checks what several settings say together.

        Raises:
            StartupError: the server would be open to other machines without authentication, or tokens would travel to
                it in the clear, or there are two answers to which workspaces exist.
        """
        if self.policy is not None and self.insecure_no_auth:
            raise StartupError("TRIVET_POLICY and TRIVET_INSECURE_NO_AUTH contradict each other; set one of them.")
        if self.policy is not None and self.workspaces != {DEFAULT_WORKSPACE}:
            raise StartupError("TRIVET_POLICY names the workspaces; leave TRIVET_WORKSPACES away.")
        if self.listen.is_local or self.insecure_no_auth:
            return
        if self.policy is None:
            raise StartupError(
                f"{self.listen} can be reached from other machines, and authentication is not set up. "
                "Listen on 127.0.0.1, or name a policy file (--policy, TRIVET_POLICY), or say --insecure-no-auth "
                "(TRIVET_INSECURE_NO_AUTH=true) to let anyone in."
            )
        if self.tls is None and not self.tls_terminated:
            raise StartupError(
                f"{self.listen} can be reached from other machines, and tokens would travel to it in the clear. "
                "Set TRIVET_TLS_CERT and TRIVET_TLS_KEY, or say --tls-terminated (TRIVET_TLS_TERMINATED=true) where "
                "something before this server ends TLS."
            )

    def check_clear(self, address: Address, setting: str) -> None:
        """Checks a server that this one calls without TLS, with the tokens of its own callers.

        Raises:
            StartupError: tokens would travel to another machine in the clear; names `setting`.
        """
        if self.policy is None or self.tls_terminated or address.is_local:
            return
        raise StartupError(
            f"{setting} is grpc://{address}, and tokens would travel to that machine in the clear. Say grpcs://, or "
            "--tls-terminated (TRIVET_TLS_TERMINATED=true) where a service mesh encrypts what this server sends too."
        )


def parse_metrics_address(text: str) -> Address | None:
    """Where metrics are read; None where nothing is set.

    Raises:
        StartupError: not HOST:PORT.
    """
    if not text:
        return None
    address = parse_address(text, "TRIVET_METRICS_LISTEN")
    if address.socket is not None:
        raise StartupError(f"TRIVET_METRICS_LISTEN is {text!r}; it must be HOST:PORT, such as 127.0.0.1:7340.")
    return address


def parse_policy(path: str) -> Path | None:
    """The policy file; None where none is set. What is in it is read later."""
    return Path(path) if path else None


def parse_workspaces(text: str) -> frozenset[str]:
    """Parses a comma-separated list of workspace ids; `default` always exists besides.

    Raises:
        StartupError: an id of the wrong form.
    """
    names = {name.strip() for name in text.split(",") if name.strip()}
    for name in sorted(names):
        if not WORKSPACE_ID.fullmatch(name):
            raise StartupError(f"TRIVET_WORKSPACES names {name!r}; an id must match {WORKSPACE_ID.pattern}.")
    return frozenset(names | {DEFAULT_WORKSPACE})


def parse_tls(certificate: str, key: str, client_ca: str) -> TlsFiles | None:
    """The TLS files; None where none is set.

    Raises:
        StartupError: only some of them are set, or one cannot be read.
    """
    if not (certificate or key or client_ca):
        return None
    if not (certificate and key):
        raise StartupError("TRIVET_TLS_CERT and TRIVET_TLS_KEY go together; TRIVET_TLS_CLIENT_CA needs both.")
    files = TlsFiles(Path(certificate), Path(key), Path(client_ca) if client_ca else None)
    for setting, path in (("CERT", files.certificate), ("KEY", files.key), ("CLIENT_CA", files.client_ca)):
        if path is not None and not path.is_file():
            raise StartupError(f"TRIVET_TLS_{setting} is {path}, which is not a file.")
    check_tls(files)
    return files


def check_tls(files: TlsFiles) -> None:
    """Looks into the files; gRPC itself would not say what is wrong with them.

    Raises:
        StartupError: they do not fit together, or cannot be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tried = f"TRIVET_TLS_CERT {files.certificate} and TRIVET_TLS_KEY {files.key} are not a certificate and its key"
    try:
        # With a password, however wrong, it does not ask the terminal for one.
        context.load_cert_chain(files.certificate, files.key, password="")
        tried = f"TRIVET_TLS_CLIENT_CA {files.client_ca} has no certificate"
        if files.client_ca is not None:
            context.load_verify_locations(files.client_ca)
    except ssl.SSLError:
        raise StartupError(f"{tried}, in PEM and without a password.") from None
    except OSError as error:
        raise StartupError(f"Cannot read the TLS files: {(error.strerror or str(error)).lower()}.") from None


def read_database_url(url: str, file: str, setting: str = "TRIVET_DATABASE_URL") -> str:
    """The URL of a database, from the setting or from the file that keeps it out of the environment.

    Raises:
        StartupError: both are set, or the file has no URL. The message never has what is in it.
    """
    if not file:
        return url
    if url:
        raise StartupError(f"{setting} and {setting}_FILE are both set; set one of them.")
    try:
        text = Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise StartupError(f"{setting}_FILE is {file}, which cannot be read: {why}.") from None
    except UnicodeDecodeError:
        raise StartupError(f"{setting}_FILE is {file}, which is not a text.") from None
    if not text:
        raise StartupError(f"{setting}_FILE is {file}, which is empty.")
    return text


# The options that all servers have; each is a flag and an environment variable of the same name.
TlsCertOption = Annotated[
    str, typer.Option(envvar="TRIVET_TLS_CERT", metavar="FILE", help="The server's certificate chain, in PEM.")
]
TlsKeyOption = Annotated[str, typer.Option(envvar="TRIVET_TLS_KEY", metavar="FILE", help="The key of it, in PEM.")]
TlsClientCaOption = Annotated[
    str,
    typer.Option(
        envvar="TRIVET_TLS_CLIENT_CA", metavar="FILE", help="Clients must present a certificate of this authority."
    ),
]
WorkspacesOption = Annotated[
    str,
    typer.Option(envvar="TRIVET_WORKSPACES", metavar="A,B,…", help="Workspaces that exist besides `default`."),
]
InsecureNoAuthOption = Annotated[
    bool,
    typer.Option(
        "--insecure-no-auth",
        envvar="TRIVET_INSECURE_NO_AUTH",
        help="Let anyone in, also from other machines.",
    ),
]
PolicyOption = Annotated[
    str,
    typer.Option(
        envvar="TRIVET_POLICY",
        metavar="FILE",
        help="The policy file, YAML: who may do what in which workspace. Callers must present credentials then.",
    ),
]
ServiceTokenFileOption = Annotated[
    str,
    typer.Option(
        envvar="TRIVET_SERVICE_TOKEN_FILE",
        metavar="FILE",
        help="A file with the server's own token, for its background work; it is read again for each use.",
    ),
]
TlsTerminatedOption = Annotated[
    bool,
    typer.Option(
        "--tls-terminated",
        envvar="TRIVET_TLS_TERMINATED",
        help="A proxy or a service mesh before this server ends TLS; and where this server calls others by grpc://, "
        "it encrypts that too.",
    ),
]
MaxMessageBytesOption = Annotated[
    int,
    typer.Option(
        envvar="TRIVET_MAX_MESSAGE_BYTES", min=64 * 1024, max=64 * 1024 * 1024, help="The largest request message."
    ),
]
DatabaseUrlOption = Annotated[
    str,
    typer.Option(
        envvar="TRIVET_DATABASE_URL",
        metavar="URL",
        help="postgresql://USER:PASSWORD@HOST:PORT/DATABASE or sqlite:///FILE.",
    ),
]
DatabaseUrlFileOption = Annotated[
    str,
    typer.Option(
        envvar="TRIVET_DATABASE_URL_FILE", metavar="FILE", help="A file that holds the database's URL, instead of it."
    ),
]
DatabaseReadUrlOption = Annotated[
    str,
    typer.Option(
        envvar=READ_URL_SETTING,
        metavar="URL",
        help="The URL of the same database on a hot standby, which answers what only reads and reads much.",
    ),
]
DatabaseReadUrlFileOption = Annotated[
    str,
    typer.Option(envvar=f"{READ_URL_SETTING}_FILE", metavar="FILE", help="A file that holds that URL, instead of it."),
]
MaxConnectionAgeOption = Annotated[
    int,
    typer.Option(
        envvar="TRIVET_MAX_CONNECTION_AGE_SECONDS",
        min=1,
        max=24 * 60 * 60,
        help="How old a connection gets before its client is asked to connect anew, to any replica.",
    ),
]
MetricsListenOption = Annotated[
    str,
    typer.Option(
        envvar="TRIVET_METRICS_LISTEN",
        metavar="HOST:PORT",
        help="Where Prometheus reads metrics, such as 127.0.0.1:7340; whoever reaches it may. Default: nowhere.",
        show_default=False,
    ),
]
AuditDaysOption = Annotated[
    int,
    typer.Option(
        envvar="TRIVET_AUDIT_DAYS",
        min=1,
        max=36_500,
        metavar="DAYS",
        help="How long it is kept who did what; it is also in the log.",
    ),
]
ReadyOption = Annotated[
    bool, typer.Option("--ready", help="Ask too whether it can work now: whether its database answers.")
]
