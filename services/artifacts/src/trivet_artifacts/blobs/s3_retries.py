"""Repeats what urllib3 does not: requests by POST, where the caller knows that a second one does no harm."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

from minio.error import S3Error
from urllib3.exceptions import ProtocolError

_Result = TypeVar("_Result")

# As urllib3 is set to do for other methods: three more tries. Half of each pause is random.
_PAUSES_SECONDS: Final = (0.2, 0.4, 0.8)
_FIRST_SERVER_ERROR: Final = 500
_STORAGE_FULL: Final = 507


def repeated(step: Callable[[], _Result]) -> _Result:
    """What a step returns, which is taken again where the store is busy or a connection breaks. Raises as it does."""
    for pause in _PAUSES_SECONDS:
        try:
            return step()
        except (S3Error, ProtocolError) as error:
            if isinstance(error, S3Error) and not _is_passing(error):
                raise
        time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - spreads load, keeps no secret
    return step()


def _is_passing(error: S3Error) -> bool:
    return error.response.status >= _FIRST_SERVER_ERROR and error.response.status != _STORAGE_FULL
