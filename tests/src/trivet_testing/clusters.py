"""Clusters for Jobs: what an API server says to `kubectl`, and a real one where its programs are here.

Neither has a controller of Jobs, so that a test ends them, by the status that the controller would write.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import parse_qs, urlsplit

import kubernetes_validate
import yaml

from trivet_testing.kubernetes import KUBERNETES, Object
from trivet_testing.servers import free_port
from trivet_testing.waiting import wait_until

CONTEXT: Final = "training"
_TIME: Final = "2026-11-02T09:30:00Z"
_FIRST: Final = {"Complete": "SuccessCriteriaMet", "Failed": "FailureTarget"}
"""What the controller says before the end itself."""
_TOKEN: Final = "of-the-test"


class Cluster(Protocol):
    """A cluster that takes Jobs."""

    @property
    def kubeconfig(self) -> Path:
        """With the context `CONTEXT`, which is not the current one."""
        ...

    def jobs(self, namespace: str) -> list[Object]:
        """The Jobs of a namespace."""
        ...

    def end(self, namespace: str, name: str, kind: str, reason: str = "", message: str = "") -> None:
        """Ends a Job: `Complete` or `Failed`."""
        ...


def ended_status(kind: str, reason: str, message: str) -> Object:
    """The status of a Job that has ended, as its controller writes it."""
    times = {"lastProbeTime": _TIME, "lastTransitionTime": _TIME}
    about = {"status": "True", "reason": reason, "message": message, **times}
    conditions = [{"type": each, **about} for each in (_FIRST[kind], kind)]
    done = {"completionTime": _TIME, "succeeded": 1} if kind == "Complete" else {"failed": 1}
    return {"startTime": _TIME, "conditions": conditions, **done}


@dataclass
class AnswersOfCluster:
    """What an API server answers about Jobs, with the schemas of Kubernetes; nothing else of a cluster."""

    kubeconfig: Path
    kept: dict[tuple[str, str], Object] = field(default_factory=dict)
    deletions: list[Mapping[str, list[str]]] = field(default_factory=list)
    """What each deletion asked for."""
    is_silent: bool = False

    def jobs(self, namespace: str) -> list[Object]:
        """The Jobs of a namespace."""
        return [job for (where, _), job in self.kept.items() if where == namespace]

    def end(self, namespace: str, name: str, kind: str, reason: str = "", message: str = "") -> None:
        """Ends a Job: `Complete` or `Failed`."""
        self.kept[namespace, name]["status"] = ended_status(kind, reason, message)

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Object]:
        """Status and content of the answer to a request."""
        parts = urlsplit(path)
        segments = parts.path.strip("/").split("/")
        if self.is_silent or segments[:4] != ["apis", "batch", "v1", "namespaces"] or segments[5] != "jobs":
            return _refusal(503, "ServiceUnavailable", "the server cannot be reached")
        namespace, asked = segments[4], parse_qs(parts.query)
        if method == "POST":
            return self._create(namespace, json.loads(body), asked)
        key = namespace, segments[6]
        if key not in self.kept:
            return _refusal(404, "NotFound", f'jobs.batch "{key[1]}" not found')
        if method == "DELETE":
            self.deletions.append(asked)
            return 200, self.kept.pop(key)
        return 200, self.kept[key]

    def _create(self, namespace: str, job: Object, asked: Mapping[str, list[str]]) -> tuple[int, Object]:
        assert asked["fieldValidation"] == ["Strict"]
        try:
            kubernetes_validate.validate(job, KUBERNETES, strict=True)
        except kubernetes_validate.ValidationError as error:
            return _refusal(400, "BadRequest", str(error.message))
        self.kept[namespace, job["metadata"]["name"]] = job
        return 201, job


def _refusal(code: int, reason: str, message: str) -> tuple[int, Object]:
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code}
    return code, {**status, "reason": reason, "message": message}


@contextmanager
def answers_of_cluster(folder: Path) -> Iterator[AnswersOfCluster]:
    """Answers `kubectl` until the end of the block."""
    cluster = AnswersOfCluster(folder / "kubeconfig")

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("Transfer-Encoding") == "chunked":
                # What kubectl reads from its input.
                while n_bytes := int(self.rfile.readline(), 16):
                    body += self.rfile.read(n_bytes)
                    self.rfile.readline()
            code, content = cluster.answer(self.command, self.path, body)
            said = json.dumps(content).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - names of http.server

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        _write_kubeconfig(cluster.kubeconfig, {"server": f"http://127.0.0.1:{server.server_address[1]}"})
        try:
            yield cluster
        finally:
            server.shutdown()
            thread.join()


@dataclass(frozen=True)
class ApiServer:
    """A kube-apiserver that runs, with etcd and without anything else of a cluster."""

    kubeconfig: Path

    def jobs(self, namespace: str) -> list[Object]:
        """The Jobs of a namespace."""
        found: list[Object] = json.loads(self.kubectl("get", "jobs", "-n", namespace, "-o", "json"))["items"]
        return found

    def end(self, namespace: str, name: str, kind: str, reason: str = "", message: str = "") -> None:
        """Ends a Job: `Complete` or `Failed`."""
        status = json.dumps({"status": ended_status(kind, reason, message)})
        self.kubectl("patch", "job", name, "-n", namespace, "--subresource=status", "--type=merge", "-p", status)

    def kubectl(self, *arguments: str) -> str:
        """What a command prints."""
        command = ["kubectl", f"--kubeconfig={self.kubeconfig}", f"--context={CONTEXT}", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def has_api_server() -> bool:
    """Whether the programs of one are on PATH."""
    return shutil.which("kube-apiserver") is not None and shutil.which("etcd") is not None


@contextmanager
def api_server() -> Iterator[ApiServer]:
    """Runs etcd and kube-apiserver of PATH until the end of the block."""
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        folder = Path(temporary)
        port, etcd, peers = free_port(), f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
        key = folder / "key.pem"
        subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
        (folder / "tokens").write_text(f"{_TOKEN},me,me,system:masters\n", encoding="utf-8")
        log = stack.enter_context((folder / "log").open("wb"))
        _start(
            stack,
            [
                *("etcd", "--data-dir", str(folder / "etcd"), "--listen-client-urls", etcd),
                *("--advertise-client-urls", etcd, "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers),
                *("--initial-cluster", f"default={peers}", "--unsafe-no-fsync"),
            ],
            log,
        )
        _start(
            stack,
            [
                *("kube-apiserver", "--etcd-servers", etcd, "--secure-port", str(port), "--bind-address", "127.0.0.1"),
                *("--cert-dir", str(folder / "certificates"), "--token-auth-file", str(folder / "tokens")),
                *("--authorization-mode", "RBAC", "--service-account-issuer", "https://kubernetes.default.svc"),
                *("--service-account-key-file", str(key), "--service-account-signing-key-file", str(key)),
                # There is no controller that makes the account which pods would have.
                *("--disable-admission-plugins", "ServiceAccount", "--service-cluster-ip-range", "10.0.0.0/24"),
            ],
            log,
        )
        server = ApiServer(folder / "kubeconfig")
        about = {"server": f"https://127.0.0.1:{port}", "insecure-skip-tls-verify": True}
        _write_kubeconfig(server.kubeconfig, about, {"token": _TOKEN})
        wait_until(lambda: _is_ready(server))
        yield server


def _is_ready(server: ApiServer) -> bool:
    try:
        return server.kubectl("get", "--raw", "/readyz") == "ok" and "default" in server.kubectl("get", "namespaces")
    except subprocess.CalledProcessError:
        return False


def _start(stack: ExitStack, command: list[str], log: Any) -> None:
    process = stack.enter_context(subprocess.Popen(command, stdout=log, stderr=log))
    stack.callback(process.kill)


def _write_kubeconfig(path: Path, cluster: Object, user: Object | None = None) -> None:
    away = {"name": "away", "cluster": {"server": "http://127.0.0.1:1"}}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        # Whoever takes no heed of the context gets nowhere.
        "current-context": "away",
        "clusters": [away, {"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user or {}}],
        "contexts": [
            {"name": "away", "context": {"cluster": "away", "user": "u"}},
            {"name": CONTEXT, "context": {"cluster": "c", "user": "u"}},
        ],
    }
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
