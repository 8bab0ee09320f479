"""A hook of mkdocs: pages that lie elsewhere in the repository are part of the site, and links out of `docs/` work.

A link to a page of PAGES leads to that page, one to a contract to the reference made of it, one to another file to a
copy of that. A link to a folder is only its text, because a site has no folders to look into.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).parents[1]

PAGES: Final = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "client/README.md": "sdk.md",
    "examples/README.md": "examples.md",
    "examples/go/README.md": "examples-go.md",
    "bench/README.md": "measurements.md",
}
"""Pages elsewhere in the repository, and what they are called in the site."""

_LINK: Final = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])+)\]\(([^()#\s]*)(#[^()\s]*)?\)")
_FENCE: Final = re.compile(r"^( *)(`{3,}).*?^\1\2$", re.DOTALL | re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages, and copies of the files that any page links to."""
    for source, uri in PAGES.items():
        files.append(File.generated(config, uri, content=(ROOT / source).read_text(encoding="utf-8")))
    for page in list(files.documentation_pages()):
        for target in _targets(page.content_string, _source_of(page.src_uri)):
            copy = _place(target)
            if copy.startswith("files/") and copy not in files.src_uris:
                files.append(File.generated(config, copy, content=(ROOT / target).read_bytes()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrites the links of a page."""
    del config, files
    return with_links_of_the_site(markdown, page.file.src_uri)


def with_links_of_the_site(markdown: str, uri: str) -> str:
    """A page with links to where the site has what they mean; blocks of code stay as they are."""
    parts, end = [], 0
    for block in _FENCE.finditer(markdown):
        parts += [_rewritten(markdown[end : block.start()], uri), block[0]]
        end = block.end()
    return "".join([*parts, _rewritten(markdown[end:], uri)])


def _source_of(uri: str) -> str:
    """Where the page of the site lies in the repository."""
    return next((source for source, place in PAGES.items() if place == uri), f"docs/{uri}")


def _targets(markdown: str, source: str) -> set[str]:
    """The files of the repository that a page links to, by their paths from its root."""
    paths = {_from_root(link[2], source) for link in _LINK.finditer(markdown) if _is_path(link[2])}
    return {path for path in paths if (ROOT / path).is_file()}


def _is_path(target: str) -> bool:
    return bool(target) and "://" not in target and not target.startswith(("mailto:", "/"))


def _from_root(target: str, source: str) -> str:
    return normpath(str(PurePosixPath(source).parent / target))


def _place(path: str) -> str:
    """Where a file of the repository is in the site."""
    if path in PAGES:
        return PAGES[path]
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if contract := re.fullmatch(r"protos/trivet/(\w+)/v1/\w+\.proto", path):
        return f"reference/{contract[1]}.md"
    return f"files/{path}"


def _rewritten(markdown: str, uri: str) -> str:
    source = _source_of(uri)

    def replace(link: re.Match[str]) -> str:
        text, target, anchor = link[1], link[2], link[3] or ""
        if not _is_path(target):
            return link[0]
        path = _from_root(target, source)
        if (ROOT / path).is_dir():
            folder_page = f"{path}/README.md"
            if folder_page not in PAGES:
                return text
            path = folder_page
        # A path that leads nowhere stays as it is, for mkdocs to complain of.
        if not (ROOT / path).is_file():
            return link[0]
        return f"[{text}]({relpath(_place(path), str(PurePosixPath(uri).parent))}{anchor})"

    return _LINK.sub(replace, markdown)
