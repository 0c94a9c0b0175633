"""The recordings of one camera: found, brought home by name or by time, and the disks they lie on (guide 5, 6)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from nvr_hooks import (
    Busy,
    Disk,
    Download,
    DownloadOptions,
    Event,
    NvrError,
    Phase,
    ProgressSink,
    RecordedFile,
    SearchOptions,
    StorageAlarm,
    TimeSpan,
    Unsupported,
    WrongUse,
)

from .device import Device
from .recording_time import RecordingTime
from .transport import Transfer, allowance
from .video import CameraVideo

if TYPE_CHECKING:
    from .downloads import DownloadJob, Turns
    from .media.streams import Drain, Playback

STILL = timedelta(seconds=10)
"""A recording whose end is not older than this by the camera's clock is taken for one that is being written: no device says it."""
ROUNDED = timedelta(seconds=1)
"""Times of recordings are whole seconds."""
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
"""What a clock without a battery begins at."""
LATEST = timedelta(days=1)
"""Nothing was recorded later than this from the camera's now."""
_BAD_DISKS: Mapping[str, Literal["full", "error", "unformatted", "offline"]] = {
    "full": "full",
    "error": "error",
    "unformatted": "unformatted",
    "offline": "offline",
}
"""What devices call it (isapi.md 5.4). No space left is no fault: most write over their oldest recordings."""


