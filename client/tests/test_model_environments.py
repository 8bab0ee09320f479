"""What a model requires: seen when it is loaded, or said, and written as pip, conda and MLflow read it."""

from __future__ import annotations

import functools
import importlib
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pytest
import yaml

import trivet.pyfunc
from trivet import InvalidArgument
from trivet_testing.packages import install_package

Install = Callable[..., None]
DATA = pd.DataFrame({"x": [1.0, 2.0]})


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Makes packages that this process finds, as pip would have installed them."""
    site = tmp_path / "site"
    monkeypatch.syspath_prepend(site)

    return functools.partial(install_package, site)


def _required(folder: Path) -> list[str]:
    return (folder / "requirements.txt").read_text().splitlines()


def _and_data(*others: str) -> list[str]:
    return sorted([*(f"{name}=={version(name)}" for name in ("numpy", "pandas")), *others])


def test_a_model_requires_what_it_imports_when_it_is_loaded_and_when_it_is_asked(
    tmp_path: Path, install: Install
) -> None:
    install("lens-kit", {"lens/__init__.py": "LENS = 1"}, version="1.2")
    install("Grinding.Wheel", {"grinding.py": "SAND = 2"}, version="0.9")
    install("never-used", {"never.py": ""})

    class Model(trivet.pyfunc.PythonModel):
        def load_context(self, context: object) -> None:
            import lens  # type: ignore[import-not-found]

            self.lens = lens.LENS

        def predict(self, context: object, model_input: pd.DataFrame, params: object = None) -> pd.DataFrame:
            import grinding  # type: ignore[import-not-found]

            return model_input + grinding.SAND + self.lens

    trivet.pyfunc.save_model(Model(), tmp_path / "model", input_example=DATA)
    assert _required(tmp_path / "model") == _and_data("grinding-wheel==0.9", "lens-kit==1.2")


def test_what_a_package_requires_or_can_do_without_is_left_out(tmp_path: Path, install: Install) -> None:
    install("glass", {"glass.py": "import sand\ntry:\n    import colour\nexcept ImportError:\n    pass\nimport silver"},
        requires=("sand>=1", 'silver; extra == "mirrors"'))  # fmt: skip
    install("sand", {"sand.py": ""})
    install("colour", {"colour.py": "import pigment"}, requires=("pigment",))
    install("pigment", {"pigment.py": ""})
    install("silver", {"silver.py": ""})

    def predict(data: pd.DataFrame) -> pd.DataFrame:
        importlib.import_module("glass")

        return data

    trivet.pyfunc.save_model(predict, tmp_path / "model", input_example=DATA)
    # Silver belongs to an extra of glass, which is in use; nothing says that glass knows of colour.
    assert _required(tmp_path / "model") == _and_data("glass==1.0", "silver==1.0")


def test_of_packages_that_share_a_name_that_is_required_whose_module_is_imported(
    tmp_path: Path, install: Install
) -> None:
    install("optics-lens", {"optics/lens.py": ""})
    install("optics-prism", {"optics/prism.py": ""})

    def predict(data: pd.DataFrame) -> pd.DataFrame:
        importlib.import_module("optics.prism")

        return data

    trivet.pyfunc.save_model(predict, tmp_path / "model", input_example=DATA)
    assert _required(tmp_path / "model") == _and_data("optics-prism==1.0")


def test_a_local_build_is_required_as_indexes_have_it(tmp_path: Path, install: Install) -> None:
    install("lens-kit", {"lens.py": ""}, version="2.1+cpu")

    def predict(data: pd.DataFrame) -> pd.DataFrame:
        importlib.import_module("lens")

        return data

    trivet.pyfunc.save_model(predict, tmp_path / "model", input_example=DATA)
    assert _required(tmp_path / "model") == _and_data("lens-kit==2.1")


def test_of_a_model_that_cannot_be_loaded_its_flavors_packages_are_required_and_a_warning_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Model(trivet.pyfunc.PythonModel):
        def load_context(self, context: object) -> None:
            raise RuntimeError("the lamp is out")

    trivet.pyfunc.save_model(Model(), tmp_path / "model")
    assert _required(tmp_path / "model") == [f"cloudpickle=={version('cloudpickle')}"]
    assert "RuntimeError: the lamp is out" in caplog.text
    assert "pass extra_pip_requirements" in caplog.text


def test_of_a_model_that_cannot_be_asked_what_it_loads_is_required(
    tmp_path: Path, install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    install("lens-kit", {"lens.py": ""})

    def predict(data: pd.DataFrame) -> pd.DataFrame:
        importlib.import_module("lens")

        raise RuntimeError("no light")

    trivet.pyfunc.save_model(predict, tmp_path / "model", input_example=DATA, signature=False)
    assert _required(tmp_path / "model") == _and_data("lens-kit==1.0")
    assert "RuntimeError: no light" in caplog.text


def test_a_model_that_saves_models_when_it_is_loaded_comes_to_an_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    inner = tmp_path / "inner"

    class Model(trivet.pyfunc.PythonModel):
        def load_context(self, context: object) -> None:
            trivet.pyfunc.save_model(lambda data: data, inner)

        def predict(self, context: object, model_input: pd.DataFrame, params: object = None) -> pd.DataFrame:
            return model_input

    trivet.pyfunc.save_model(Model(), tmp_path / "model")
    assert _required(inner) == [f"cloudpickle=={version('cloudpickle')}"]
    assert _required(tmp_path / "model") == _and_data()
    assert caplog.text == ""


def test_requirements_that_are_said_are_all_there_are(tmp_path: Path) -> None:
    trivet.pyfunc.save_model(lambda data: data, tmp_path / "model", pip_requirements=["lens-kit>=1", "sand"])
    assert _required(tmp_path / "model") == ["lens-kit>=1", "sand"]


def test_requirements_that_are_added_count_for_packages_that_are_seen_too(tmp_path: Path) -> None:
    extra = ["Pandas[performance]>=2", "https://example.org/lens-1.0-py3-none-any.whl"]
    trivet.pyfunc.save_model(lambda data: data, tmp_path / "model", extra_pip_requirements=extra)
    assert _required(tmp_path / "model") == [f"numpy=={version('numpy')}", *extra]


def test_files_of_requirements_are_read_as_pip_reads_them(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "all.txt").write_text(
        "# what it takes\n\nlens-kit==1.2  # the new one\nsand \\\n  >=3\n-r in/more.txt\n--constraint=in/limits.txt\n"
        "--index-url https://example.org/simple\n"
    )
    (tmp_path / "in" / "more.txt").write_text("-rmost.txt\nglass[mirrors]\n")
    (tmp_path / "in" / "most.txt").write_text("silver")
    (tmp_path / "in" / "limits.txt").write_text("numpy<3\n-r limits-too.txt\n")
    (tmp_path / "in" / "limits-too.txt").write_text("pandas<9")
    trivet.pyfunc.save_model(lambda data: data, tmp_path / "model", pip_requirements=str(tmp_path / "all.txt"))
    expected = ["lens-kit==1.2", "sand   >=3", "silver", "glass[mirrors]", "--index-url https://example.org/simple"]
    assert _required(tmp_path / "model") == [*expected, "-c constraints.txt"]
    assert (tmp_path / "model" / "constraints.txt").read_text() == "numpy<3\npandas<9\n"


def test_files_of_requirements_that_are_not_there_or_name_themselves_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="cannot be read: No such file"):
        trivet.pyfunc.save_model(lambda data: data, tmp_path / "model", pip_requirements=["-r nowhere.txt"])
    (tmp_path / "round.txt").write_text("-r round.txt")
    with pytest.raises(InvalidArgument, match="names itself"):
        trivet.pyfunc.save_model(lambda data: data, tmp_path / "model", pip_requirements=tmp_path / "round.txt")
    with pytest.raises(InvalidArgument, match="not both"):
        trivet.pyfunc.save_model(
            lambda data: data, tmp_path / "model", pip_requirements=["a"], extra_pip_requirements=["b"]
        )
    assert not (tmp_path / "model").exists()


def test_the_environment_is_written_for_conda_and_for_virtual_environments(tmp_path: Path) -> None:
    trivet.pyfunc.save_model(lambda data: data, tmp_path / "model", pip_requirements=["sand"])
    python = platform.python_version()
    conda = yaml.safe_load((tmp_path / "model" / "conda.yaml").read_text())
    assert conda == {
        "name": "mlflow-env",
        "channels": ["conda-forge"],
        "dependencies": [f"python={python}", f"pip<={version('pip')}", {"pip": ["sand"]}],
    }
    environment = yaml.safe_load((tmp_path / "model" / "python_env.yaml").read_text())
    assert environment["python"] == python
    assert environment["dependencies"] == ["-r requirements.txt"]
    assert [each.partition("==")[0] for each in environment["build_dependencies"]] == ["pip", "setuptools", "wheel"]
