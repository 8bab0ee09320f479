"""What servers log, and what they leave out."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import asyncio, logging
from trivet_kit.logs import set_up_logs

set_up_logs(logging.INFO)
for logger in ("grpc._cython.cygrpc", "trivet"):
    for error in (asyncio.CancelledError(), ValueError("a fault")):
        try:
            raise error
        except BaseException:
            logging.getLogger(logger).exception("not handled")
"""


def test_calls_that_end_before_they_begin_are_no_faults() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    logged = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [(line["logger"], line["exception"].splitlines()[-1]) for line in logged] == [
        ("grpc._cython.cygrpc", "ValueError: a fault"),
        ("trivet", "asyncio.exceptions.CancelledError"),
        ("trivet", "ValueError: a fault"),
    ]
