"""What a server of a model says, on standard error."""

from __future__ import annotations

import logging


def set_up_logs() -> None:
    """Writes what the server and its workers log, with the process that does."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s [%(process)d] %(message)s")
    # What fails is logged where it is answered; uvicorn would say it again.
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
