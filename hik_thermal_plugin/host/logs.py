"""Where log lines go: stderr, one line a happening, with the time and its zone; for people, or as JSON for programs."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import Literal, TextIO

from nvr_hooks import rfc3339

from .output import printable

QUIET = ("amqtt", "asyncio", "httpcore", "httpx", "PIL", "transitions", "websockets")
"""Libraries that tell each of their own steps, credentials in header lines included: never below a warning."""


@contextmanager
def to_stderr() -> Iterator[None]:
    """Send log records to stderr, warnings and above until `show` says otherwise."""
    root = logging.getLogger()
    before = root.level
    handler = _Handler(sys.stderr)
    handler.setFormatter(OneLine())
    root.addHandler(handler)
    show(logging.WARNING)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


def show(level: int) -> None:
    """Let records of `level` and above through."""
    logging.getLogger().setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def form(wanted: Literal["text", "json"]) -> None:
    """Let lines be for people, or for programs: one JSON object each."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _Handler):
            handler.setFormatter(JsonLine() if wanted == "json" else OneLine())


def is_json() -> bool:
    """Tell whether stderr is read by programs."""
    handlers = logging.getLogger().handlers
    return any(isinstance(item, _Handler) and isinstance(item.formatter, JsonLine) for item in handlers)


class _Handler(logging.StreamHandler[TextIO]):
    """Ours, among those that others may have added."""


class OneLine(logging.Formatter):
    """One line a record, without the control characters a device's name may hold; tracebacks below it at level DEBUG only."""

    def format(self, record: logging.LogRecord) -> str:
        """Write `2026-01-31 12:00:00+01:00 WARNING kiln: … (TimeoutError: timed out)`."""
        at = datetime.fromtimestamp(record.created).astimezone().isoformat(sep=" ", timespec="seconds")
        line = printable(f"{at} {record.levelname} {record.getMessage()}")
        if record.exc_info and record.exc_info[1] is not None:
            if logging.getLogger().isEnabledFor(logging.DEBUG):
                return f"{line}\n{self.formatException(record.exc_info)}"
            return line + printable(_cause(record.exc_info))
        return line


class JsonLine(logging.Formatter):
    """One JSON object a record: `at`, `level`, `logger`, `message`; `error` where there is one, `traceback` at level DEBUG only."""

    def format(self, record: logging.LogRecord) -> str:
        """Write `{"at": "2026-01-31T11:00:00.000Z", "level": "warning", "logger": "…", "message": "kiln: …"}`."""
        at = rfc3339(datetime.fromtimestamp(record.created).astimezone())
        line = {"at": at, "level": record.levelname.lower(), "logger": record.name, "message": record.getMessage()}
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = f"{type(record.exc_info[1]).__name__}: {record.exc_info[1]}"
            if logging.getLogger().isEnabledFor(logging.DEBUG):
                line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def _cause(info: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]) -> str:
    return "" if info[0] is None else f" ({info[0].__name__}: {info[1]})"
