"""What the C library does with the memory of many threads."""

from __future__ import annotations

import ctypes
import os
from typing import Final

_M_ARENA_MAX: Final = -8
_ARENAS: Final = 2


def share_arenas() -> None:
    """Let all threads take their memory from two places, as `MALLOC_ARENA_MAX=2` does (mallopt(3)); call it before there are threads.

    glibc has up to eight for each processor and gives a new thread another one: what the last thread there gave back, no other can use,
    and a service whose threads come and go with its connections grows for days. Elsewhere nothing happens.
    """
    if "MALLOC_ARENA_MAX" in os.environ:
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)
