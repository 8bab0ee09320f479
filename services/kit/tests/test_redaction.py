"""Secrets in what is logged: taken out, wherever they stand, and nothing else is."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest

from trivet_kit.logs import JsonLines
from trivet_kit.redaction import MARK, redacted, redacted_value

JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ0cml2ZXQvY2kifQ.c2lnbmF0dXJlLW9mLWl0"

SECRETS = [
    (f"sent Authorization: Bearer {JWT}", JWT),
    (f"{{'authorization': 'Bearer {JWT}'}}", JWT),
    ("authorization=Bearer abcdefghijklmnop", "abcdefghijklmnop"),
    ("authorization: Digest username=ann, response=f00d", "f00d"),
    ("Basic YW5uOmh1bnRlcjI=", "YW5uOmh1bnRlcjI="),
    (f"token {JWT} has expired", JWT),
    ("eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVydGV4dA.dGFn", "Y2lwaGVydGV4dA"),
    ("postgresql://trivet:hunter2@db:5432/trivet", "hunter2"),
    ("postgresql+psycopg2://trivet:hun/ter@2@db/trivet?sslmode=require", "hun/ter"),
    ('invalid dsn "host=db password=hunter2 user=trivet"', "hunter2"),
    ("https://s3/bucket/key?X-Amz-Date=20261102&X-Amz-Signature=5f0cab&x=1", "5f0cab"),
    ("https://s3/b/k?X-Amz-Credential=AKIA123%2F20261102&X-Amz-Security-Token=FwoGZX", "FwoGZX"),
    ("https://s3/b/k?AWSAccessKeyId=AKIA123&Signature=bWFj", "bWFj"),
    ("GET /callback?state=1&code=SplxlOBeZQQYbYS6WxSbIA HTTP/1.1", "SplxlOBeZQQYbYS6WxSbIA"),
    ("Set-Cookie: __Host-trivet=c2Vzc2lvbg; Path=/; HttpOnly", "c2Vzc2lvbg"),
    ("cookie: a=b; trivet=c2Vzc2lvbg", "c2Vzc2lvbg"),
    ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI", "wJalrXUtnFEMI"),
    ('{"webhook_secret": "whsec-1", "client_secret":"cs-2"}', "whsec-1"),
    ("refresh_token=rt-1&grant_type=refresh_token", "rt-1"),
    ('{"access_token": "opaque-1", "expires_in": 60}', "opaque-1"),
    ("{'refresh_token': 'opaque-2', 'expires_in': 60}", "opaque-2"),
    ("answered {'id_token':'opaque-3'}", "opaque-3"),
    ("TRIVET_TOKEN=opaque-token-of-a-job", "opaque-token-of-a-job"),
    ("TRIVET_SESSION_KEY=c2Vzc2lvbi1rZXk", "c2Vzc2lvbi1rZXk"),
    ("code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r", "dBjftJeZ4CVP"),
    ("fatal: https://ghp_0123456789abcdef@git.example.org/x is not found", "ghp_0123456789abcdef"),
    (r'{"body": "{\"refresh_token\": \"opaque-refresh\"}"}', "opaque-refresh"),
]

HARMLESS = [
    "The call has no valid credentials.",
    "https://accounts.example.org/.well-known/openid-configuration answers 500",
    "workspaces/team-a/models/taxi/versions/3",
    "grpc://127.0.0.1:7330/team-a",
    "models:/taxi@champion",
    "page_token='WyJh' is not one that this method gave",
    "basic information about bearer tokens",
    "stale after 3600 s; max_param_value_bytes=16384",
]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_a_secret_is_taken_out_and_the_rest_stays(text: str, secret: str) -> None:
    shown = redacted(text)
    assert secret not in shown
    assert MARK in shown
    assert shown.split(MARK)[0] == text[: len(shown.split(MARK)[0])]
    assert redacted(shown) == shown


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redacted(text) == text


def test_secrets_are_found_in_values_of_any_depth() -> None:
    value = {"headers": [("authorization", f"Bearer {JWT}")], "Password": "x", "empty": None, "count": 3, "cookie": ""}
    assert redacted_value(value) == {
        "headers": [["authorization", f"Bearer {MARK}"]],
        "Password": MARK,
        "empty": None,
        "count": 3,
        "cookie": "",
    }


def line_of(message: str, *arguments: object, error: BaseException | None = None, **extra: object) -> str:
    exc_info = (type(error), error, error.__traceback__) if error is not None else None
    record = logging.getLogger("test").makeRecord(
        "test", logging.ERROR, __file__, 1, message, arguments, exc_info, extra=extra
    )
    return JsonLines().format(record)


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_no_part_of_a_line_has_a_secret(text: str, secret: str) -> None:
    error = RuntimeError(text)
    for line in (
        line_of(text.replace("%", "%%")),
        line_of("failed: %s", text),
        line_of("failed", error=error),
        line_of("failed", cause=error),
        line_of("failed", request={"url": [text]}),
    ):
        assert secret not in line
        assert MARK in json.dumps(json.loads(line))


def test_quotes_and_backslashes_in_a_line_hide_no_secret() -> None:
    line = line_of('C:\\new "%s"', '{"token": "opaque-4"}')
    assert json.loads(line)["message"] == f'C:\\new "{{"token": "{MARK}"}}"'
    shown = json.loads(line_of("answered", token="opaque-5", answer={"id_token": "opaque-6"}))
    assert (shown["token"], shown["answer"]) == (MARK, {"id_token": MARK})


def test_what_is_no_secret_stays_in_a_line() -> None:
    for text in HARMLESS:
        assert json.loads(line_of("said: %s", text))["message"] == f"said: {text}"


PROGRAM = f"""
import logging, threading
from trivet_kit.logs import set_up_logs
set_up_logs(logging.INFO)
def fail():
    raise RuntimeError("no answer to {JWT}")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
fail()
"""


def test_exceptions_that_nobody_catches_are_logged_without_secrets() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [line["message"] for line in lines] == ["not caught", "not caught"]
    assert all(line["exception"].endswith(f"RuntimeError: no answer to {MARK}") for line in lines)
    assert JWT not in ended.stderr
