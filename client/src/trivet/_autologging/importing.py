"""Tells when modules of some packages are imported, by a finder on `sys.meta_path` that lets the others find them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

Imported = Callable[[ModuleType], None]
"""Is given a module after its code has run, in the thread that imports it; must not raise."""


class ImportWatch(MetaPathFinder):
    """Watches imports while it is on `sys.meta_path`. Safe for use by several threads."""

    def __init__(self, is_wanted: Callable[[str], bool], imported: Imported) -> None:
        """Prepares it, without watching.

        Args:
            is_wanted: Whether a module is to be told of, by its full name.
            imported: What is told.
        """
        self._is_wanted = is_wanted
        self._imported = imported
        self._finding = threading.local()

    def watch(self, *, wanted: bool) -> None:
        """Begins to watch, or ends it. Idempotent."""
        if wanted and self not in sys.meta_path:
            sys.meta_path.insert(0, self)
        elif not wanted and self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """What the other finders find, with a loader that tells."""
        if not self._is_wanted(fullname) or getattr(self._finding, "name", None) == fullname:
            return None
        self._finding.name = fullname  # other finders of this kind ask all of them again
        try:
            spec = self._found(fullname, path, target)
        finally:
            self._finding.name = None
        if spec is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = _TellingLoader(spec.loader, self._imported)
        return spec

    def _found(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        for finder in list(sys.meta_path):
            if finder is self:
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                return spec
        return None


class _TellingLoader(Loader):
    """A loader that tells when a module is loaded; modules keep the loader that they have without it."""

    def __init__(self, loader: Any, imported: Imported) -> None:
        self._loader = loader
        self._imported = imported

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._imported(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)
