"""Two servers that serve the same, restarted one after the other as Kubernetes does it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Final, Self

from trivet_testing.balancer import Balancer
from trivet_testing.servers import ServerProcess, free_port

HOSTS: Final = ("127.0.0.1", "127.0.0.2")


class Replicas:
    """The servers of a service, on one port of two addresses, for clients that spread their calls over them.

    As a context manager it starts and ends them.
    """

    def __init__(self, start: Callable[[str], ServerProcess], caller: str) -> None:
        """Starts nothing yet.

        Args:
            start: Starts a server at an address.
            caller: What the line of a call by a client has that has to find a replica before the other one goes, as a
                regular expression. Kubernetes gives clients ten seconds for that (`minReadySeconds`).
        """
        self._start = start
        self._caller = caller
        port = free_port()
        self.addresses = [f"{host}:{port}" for host in HOSTS]
        self.url = f"grpc://{','.join(self.addresses)}"
        self.servers: list[ServerProcess] = []

    def __enter__(self) -> Self:
        for address in self.addresses:
            self.servers.append(self._start(address))
        return self

    def __exit__(self, *_: object) -> None:
        for server in self.servers:
            server.close()

    def restart(self, number: int) -> None:
        """Ends a replica by SIGTERM, and returns when its successor has answered calls."""
        self.replace(number)
        self.await_calls(number)

    def replace(self, number: int) -> None:
        """Ends a replica by SIGTERM, and returns when its successor is ready."""
        assert self.servers[number].terminate() == 0
        assert "Traceback" not in self.servers[number].stderr, self.servers[number].stderr
        self.servers[number] = self._start(self.addresses[number])

    def await_calls(self, number: int) -> None:
        """Returns when a replica has answered a call of that client."""
        self.servers[number].wait_for_line(f'"message": "call".*{self._caller}', on="stderr", timeout_seconds=60)


class BalancedReplicas:
    """Servers for clients that have one address and balance nothing. As a context manager it starts and ends them."""

    def __init__(self, start: Callable[[str], ServerProcess]) -> None:
        """Starts nothing yet; `start` starts a server at an address."""
        self._replicas = Replicas(start, caller="")
        self._stack = ExitStack()
        self._balancer: Balancer | None = None

    @property
    def address(self) -> str:
        """Where clients connect to."""
        assert self._balancer is not None
        return self._balancer.address

    def __enter__(self) -> Self:
        self._stack.enter_context(self._replicas)
        self._balancer = self._stack.enter_context(Balancer(self._replicas.addresses))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def restart(self, number: int) -> None:
        """Takes a replica out, ends it by SIGTERM, and returns when its successor is ready and put in."""
        assert self._balancer is not None
        address = self._replicas.addresses[number]
        self._balancer.take_out(address)
        self._replicas.replace(number)
        self._balancer.put_in(address)
