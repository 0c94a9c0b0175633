"""Recordings end to end in one file, cut to a span without coding anything again: from the key picture before its start on, to the one at
its end (guide 6.3.1: what a camera does not offer over ISAPI).

Where the camera recorded nothing the file goes on without a pause; what is missing is told. The device writes whole seconds, so a recording
that begins up to two of them before or after the end of the one before follows it directly.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from nvr_hooks import BadAnswer, TimeSpan, Unsupported

from .containers import Muxer, open_file
from .pictures import CLOCK, Picture

ROUNDED = timedelta(seconds=2)
MOST_LEAD_BYTES = 64 * 1024 * 1024
"""Of pictures kept before the start of the span: from one key picture to the next."""
_USUAL_STEP = CLOCK // 25


class Joint:
    """One file that is being made. `span` None: everything is taken. After begin(), pictures are put one by one."""

    def __init__(self, part: Path, container: str, camera: str, span: TimeSpan | None = None) -> None:
        self.pictures = 0
        self.ticks = 0
        """Length of the file so far, in 1/90000 s."""
        self.gaps: tuple[TimeSpan, ...] = ()
        self._part = part
        self._container = container
        self._camera = camera
        self._wanted = span
        self._muxer: Muxer | None = None
        self._first: datetime | None = None
        self._before: datetime | None = None
        """Last time of the recordings before this one."""
        self._reached: int | None = None
        """How far this one is written, in ticks from its beginning."""
        self._codec = ""
        self._begun = datetime.min
        self._origin: int | None = None
        self._shift: int | None = None
        self._top: int | None = None
        self._step = _USUAL_STEP
        self._lead: list[Picture] = []
        self._lead_bytes = 0
        self._leading = False

    @property
    def span(self) -> TimeSpan | None:
        """Tell the real first and last time; None while there is nothing."""
        first, last = self._first, self._last
        return None if first is None or last is None else TimeSpan(start=first, end=last)

    @property
    def _last(self) -> datetime | None:
        if self._reached is None:
            return self._before
        last = self._at(self._reached)
        return last if self._before is None else max(self._before, last)

    @property
    def seconds(self) -> float:
        """Tell the length of the file so far."""
        return self.ticks / CLOCK

    def begin(self, at: datetime) -> None:
        """Let the next pictures be those of a recording that began at `at`."""
        self._rest()
        self._before, self._reached = self._last, None
        self._begun = at
        self._origin = self._shift = self._top = None
        self._lead, self._lead_bytes = [], 0
        self._leading = True

    def put(self, picture: Picture) -> bool:
        """Take the next picture of a recording, the first of which is a key one; False when the rest of it is not wanted."""
        if self._origin is None:
            self._origin = picture.pts
        if self._leading or picture.key:
            at, wanted = self._at(picture.pts - self._origin), self._wanted
            if self._leading and not self._led(picture, at):
                return True
            if wanted is not None and picture.key and at >= wanted.end:
                return False
        self._write(picture)
        return True

    def finish(self) -> None:
        """Complete the file; raise BadAnswer where there is nothing in it."""
        self._rest()
        if self._muxer is None:
            raise BadAnswer(f"{self._camera}: the recordings hold no picture of that time", camera=self._camera)
        muxer, self._muxer = self._muxer, None
        muxer.close()
        wanted, last, first = self._wanted, self._last, self._first
        if wanted is None or first is None or last is None:
            return
        if first - wanted.start > ROUNDED:
            self.gaps = (TimeSpan(start=wanted.start, end=first), *self.gaps)
        if wanted.end - last > ROUNDED:
            self.gaps = (*self.gaps, TimeSpan(start=last, end=wanted.end))

    def abandon(self) -> bool:
        """Let go after an error; return whether there is anything in the file, which can be played as far as it goes."""
        muxer, self._muxer = self._muxer, None
        if muxer is not None:
            try:
                muxer.close()
            except Exception:  # noqa: BLE001 - what is wrong is known already
                return False
        return self.pictures > 0

    def _rest(self) -> None:
        """Take a recording's last group of pictures where its last picture is shown until after the start."""
        lead, self._lead, self._lead_bytes = self._lead, [], 0
        if not lead or self._wanted is None or self._origin is None:
            return
        until = max(picture.pts for picture in lead) - self._origin + self._step
        if self._at(until) > self._wanted.start:
            for early in lead:
                self._write(early)

    def _led(self, picture: Picture, at: datetime) -> bool:
        """Tell whether what is wanted of this recording begins with a picture; then what must come before it is written."""
        last, wanted = self._last, self._wanted
        if last is not None and self._begun < last - ROUNDED:
            self._leading = not (picture.key and at >= last)  # the camera has this time in two recordings
            return not self._leading
        if last is None and wanted is not None and (at < wanted.start or not (picture.key or self._lead)):
            self._keep(picture)
            return False
        if not (picture.key and wanted is not None and at == wanted.start):
            for early in self._lead:
                self._write(early)
        self._lead, self._lead_bytes, self._leading = [], 0, False
        return True

    def _keep(self, picture: Picture) -> None:
        if picture.key:
            self._lead, self._lead_bytes = [], 0
        elif not self._lead:
            return
        self._lead.append(picture)
        self._lead_bytes += len(picture.data)
        if self._lead_bytes > MOST_LEAD_BYTES:
            raise BadAnswer(f"{self._camera}: no key picture within {MOST_LEAD_BYTES} bytes", camera=self._camera)

    def _write(self, picture: Picture) -> None:
        assert self._origin is not None
        if self._shift is None:
            if not picture.key:
                return
            self._shift = self.ticks - picture.dts
            self._follow(self._at(picture.pts - self._origin), picture.codec)
        if self._top is not None:
            self._step = max(1, picture.dts - self._top)
        self._top = picture.dts
        shift = self._shift
        moved = Picture(
            picture.data, picture.key, picture.pts + shift, picture.dts + shift, picture.time, picture.codec
        )
        if self._muxer is None:
            self._muxer = open_file(self._part, self._container, moved, self._camera, survives=False)
        self._muxer.write(moved)
        self.pictures += 1
        self.ticks = moved.dts + self._step
        reached = picture.pts - self._origin + self._step
        if self._reached is None or reached > self._reached:
            self._reached = reached

    def _follow(self, at: datetime, codec: str) -> None:
        """Note what is missing before a recording; raise Unsupported where it cannot follow the one before in the same file."""
        last = self._last
        if last is not None and at - last > ROUNDED:
            self.gaps = (*self.gaps, TimeSpan(start=last, end=at))
        self._first = self._first or at
        if self._codec not in ("", codec):
            text = f"{self._camera}: from {at.isoformat()} on it recorded {codec} instead of {self._codec}: not in one file"
            raise Unsupported(text, camera=self._camera)
        self._codec = codec

    def _at(self, ticks: int) -> datetime:
        return self._begun + timedelta(seconds=ticks / CLOCK)
