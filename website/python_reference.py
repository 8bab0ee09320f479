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
from trivet import _errors, rules

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


def _client_page() -> str:
    parts = ["# `Client`, and the services that it holds"]
    for heading, path in CLIENT:
        parts.append(f'::: {path}\n    options:\n      heading: "{heading}"\n      toc_label: "{heading}"')
    return "\n\n".join(parts) + "\n"


def _tree_of_errors() -> str:
    """The tree of classes that their module draws at its top, and what it says of it."""
    _, tree, text = inspect.cleandoc(_errors.__doc__ or "").split("\n\n", 2)
    return f"```text\n{tree}\n```\n\n{text}"
