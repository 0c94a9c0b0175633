"""Where log lines go: stderr, one line a happening, with the time and its zone."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType

from .output import printable

QUIET = ("amqtt", "asyncio", "httpcore", "httpx", "PIL", "transitions", "websockets")
"""Libraries that tell each of their own steps, credentials in header lines included: never below a warning."""


@contextmanager
def to_stderr() -> Iterator[None]:
    """Send log records to stderr, warnings and above until `show` says otherwise."""
    root = logging.getLogger()
    before = root.level
    handler = logging.StreamHandler(sys.stderr)
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


def _cause(info: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]) -> str:
    return "" if info[0] is None else f" ({info[0].__name__}: {info[1]})"
