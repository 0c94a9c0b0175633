"""Coded pictures in time: what a camera's timestamps mean for a file.

A camera's clock may be set back or leap while it streams ("smart" codecs: rtsp.md 1.3), pictures with references into the future come out of
order, and containers want times of decoding that rise without an exception. Here every picture gets both times, and its place on this
machine's monotonic clock.
"""

from __future__ import annotations

import heapq
from typing import NamedTuple, Protocol

CLOCK = 90_000
"""Ticks of a second."""
LEAP_SECONDS = 5.0
"""How far a live timestamp may run ahead of the arrival of its picture before the camera's clock is taken to have leapt."""
_USUAL_STEP = CLOCK // 25
_LONGEST_STEP = 20 * CLOCK
"""Between two pictures: cameras go down to one in 16 s."""
_LOOK_AT = 4
_APART = 0.25
_FOLLOW = 0.002
"""No two clocks run alike: where a picture's time and its arrival are that many seconds apart, its clock is followed by this share a picture."""


class CodedFrame(Protocol):
    """A picture as it was received (wire.video.CodedFrame)."""

    @property
    def data(self) -> bytes: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bool: ...
    @property
    def codec(self) -> str: ...
    @property
    def headers(self) -> bytes: ...
    @property
    def reordered(self) -> int | None: ...


class Picture(NamedTuple):
    """A coded picture with its times."""

    data: bytes
    key: bool
    pts: int
    """When it is shown, in 1/90000 s."""
    dts: int
    """When it is decoded: rises from picture to picture until one `starts`."""
    time: float
    """When it is shown, on the monotonic clock of this machine."""
    codec: str
    starts: bool = False
    """The first of a connection, or of other parameters: nothing before it belongs to the same file."""


class Timeline:
    """The times of one connection's pictures, from the first key picture on. `live`: they come as fast as they are shown."""

    def __init__(self, *, live: bool = True) -> None:
        self._live = live
        self._anchor: float | None = None
        self._offset = 0
        self._top = 0
        self._top_at = 0.0
        self._step = _USUAL_STEP
        self._headers = b""
        self._depth = 0
        self._guessed = 0
        self._heap: list[int] = []
        self._count = 0
        self._first = 0
        self._last: int | None = None
        self._waiting: list[tuple[CodedFrame, float]] = []

    def place(self, frame: CodedFrame, at: float) -> list[Picture]:
        """Take a picture that arrived at `at` (monotonic seconds) and return those whose times are certain now."""
        if self._waiting:
            self._waiting.append((frame, at))
            return [] if len(self._waiting) < _LOOK_AT else self._settle()
        if self._anchor is None and not frame.key:
            return []
        starts = frame.key and (self._anchor is None or frame.headers != self._headers)
        if starts and frame.reordered is None:
            self._waiting.append((frame, at))
            return []
        if starts:
            self._restart(frame, frame.reordered or 0)
        elif frame.key and self._guessed:
            self._order_anew(self._guessed)
        if (frame.reordered or 0) > self._depth:
            self._guessed = frame.reordered or 0  # it begins only now: from the next key picture on it is allowed for
        return [self._timed(frame, at, starts=starts)]

    def rest(self) -> list[Picture]:
        """Return what was still uncertain when the connection ended."""
        return self._settle() if self._waiting else []

    def _settle(self) -> list[Picture]:
        """Decide by the first pictures how many are reordered, where the encoder does not say."""
        waiting, self._waiting = self._waiting, []
        self._restart(waiting[0][0], max(frame.reordered or 0 for frame, _ in waiting))
        return [self._timed(frame, at, starts=index == 0) for index, (frame, at) in enumerate(waiting)]

    def _restart(self, frame: CodedFrame, depth: int) -> None:
        self._headers = frame.headers
        self._last = None
        self._order_anew(depth)

    def _order_anew(self, depth: int) -> None:
        self._guessed = 0
        self._depth = depth
        self._heap = []
        self._count = 0

    def _timed(self, frame: CodedFrame, at: float, *, starts: bool = False) -> Picture:
        pts = self._steady(frame.timestamp, at)
        if self._anchor is None:
            self._anchor = at - pts / CLOCK
        if self._count == 0:
            self._first = pts
        heapq.heappush(self._heap, pts)
        lead = self._depth - self._count
        dts = self._first - lead * self._step if lead > 0 else heapq.heappop(self._heap)
        if self._last is not None:
            if dts <= self._last:
                dts = self._last + 1
            elif dts - self._last < _LONGEST_STEP:
                self._step = dts - self._last
        self._last = dts
        self._count += 1
        if pts > self._top or self._count == 1:
            self._top, self._top_at = pts, at
        apart = at - self._anchor - pts / CLOCK
        if self._live and abs(apart) > _APART:
            self._anchor += apart * _FOLLOW
        return Picture(frame.data, frame.key, max(pts, dts), dts, self._anchor + pts / CLOCK, frame.codec, starts)

    def _steady(self, timestamp: int, at: float) -> int:
        """Return the timestamp as a clock that never leapt would have given it."""
        pts = timestamp + self._offset
        if self._anchor is None:
            return pts
        before = self._top if self._count == 0 else self._last
        certain = self._count == 0 or self._count >= self._depth
        late = certain and before is not None and pts <= before
        waited = max(int((at - self._top_at) * CLOCK), self._step) if self._live else self._step
        ahead = self._live and pts > self._top + waited + LEAP_SECONDS * CLOCK
        if not (late or ahead):
            return pts
        wanted = self._top + (self._step if late else waited)
        self._offset += wanted - pts
        return wanted
