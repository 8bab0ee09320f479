"""The README's quickstart, run as it stands, and its links."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from trivet_testing.servers import ServerProcess, run_to_exit

ROOT = Path(__file__).parents[2]
PAGES = sorted(path for path in ROOT.rglob("*.md") if not {".venv", ".tools", "node_modules"} & set(path.parts))


def quickstart() -> str:
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    return str(program)


def test_quickstart_has_at_most_ten_lines() -> None:
    assert len([line for line in quickstart().splitlines() if line.strip()]) <= 10


@pytest.mark.parametrize("with_server", [False, True], ids=["no server", "trivet up"])
def test_quickstart_works_as_pasted(tmp_path: Path, *, with_server: bool) -> None:
    (tmp_path / "quickstart.py").write_text(quickstart())
    program = [sys.executable, "-c", "import os, runpy, sys; os.chdir(sys.argv[1]); runpy.run_path('quickstart.py')"]
    if not with_server:
        ended = run_to_exit([*program, str(tmp_path)], {})
    else:
        up = [sys.executable, "-m", "trivet_standalone", "--grpc-port", "0"]
        with ServerProcess.start(up, {}, r"^Trivet is ready: grpc (\S+)$", cwd=tmp_path):
            ended = run_to_exit([*program, str(tmp_path)], {})
            assert not (tmp_path / ".trivet" / "trivet.log").exists()  # of a server that the program started
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.endswith(" {'rmse': 0.7} {'alpha': '0.1'}\n")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
