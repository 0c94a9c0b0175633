"""A span of time out of a camera's recordings, in one file: what ISAPI does not offer (guide 6.3.1).

Each recording that covers it is downloaded, cut at its key pictures and joined with the others. Where the camera does not let recordings be
downloaded, and for one that is still being written, the time is played back instead.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from nvr_hooks import (
    DownloadOptions,
    NoPermission,
    NvrError,
    Progress,
    ProgressSink,
    RecordedFile,
    TimeSpan,
    Unsupported,
)

from .download_target import DownloadTarget
from .downloads import DownloadJob, Recordings, beside
from .media.joining import ROUNDED, Joint
from .media.pictures import Picture
from .media.recordings import recorded_pictures

_log = logging.getLogger(__name__)


class SpanDownload(DownloadJob):
    """A span of time in one file. Neither its size nor its length is known before: bytes and stream time are what is told."""

    def __init__(
        self,
        camera: str,
        recordings: Recordings,
        track: int,
        span: TimeSpan,
        target: Path,
        options: DownloadOptions,
        progress: ProgressSink | None = None,
    ) -> None:
        super().__init__(
            camera, recordings, DownloadTarget(target, overwrite=options.overwrite, goes_on=False), progress
        )
        self._track = track
        self._wanted = span
        self._wait_for_recording = options.wait_for_recording
        self._source = beside(target)
        self._joint = Joint(self._target.part, options.container or "mp4", camera, span)
        self._received = 0
        self._allowed = True

    @property
    def span(self) -> TimeSpan | None:
        """Tell the real first and last time of what is there."""
        return self._joint.span

    @property
    def gaps(self) -> tuple[TimeSpan, ...]:
        """Tell what the recordings did not cover, as far as it is known by now."""
        return self._joint.gaps

    def _bring(self) -> None:
        files = self._recordings.covering(self._track, self._wanted)
        if files is None or files:
            begins = self._wanted.start if files is None else max(self._wanted.start, files[0].start)
            if not self._in_one_piece(begins):
                if files is None:
                    self._play(self._wanted)
                else:
                    self._join(files)
        else:
            start, end = (f"{moment.isoformat()}" for moment in (self._wanted.start, self._wanted.end))
            raise NvrError(f"{self._camera}: nothing was recorded from {start} to {end}")
        if self._stopping:
            return
        self._joint.finish()
        self._target.complete()
        self._tell(Progress(bytes=self._received, stream_time=self._joint.seconds))

    def _in_one_piece(self, begins: datetime) -> bool:
        """Bring the span as the device itself cuts it, which begins at that time; return whether it does so."""
        transfer = self._recordings.span_transfer(self._track, self._wanted)
        if transfer is None:
            return False
        self._source.touch()
        try:
            self._received = self._receive(transfer, self._source, self._moved)
        except (NoPermission, Unsupported) as error:
            _log.info("%s: recordings are played back instead of downloaded: %s", self._camera, error)
            self._allowed = False
            return False
        self._joint.begin(begins)
        for picture in recorded_pictures(self._source, self._camera):
            if self._stopping or not self._joint.put(picture):
                break
        self._source.unlink()
        return True

    def _join(self, files: Sequence[RecordedFile]) -> None:
        waiting = deque(files)
        while waiting and not self._stopping:
            file = waiting.popleft()
            if file.still_recording and self._wait_for_recording:
                file = self._settled(file)
            if self._allowed and not file.still_recording:
                try:
                    self._add(file)
                    continue
                except (NoPermission, Unsupported) as error:
                    if self._joint.pictures:
                        raise
                    _log.info("%s: its recordings are played back instead of downloaded: %s", self._camera, error)
                    self._allowed = False
            piece = _covered(self._wanted, file)
            while waiting and not self._allowed and waiting[0].start - piece.end <= ROUNDED:
                piece = replace(piece, end=max(piece.end, _covered(self._wanted, waiting.popleft()).end))
            self._play(piece)

    def _add(self, file: RecordedFile) -> None:
        """Download a recording and join what is wanted of it."""
        self._source.touch()
        before = self._received
        size = self._receive(file, self._source, lambda there: self._moved(before + there))
        self._moved(before + size)
        self._joint.begin(file.start)
        for picture in recorded_pictures(self._source, self._camera):
            if self._stopping or not self._joint.put(picture):
                break
        self._source.unlink()

    def _play(self, span: TimeSpan) -> None:
        """Play a span back and join it."""
        self._joint.begin(span.start)
        self._played(span, self._track, _Played(self, self._joint))

    def _moved(self, size: int) -> None:
        self._received = size
        self._tell(Progress(bytes=size, stream_time=self._joint.seconds))

    def _kept(self) -> str:
        """Keep what can be played, under a name that says what it is: another try begins anew."""
        try:
            if self._joint.abandon():
                aside = self._target.set_aside()
                return f"; the first {self._joint.seconds:.1f} s are kept in {aside}"
        except OSError:
            pass
        return ""

    def _clean(self) -> None:
        self._joint.abandon()
        super()._clean()
        self._source.unlink(missing_ok=True)


class _Played:
    """Pictures that are played back, on their way into the joint."""

    def __init__(self, download: SpanDownload, joint: Joint) -> None:
        self._download = download
        self._joint = joint

    def write(self, picture: Picture) -> None:
        """Take one picture."""
        self._joint.put(picture)
        self._download._moved(self._download._received + len(picture.data))

    def finish(self) -> None:
        """Nothing to do: others may follow."""

    def abandon(self) -> None:
        """Nothing to do: what is there is kept."""


def _covered(span: TimeSpan, file: RecordedFile) -> TimeSpan:
    return TimeSpan(start=max(span.start, file.start), end=min(span.end, file.end))
