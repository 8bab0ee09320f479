"""Turns autologging on and off."""

from __future__ import annotations

import logging
import sys
import threading
from types import ModuleType
from typing import Any, Final, Unpack

from trivet._autologging.framework import Framework, find_framework, frameworks
from trivet._autologging.importing import ImportWatch
from trivet._autologging.options import AutologOptions, Settings, to_settings
from trivet._autologging.patching import Patches

_log: Final = logging.getLogger("trivet")


class _Switch:
    """A framework, and whether it is logged."""

    def __init__(self, framework: Framework) -> None:
        self.framework = framework
        self.settings: Settings | None = None
        self.is_chosen = False
        """Whether the framework's own function has said it, over which that of all does not go."""
        self.patches = Patches(lambda: self.settings)

    def patch(self, module: ModuleType) -> None:
        """Wraps what a module has, if it is of the framework; never raises."""
        if self.settings is None or _package(module.__name__) not in self.framework.packages:
            return
        try:
            for patch in self.framework.patches(module):
                self.patches.apply(patch)
        except Exception as error:  # noqa: BLE001 - whoever imports a library wants nothing else
            _log.warning("What %s has cannot be logged: %s: %s", module.__name__, type(error).__name__, error)


_lock: Final = threading.Lock()
_switches: Final[dict[str, _Switch]] = {}


def autolog(**options: Unpack[AutologOptions]) -> None:
    """Logs trainings unasked: of scikit-learn, XGBoost, LightGBM and PyTorch Lightning.

    A framework that is imported later is logged from then on; none is imported for it. A training goes to the active
    run; where none is active, to one of its own that is ended with it. What cannot be logged is said in the log once,
    and changes nothing of the training.

    What the function of one framework has chosen, such as `trivet.sklearn.autolog`, stays; `disable=True` is for all.

    Args:
        options: What `AutologOptions` has.

    Raises:
        TypeError: there is no such option.
    """
    settings = to_settings("autolog", options)
    for framework in frameworks():
        switch = _switch(framework)
        if settings is None or not switch.is_chosen:
            switch.is_chosen = False
            _turn(switch, settings)


def autolog_one(name: str, options: AutologOptions, own: Any = None) -> None:
    """Turns the logging of a framework on or off, for its public function.

    Args:
        name: Of the framework.
        options: As in `autolog`.
        own: What the framework alone lets choose: `Settings.own` of its calls.

    Raises:
        TypeError: there is no such option.
    """
    settings = to_settings("autolog", options, own)
    switch = _switch(find_framework(name))
    switch.is_chosen = True
    _turn(switch, settings)


def _switch(framework: Framework) -> _Switch:
    with _lock:
        return _switches.setdefault(framework.name, _Switch(framework))


def _turn(switch: _Switch, settings: Settings | None) -> None:
    switch.settings = settings
    # Before what is imported already is looked at: else what another thread imports meanwhile would be missed.
    with _lock:
        _watch.watch(wanted=any(each.settings is not None for each in _switches.values()))
    if settings is None:
        switch.patches.undo()
        return
    for name, module in list(sys.modules.items()):
        if _is_wanted(name) and isinstance(module, ModuleType):  # None keeps a module from being imported
            switch.patch(module)


def _package(module: str) -> str:
    return module.partition(".")[0]


def _is_wanted(module: str) -> bool:
    package = _package(module)
    return any(
        switch.settings is not None and package in switch.framework.packages for switch in list(_switches.values())
    )


def _imported(module: ModuleType) -> None:
    for switch in list(_switches.values()):
        switch.patch(module)


_watch: Final = ImportWatch(_is_wanted, _imported)
