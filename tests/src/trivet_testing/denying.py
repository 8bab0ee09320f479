"""A server in front of the gateway that denies calls when it is told to: nginx, as where it knows who may do what."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from trivet_testing import nginx

Denial = Literal[401, 403]

# Started by root, it would do its work as somebody who may not look into the folder; by others, it takes no notice.
_CONFIGURATION: Final = """
user root;
worker_processes 1;
pid nginx.pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen {listen};
        location / {{
            proxy_pass http://{gateway};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_buffering off;
        }}
        location ~ ^/trivet\\. {{
            if (-f {folder}/401) {{ return 401; }}
            if (-f {folder}/403) {{ return 403; }}
            proxy_pass http://{gateway};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_buffering off;
        }}
    }}
}}
"""


@dataclass(frozen=True)
class Denying:
    """The server, which passes on everything at first."""

    url: str
    folder: Path

    def deny(self, status: Denial) -> None:
        """Answers calls with a status from now on; documents and scripts are there as before."""
        (self.folder / str(status)).touch()

    def allow(self) -> None:
        """Passes on everything again."""
        for status in (401, 403):
            (self.folder / str(status)).unlink(missing_ok=True)


@contextmanager
def denying(program: Path, folder: Path, gateway: str) -> Iterator[Denying]:
    """Starts it on a free port; it is gone at the end of the block.

    Args:
        program: `nginx`.
        folder: For its files.
        gateway: The URL of what is behind it.
    """

    def configuration(listen: str) -> str:
        return _CONFIGURATION.format(listen=listen, gateway=urlsplit(gateway).netloc, folder=folder)

    with nginx.running(program, folder, configuration) as listen:
        yield Denying(f"http://{listen}", folder)
