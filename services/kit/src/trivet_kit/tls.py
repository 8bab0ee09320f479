"""A server's certificate, as it is in its files whenever somebody connects: whoever issues it replaces it in time."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import grpc

from trivet_kit.settings import StartupError, TlsFiles, check_tls

_log = logging.getLogger("trivet.tls")


@dataclass(frozen=True)
class Pem:
    """What is in the files."""

    key: bytes
    certificate: bytes
    client_ca: bytes | None

    @classmethod
    def of(cls, files: TlsFiles) -> Pem:
        """Reads them. Raises OSError."""
        client_ca = None if files.client_ca is None else files.client_ca.read_bytes()
        return cls(files.key.read_bytes(), files.certificate.read_bytes(), client_ca)


class CertificateFiles:
    """The files of a server's certificate, looked at whenever somebody connects. Safe for threads."""

    def __init__(self, files: TlsFiles) -> None:
        """Reads them. Raises OSError."""
        self._files = files
        self._refused: Pem | None = None
        self.shown = Pem.of(files)
        """What the server shows."""

    def replaced(self) -> Pem | None:
        """What is to be shown from now on; None where it stays as it is, also where the files are of no use."""
        found = self._found()
        if found is None or found in (self.shown, self._refused):
            return None
        try:
            check_tls(self._files)
        except StartupError as error:
            self._refused = found
            _log.error("%s The certificate before stays.", error)
            return None
        if self._found() != found:
            return None  # what was checked is not what was read
        self.shown, self._refused = found, None
        _log.info("the certificate was read anew")
        return found

    def _found(self) -> Pem | None:
        try:
            return Pem.of(self._files)
        except OSError:
            return None  # they are being replaced; those who connect next look again


def server_credentials(files: TlsFiles) -> grpc.ServerCredentials:
    """Credentials by the files as they are now, and, for those who connect later, as they are then.

    Raises:
        OSError: one of them cannot be read now.
    """
    certificates = CertificateFiles(files)

    def replaced() -> grpc.ServerCertificateConfiguration | None:
        pem = certificates.replaced()
        return None if pem is None else _configuration(pem)

    return grpc.dynamic_ssl_server_credentials(
        _configuration(certificates.shown),
        replaced,  # type: ignore[arg-type] # None is documented, and not in the types
        require_client_authentication=files.client_ca is not None,
    )


def _configuration(pem: Pem) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(pem.key, pem.certificate)], pem.client_ca)
