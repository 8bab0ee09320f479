"""Logs of a server: one JSON object a line on standard error, without secrets."""

from __future__ import annotations

import json
import logging
import sys
import threading
from datetime import UTC, datetime
from types import TracebackType

from trivet_kit.redaction import may_hold_secret, redacted_value

# What every LogRecord has; whatever else is on a record came as `extra` and is logged as a field.
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}

_ENCODER = json.JSONEncoder(ensure_ascii=False, default=str)

_log = logging.getLogger("trivet")


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON: time, level, logger, message, the record's extras, and any traceback.

    Secrets are taken out of all of these here, and not where something is logged: nobody can forget it.
    """

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
        line = _ENCODER.encode(content)
        # Without backslashes, or the quotes of the texts, which encoding escapes, would hide what tells of a secret.
        return _ENCODER.encode(redacted_value(content)) if may_hold_secret(line.replace("\\", "")) else line


def set_up_logs(level: int) -> None:
    """Sends the logs of this process from `level` up to standard error, and exceptions that nobody catches as well."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # What no line has is not looked up for each of them, one a call (Python's Logging HOWTO, "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001 - as described there
    logging.getLogger("grpc._cython.cygrpc").addFilter(_is_no_cancellation)
    # It tells each step of a check that finds nothing to do.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # Python would write them itself, with whatever they hold.
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda ended: _log_uncaught(ended.exc_type, ended.exc_value, ended.exc_traceback)


def _is_no_cancellation(record: logging.LogRecord) -> bool:
    """Whether a record is of something else than a call that ended before it was begun.

    gRPC takes that for a fault of the server. It comes where a client calls at the moment at which the server stops.
    """
    import asyncio  # noqa: PLC0415 - whoever logs this has it, and commands without a server do without

    return record.exc_info is None or record.exc_info[0] is not asyncio.CancelledError


def _log_uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt | SystemExit):
        _log.critical("not caught", exc_info=(kind, error or kind(), trace))
