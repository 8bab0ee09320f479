"""nginx on a free port, with a configuration of a test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from trivet_testing.servers import ServerNotReadyError, ServerProcess, free_port

_START_ATTEMPTS: Final = 3


@contextmanager
def running(program: Path, folder: Path, configuration: Callable[[str], str]) -> Iterator[str]:
    """Starts nginx on a free port; it is gone at the end of the block.

    Args:
        program: `nginx`.
        folder: For its files.
        configuration: Gives it, told the `host:port` to listen on.

    Yields:
        That `host:port`.
    """
    for attempt in range(1, _START_ATTEMPTS + 1):
        listen = f"127.0.0.1:{free_port()}"
        (folder / "nginx.conf").write_text(configuration(listen), encoding="utf-8")
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
