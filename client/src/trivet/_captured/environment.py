"""The Python and the packages that a run has, and variables of the environment that somebody asked for."""

from __future__ import annotations

import json
import os
import platform
import sys
from fnmatch import fnmatchcase
from importlib import metadata


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
    """The versions of what is installed; the first that Python finds of each."""
    found: dict[str, str] = {}
    for distribution in metadata.distributions():
        about = distribution.metadata
        name, version = about["Name"], about["Version"]
        if name and version:  # else it is half removed
            found.setdefault(name, version)
    return found


def _variables() -> dict[str, str]:
    """Those that TRIVET_CAPTURE_VARIABLES names, with * for any characters; by default none."""
    patterns = [text.strip() for text in os.environ.get("TRIVET_CAPTURE_VARIABLES", "").split(",") if text.strip()]
    return {
        name: value for name, value in os.environ.items() if any(fnmatchcase(name, pattern) for pattern in patterns)
    }
