"""A hook of mkdocs: each page says of which version it is."""

from __future__ import annotations

from mkdocs.config.defaults import MkDocsConfig

import trivet


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Puts the version at the foot of every page."""
    config.copyright = f"Trivet {trivet.__version__}"
    return config
