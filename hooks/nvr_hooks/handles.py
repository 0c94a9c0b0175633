"""Things that go on after a hook has returned: subscriptions, recordings, downloads.

A handle is a context manager; `close()` may be called twice, from any thread and from inside a sink. `state` is `running`, `done`
(ended as it should), `failed` (then `error` says why) or `closed` (by its owner).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self, runtime_checkable

from .events import Event
from .values import Progress, TimeSpan

HandleState = Literal["running", "done", "failed", "closed"]
Sink = Callable[[Event], None]
"""Takes one event and returns at once. One that blocks or raises harms nobody but itself; it is counted and logged."""
ByteSink = Callable[[bytes], None]
ProgressSink = Callable[[Progress], None]


@runtime_checkable
class Handle(Protocol):
    """What every long-lived thing offers its owner."""

    @property
    def state(self) -> HandleState:
        """Tell how it is doing."""

    @property
    def error(self) -> BaseException | None:
        """Tell why it failed."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is no longer running; return whether that is so. Seconds."""

    def close(self) -> None:
        """End it; return when nothing of it is left to come."""

    def __enter__(self) -> Self:
        """Return itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""


class Subscription(Handle, Protocol):
    """Events flow into a sink until it is closed or the camera is removed."""

    @property
    def dropped(self) -> int:
        """Tell how many events the sink did not take in time."""


class Recording(Handle, Protocol):
    """A recording that is being written."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Tell the complete files so far."""


class Download(Handle, Protocol):
    """A transfer that is going on."""

    @property
    def progress(self) -> Progress:
        """Tell how far it is."""

    @property
    def path(self) -> Path:
        """Tell where the file is, or will be."""

    @property
    def span(self) -> TimeSpan | None:
        """Tell the real first and last time, by time only."""

    @property
    def gaps(self) -> tuple[TimeSpan, ...]:
        """Tell what the recordings did not cover, by time only."""
