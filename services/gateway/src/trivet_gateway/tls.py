"""The gateway's certificate, as it is in its files whenever somebody connects."""

from __future__ import annotations

import contextlib
import ssl

from trivet_kit.settings import TlsFiles
from trivet_kit.tls import CertificateFiles


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """For connections by the files as they are now, and, for those that come later, as they are then.

    Raises:
        OSError: they cannot be read now, or do not fit together.
    """
    certificates = CertificateFiles(files)
    first = current = _context(files)

    def show(connection: ssl.SSLObject, _name: str | None, _context_of_it: ssl.SSLContext) -> None:
        nonlocal current
        if certificates.replaced() is not None:
            with contextlib.suppress(OSError):  # replaced once more: the next one to connect sees that
                current = _context(files)
        connection.context = current

    # Called for each connection, whether or not it names the server.
    first.sni_callback = show
    return first


def _context(files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key, password="")
    return context
