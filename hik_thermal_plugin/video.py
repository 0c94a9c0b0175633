"""The video of one camera: live streams that recordings, streams of bytes and pictures share, and recordings that are played back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

from nvr_hooks import (
    Busy,
    ByteSink,
    Handle,
    Live,
    RecordedFile,
    Recording,
    RecordOptions,
    Sink,
    StreamUrl,
    Subscription,
    TimeSpan,
    What,
    WrongUse,
)

from .deliveries import Deliveries
from .device import Device
from .live_video import LiveVideo
from .recording_time import RecordingTime
from .transport import OwnRecording

if TYPE_CHECKING:
    from .media.burning import Burned
    from .media.job import Job
    from .media.streams import Drain, Playback

Watch = Callable[[Sink], Subscription]


class CameraVideo:
    """Thread-safe; connects while somebody wants pictures. `device` is the camera's present one, `watch` subscribes to temperatures.

    The media library is imported when the first picture is wanted: hosts that only listen do without its memory.
    """

    def __init__(
        self, name: str, device: Callable[[], Device], deliveries: Deliveries, watch: Watch, times: RecordingTime
    ) -> None:
        self.watch = watch
        self._times = times
        self._name = name
        self._device = device
        self._deliveries = deliveries
        self._lock = threading.Lock()
        self._streams: dict[tuple[int, str], LiveVideo] = {}
        self._jobs: set[Job | OwnRecording] = set()
        self._playing = threading.Lock()
        self._closed = False

    def record(self, channel: int | None, target: Path, options: RecordOptions) -> Recording:
        """Record live video into files (media.recorder); returns when the camera sends, raises why it does not."""
        from .media.recorder import Recorder

        device = self._device()
        deadline = device.deadline()
        if not options.overlay and not options.pre_roll_seconds:
            number, _ = device.stream(channel, options.profile, deadline)
            if (own := device.transport.recording(number, target, options, deadline)) is not None:
                self._begin(own)
                return own
        change, watching = self._burned(channel or device.thermal_channel) if options.overlay else (None, None)
        try:
            recorder = Recorder(self._name, target, options, change=change, timeout=device.settings.timeout)
        except BaseException:
            if watching is not None:
                watching.close()
            raise
        try:
            if watching is not None:
                recorder.at_end(watching.close)
            self._begin(recorder)
            video = self.live(channel, options.profile, deadline)
            recorder.at_end(lambda: video.detach(recorder))
            video.attach(recorder, timeout=_left(deadline), pre_roll=options.pre_roll_seconds)
        except BaseException:
            recorder.discard()
            raise
        recorder.start()
        return recorder

    def open_stream(self, channel: int | None, what: What, sink: ByteSink) -> Handle:
        """Deliver program-stream bytes; returns when the camera sends, raises why it does not."""
        from .media.streams import ByteDrain, LiveBytes

        if not isinstance(what, Live):
            return self.play(channel, what, ByteDrain(sink, self._name))
        if what.keep_seconds < 0:
            raise WrongUse(f"{self._name}: keep_seconds must not be below 0")
        deadline = self._device().deadline()
        job, keep = LiveBytes(self._name, sink), what.keep_seconds
        try:
            self._begin(job)
            video = self.live(channel, what.profile, deadline)
            job.at_end(lambda: video.detach(job, keep=keep))
            video.attach(job, timeout=_left(deadline), keep=keep)
        except BaseException:
            job.close()
            raise
        job.start()
        return job

    def play(self, channel: int | None, what: RecordedFile | TimeSpan, drain: Drain) -> Playback:
        """Play a recording of the camera into a drain, one at a time; returns when pictures come, raises why they do not."""
        from .media.streams import Playback

        device = self._device()
        deadline = device.deadline()
        source = device.transport.playback(*self._place(device, channel, what))
        if not self._playing.acquire(blocking=False):
            raise Busy(
                f"{self._name}: a recording is played back already: cameras play one at a time", camera=self._name
            )
        job = Playback(self._name, source, drain, (what.end - what.start).total_seconds())
        job.at_end(self._playing.release)
        try:
            self._begin(job)
        except BaseException:
            job.close()
            raise
        job.begin(_left(deadline))
        return job

    def playback_url(self, channel: int | None, what: RecordedFile | TimeSpan) -> StreamUrl:
        """Return the address of a recording (guide 5.3); nothing is searched for."""
        self._check(what)
        if isinstance(what, RecordedFile) and what.playback_uri:
            return self._device().transport.playback_file_url(what.playback_uri)
        device = self._device()
        track, _, zone = self._place(device, channel, what)
        return device.transport.playback_url(track, what.start, what.end, zone)

    def live(self, channel: int | None, profile: str, deadline: float) -> LiveVideo:
        """Return the shared live video of a profile; raise Unsupported for one that the camera does not have."""
        number, _ = self._device().stream(channel, profile, deadline)
        with self._lock:
            key = (number, profile)
            if key not in self._streams:
                self._streams[key] = LiveVideo(
                    lambda: self._device().transport.video(number, profile),
                    camera=self._name,
                    name=f"video of channel {number} ({profile})",
                    deliveries=self._deliveries,
                )
            return self._streams[key]

    def reopen(self) -> None:
        """Connect anew, with other settings; recordings go on in new files."""
        with self._lock:
            streams = list(self._streams.values())
        for stream in streams:
            stream.reopen()

    def interrupt(self) -> None:
        """Begin to end, without waiting."""
        with self._lock:
            self._closed = True
            jobs, streams = list(self._jobs), list(self._streams.values())
        for job in jobs:
            job.interrupt()
        for stream in streams:
            stream.interrupt()

    def close(self) -> None:
        """End everything; what is being recorded is completed."""
        self.interrupt()
        with self._lock:
            jobs, streams = list(self._jobs), list(self._streams.values())
        for job in jobs:
            job.close()
        for stream in streams:
            stream.close()

    def _check(self, what: RecordedFile | TimeSpan) -> None:
        if what.start.tzinfo is None or what.end.tzinfo is None:
            raise WrongUse(f"{self._name}: times of recordings need a zone")
        if what.end <= what.start:
            raise WrongUse(f"{self._name}: a recording ends after its start")

    def _place(
        self, device: Device, channel: int | None, what: RecordedFile | TimeSpan
    ) -> tuple[int, RecordedFile | TimeSpan, tzinfo | None]:
        """Return on which track a recording is, and the zone its times are in for the camera (None: UTC)."""
        self._check(what)
        if isinstance(what, RecordedFile) and what.playback_uri:
            return what.track, what, None
        track = what.track if isinstance(what, RecordedFile) else device.channel(channel, device.deadline()) * 100 + 1
        return track, what, self._times.zone()

    def _begin(self, job: Job | OwnRecording) -> None:
        """Have a job that ends with the camera."""
        with self._lock:
            if self._closed:
                raise WrongUse(f"{self._name}: closed")
            self._jobs.add(job)
        job.at_end(lambda: self._forget(job))

    def _forget(self, job: Job | OwnRecording) -> None:
        with self._lock:
            self._jobs.discard(job)

    def _burned(self, channel: int | None) -> tuple[Burned, Subscription]:
        from .media.burning import Burned
        from .media.overlay import Overlay

        overlay = Overlay(channel)
        burned = Burned(self._name, overlay)
        return burned, self.watch(overlay.take)


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())
