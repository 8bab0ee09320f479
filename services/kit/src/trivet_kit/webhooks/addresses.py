"""Which addresses webhooks may have: what a caller names must not reach what only servers can reach."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

# A gateway that translates takes these to the IPv4 address in their last 32 bits (RFC 6052).
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class AddressRefused(Exception):
    """A host that cannot be sent to; the message is a clause without a full stop."""


@dataclass(frozen=True)
class Reachable:
    """An address that may be connected to."""

    address: IpAddress
    is_allowed: bool
    """Whether it is in a network that the operator allows, rather than a public one."""


@dataclass(frozen=True)
class AddressGuard:
    """Resolves hosts, and lets pass what is public or in one of some networks."""

    allowed: tuple[IpNetwork, ...] = ()

    def resolve(self, host: str, port: int) -> Reachable:
        """The first address of a host, of which all may be reached.

        It is the one to connect to, because the name may mean another one the next time.

        Raises:
            AddressRefused: it has no address, or one that may not be reached.
        """
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise AddressRefused(f"{host} has no address") from None
        addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
        for address in addresses:
            if not self._is_allowed(address) and not _is_public(address):
                raise AddressRefused(
                    f"{host} has the address {address}, which is not public and not of TRIVET_WEBHOOK_NETWORKS"
                )
        if not addresses:
            raise AddressRefused(f"{host} has no address")
        return Reachable(addresses[0], self._is_allowed(addresses[0]))

    def _is_allowed(self, address: IpAddress) -> bool:
        return any(each in network for each in _meanings(address) for network in self.allowed)


def parse_networks(text: str) -> tuple[IpNetwork, ...]:
    """The networks of a list such as `10.0.0.0/8, fd00::/8`. Raises ValueError for another form."""
    return tuple(ipaddress.ip_network(each.strip()) for each in text.split(",") if each.strip())


def _is_public(address: IpAddress) -> bool:
    return all(each.is_global and not each.is_multicast and not each.is_reserved for each in _meanings(address))


def _meanings(address: IpAddress) -> Iterable[IpAddress]:
    """What an address reaches: an IPv4 address may be wrapped in an IPv6 one."""
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    wrapped = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    if wrapped is None and address in _NAT64:
        wrapped = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return (address,) if wrapped is None else (wrapped,)
