"""What holds for the migrations of all services."""

from __future__ import annotations

from typing import Final

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

SERVICES: Final = ("trivet_tracking", "trivet_artifacts", "trivet_registry")


@pytest.mark.parametrize("package", SERVICES)
def test_every_migration_says_which_servers_it_supports(package: str) -> None:
    config = Config()
    config.set_main_option("script_location", f"{package}:migrations")
    scripts = [*reversed([*ScriptDirectory.from_config(config).walk_revisions()])]
    said = [(script.revision, script.module.oldest_supported) for script in scripts]
    revisions, oldest = zip(*said, strict=True)
    assert set(oldest) <= set(revisions)
    assert all(supported <= revision for revision, supported in said)
    # What was given up once stays so.
    assert [*oldest] == sorted(oldest)
