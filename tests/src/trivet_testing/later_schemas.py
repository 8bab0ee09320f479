"""Schemas of releases that are still to come: packages with migrations that a service does not know."""

from __future__ import annotations

import secrets
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import Path


@contextmanager
def package_of_migrations(folder: Path, scripts: Mapping[str, str], after: str | None = None) -> Iterator[str]:
    """Writes a package that can be imported until the end of the block, and gives its name.

    Args:
        folder: Where to write it.
        scripts: What a script does, indented as the body of a function, by `REVISION OLDEST_SUPPORTED`, in order.
        after: The package of a service, whose migrations come first.
    """
    name = f"later_{secrets.token_hex(4)}"
    versions = folder / name / "migrations" / "versions"
    versions.mkdir(parents=True)
    (folder / name / "__init__.py").touch()
    if after is not None:
        with resources.as_file(resources.files(after).joinpath("migrations", "versions")) as known:
            for script in known.glob("*.py"):
                shutil.copy(script, versions)
    for head, body in scripts.items():
        revision, oldest = head.split()
        down = max((script.name.partition("_")[0] for script in versions.glob("*.py")), default=None)
        (versions / f"{revision}_later.py").write_text(
            "import sqlalchemy as sa\nfrom alembic import op\n\n"
            f"revision = {revision!r}\ndown_revision = {down!r}\noldest_supported = {oldest!r}\n\n\n"
            f"def upgrade():\n{body}\n",
            encoding="utf-8",
        )
    sys.path.insert(0, str(folder))
    try:
        yield name
    finally:
        sys.path.remove(str(folder))
