"""Starting and stopping a gateway by itself."""

from __future__ import annotations

import sys

import pytest

from trivet_testing.gateways import start_gateway
from trivet_testing.servers import run_to_exit


def test_gateway_that_is_told_to_stop_ends_well() -> None:
    with start_gateway("127.0.0.1:0", {}) as gateway:
        assert gateway.terminate() == 0
        assert "Finished server process" in gateway.stderr
        assert "Traceback" not in gateway.stderr


@pytest.mark.parametrize(
    "url", ["grpcs://10.0.0.1:7332,10.0.0.2:7332", "grpc://one:7332,two:7332", "grpc://10.0.0.1:7332,[::1]:7332"]
)
def test_lists_of_what_is_no_plain_address_are_refused(url: str) -> None:
    ended = run_to_exit([sys.executable, "-m", "trivet_gateway", "serve"], {"TRIVET_TRACKING_URL": url})
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        "trivet-gateway: TRIVET_TRACKING_URL lists servers, which must be IPv4 addresses, without TLS. Otherwise, use "
        "a name that leads to all of them.\n"
    )
