"""What MLflow and Trivet log of the same trainings, unasked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from trivet import Client, Run
from trivet_testing.mlflow_client import session
from trivet_testing.mlflow_told import told_by_mlflow

_MAX_SECONDS: Final = 500
"""All trainings of a library, on a machine that does much else."""
_CHECKPOINT_TAG: Final = "mlflow.latest_checkpoint_artifact"
_OWN_NAME: Final = "mine"
"""Of runs that a program starts itself; the others have names that are made up."""


def frame(rows: int, seed: int) -> pd.DataFrame:
    """Rows of three features."""
    return pd.DataFrame(np.random.RandomState(seed).random_sample((rows, 3)), columns=["width", "height", "age"])


def amounts(given: pd.DataFrame) -> Any:
    """What such rows are to be told by."""
    return given["width"] * 3 + given["height"] + given["age"] * 1000 % 1


def only_run(client: Client) -> Run:
    """The one run of the default experiment."""
    (found,) = client.search_runs(["0"])
    return client.get_run(found.info.run_id)


def history(client: Client, run_id: str, key: str) -> list[tuple[int, float]]:
    """Steps and values of a metric."""
    return [(point.step, point.value) for point in client.get_metric_history(run_id, key)]


def told_by_both(
    library: str, programs: Path, pythons: tuple[Path, Path], settings: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What Trivet and MLflow logged of each case of a library, in this order; MLflow's answer is kept.

    Args:
        library: As its module of cases is called, and the modules of both products.
        programs: The folder of `tell.py`.
        pythons: That which has Trivet, and that which has MLflow; each has the library.
        settings: For Trivet, which finds its servers by them.
    """
    trivet, mlflow = pythons
    program = programs / "tell.py"
    theirs = told_by_mlflow(
        f"autologging-of-{library}",
        [programs / name for name in ("tell.py", "told_runs.py", "made_data.py", f"{library}_cases.py")],
        lambda url: session(mlflow, url, program, arguments=("mlflow", library), timeout_seconds=_MAX_SECONDS),
    )
    ours = session(trivet, "", program, settings, arguments=("trivet", library), timeout_seconds=_MAX_SECONDS)
    return _comparable(ours), _comparable(theirs)


def _comparable(told: dict[str, Any]) -> dict[str, Any]:
    """Without what nobody would expect to be the same."""
    return {
        case: {
            **run,
            "name": run["name"] if run["name"] == _OWN_NAME else "",
            "tags": {
                key: value
                for key, value in run["tags"].items()
                if key == _CHECKPOINT_TAG or not key.startswith(("mlflow.", "trivet."))
            },
            "autologging": run["tags"].get("mlflow.autologging"),
        }
        for case, run in told.items()
    }
