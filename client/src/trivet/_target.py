"""Where the servers are: addresses from an argument or from the environment."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Literal
from urllib.parse import unquote

from trivet._errors import TargetInvalid
from trivet._logins import Login, Logins, read_logins

Service = Literal["tracking", "artifacts", "registry"]

DEFAULT_PORT: Final = 7330  # of `trivet up`, design §10
DEFAULT_WORKSPACE: Final = "default"

_SERVICES: Final[tuple[Service, ...]] = ("tracking", "artifacts", "registry")
_URI: Final = re.compile(
    r"(?i:(?P<scheme>grpcs?))://(?:\[(?P<ip6>[0-9a-fA-F:.]+)\]|(?P<host>[^\s:/?#\[\]]+))(?::(?P<port>[0-9]{1,5}))?"
    r"(?:/(?P<workspace>[^\s/?#]+)?/?)?"
)
_WORKSPACE: Final = re.compile(r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?")
_LOOPBACK: Final = re.compile(r"localhost|127(?:\.[0-9]{1,3}){3}|::1")
_FORMS: Final = (
    "grpc://HOST:PORT, grpc://HOST:PORT/WORKSPACE, or grpcs:// for TLS; grpc://IP:PORT,IP:PORT for replicas; "
    "file:FOLDER or sqlite:///FILE for data on this machine"
)
DEFAULT_DATA: Final = ".trivet"  # of `trivet up`, design §12, so that its server is found


@dataclass(frozen=True)
class Address:
    """One server, and how it is reached. Two that are equal share a channel."""

    host: str
    port: int
    is_tls: bool

    @property
    def is_loopback(self) -> bool:
        """Whether nobody but this machine sees what is sent."""
        return _LOOPBACK.fullmatch(self.host) is not None

    @property
    def dial(self) -> str:
        """`host:port`, as gRPC takes it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{'grpcs' if self.is_tls else 'grpc'}://{self.dial}"


@dataclass(frozen=True)
class Replicas:
    """Servers that serve the same, by their IP addresses, where no name leads to all of them."""

    addresses: tuple[Address, ...]

    is_tls = False

    @property
    def is_loopback(self) -> bool:
        """Whether nobody but this machine sees what is sent."""
        return all(address.is_loopback for address in self.addresses)

    @property
    def dial(self) -> str:
        """The list of them, as gRPC takes it."""
        scheme = "ipv6" if ":" in self.addresses[0].host else "ipv4"
        return f"{scheme}:{','.join(address.dial for address in self.addresses)}"

    def __str__(self) -> str:
        return f"grpc://{','.join(address.dial for address in self.addresses)}"


@dataclass(frozen=True)
class LocalData:
    """Data on this machine, whose server is found, or started, when it is first used (local mode).

    Where its files are is what the server has by its options: trivet_standalone/places.py.
    """

    uri: str
    lock_file: Path
    log_file: Path
    """What a server that was started for it says."""
    options: tuple[str, ...]
    """Of the server."""

    is_tls = False
    is_loopback = True

    @property
    def absolute_uri(self) -> str:
        """The same data, for a process with another working directory."""
        kind, place = self.options
        return Path(place).as_uri() if kind == "--data" else place

    def __str__(self) -> str:
        return self.uri


@dataclass(frozen=True)
class Target:
    """The addresses of the three services, the workspace, and where the token comes from."""

    addresses: Mapping[Service, Address | Replicas | LocalData]
    """Services without an address are missing."""
    workspace: str
    token: str = field(default="", repr=False)
    token_file: str = ""
    """Read again when it changes; used where `token` is empty."""
    login_url: str = ""
    """Of a login whose token is renewed; used where both are empty."""

    def address(self, service: Service) -> Address | Replicas | LocalData:
        """The address of a service.

        Raises:
            TargetInvalid: it has none.
        """
        if service not in self.addresses:
            raise TargetInvalid(
                f"There is no address of the service {service}: set TRIVET_{service.upper()}_URL, or TRIVET_URL for "
                "all."
            )
        return self.addresses[service]


def resolve(uri: str = "", *, workspace: str = "", token: str = "") -> Target:
    """The target of a URI, or of the environment where the URI is empty.

    Args:
        uri: One address for all services. Empty: TRIVET_TRACKING_URL, TRIVET_ARTIFACTS_URL and TRIVET_REGISTRY_URL,
            each over TRIVET_URL; where none of them is set, the server of `trivet login`, else the data in `./.trivet`.
        workspace: Over the one in the address, which is over TRIVET_WORKSPACE; else that of the login, or `default`.
        token: Over TRIVET_TOKEN, which is over the file TRIVET_TOKEN_FILE, which is over the login of that server.

    Raises:
        TargetInvalid: an address, or what they say together, cannot be used.
    """
    env = os.environ
    shared = uri or env.get("TRIVET_URL", "")
    uris: dict[Service, str] = {}
    for service in _SERVICES:
        chosen = shared if uri else env.get(f"TRIVET_{service.upper()}_URL") or shared
        if chosen:
            uris[service] = chosen
    logins = read_logins()
    if not uris:
        uris = dict.fromkeys(_SERVICES, logins.current or f"file:{DEFAULT_DATA}")
    parsed = {service: _parse(text) for service, text in uris.items()}
    addresses = {service: address for service, (address, _) in parsed.items()}
    login = _login_of(addresses, logins)
    return _with_token(
        addresses,
        _workspace(workspace, {named for _, named in parsed.values() if named}, login.workspace),
        login,
        token,
    )


