"""The overlays of deploy/k8s, as kustomize renders them."""

from __future__ import annotations

import copy
import re
from functools import cache
from pathlib import Path
from typing import Final

import yaml

from trivet_testing import tools
from trivet_testing.kubernetes import Manifests, Object
from trivet_testing.left_out import leave_out

K8S: Final = Path(__file__).parents[3] / "deploy" / "k8s"
TEAMS: Final = "overlays/multi-team"
_SECRETS: Final = re.compile(r"^#   ((?:trivet-[a-z0-9-]+(?:, )?)+) +", re.MULTILINE)


def rendered(overlay: str = "overlays/dev") -> Manifests:
    """An overlay, to be changed as one likes. Leaves the test out where kustomize cannot be had."""
    return Manifests(copy.deepcopy(_rendered(overlay)), _made_beforehand(overlay))


def _made_beforehand(overlay: str) -> list[str]:
    """The Secrets that the head of an overlay names."""
    head = (K8S / overlay / "kustomization.yaml").read_text(encoding="utf-8").partition("apiVersion:")[0]
    return [name for names in _SECRETS.findall(head) for name in names.split(", ")]


@cache
def _rendered(overlay: str) -> list[Object]:
    try:
        return list(yaml.safe_load_all(tools.kustomize(K8S / overlay)))
    except tools.ToolMissingError as missing:
        leave_out("kustomize", str(missing))
