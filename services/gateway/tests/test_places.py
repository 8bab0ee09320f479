"""Whose files a path of `mlflow-artifacts:` names."""

from __future__ import annotations

from typing import Any

import pytest

from trivet_gateway.errors import MlflowError
from trivet_gateway.mlflow.places import place_of
from trivet_gateway.upstream import Caller

RUN = "0123456789abcdef" * 2
OTHER = "f" * 32
NOBODY: Any = None


@pytest.mark.parametrize(
    ("path", "owner", "inside"),
    [
        (f"1/{RUN}/artifacts/a.txt", f"runs/{RUN}", "a.txt"),
        (f"1/{RUN}/artifacts", f"runs/{RUN}", ""),
        (f"1/{RUN}/artifacts/artifacts/a.txt", f"runs/{RUN}", "artifacts/a.txt"),
        (f"1/{RUN}/artifacts/model/artifacts/a.txt", f"runs/{RUN}", "model/artifacts/a.txt"),
        (f"1/{RUN}/artifacts/mlruns/2/{OTHER}/artifacts/a", f"runs/{RUN}", f"mlruns/2/{OTHER}/artifacts/a"),
        (f"1/models/m-{RUN}/artifacts/artifacts/a.txt", f"loggedModels/m-{RUN}", "artifacts/a.txt"),
        (f"versions/{RUN}-3/artifacts/artifacts/a.txt", None, "artifacts/a.txt"),
        (f"artifacts/team/artifacts/7/{RUN}/artifacts/a", f"runs/{RUN}", "a"),
        ("1/chosen/artifacts/artifacts/a.txt", "runs/chosen", "artifacts/a.txt"),
        ("team/artifacts/7/chosen/artifacts/a.txt", "runs/chosen", "a.txt"),
        ("1/models/chosen/artifacts/a.txt", "loggedModels/chosen", "a.txt"),
    ],
)
def test_the_owner_is_the_first_that_has_a_made_id(path: str, owner: str | None, inside: str) -> None:
    caller = Caller(NOBODY, "default", ())
    place = place_of(caller, path)
    assert place.path == inside
    assert place.owner == (f"workspaces/default/{owner}" if owner else caller.version(RUN, "3"))


@pytest.mark.parametrize("path", ["artifacts", "artifacts/a", "artifacts/artifacts/a", f"{RUN}/a", "a"])
def test_a_path_without_an_owner_has_none(path: str) -> None:
    with pytest.raises(MlflowError, match="names no run"):
        place_of(Caller(NOBODY, "default", ()), path)