def resolve_addresses(uris: Mapping[str, str], workspace: str) -> Target:
    """The target of an address for each service, with the token that the environment or a login has.

    Raises:
        TargetInvalid: one of them cannot be used.
    """
    addresses = {service: _parse(uris[service])[0] for service in _SERVICES if uris.get(service)}
    return _with_token(addresses, _workspace(workspace, set()), _login_of(addresses, read_logins()))


def resolve_local(uri: str) -> LocalData:
    """The data that `file:FOLDER` or `sqlite:///FILE` means, whatever the working directory becomes.

    Raises:
        TargetInvalid: it names none, or this is Windows.
    """
    if sys.platform == "win32":
        raise TargetInvalid(f"{uri!r} is for Linux and macOS. Start a server elsewhere, and use {_FORMS}.")
    scheme, _, rest = uri.partition(":")
    if scheme.lower() == "file":
        path = unquote(rest.removeprefix("//")) if rest.startswith("///") else unquote(rest)
        if not path or path.startswith("//"):
            raise TargetInvalid(f"{uri!r} names no folder of this machine. Write file:FOLDER or file:///PATH.")
        folder = Path(path).absolute()
        return LocalData(uri, folder / "trivet.lock", folder / "trivet.log", options=("--data", str(folder)))
    file = Path(rest.removeprefix("///"))
    if not rest.startswith("///") or not file.name or file.name == ":memory:":
        raise TargetInvalid(f"{uri!r} names no file. Write sqlite:///FILE, or sqlite:////PATH for an absolute path.")
    file = file.absolute()
    stem = file.with_suffix("") if file.suffix == ".db" else file
    return LocalData(uri, Path(f"{stem}.lock"), Path(f"{stem}.log"), options=("--database", f"sqlite:///{file}"))


def _parse(uri: str) -> tuple[Address | Replicas | LocalData, str]:
    """The address in a URI, and the workspace that it names or ""."""
    scheme = uri.partition(":")[0].lower()
    if scheme in ("file", "sqlite"):
        return resolve_local(uri), ""
    if scheme in ("http", "https"):
        raise TargetInvalid(
            f"{uri!r} is the address of a gateway, which MLflow's own client uses. Use that of gRPC: {_FORMS}."
        )
    if "," in uri:
        return _parse_replicas(uri)
    if "@" in uri:
        raise TargetInvalid("An address holds no credentials; set TRIVET_TOKEN or TRIVET_TOKEN_FILE.")
    match = _URI.fullmatch(uri)
    if match is None or int(match["port"] or 0) > 65535:
        raise TargetInvalid(f"{uri!r} is not the address of a Trivet server. Use {_FORMS}.")
    port = int(match["port"]) if match["port"] else DEFAULT_PORT
    return Address(match["ip6"] or match["host"], port, match["scheme"].lower() == "grpcs"), match["workspace"] or ""


def _parse_replicas(uri: str) -> tuple[Replicas, str]:
    scheme, _, rest = uri.partition("://")
    hosts, slash, workspace = rest.partition("/")
    parsed = [_parse(f"{scheme}://{host}{slash}{workspace}") for host in hosts.split(",")]
    addresses = tuple(address for address, _ in parsed if isinstance(address, Address) and _version(address.host))
    versions = {_version(address.host) for address in addresses}
    if scheme.lower() != "grpc" or len(addresses) < len(parsed) or len(versions) > 1:
        raise TargetInvalid(
            f"{uri!r} lists servers, which must be IP addresses of one kind, without TLS. Otherwise, use a name that "
            "leads to all of them."
        )
    return Replicas(addresses), parsed[0][1]


def _version(host: str) -> int:
    """4 or 6 for an IP address; 0 for a name."""
    try:
        return ip_address(host).version
    except ValueError:
        return 0


def canonical(uri: str) -> tuple[str, str]:
    """An address as logins have it, and the workspace that it names or "".

    Raises:
        TargetInvalid: it is none.
    """
    address, workspace = _parse(uri)
    return str(address), workspace


def _with_token(
    addresses: Mapping[Service, Address | Replicas | LocalData], workspace: str, login: Login, token: str = ""
) -> Target:
    """A target with the token that counts most. Raises TargetInvalid where it would be sent in the clear."""
    token = token or os.environ.get("TRIVET_TOKEN", "")
    token_file = os.environ.get("TRIVET_TOKEN_FILE", "")
    login_url = ""
    if not (token or token_file):
        token, token_file = ("", "") if login.is_renewed else (login.token, login.token_file)
        login_url = login.url if login.is_renewed else ""
    target = Target(addresses, workspace, token, token_file, login_url)
    _check_token_is_safe(target)
    return target


def _login_of(addresses: Mapping[Service, Address | Replicas | LocalData], logins: Logins) -> Login:
    """The login of the one server that is used; an empty one where there is none, or several servers are used."""
    used = {str(address) for address in addresses.values()}
    found = logins.at(used.pop()) if len(used) == 1 else None
    return found or Login("")


def _workspace(given: str, named: set[str], of_login: str = "") -> str:
    if len(named) > 1 and not given:
        raise TargetInvalid(f"The addresses name different workspaces: {', '.join(sorted(named))}.")
    workspace = given or next(iter(named), "") or os.environ.get("TRIVET_WORKSPACE", "")
    workspace = workspace or of_login or DEFAULT_WORKSPACE
    if not _WORKSPACE.fullmatch(workspace):
        raise TargetInvalid(f"{workspace!r} cannot be a workspace: its id matches {_WORKSPACE.pattern}.")
    return workspace


def _check_token_is_safe(target: Target) -> None:
    if not (target.token or target.token_file or target.login_url):
        return
    for address in target.addresses.values():
        if not address.is_tls and not address.is_loopback:
            raise TargetInvalid(f"A token is never sent over {address}, which is not encrypted. Use grpcs://.")
