"""Live video is shared: one connection for all, who comes late or leaves early disturbs nobody, and nothing is kept unasked."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from nvr_hooks import Busy, CameraError, Unreachable, WrongUse

from hik_thermal_plugin import live_video
from hik_thermal_plugin.deliveries import Deliveries
from hik_thermal_plugin.isapi.part_stream import Counters
from hik_thermal_plugin.live_video import LiveVideo
from hik_thermal_plugin.media.pictures import Picture
from hik_thermal_plugin.wire.video import CodedFrame
from hik_thermal_plugin.worker import Backoff

Wait = Callable[..., None]


class Source:
    """A connection that a test feeds: pictures, an error, or the end (None)."""

    def __init__(self) -> None:
        self.counters = Counters()
        self.ending = ""
        self.fell_silent = False
        self.interrupted = threading.Event()
        self._fed: queue.SimpleQueue[CodedFrame | CameraError | None] = queue.SimpleQueue()
        self._number = 0

    def feed(self, count: int = 1, *, between_keys: int = 5) -> None:
        for _ in range(count):
            key = self._number % between_keys == 0
            self._fed.put(CodedFrame(b"x", self._number * 3600, key, "h264", b"h" if key else b"", 0))
            self._number += 1

    def fail(self, error: CameraError) -> None:
        self._fed.put(error)

    def frames(self) -> Generator[CodedFrame, None, None]:
        while (fed := self._fed.get()) is not None:
            if isinstance(fed, CameraError):
                raise fed
            self.counters.documents += 1
            yield fed

    def interrupt(self) -> None:
        self.interrupted.set()
        self._fed.put(None)


class Tap:
    """Somebody who takes pictures."""

    def __init__(self) -> None:
        self.taken: list[int | None] = []
        """Numbers of the pictures; None stands for a loss."""

    def put(self, picture: Picture) -> None:
        self.taken.append(picture.pts // 3600)

    def lost(self) -> None:
        self.taken.append(None)


class Camera:
    """Live video, and the connections it has made."""

    def __init__(self) -> None:
        self.sources: list[Source] = []
        self.next: list[CameraError] = []
        """What the next connections end with at once."""
        self.at = 0.0
        self.deliveries = Deliveries()
        self.video = LiveVideo(
            self._open, camera="kiln", name="video", deliveries=self.deliveries, clock=lambda: self.at
        )

    def _open(self) -> Any:
        self.sources.append(Source())
        if self.next:
            self.sources[-1].fail(self.next.pop(0))
        else:
            self.sources[-1].feed()
        return self.sources[-1]

    def attach(self, **options: Any) -> Tap:
        tap = Tap()
        self.video.attach(tap, timeout=5, **options)
        return tap


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> Iterator[Camera]:
    monkeypatch.setattr(live_video, "Backoff", lambda cap: Backoff(first=0.01, cap=0.02))
    camera = Camera()
    yield camera
    camera.video.close()
    camera.deliveries.close()


def test_one_connection_for_all_and_none_for_nobody(camera: Camera, wait_for: Wait) -> None:
    first = camera.attach()
    second = camera.attach()
    camera.sources[0].feed(3)
    wait_for(lambda: first.taken == [0, 1, 2, 3])
    assert second.taken in ([0, 1, 2, 3], [1, 2, 3])

    camera.video.detach(first)
    camera.sources[0].feed()
    wait_for(lambda: second.taken and second.taken[-1] == 4)
    assert first.taken[-1] == 3
    assert len(camera.sources) == 1

    camera.video.detach(second)
    camera.video.detach(second)
    assert camera.sources[0].interrupted.wait(5)
    third = camera.attach()
    assert len(camera.sources) == 2
    wait_for(lambda: third.taken == [0])


def test_why_there_is_no_picture_is_raised_at_once(camera: Camera) -> None:
    camera.next = [Busy("kiln: no room")]

    with pytest.raises(Busy):
        camera.attach()

    assert camera.sources[0].counters.documents == 0


def test_a_camera_that_says_nothing_is_unreachable_after_the_timeout(camera: Camera) -> None:
    camera.next = [Unreachable("x")]
    camera.sources = []
    quiet = LiveVideo(Source, camera="kiln", name="video", deliveries=camera.deliveries)
    with pytest.raises(Unreachable, match=r"kiln: video: no picture within 0\.05 s"):
        quiet.attach(Tap(), timeout=0.05)
    quiet.close()


def test_a_loss_is_told_and_the_pictures_come_back(camera: Camera, wait_for: Wait) -> None:
    tap = camera.attach()
    wait_for(lambda: tap.taken == [0])
    camera.next = [Unreachable("kiln: still restarting"), Busy("kiln: starting")]
    camera.sources[0].fail(Unreachable("kiln: lost"))

    wait_for(lambda: len(camera.sources) == 4 and tap.taken[-1] == 0, what="the fourth connection")

    assert [number for number in tap.taken if number is not None] == [0, 0]
    assert tap.taken[1] is None


def test_who_comes_while_the_camera_is_away_is_told_why(camera: Camera, wait_for: Wait) -> None:
    camera.video._stream._backoff = Backoff(first=60.0)
    waiting = camera.attach()
    camera.sources[0].fail(Unreachable("kiln: lost"))
    wait_for(lambda: waiting.taken and waiting.taken[-1] is None)

    with pytest.raises(Unreachable, match="lost"):
        camera.video.attach(Tap(), timeout=0.05)
    assert waiting in camera.video._taps


def test_seconds_are_kept_only_while_somebody_asks_for_it(camera: Camera, wait_for: Wait) -> None:
    plain = camera.attach()
    camera.sources[0].feed(9)
    wait_for(lambda: len(plain.taken) == 10)
    assert camera.attach(pre_roll=10.0).taken == []

    keeper = camera.attach(keep=0.6)
    camera.sources[0].feed(40)  # 10…49, a key picture each fifth of a second
    wait_for(lambda: keeper.taken and keeper.taken[-1] == 49)
    camera.at = 50 * 0.04

    late = camera.attach(pre_roll=0.5)
    assert late.taken == list(range(35, 50))  # from the key picture before the half second on
    assert camera.attach(pre_roll=100.0).taken[0] == 30  # more than 0.6 s is not kept, but for whole groups
    camera.video.detach(keeper, keep=0.6)
    assert camera.attach(pre_roll=0.5).taken == []


def test_what_is_kept_has_a_bound(camera: Camera, wait_for: Wait, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_video, "MOST_KEPT_BYTES", 20)
    keeper = camera.attach(keep=60.0)
    camera.sources[0].feed(100)
    wait_for(lambda: len(keeper.taken) == 101)

    assert len(camera.attach(pre_roll=60.0).taken) <= 20


def test_an_old_connection_that_ends_late_does_not_disturb_the_new_one(camera: Camera, wait_for: Wait) -> None:
    first = camera.attach()
    old = camera.video._pump
    camera.video.detach(first)
    second = camera.attach()
    wait_for(lambda: second.taken == [0])
    assert old is not None

    camera.video.began(old)
    camera.video.take(old, [Picture(b"old", True, 9, 9, 0.0, "h264")])
    camera.video.ended(old, Unreachable("old"))

    assert second.taken == [0]
    assert camera.video._playing


def test_other_settings_connect_anew_under_the_same_taps(camera: Camera, wait_for: Wait) -> None:
    tap = camera.attach()
    wait_for(lambda: tap.taken == [0])

    camera.video.reopen()

    wait_for(lambda: tap.taken == [0, None, 0])


def test_closing_frees_who_waits_and_takes_nobody_in(camera: Camera) -> None:
    quiet = LiveVideo(Source, camera="kiln", name="video", deliveries=camera.deliveries)
    errors: list[BaseException] = []

    def attach() -> None:
        try:
            quiet.attach(Tap(), timeout=20)
        except CameraError as error:
            errors.append(error)

    thread = threading.Thread(target=attach)
    thread.start()
    while not quiet._taps:
        pass
    quiet.close()
    thread.join(5)

    assert "closed" in str(errors[0])
    with pytest.raises(WrongUse):
        quiet.attach(Tap(), timeout=1)
