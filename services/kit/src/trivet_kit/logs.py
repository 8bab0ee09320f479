"""Logs of a server: one JSON object a line on standard error."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

# What every LogRecord has; whatever else is on a record came as `extra` and is logged as a field.
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}

_ENCODER = json.JSONEncoder(ensure_ascii=False, default=str)


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON: time, level, logger, message, the record's extras, and any traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        content = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        content |= {key: value for key, value in record.__dict__.items() if key not in _STANDARD and value is not None}
        if record.exc_info:
            content["exception"] = self.formatException(record.exc_info)
        return _ENCODER.encode(content)


def set_up_logs(level: int) -> None:
    """Sends the logs of this process from `level` up to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # What no line has is not looked up for each of them, one a call (Python's Logging HOWTO, "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001 - as described there
    # It tells each step of a check that finds nothing to do.
    logging.getLogger("alembic").setLevel(logging.WARNING)
