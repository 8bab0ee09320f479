"""Asks the server of this machine for its health, as a container's own check: by gRPC, at the address it listens on."""

from __future__ import annotations

import socket
import ssl
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from trivet_kit.settings import Address, TlsFiles

TIMEOUT_SECONDS = 3.0
# Addresses that mean every interface can be listened on, not called.
_EVERY_INTERFACE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not listened on


class NotServingError(Exception):
    """The server does not serve; the message is one line that says what it answered."""


def check(listen: Address, tls: TlsFiles | None, service: str) -> None:
    """Returns if the server serves.

    Args:
        listen: where the server listens, as its own setting has it.
        tls: the server's own files. Its certificate must be the one in them, and is its own proof to a server that
            asks clients for one, if the same authority signed it.
        service: full name of the service that has to be able to work; empty asks whether the process serves at all.

    Raises:
        NotServingError: it answers otherwise, or not within `TIMEOUT_SECONDS`.
    """
    address = Address(_EVERY_INTERFACE.get(listen.host, listen.host), listen.port, listen.socket)
    try:
        with _channel(address, tls) as channel:
            request = health_pb2.HealthCheckRequest(service=service)
            answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=TIMEOUT_SECONDS)
    except (OSError, grpc.RpcError) as error:
        raise NotServingError(f"{address} does not answer: {_reason(error)}.") from None
    if answer.status != health_pb2.HealthCheckResponse.SERVING:
        raise NotServingError(
            f"{service or address} is {health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)}."
        )


def _channel(address: Address, tls: TlsFiles | None) -> grpc.Channel:
    if tls is None:
        return grpc.insecure_channel(str(address))
    certificate = tls.certificate.read_bytes()
    credentials = grpc.ssl_channel_credentials(
        certificate, *((tls.key.read_bytes(), certificate) if tls.client_ca else (None, None))
    )
    # The certificate is for the names by which others call the server, and 127.0.0.1 is seldom among them.
    options = (("grpc.ssl_target_name_override", _name_of_certificate(address, tls)),)
    return grpc.secure_channel(str(address), credentials, options)


def _name_of_certificate(address: Address, tls: TlsFiles) -> str:
    """A name that the server's certificate is for. Raises OSError: the server shows none that is in the files."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # the certificate itself is what is compared
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(tls.certificate)
    if tls.client_ca:
        context.load_cert_chain(tls.certificate, tls.key)
    context.set_alpn_protocols(["h2"])
    with _connect(address) as plain, context.wrap_socket(plain) as secure:
        shown: dict[str, Any] = dict(secure.getpeercert() or {})
    for kind, name in shown.get("subjectAltName", ()):
        if kind in ("DNS", "IP Address"):
            return str(name).replace("*", "health")
    raise OSError("its certificate has no name that it is for")


def _connect(address: Address) -> socket.socket:
    if address.socket is None:
        return socket.create_connection((address.host, address.port), TIMEOUT_SECONDS)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(TIMEOUT_SECONDS)
    connection.connect(str(address.socket))
    return connection


def _reason(error: OSError | grpc.RpcError) -> str:
    text = error.details() if isinstance(error, grpc.Call) else getattr(error, "strerror", None) or str(error)
    return " ".join((text or "no reason given").split()).rstrip(".")
