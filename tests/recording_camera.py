"""A camera that is none and can be recorded: what it was asked for, and recordings that a test ends as it likes."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from nvr_hooks import HandleState, NvrError, RecordOptions, hookimpl
from nvr_hooks.testing import FakeCamera, FakeSubscription


class FakeRecording(FakeSubscription):
    """A recording whose file is there from the beginning."""

    def __init__(self, target: Path, options: RecordOptions, channel: int | None) -> None:
        super().__init__(lambda event: None)
        self.target = target
        self.options = options
        self.channel = channel
        target.write_bytes(b"video")

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.target,)


class RecordingCamera(FakeCamera):
    """Beside what a FakeCamera does, it records and streams."""

    def __init__(self, name: str = "kiln") -> None:
        super().__init__(name)
        self.recordings: list[FakeRecording] = []
        self.streams: list[Any] = []
        self.errors: list[NvrError] = []
        """What the next calls of nvr_record raise, one each."""
        self.asked = threading.Semaphore(0)

    @hookimpl
    def nvr_record(self, camera: str, channel: int | None, target: Path, options: RecordOptions) -> Any:
        if camera != self.name:
            return None
        try:
            if self.errors:
                raise self.errors.pop(0)
            self.recordings.append(FakeRecording(target, options, channel))
            return self.recordings[-1]
        finally:
            self.asked.release()

    @hookimpl
    def nvr_open_stream(self, camera: str, channel: int | None, what: Any, sink: Any) -> Any:
        if camera != self.name:
            return None
        self.streams.append(what)
        return FakeSubscription(sink)

    def states(self) -> list[HandleState]:
        """Return how the recordings are doing."""
        return [recording.state for recording in self.recordings]
