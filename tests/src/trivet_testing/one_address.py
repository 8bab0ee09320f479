"""The three services behind one address, by nginx with the configuration that the project ships."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from trivet_testing import nginx

CONFIGURATION: Final = Path(__file__).parents[3] / "deploy" / "one-address" / "nginx.conf"
_LISTEN: Final = "127.0.0.1:7330"
_SERVICES: Final[Mapping[str, str]] = {
    "tracking": "127.0.0.1:7332",
    "artifacts": "127.0.0.1:7333",
    "registry": "127.0.0.1:7334",
}


@contextmanager
def start(program: Path, folder: Path, services: Mapping[str, str]) -> Iterator[str]:
    """Starts nginx on a free port; it is gone at the end of the block.

    Args:
        program: `nginx`.
        folder: For its files.
        services: The `host:port` of tracking, artifacts and registry; the rest of the configuration is used as it is.

    Yields:
        The one address, `host:port`.
    """

    def configuration(listen: str) -> str:
        text = CONFIGURATION.read_text(encoding="utf-8")
        for shipped, here in ((_LISTEN, listen), *((_SERVICES[name], services[name]) for name in _SERVICES)):
            assert text.count(shipped) == 1, shipped
            text = text.replace(shipped, here)
        return text

    with nginx.running(program, folder, configuration) as listen:
        yield listen
