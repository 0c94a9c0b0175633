"""Faults that are on: which request or alarm part they strike, for how long, how often.

| kind | strikes | without `seconds` and `count` |
|---|---|---|
| drop | connections open now (reset), then requests: closed without an answer | open ones only |
| half_open | connections open now, then requests: silence, and the socket stays | open ones only |
| stall | connections open now, then requests: output pauses for `seconds`, half way through what is due | 10 s, open ones only |
| truncate | replies, alarm parts and what RTSP tracks send: half of it, then closed | one |
| wrong_length | replies and alarm parts: Content-Length 64 too high; a reply's connection then closes | one |
| duplicate | alarm parts: sent twice | one |
| busy | requests with a good login: 503 deviceBusy, over RTSP 453 | one |
| refuse_write | PUT, POST and DELETE with a good login: 400 badParameters, and nothing is changed | one |
| short_matrix, long_matrix | radiometric frames: half the temperatures, or half as many again, than they announce | one |
| broken_matrix | radiometric frames: three temperatures are no numbers (NaN, infinite) | one |
| zero_scale | radiometric frames of two bytes a pixel: scale 0 | one |
| not_supported | requests with a good login: 403 notSupport, over RTSP 404 | for good |
| low_privilege | requests with a good login: 403 lowPrivilege, over RTSP 401 | for good |
| unauthorized | requests with a good login: 401, as for one this user may not make (isapi.md 6.1) | for good |
| no_room | requests with a good login: 403 maxSessionUserLink, over RTSP 453 | for good |
| web_page | requests, with a login or without: 200 and a web page, as of something that is no camera | for good |
| lock | the account, for `seconds` | as long as the device locks |
| reboot | everything: connections end, the ports are closed for `seconds` | 5 s |
| clock_skew | the clock is `seconds` ahead (negative: behind) from now on | – |
| refuse_push | pushes to hosts: not sent, and tried again later | one try |

A download of a recording is a reply like any other: `truncate` sends half of it. To search and to download writes nothing: `refuse_write`
does not strike it.

`path` narrows a fault to requests and streams whose path it is, or matches as a pattern with `*` (of an RTSP URL the path up to the
stream's number); `count` ends it after so many.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

Kind = Literal[
    "drop",
    "half_open",
    "stall",
    "truncate",
    "wrong_length",
    "duplicate",
    "lock",
    "reboot",
    "busy",
    "refuse_write",
    "short_matrix",
    "long_matrix",
    "broken_matrix",
    "zero_scale",
    "clock_skew",
    "not_supported",
    "low_privilege",
    "unauthorized",
    "no_room",
    "web_page",
    "refuse_push",
]
STANDING: tuple[Kind, ...] = (
    "drop",
    "half_open",
    "stall",
    "truncate",
    "wrong_length",
    "duplicate",
    "busy",
    "refuse_write",
    "refuse_push",
    "short_matrix",
    "long_matrix",
    "broken_matrix",
    "zero_scale",
    "not_supported",
    "low_privilege",
    "unauthorized",
    "no_room",
    "web_page",
)
_OPEN_ONES_ONLY = ("drop", "half_open", "stall")
_FOR_GOOD = ("not_supported", "low_privilege", "unauthorized", "no_room", "web_page")
_ONCE = tuple(kind for kind in STANDING if kind not in _OPEN_ONES_ONLY + _FOR_GOOD)
STALL_SECONDS = 10.0
REBOOT_SECONDS = 5.0
LENGTH_ERROR = 64


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault as it was ordered."""

    kind: Kind
    seconds: float | None = None
    path: str | None = None
    count: int | None = None

    def matches(self, path: str | None) -> bool:
        """Whether it strikes this path; without a path of its own it strikes all."""
        return self.path is None or (path is not None and fnmatchcase(path, self.path))


@dataclass(slots=True)
class _Active:
    fault: Fault
    until: float | None
    left: int | None


class Faults:
    """The faults that strike later requests and parts."""

    def __init__(self) -> None:
        self._active: list[_Active] = []

    def add(self, fault: Fault) -> None:
        """Turn a fault on. A stall's `seconds` are those of each pause: it strikes later requests by `count` alone."""
        seconds, count = fault.seconds, fault.count
        if fault.kind == "stall":
            seconds = None
        if seconds is None and count is None:
            if fault.kind in _OPEN_ONES_ONLY:
                return
            if fault.kind in _ONCE:
                count = 1
        until = None if seconds is None else time.monotonic() + seconds
        self._active.append(_Active(fault, until, count))

    def strike(self, kind: Kind, path: str) -> Fault | None:
        """The fault of this kind that strikes now, counted down; None when there is none."""
        now = time.monotonic()
        self._active = [
            active for active in self._active if active.left != 0 and (active.until is None or active.until > now)
        ]
        for active in self._active:
            if active.fault.kind == kind and active.fault.matches(path):
                if active.left is not None:
                    active.left -= 1
                return active.fault
        return None
