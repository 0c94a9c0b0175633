"""What becomes of the memory of a program that runs for years: of Python's own garbage, and of what glibc keeps for many threads."""

from __future__ import annotations

import ctypes
import gc
import os
from typing import Final

GIVE_BACK_SECONDS: Final = 3600.0
"""How often what is free should be given back."""
_M_ARENA_MAX: Final = -8
_ARENAS: Final = 2


def share_arenas() -> None:
    """Let all threads take their memory from two places, as `MALLOC_ARENA_MAX=2` does (mallopt(3)); call it before there are threads.

    glibc has up to eight for each processor and gives a new thread another one: what the last thread there gave back, no other can use,
    and a service whose threads come and go with its connections grows for days.
    """
    if "MALLOC_ARENA_MAX" not in os.environ:
        _call("mallopt", _M_ARENA_MAX, _ARENAS)


def settle() -> None:
    """Take it that what is there now stays: call it when everything is imported, and before what comes and goes is made.

    Python looks for garbage once a quarter as much has been added as there is. Modules and classes are most of what there is, and need
    no looking at: without them it looks sooner, and each time at less.
    """
    gc.collect()
    gc.freeze()


def give_back() -> None:
    """Give pages to the machine in which nothing is held any more (malloc_trim(3)); takes milliseconds.

    By itself glibc does so at the end of its memory only, and pictures and documents of all sizes leave holes in between.
    """
    gc.collect()
    _call("malloc_trim", 0)


def _call(name: str, *arguments: int) -> None:
    function = getattr(ctypes.CDLL(None), name, None)
    if function is not None:
        function(*arguments)
