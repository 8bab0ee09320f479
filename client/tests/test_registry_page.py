"""docs/registry.md, run as it stands, beside a receiver of webhooks that checks them as the page says."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

import trivet

PAGE = Path(__file__).parents[2] / "docs" / "registry.md"


@dataclass
class Receiver:
    """Takes what is posted, after it has failed as often as it is told to."""

    url: str = ""
    failures: int = 0
    posts: Queue[tuple[dict[str, str], bytes]] = field(default_factory=Queue)


@contextmanager
def receiving(receiver: Receiver) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = 500 if receiver.failures > 0 else 204
            receiver.failures -= 1
            self.send_response(status)
            self.end_headers()
            receiver.posts.put(({name.lower(): value for name, value in self.headers.items()}, body))

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    with receiving(receiver):
        yield receiver


def blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def test_page_runs_and_its_receiver_believes_what_is_sent(
    environment: object,
    receiver: Receiver,
    workspace: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_bytes(b"weights")
    page: dict[str, Any] = {"RECEIVER": receiver.url}
    for block in blocks():
        exec(block, page)
    told = re.findall(r"^print\(.*  # (.*)$", "\n".join(blocks()), re.MULTILINE)
    printed = capsys.readouterr().out.splitlines()
    assert len(told) == 4
    assert set(told) <= set(printed)
    assert "somebody was faster; look again" in printed
    assert any(line.startswith("taxi 1 to be looked at ") for line in printed)
    assert [line for line in printed if line.endswith(" ADMIN")] != []

    # From here on the webhook is there.
    client = page["client"]
    client.set_registered_model_alias("taxi", "champion", 1)
    headers, body = receiver.posts.get(timeout=30)
    believes = page["is_from_trivet"]
    assert believes(page["secret"], headers, body)
    assert not believes(page["secret"], headers, body + b" ")
    assert not believes("another secret, as long", headers, body)
    assert not believes(page["secret"], headers | {"webhook-timestamp": "1700000000"}, body)
    event = json.loads(body)
    assert event["id"] == headers["webhook-id"]
    assert (event["model"], event["entry"]["action"], event["entry"]["version"]) == (
        f"workspaces/{workspace}/models/taxi",
        "MODEL_ACTION_ALIAS_SET",
        "1",
    )
    assert event["entry"]["changes"] == [{"field": "aliases.champion", "before": "2", "after": "1"}]
    client.close()


def test_event_comes_again_until_the_receiver_takes_it(client: trivet.Client, receiver: Receiver) -> None:
    receiver.failures = 2
    hook = client.registry.webhooks.create(receiver.url, actions=["model_created"])
    client.create_registered_model("taxi")
    client.set_registered_model_tag("taxi", "team", "routes")  # of this it is not told
    ids = {receiver.posts.get(timeout=30)[0]["webhook-id"] for _ in range(3)}
    assert ids == {f"{client.get_registered_model('taxi').uid}-1"}
    # The receiver knows of its answer before the registry does.
    deliveries = client.registry.webhooks.list_deliveries(hook.webhook_id)
    while deliveries[0].state == "PENDING":
        deliveries = client.registry.webhooks.list_deliveries(hook.webhook_id)
    (delivery,) = deliveries
    assert (delivery.state, delivery.attempts, delivery.http_status) == ("DELIVERED", 3, 204)
    assert client.registry.webhooks.list_deliveries(hook.webhook_id, state="failed") == []
