"""A hook of mkdocs: the pages of the Python reference, which mkdocstrings fills from signatures and docstrings.

Which names are public, `trivet.__all__` says, so that none is forgotten.
"""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

import trivet
from trivet import _errors, optuna, projects, rules
from trivet._autologging.framework import frameworks

CLIENT: Final = (
    ("Client", "trivet.Client"),
    ("client.tracking", "trivet._tracking.Tracking"),
    ("client.tracking.logged_models", "trivet._logged_models.LoggedModels"),
    ("client.tracking.rules", "trivet._rules.Rules"),
    ("client.artifacts", "trivet._artifacts.Artifacts"),
    ("client.artifacts.housekeeping", "trivet._artifact_housekeeping.ArtifactHousekeeping"),
    ("client.registry", "trivet._registry.Registry"),
    ("client.registry.history", "trivet._model_history.ModelHistory"),
    ("client.registry.promotion", "trivet._promotion.Promotion"),
    ("client.registry.webhooks", "trivet._webhooks.Webhooks"),
)
"""The client and what it holds: as callers write it, and its class."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages."""
    functions, values, errors = [], [], []
    for name in trivet.__all__:
        thing = getattr(trivet, name)
        if inspect.isfunction(thing):
            functions.append(name)
        elif inspect.isclass(thing) and issubclass(thing, Exception):
            errors.append(name)
        elif name not in ("Client", "__version__"):
            values.append(name)
    pages = {
        "functions": _page("Functions of `trivet`", "All of them work on one client of the process.", functions),
        "values": _page("Values", "What calls return, and some take. None of them changes.", values),
        "autolog": _autolog_page(),
        "optuna": _page("`trivet.optuna`", _first_of(optuna), [f"optuna.{name}" for name in optuna.__all__]),
        "projects": _page("`trivet.projects`", _first_of(projects), [f"projects.{name}" for name in _own(projects)]),
        "rules": _page("`trivet.rules`", _first_of(rules), [f"rules.{name}" for name in rules.__all__]),
        "errors": _page("Errors", _tree_of_errors(), errors),
        "client": _client_page(),
    }
    for name, content in pages.items():
        files.append(File.generated(config, f"reference/{name}.md", content=content))
    return files


def _first_of(module: ModuleType) -> str:
    """What a module says of itself."""
    return inspect.cleandoc(module.__doc__ or "")


def _page(title: str, first: str, names: list[str]) -> str:
    return "\n\n".join([f"# {title}", first, *(f"::: trivet.{name}" for name in names)]) + "\n"


def _own(module: ModuleType) -> list[str]:
    """The public names of a module but those that `trivet` has too, which are on other pages."""
    return [name for name in module.__all__ if name not in trivet.__all__]


def _autolog_page() -> str:
    """The function of each framework, and what may be chosen of all of them."""
    parts = [
        "# Autologging",
        "`trivet.autolog` logs trainings of all frameworks; these log those of one, and let choose what it alone has.",
    ]
    paths = [f"trivet.{framework.name}.autolog" for framework in frameworks()]
    parts += [_part(path, path) for path in paths]
    return "\n\n".join([*parts, _part("AutologOptions", "trivet._autologging.options.AutologOptions")]) + "\n"


def _client_page() -> str:
    parts = ["# `Client`, and the services that it holds"]
    parts += [_part(heading, path) for heading, path in CLIENT]
    return "\n\n".join(parts) + "\n"


def _part(heading: str, path: str) -> str:
    return f'::: {path}\n    options:\n      heading: "{heading}"\n      toc_label: "{heading}"'


def _tree_of_errors() -> str:
    """The tree of classes that their module draws at its top, and what it says of it."""
    _, tree, text = inspect.cleandoc(_errors.__doc__ or "").split("\n\n", 2)
    return f"```text\n{tree}\n```\n\n{text}"
