"""Track experiments, store artifacts, promote models."""

from __future__ import annotations

__all__ = ["__version__"]


def __getattr__(name: str) -> str:
    # Read when asked for: importing importlib.metadata costs more than all the rest of `import trivet`.
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - see above

        return version("trivet")
    raise AttributeError(f"module 'trivet' has no attribute {name!r}")
