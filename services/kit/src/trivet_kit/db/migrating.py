"""Runs migrations, by Alembic: long to import, and most starts find nothing to migrate."""

from __future__ import annotations

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection


def migrate(connection: Connection, package: str, head: str, version_schema: str | None) -> str:
    """Migrates to `head`, in the transaction.

    Args:
        connection: Of what is migrated.
        package: The service's; its folder `migrations` has the scripts.
        head: The newest of them.
        version_schema: Where the version is kept.

    Returns:
        The oldest schema whose servers still work, as `head` says.
    """
    config = Config()
    config.set_main_option("script_location", f"{package}:migrations")
    scripts = ScriptDirectory.from_config(config)
    if scripts.get_current_head() != head:
        raise AssertionError(f"the files of {package} are not named by their revisions")

    def steps(current: object, _context: object) -> list[object]:
        return list(scripts._upgrade_revs(head, current))  # type: ignore[arg-type]  # noqa: SLF001 - as alembic.command.upgrade does

    with EnvironmentContext(Config(), scripts, fn=steps, destination_rev=head) as environment:
        environment.configure(connection=connection, version_table_schema=version_schema, transactional_ddl=False)
        environment.run_migrations()
    oldest_supported: str = scripts.get_revision(head).module.oldest_supported
    return oldest_supported
