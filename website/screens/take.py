"""Takes the pictures of the web pages that the documentation shows: starts Trivet, fills it, and opens each page.

Run it by `make screens`. Usage: take.py FOLDER [light|dark]
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from playwright.sync_api import Browser, expect
from sample import Sample, fill

from trivet_testing.browser import chromium_browser
from trivet_testing.servers import ServerProcess
from trivet_testing.tools import find_chromium

Scheme = Literal["light", "dark"]

_WIDTH, _HEIGHT = 1280, 800
_DRAWN_MS = 2_000


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, str]]:
    """The addresses of HTTP and gRPC of a Trivet that keeps things in a folder."""
    command = [sys.executable, "-m", "trivet_standalone", "--data", str(folder), "--grpc-port", "0", "--http-port", "0"]
    with ServerProcess.start(command, {}, r"Web pages: (\S+)$", cwd=folder) as server:
        grpc = server.wait_for_line(r"ready: grpc (\S+)$")[1]
        yield server.address, f"grpc://{grpc}"


def pages_of(sample: Sample) -> dict[str, tuple[str, str]]:
    """Each picture's page, and a text that is there when it is ready."""
    run, model = f"runs/{sample.run_id}", f"models/{sample.model}"
    runs = quote("[" + ",".join(f'"{each}"' for each in sample.compared) + "]")
    return {
        "experiments": ("experiments", "taxi-duration"),
        "runs": (f"experiments/{sample.experiment_id}?filter={quote('metrics.val/rmse < 6.5')}", "trial-"),
        "charts": (f"experiments/{sample.experiment_id}/charts?group=param%3Aoptimizer", "train/loss"),
        "panels": (
            f"experiments/{sample.experiment_id}/charts?group=param%3Aoptimizer&panels={_panels()}",
            "Params that tell",
        ),
        "run": (run, "final"),
        "metrics": (f"{run}?tab=metrics", "val/rmse"),
        "artifacts": (f"{run}?tab=artifacts&path=model", "Signature"),
        "compare": (f"compare?runs={runs}", "Parallel coordinates"),
        "curves": (f"compare?runs={runs}&plot=curves&metric={quote('val/rmse')}", "Smoothing"),
        "differences": (f"compare?runs={runs}&part=files&path={quote('config/training.json')}", "learning_rate"),
        "models": ("models", sample.model),
        "model": (model, "champion"),
        "version": (f"{model}/versions/{sample.version}", "Staging"),
        "server": ("server", "artifacts"),
    }


def _panels() -> str:
    """Some kinds of panels that somebody added, as the URL has them."""
    rmse, rate, depth = "min.val/rmse", "params.learning_rate", "params.depth"
    settings = (
        ("importance", {"target": rmse}),
        ("scatter", {"x": rate, "y": rmse, "color": depth, "logs": [rate]}),
        ("contour", {"x": rate, "y": depth, "z": rmse, "logs": [rate]}),
        ("bars", {"of": rmse}),
        ("histogram", {"of": rmse}),
        ("box", {"of": rmse, "by": "params.optimizer"}),
    )
    added = {f"p{number}": {"kind": kind, "settings": each} for number, (kind, each) in enumerate(settings, 1)}
    return quote(json.dumps(added))


def take(browser: Browser, url: str, text: str, target: Path, scheme: Scheme) -> None:
    """Takes one picture."""
    context = browser.new_context(viewport={"width": _WIDTH, "height": _HEIGHT}, color_scheme=scheme)
    page = context.new_page()
    page.goto(url)
    expect(page.get_by_text(text).first).to_be_visible(timeout=30_000)
    page.wait_for_timeout(_DRAWN_MS)  # charts are drawn after their page; live pages are never at rest
    page.screenshot(path=target)
    context.close()


def main() -> None:
    """Takes all of them."""
    target = Path(sys.argv[1])
    scheme: Scheme = "dark" if sys.argv[2:] == ["dark"] else "light"
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as (http, grpc):
        sample = fill(grpc)
        with chromium_browser(find_chromium().path) as browser:
            for name, (path, text) in pages_of(sample).items():
                file = target / f"ui-{name}-{scheme}.png"
                take(browser, f"{http}/w/default/{path}", text, file, scheme)
                print(file)


if __name__ == "__main__":
    main()
