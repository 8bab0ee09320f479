"""The image of a served model, built from its folder and run as strictly as Kubernetes would run it. A long form."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.error import HTTPError

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import trivet.sklearn
from trivet_testing.command_line import invoke
from trivet_testing.docker_engine import NoEngineError, engine, require_image
from trivet_testing.left_out import leave_out
from trivet_testing.servers import free_port
from trivet_testing.waiting import wait_until

ROOT = Path(__file__).parents[2]
BASE = f"python:{sys.version_info.major}.{sys.version_info.minor}-slim"
TOKEN = "a token of the test alone"

pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not os.environ.get("TRIVET_TEST_FULL"), reason="builds an image with scikit-learn; a long form"),
]


def answer(url: str, body: object = None, token: str = "") -> tuple[int, bytes]:
    request = urllib.request.Request(url, None if body is None else json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read()
    except HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


def test_image_of_a_model_predicts_without_rights_and_ends_when_told(tmp_path: Path) -> None:
    try:
        require_image(BASE)
        client = engine(timeout_seconds=900)
    except NoEngineError as missing:
        leave_out("a Docker engine", str(missing))
    rows = pd.DataFrame({"distance": [1.0, 2.0, 3.0], "riders": [1.0, 1.0, 2.0]})
    model = LinearRegression().fit(rows, [3.0, 5.0, 8.0])
    trivet.sklearn.save_model(model, tmp_path / "model", input_example=rows)
    folder = tmp_path / "packaged"
    ended = invoke("models", "package", "-m", str(tmp_path / "model"), "-o", str(folder), "--image", "fares:test")
    assert ended.exit_code == 0, ended.output
    for package in ("client", "protos"):
        subprocess.run(
            [ROOT / ".ci" / "uv", "build", "--quiet", "--wheel", "--out-dir", folder / "wheels", ROOT / package],
            cwd="/",
            check=True,
        )
    client.images.build(path=str(folder), tag="fares:test", forcerm=True)
    port = free_port()
    container = client.containers.run(
        "fares:test",
        detach=True,
        read_only=True,
        tmpfs={"/tmp": ""},
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        user="12345",
        environment={"TRIVET_SERVE_TOKEN": TOKEN},
        ports={"8080/tcp": ("127.0.0.1", port)},
    )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: answer(f"{url}/health")[0] == 200)
        asked = {"dataframe_split": rows.to_dict(orient="split")}
        assert answer(f"{url}/invocations", asked)[0] == 401
        status, body = answer(f"{url}/invocations", asked, TOKEN)
        assert status == 200
        np.testing.assert_allclose(json.loads(body)["predictions"], model.predict(rows))
        container.kill("SIGTERM")
        assert container.wait(timeout=60)["StatusCode"] == 0
        assert "Traceback" not in container.logs().decode()
    finally:
        container.remove(force=True)
        client.close()
