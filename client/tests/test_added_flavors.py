"""Flavors that other packages add by an entry point."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from trivet_testing.packages import install_package
from trivet_testing.servers import run_to_exit

LIBRARY = """
class Lens:
    def __init__(self, factor):
        self.factor = factor
"""
FLAVOR = """
import json

import lens
from trivet.flavors import SavedModel


class LensFlavor:
    name = "lens"

    def save(self, model, folder, *, digits=2, **options):
        (folder / "lens.json").write_text(json.dumps(round(model.factor, digits)))
        return SavedModel({"file": "lens.json"}, "lens_mlflow", {"data": "lens.json"}, ("lens-kit",))

    def load(self, folder, block):
        return lens.Lens(json.loads((folder / block["file"]).read_text()))

    def pickled_by(self, block):
        return ""

    def predictor(self, model, block, python_function):
        return lambda data, params: data * model.factor


FLAVOR = LensFlavor()
"""
WRITES = """
import json, sys
import pandas as pd
import lens, trivet.flavors, trivet.pyfunc

path = sys.argv[1]
data = pd.DataFrame({"x": [1.0, 2.0]})
trivet.flavors.save_model("lens", lens.Lens(2.5049), path, options={"digits": 1}, input_example=data)
loaded = trivet.pyfunc.load_model(path)
print(json.dumps({
    "native": trivet.flavors.load_model("lens", path).factor,
    "pyfunc": loaded.predict(data)["x"].tolist(),
    "unwrapped": type(loaded.unwrap()).__name__,
    "flavors": sorted(loaded.metadata.flavors),
}))
"""
READS = """
import json, sys
import trivet, trivet.flavors, trivet.pyfunc

told = []
for load in (lambda: trivet.flavors.load_model("lens", sys.argv[1]), lambda: trivet.pyfunc.load_model(sys.argv[1])):
    try:
        load()
    except trivet.TrivetError as error:
        told.append([type(error).__name__, str(error)])
print(json.dumps(told))
"""
ENTRY_POINT = "[trivet.flavors]\nlens = trivet_lens:FLAVOR\n"


def told(program: str, path: Path, *site: Path) -> Any:
    """What a program tells that runs with packages of some folders beside those of this process."""
    environment = {"PYTHONPATH": ":".join(map(str, site)), "TRIVET_CACHE_DIR": str(path.parent / "cache")}
    ended = run_to_exit([sys.executable, "-c", program, str(path)], environment, timeout_seconds=120)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    site = tmp_path / "site"
    install_package(site, "lens-kit", {"lens.py": LIBRARY}, version="1.2")
    install_package(site, "trivet-lens", {"trivet_lens.py": FLAVOR}, requires=["lens-kit"], entry_points=ENTRY_POINT)
    return site


def test_a_package_adds_a_flavor_whose_models_are_saved_and_loaded(tmp_path: Path, site: Path) -> None:
    assert told(WRITES, tmp_path / "model", site) == {
        "native": 2.5,
        "pyfunc": [2.5, 5.0],
        "unwrapped": "Lens",
        "flavors": ["lens", "python_function"],
    }
    required = (tmp_path / "model" / "requirements.txt").read_text().splitlines()
    assert required == [f"numpy=={version('numpy')}", f"pandas=={version('pandas')}", "trivet-lens==1.0"]


def test_without_that_package_an_error_says_what_is_missing(tmp_path: Path, site: Path) -> None:
    told(WRITES, tmp_path / "model", site)
    native, pyfunc = told(READS, tmp_path / "model")
    assert native[0] == "InvalidArgument"
    assert "There is no flavor 'lens'" in native[1]
    assert pyfunc[0] == "FailedPrecondition"
    assert "'lens_mlflow', which is not installed here" in pyfunc[1]


def test_a_package_that_cannot_be_imported_is_named(tmp_path: Path, site: Path) -> None:
    told(WRITES, tmp_path / "model", site)
    broken = tmp_path / "broken"
    install_package(broken, "trivet-lens", {"trivet_lens.py": "import glass"}, entry_points=ENTRY_POINT)
    for name, message in told(READS, tmp_path / "model", broken):
        assert name == "InvalidArgument"
        assert "adds the flavor 'lens' cannot be imported: No module named 'glass'" in message
