"""The three services behind one address, by nginx with the configuration that the project ships."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from trivet_testing.servers import ServerNotReadyError, ServerProcess, free_port

CONFIGURATION: Final = Path(__file__).parents[3] / "deploy" / "one-address" / "nginx.conf"
_LISTEN: Final = "127.0.0.1:7330"
_SERVICES: Final[Mapping[str, str]] = {
    "tracking": "127.0.0.1:7332",
    "artifacts": "127.0.0.1:7333",
    "registry": "127.0.0.1:7334",
}
_START_ATTEMPTS: Final = 3


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
    for attempt in range(1, _START_ATTEMPTS + 1):
        listen = f"127.0.0.1:{free_port()}"
        configuration = CONFIGURATION.read_text(encoding="utf-8")
        for shipped, here in ((_LISTEN, listen), *((_SERVICES[name], services[name]) for name in _SERVICES)):
            assert configuration.count(shipped) == 1, shipped
            configuration = configuration.replace(shipped, here)
        (folder / "nginx.conf").write_text(configuration, encoding="utf-8")
        command = [str(program), "-p", str(folder), "-c", str(folder / "nginx.conf")]
        # Only what it notes while it starts tells that it is ready.
        directives = "daemon off; error_log stderr notice;"
        try:
            server = ServerProcess.start([*command, "-g", directives], {}, "start worker process ", ready_on="stderr")
            break
        except ServerNotReadyError:
            # Somebody else may have taken the port.
            if attempt == _START_ATTEMPTS:
                raise
    with server:
        try:
            yield listen
        finally:
            server.terminate()  # by itself: killed, it would leave the processes that do its work
