"""Checks the built site: nothing is loaded from the network, all links lead somewhere, all that is public is described.

Usage: check.py FOLDER
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import trivet

# What a browser fetches when it opens a page; links of `a` are followed by people alone.
_LOADING: Final = {
    "audio": "src", "embed": "src", "iframe": "src", "img": "src", "link": "href", "object": "data", "script": "src",
    "source": "src", "video": "src",
}  # fmt: skip


@dataclass
class _Page(HTMLParser):
    """What a page loads, what it links to, and the anchors that it has."""

    loads: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    anchors: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes a tag."""
        values = {name: value for name, value in attrs if value is not None}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag in _LOADING and _LOADING[tag] in values:
            self.loads.add(values[_LOADING[tag]])
        if tag == "a" and "href" in values:
            self.links.add(values["href"])


def faults(site: Path) -> Iterator[str]:
    """What is wrong with a site, a sentence each."""
    pages = {path: _read(path) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        name = path.relative_to(site)
        for target in sorted(page.loads):
            if urlsplit(target).netloc:
                yield f"{name} loads {target} from the network"
        # The page that a server shows for any address that it does not know has absolute links.
        if name.name != "404.html":
            for target in sorted(page.links | page.loads):
                if not _leads_somewhere(path, target, pages):
                    yield f"{name} links to {target}, which is not there"
    described = _described(site / "objects.inv")
    for public in trivet.__all__:
        if public != "__version__" and f"trivet.{public}" not in described:
            yield f"trivet.{public} is described nowhere"


def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def _leads_somewhere(source: Path, target: str, pages: dict[Path, _Page]) -> bool:
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return True
    path = (source.parent / unquote(parts.path)).resolve() if parts.path else source
    if path.is_dir():
        path /= "index.html"
    anchor = unquote(parts.fragment)
    return path.is_file() and (not anchor or path not in pages or anchor in pages[path].anchors)


def _described(inventory: Path) -> set[str]:
    """The names of an inventory of Sphinx's format: four lines of text, then compressed ones."""
    *_, packed = inventory.read_bytes().split(b"\n", 4)
    return {line.split()[0] for line in zlib.decompress(packed).decode().splitlines()}


def main() -> None:
    """Says what is wrong, and exits with 1 where anything is."""
    found = list(faults(Path(sys.argv[1]).resolve()))
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
