"""What a device answers under one URL: the shape of an entry in the tables of endpoints.py, thermometry.py and metadata_switch.py."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from .device import Device
from .http import Reply, Request
from .markup import Element


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, and the numbers in its path."""

    request: Request
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """A path with what GET answers and PUT does; a PUT that returns nothing is answered OK. Both raise Refused."""

    pattern: re.Pattern[str]
    get: Callable[[Device, Asked], Element | Reply]
    put: Callable[[Device, Asked], Reply | None] | None = None

    def match(self, request: Request) -> Asked | None:
        """The request as asked of this route, None when it is another's."""
        found = self.pattern.fullmatch(request.path)
        return Asked(request, tuple(int(number) for number in found.groups())) if found else None
