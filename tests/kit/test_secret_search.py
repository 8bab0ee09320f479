"""The search of logs and spools for secrets can fail: what is written is found, and fails the session by name."""

from __future__ import annotations

import base64
import shutil
import sys
from pathlib import Path

import pytest

from trivet_testing.secret_search import kinds_in, make_secret
from trivet_testing.servers import run_to_exit

JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ0cml2ZXQvY2kifQ.c2lnbmF0dXJlLW9mLWl0"

SECRETS = [
    (make_secret("postgres"), "postgres"),
    (f"password={make_secret('s3')}", "s3"),
    (f"authorization: Bearer {JWT}", "token"),
    ("GET https://s3/b/k?X-Amz-Date=1&X-Amz-Signature=5f0cab12", "presigned URL"),
    ("https://s3/b/k?AWSAccessKeyId=a&Signature=bWFjbWFjbWFj", "presigned URL"),
    ("cannot reach postgresql://trivet:hunter2@db/trivet", "password in a URL"),
    ("cannot reach postgresql://trivet:PASSWORD2@db/trivet", "password in a URL"),
    ("cannot reach postgresql://trivet:***2@db/trivet", "password in a URL"),
]


@pytest.mark.parametrize(("text", "kind"), SECRETS, ids=range(len(SECRETS)))
def test_a_secret_is_known_by_its_shape(text: str, kind: str) -> None:
    assert kinds_in(f"log of {text} and so on") == {kind}


@pytest.mark.parametrize(
    "text",
    [
        "Cannot use the database postgresql://trivet:***@db/trivet",
        "TRIVET_DATABASE_URL must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE or sqlite:///FILE.",
        "Bearer [redacted]",
        "workspaces/test-1/runs/01a2233d41147a108f086fdc5acc12e6 at grpc://127.0.0.1:7330",
        "https://s3/b/k?X-Amz-Signature=[redacted]",
    ],
)
def test_what_is_no_secret_is_not_found(text: str) -> None:
    assert kinds_in(text) == set()


# A program of ours that says what it must not.
LEAKY = """
import sys
print("ready", flush=True)
print({said!r}, file=sys.stderr, flush=True)
"""

LOGGING = """
import sys
from trivet_testing.servers import ServerProcess

def test_it():
    with ServerProcess.start([sys.executable, {program!r}], {{}}, "ready") as server:
        server.wait_for_line("of the", on="stderr")
"""

SPOOLING = """
def test_it(tmp_path):
    log = tmp_path / "spool" / "target" / "logs" / "1"
    log.mkdir(parents=True)
    (log.parent.parent / "target.json").write_text("{{}}")
    (log / "0.segment").write_bytes(b"\\x00\\xff" + {said!r}.encode() + b"\\x00")
"""

# What a server makes by itself looks like this.
RANDOM = base64.urlsafe_b64encode(b"\x00\x10\x83\x10Q\x87 \x92\x8b0\xd3\x8fA\x14" + bytes(range(200, 218))).decode()[
    :43
]


def run_tests(folder: Path, *options: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "pytest", "-c", "/dev/null", "--rootdir", str(folder), str(folder)]
    ended = run_to_exit(
        [*command, "-p", "no:cacheprovider", f"--basetemp={folder / 'temporary'}", *options], {}, timeout_seconds=240
    )
    # The session that this test is of searches too.
    shutil.rmtree(folder / "temporary")
    return ended.returncode, ended.stdout.partition("= secrets in logs and spools =")[2]


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["one process", "workers"])
def test_a_session_whose_servers_log_a_secret_fails(tmp_path: Path, options: tuple[str, ...]) -> None:
    said = make_secret("postgres")
    (tmp_path / "trivet_leaky.py").write_text(LEAKY.format(said=f"of the database: {said}"))
    (tmp_path / "test_it.py").write_text(LOGGING.format(program=str(tmp_path / "trivet_leaky.py")))
    code, told = run_tests(tmp_path, *options)
    assert code == 1
    assert "postgres: " in told
    assert "trivet_leaky.py" in told
    assert said not in told


def test_a_session_whose_servers_log_what_looks_like_a_secret_of_a_webhook_fails(tmp_path: Path) -> None:
    (tmp_path / "trivet_leaky.py").write_text(LEAKY.format(said=f"of the webhook: {RANDOM}"))
    (tmp_path / "test_it.py").write_text(LOGGING.format(program=str(tmp_path / "trivet_leaky.py")))
    code, told = run_tests(tmp_path)
    assert (code, "random secret: " in told) == (1, True)


def test_a_session_that_spools_a_secret_fails(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(SPOOLING.format(said=f"param {JWT}"))
    code, told = run_tests(tmp_path)
    assert (code, "token: " in told, "0.segment" in told) == (1, True, True)


def test_a_session_without_secrets_passes(tmp_path: Path) -> None:
    (tmp_path / "trivet_leaky.py").write_text(LEAKY.format(said="of the best"))
    (tmp_path / "test_it.py").write_text(LOGGING.format(program=str(tmp_path / "trivet_leaky.py")))
    assert run_tests(tmp_path) == (0, "")
