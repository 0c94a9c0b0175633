"""What a command's end means to the shell: one place that turns errors into exit codes."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable

from nvr_hooks import ConfigError, NvrError, Refused, Unreachable, Unsupported, WrongUse

from .logs import is_json

log = logging.getLogger(__name__)

DONE = 0
FAILED = 1
WRONG_USE = 2
UNREACHABLE = 3
REFUSED = 4
UNSUPPORTED = 5

_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (ConfigError, WRONG_USE),
    (WrongUse, WRONG_USE),
    (Unreachable, UNREACHABLE),
    (Refused, REFUSED),
    (Unsupported, UNSUPPORTED),
)


def code_of(error: BaseException) -> int:
    """Return the exit code for an error of the nvr_hooks tree: 2, 3, 4, 5, and 1 for anything else."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)


def settle(action: Callable[[], int | None]) -> int:
    """Do what a command does; return its exit code, with the error (if it ends in one) on stderr, a line each mistake.

    A reader that closed the pipe has what it wanted: 0, without a word.
    """
    try:
        code = action() or DONE
        sys.stdout.flush()
    except NvrError as err:
        complain(str(err))
        log.debug("the command failed", exc_info=err)
        return code_of(err)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        complain("interrupted")
        return FAILED
    return code


def complain(message: str) -> None:
    """Write what went wrong to stderr, a line each, in the form of the log lines there."""
    if is_json():
        for line in message.splitlines() or ["failed"]:
            log.error("%s", line)
        return
    sys.stderr.write("".join(f"hik-thermal: {line}\n" for line in message.splitlines() or ["failed"]))
    sys.stderr.flush()
