"""Keycloak in its development mode, with a realm from a file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import urllib3

from trivet_testing.servers import ServerProcess

_ADMIN: Final = "admin"
_READY: Final = r"Listening on: (http://127\.0\.0\.1:\d+)"
# The first start makes the program anew and a database with all its tables.
_START_SECONDS: Final = 1800


@dataclass(frozen=True)
class Keycloak:
    """A Keycloak that runs."""

    url: str
    realm: str

    @property
    def issuer(self) -> str:
        """The URL of the realm."""
        return f"{self.url}/realms/{self.realm}"

    def program_token(self, client_id: str, secret: str) -> str:
        """A token of a program, by client credentials."""
        return self._token(self.realm, grant_type="client_credentials", client_id=client_id, client_secret=secret)

    def allow(self, client_id: str, redirect_uri: str) -> None:
        """Lets a client redirect to one more URI, as administrators do."""
        token = self._token("master", grant_type="password", client_id="admin-cli", username=_ADMIN, password=_ADMIN)
        clients = f"{self.url}/admin/realms/{self.realm}/clients"
        headers = {"authorization": f"Bearer {token}"}
        (client,) = _json("GET", clients, fields={"clientId": client_id}, headers=headers)
        client["redirectUris"].append(redirect_uri)
        answer = urllib3.request("PUT", f"{clients}/{client['id']}", json=client, headers=headers)
        assert answer.status == 204, answer.data

    def _token(self, realm: str, **fields: str) -> str:
        url = f"{self.url}/realms/{realm}/protocol/openid-connect/token"
        headers = {"content-type": "application/x-www-form-urlencoded"}
        answer = _json("POST", url, body=urlencode(fields), headers=headers)
        return str(answer["access_token"])


def _json(method: str, url: str, **options: Any) -> Any:
    answer = urllib3.request(method, url, **options)
    assert answer.status == 200, (url, answer.status)
    return answer.json()


@contextmanager
def keycloak_in(folder: Path, distribution: Path, realm: Path) -> Iterator[Keycloak]:
    """A Keycloak with the realm of a file, until the end of the block.

    Args:
        folder: Where a copy of it is put, which it writes into.
        distribution: As `tools.find_keycloak` has it.
        realm: A file as Keycloak exports it.
    """
    home = folder / "keycloak"
    shutil.copytree(distribution, home)
    (home / "data" / "import").mkdir(parents=True)
    shutil.copy(realm, home / "data" / "import")
    environment: Mapping[str, str] = {"KC_BOOTSTRAP_ADMIN_USERNAME": _ADMIN, "KC_BOOTSTRAP_ADMIN_PASSWORD": _ADMIN}
    options = ("--import-realm", "--http-host", "127.0.0.1", "--http-port", "0")
    command = [str(home / "bin" / "kc.sh"), "start-dev", *options]
    with ServerProcess.start(command, environment, _READY, timeout_seconds=_START_SECONDS) as server:
        yield Keycloak(server.address, json.loads(realm.read_text())["realm"])
