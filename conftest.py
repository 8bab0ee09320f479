"""What holds for the tests of all folders."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def state_of_nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keeps what tests log, and the programs that they start, out of the home of the person who runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        for name in ("SPOOL_DIR", "SPOOL_SIZE", "SPOOL_FULL", "MODE", "RANK", "FINISH_TIMEOUT"):
            patch.delenv(f"TRIVET_{name}", raising=False)
        yield
