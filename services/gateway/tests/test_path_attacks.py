"""Paths that mean to reach something else, in every route that takes one: refused, or data like any other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from trivet_testing.gateway_http import API, FILES, Http
from trivet_testing.gateways import gateway_before, services_in
from trivet_testing.path_payloads import payloads
from trivet_testing.tracking import full

SECRET = b"canary-9c41"
PAYLOADS = payloads()


@pytest.fixture(scope="module")
def around(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Http]]:
    """A folder with a canary at each level around the data, and a gateway."""
    folder = tmp_path_factory.mktemp("around")
    data = folder / "cwd" / "data"
    data.mkdir(parents=True)
    for level in (folder, data.parent, data):
        (level / "secret").write_bytes(SECRET)
    with (
        services_in(data.parent, "--data", str(data)) as services,
        gateway_before(services, TRIVET_DIRECT_TRANSFERS="true") as gateway,
    ):
        yield folder, Http(gateway.url)


def requests(root: str, run_id: str, payload: str) -> Iterator[tuple[str, str, bytes | None]]:
    """A payload in each place where a path goes, as it is in a URL, and escaped once and twice."""
    for path in dict.fromkeys((quote(payload, safe="/"), quote(payload, safe=""), quote(quote(payload, safe="")))):
        for method, body in (("PUT", b"x"), ("GET", None), ("HEAD", None), ("DELETE", None)):
            yield method, f"{FILES}/{root}/{path}", body
            yield method, f"{FILES}/{path}", body
        yield "GET", f"{FILES}?path={root}/{path}", None
        yield "GET", f"{FILES}?path={path}", None
        yield "GET", f"{API}/artifacts/list?run_id={run_id}&path={path}", None
        yield "GET", f"{API}/artifacts/list?run_id={path}", None
        yield "GET", f"/get-artifact?run_id={run_id}&path={path}", None
        yield "GET", f"/get-artifact?run_id={path}&path=x", None
        yield "GET", f"/w/{path}{API}/artifacts/list?run_id={run_id}", None
        yield "GET", f"/api/2.0/mlflow-artifacts/presigned/{root}/{path}", None
    named = json.dumps({"path": payload, "num_parts": 1, "run_id": run_id}).encode()
    yield "POST", f"/api/2.0/mlflow-artifacts/mpu/create/{root}", named
    yield "POST", f"{API}/artifacts/presigned-download-url", named


@pytest.mark.timeout(300)
def test_no_path_reaches_anything_else(around: tuple[Path, Http]) -> None:
    folder, http_of = around
    assert len(PAYLOADS) >= 200
    run_id = http_of.run()
    root = f"0/{run_id}/artifacts"
    before = {path for path in folder.rglob("*") if "data" not in path.relative_to(folder).parts}
    attacks = [each for payload in PAYLOADS for each in requests(root, run_id, payload)]
    assert len(attacks) > 5000
    # One in so many, each of another payload and another route, but all of them in the long form.
    for method, path, body in attacks[:: full(61, 1)]:
        headers = {"content-type": "application/json"} if method == "POST" else None
        status, _, answer = http_of.raw(method, path, body, headers)
        assert status < 500 or status == 501, (method, path, answer)
        assert SECRET not in answer
    assert {path for path in folder.rglob("*") if "data" not in path.relative_to(folder).parts} == before
    for secret in folder.rglob("secret"):
        assert secret.read_bytes() == SECRET
