"""An authority that issues certificates, by `openssl`, for servers and clients on loopback."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from trivet_testing.left_out import leave_out


class Authority:
    """Keeps its key, and what it issues, in a folder. Leaves the test out where there is no `openssl`."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("openssl") is None:
            leave_out("openssl", "it is not on PATH")
        self._folder = folder
        self.certificate = folder / "ca.pem"
        self._openssl("req", "-x509", *self._new_key("ca.key"), "-subj", "/CN=authority", "-out", "ca.pem")

    def issue(self, name: str, alternatives: str = "IP:127.0.0.1") -> tuple[Path, Path]:
        """A new certificate with a common name, and its key; alternative names as openssl has them, empty for none."""
        self._openssl("req", *self._new_key(f"{name}.key"), "-subj", f"/CN={name}", "-out", f"{name}.csr")
        (self._folder / "names").write_text(f"subjectAltName={alternatives}" if alternatives else "")
        signed_by = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "1", "-extfile", "names")
        self._openssl("x509", "-req", "-in", f"{name}.csr", *signed_by, "-out", f"{name}.pem")
        return self._folder / f"{name}.pem", self._folder / f"{name}.key"

    def _new_key(self, file: str) -> tuple[str, ...]:
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", file)

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self._folder, check=True, capture_output=True)
