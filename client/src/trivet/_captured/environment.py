"""The Python and the packages that a run has, and variables of the environment that somebody asked for."""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

# https://packaging.python.org/en/latest/specifications/recording-installed-packages/
_DISTRIBUTION: Final = re.compile(r"(.+?)-([^-]+)(?:-py[\d.]+)?\.(?:dist|egg)-info")


def describe_environment() -> bytes:
    """JSON, with sorted keys."""
    said = {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "compiler": platform.python_compiler(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "packages": _packages(),
        "variables": _variables(),
    }
    return json.dumps(said, indent=2, sort_keys=True).encode() + b"\n"


def _packages() -> dict[str, str]:
    """The versions of what is installed, by the names of its folders; the first that Python finds of each.

    What is in these folders says the same, but to read it takes a hundred times as long.
    """
    found: dict[str, str] = {}
    for place in sys.path:
        try:
            names = sorted(entry.name for entry in Path(place or ".").iterdir())
        except OSError:  # an archive, or nothing
            continue
        for name in names:
            distribution = _DISTRIBUTION.fullmatch(name)
            if distribution is not None:
                found.setdefault(distribution[1], distribution[2])
    return found


def _variables() -> dict[str, str]:
    """Those that TRIVET_CAPTURE_VARIABLES names, with * for any characters; by default none."""
    patterns = [text.strip() for text in os.environ.get("TRIVET_CAPTURE_VARIABLES", "").split(",") if text.strip()]
    return {
        name: value for name, value in os.environ.items() if any(fnmatchcase(name, pattern) for pattern in patterns)
    }