class CameraArchive:
    """Thread-safe. `device` is the camera's present one; `tell` hands an event to those who listen, and returns whether anybody does."""

    def __init__(
        self,
        name: str,
        device: Callable[[], Device],
        video: CameraVideo,
        times: RecordingTime,
        tell: Callable[[Event], bool],
    ) -> None:
        self._name = name
        self._device = device
        self._video = video
        self._times = times
        self._tell = tell
        self._lock = threading.Lock()
        self._turns: Turns | None = None
        self._jobs: set[DownloadJob] = set()
        self._bad: dict[tuple[str, int], str] = {}
        self._closed = False

    def search(
        self, channel: int | None, start: datetime, end: datetime, options: SearchOptions
    ) -> Iterator[RecordedFile]:
        """Return recordings between two times in time order; what is wrong with the camera is raised while they are iterated."""
        self._check_span(TimeSpan(start=start, end=end))
        return self._found(self._track(channel, options.track), start, end, (options.kind or "").lower())

    def download(
        self,
        channel: int | None,
        what: RecordedFile | TimeSpan,
        target: Path,
        options: DownloadOptions,
        progress: ProgressSink | None,
    ) -> Download:
        """Bring a recording or a span home, after those that are under way; raise what is wrong with the request."""
        from .downloads import FileDownload, turns_at
        from .media.containers import check_container
        from .span_downloads import SpanDownload

        if options.container is not None:
            check_container(options.container, self._name)
        if isinstance(what, RecordedFile):
            if what.camera not in ("", self._name):
                raise WrongUse(f"{self._name}: {what.name or 'this'} is a recording of {what.camera}")
            if what.still_recording and not options.wait_for_recording:
                raise Busy(
                    f"{self._name}: {what.name or 'this recording'} is still being written: wait for it, or try again later",
                    camera=self._name,
                )
            if (there := self._there(what, target, options)) is not None:
                return there
            job: FileDownload | SpanDownload = FileDownload(self._name, self, what, target, options, progress)
        else:
            self._check_span(what)
            job = SpanDownload(self._name, self, self._track(channel, None), what, target, options, progress)
        with self._lock:
            closed = self._closed
            self._jobs.add(job)
        job.at_end(lambda: self._forget(job))
        if closed:
            job.close()
            raise WrongUse(f"{self._name}: closed")
        self._turns = turns_at(self._device().settings.url)
        self._turns.take(job)
        return job

    def storage(self) -> Sequence[Disk]:
        """Return disks and network shares; to those who listen each look tells which are failed, full or away, and which are no more."""
        device = self._device()
        disks = device.transport.storage(device.deadline())
        bad: dict[tuple[str, int], str] = {
            (disk.kind, disk.id): state for disk in disks if (state := (disk.state or "").lower()) in _BAD_DISKS
        }
        with self._lock:
            before, self._bad = self._bad, bad
        for place, state in before.items():
            if bad.get(place) != state:
                self._tell(self._alarm(place, state, "end"))
        for place, state in list(bad.items()):
            if not self._tell(self._alarm(place, state, None)):
                with self._lock:
                    self._bad.pop(place, None)  # nobody has heard that it began
        return disks

    def _alarm(self, place: tuple[str, int], state: str, phase: Phase | None) -> StorageAlarm:
        kind, number = place
        return StorageAlarm(
            camera=self._name,
            source="poll",
            raw_type=state,
            phase=phase,
            disk=number,
            state=_BAD_DISKS[state],
            description=f"{kind} {number} is {state}" if phase is None else f"{kind} {number} is {state} no more",
        )

    def interrupt(self) -> None:
        """Begin to end all downloads, without waiting."""
        with self._lock:
            self._closed = True
            jobs = list(self._jobs)
        for job in jobs:
            job.interrupt()

    def close(self) -> None:
        """End all downloads; what is not complete is removed."""
        self.interrupt()
        with self._lock:
            jobs = list(self._jobs)
        for job in jobs:
            job.close()

    # -- what downloads need (downloads.Recordings) ---------------------------------------------------------------------

    def transfer(self, file: RecordedFile) -> Transfer:
        """Return the transfer of a recording, which is looked up first where only its name is known."""
        transport = self._device().transport
        by_name = file.name and transport.serves("download") == "sdk"  # the vendor's library wants nothing but the name
        if not (file.playback_uri or by_name):
            file = self.look_again(file)
        return transport.transfer(file)

    def span_transfer(self, track: int, span: TimeSpan) -> Transfer | None:
        """Return the transfer of a span in one piece; None where the camera makes none."""
        return self._device().transport.span_transfer(track, span)

    def look_again(self, file: RecordedFile) -> RecordedFile:
        """Return what the camera says of this recording now; raise NvrError when it has it no more."""
        for found in self._found(file.track, file.start, max(file.end, file.start + timedelta(seconds=1)), ""):
            if found.name == file.name if file.name else found.start == file.start:
                return found
        name = file.name or f"of {file.start.isoformat()}"
        raise NvrError(f"{self._name}: has no recording {name} on track {file.track}")

    def covering(self, track: int, span: TimeSpan) -> Sequence[RecordedFile] | None:
        """Return the recordings of a span in time order; None where the camera cannot be searched."""
        try:
            found = list(self._found(track, span.start, span.end, ""))
        except Unsupported:
            return None
        chosen: list[RecordedFile] = []
        for file in found:
            inside = file.start < span.end and (file.end > span.start or file.start >= span.start)
            # An alarm's recording lies within the one that goes on all the time.
            if inside and not (chosen and file.end <= max(other.end for other in chosen)):
                chosen.append(file)
        return chosen

    def play(self, track: int, span: TimeSpan | RecordedFile, drain: Drain) -> Playback:
        """Play a span, or a recording by its name, back into a drain."""
        if isinstance(span, RecordedFile):
            return self._video.play(track // 100, span, drain)
        piece = RecordedFile(
            camera=self._name, channel=track // 100, track=track, start=span.start, end=span.end, playback_uri=None
        )
        return self._video.play(track // 100, piece, drain)

    # -------------------------------------------------------------------------------------------------------------------

    def _found(self, track: int, start: datetime, end: datetime, kind: str) -> Iterator[RecordedFile]:
        zone = self._times.zone(track=track)
        device = self._device()
        latest = datetime.now(UTC) + (device.clock_ahead or timedelta()) + LATEST
        start, end = max(start, EARLIEST), min(end, latest)
        found = device.transport.recordings(track, start, end, zone)
        for file, later in pairwise(chain(found, (None,))):
            assert file is not None, "only the last one is"
            ahead = device.clock_ahead
            if file.still_recording is None and ahead is not None:
                followed = later is not None and later.start >= file.end - ROUNDED
                late = file.end >= datetime.now(UTC) + ahead - STILL
                file = replace(file, still_recording=late and not followed)
            if not kind or kind in (file.kind or ""):
                yield file

    def _track(self, channel: int | None, track: int | None) -> int:
        device = self._device()
        if track is None:
            return device.channel(channel, device.deadline()) * 100 + 1
        if not 100 < track < 100_000:
            raise WrongUse(f"{self._name}: a track is channel x 100 + 1, like 201: {track} is none")
        device.channel(track // 100, device.deadline())
        return track

    def _check_span(self, span: TimeSpan) -> None:
        if span.start.tzinfo is None or span.end.tzinfo is None:
            raise WrongUse(f"{self._name}: times of recordings need a zone")
        if span.end.astimezone(UTC) <= span.start.astimezone(UTC):
            raise WrongUse(f"{self._name}: a span ends after its start")

    def _there(self, file: RecordedFile, target: Path, options: DownloadOptions) -> Download | None:
        """Return a download that is done where the recording lies there complete, as the camera keeps it."""
        from .downloads import PresentFile

        if options.overwrite or options.container is not None or file.size is None:
            return None
        try:
            size = target.stat().st_size
        except OSError:
            return None
        return PresentFile(self._name, target, size) if abs(size - file.size) <= allowance(file.size) else None

    def _forget(self, job: DownloadJob) -> None:
        with self._lock:
            self._jobs.discard(job)
