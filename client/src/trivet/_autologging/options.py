"""What may be chosen of autologging, the same for every framework."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict


class AutologOptions(TypedDict, total=False):
    """What may be chosen of autologging; each of these may be left out, and is as MLflow has it then."""

    disable: bool
    """Turns it off: what was patched is as it was before."""
    log_models: bool
    """Whether the models are logged. Default: True."""
    log_datasets: bool
    """Whether it is noted what was trained on: digest, schema and size. Default: True."""
    log_input_examples: bool
    """Whether a few rows of the data go with the model. Default: False."""
    log_model_signatures: bool
    """Whether models say what they take and give. Default: True."""
    registered_model_name: str | None
    """The registered model that each model becomes a version of. Default: none."""
    extra_tags: Mapping[str, str] | None
    """What to mark runs with that are made because none is active."""
    exclusive: bool
    """Whether nothing is logged to runs that were started by the program itself. Default: False."""
    silent: bool
    """Whether nothing is said of what could not be logged. Default: False."""


_KNOWN = frozenset(AutologOptions.__annotations__)


@dataclass(frozen=True)
class Settings:
    """What was chosen for a framework that is logged; `AutologOptions` explains it."""

    log_models: bool = True
    log_datasets: bool = True
    log_input_examples: bool = False
    log_model_signatures: bool = True
    registered_model_name: str | None = None
    extra_tags: Mapping[str, str] = field(default_factory=dict)
    exclusive: bool = False
    silent: bool = False
    own: Any = None
    """What the framework alone lets choose, as its public function makes it; None for its defaults."""


def to_settings(function: str, options: Mapping[str, Any], own: Any = None) -> Settings | None:
    """What was chosen by the options of a public function; None where it is turned off.

    Raises:
        TypeError: there is no such option.
    """
    for key in options:
        if key not in _KNOWN:
            raise TypeError(f"{function}() got an unexpected keyword argument {key!r}")
    if options.get("disable"):
        return None
    chosen = {key: value for key, value in options.items() if key != "disable"}
    return Settings(**{**chosen, "extra_tags": dict(chosen.get("extra_tags") or {})}, own=own)
