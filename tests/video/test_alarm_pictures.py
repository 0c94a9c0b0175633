"""Alarms drawn into their pictures: which pictures, by whom, and that nothing waits for it."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from nvr_hooks import AlarmPicture, Event, FireAlarm, Target
from PIL import Image

from hik_thermal_plugin.alarm_pictures import MOST_WAITING, AlarmPictures

WaitFor = Callable[..., None]


def jpeg() -> bytes:
    found = io.BytesIO()
    Image.new("RGB", (64, 48), (40, 40, 40)).save(found, "jpeg")
    return found.getvalue()


JPEG = jpeg()
TARGET = Target(region=((0.1, 0.1), (0.8, 0.1), (0.8, 0.8)), celsius=300.0)


class Stage:
    """A camera's pictures, and who is told."""

    def __init__(self) -> None:
        self.told: list[Event] = []
        self.pictures = AlarmPictures("kiln", self.told.append)
        self.pictures.configure(wanted=True)
        self.alarm = FireAlarm(camera="kiln", raw_type="fireDetection", targets=(TARGET,))
        assert self.at_once(self.alarm) is self.alarm

    def at_once(self, event: Event) -> Event | None:
        return self.pictures.through(event, event)

    def picture(self, data: bytes = JPEG, **more: Any) -> AlarmPicture:
        return AlarmPicture(**{"camera": "kiln", "alarm_id": self.alarm.id, "data": data, "length": len(data)} | more)


@pytest.fixture
def stage() -> Iterator[Stage]:
    found = Stage()
    yield found
    found.pictures.close()


def test_a_picture_is_told_when_it_is_drawn(stage: Stage, wait_for: WaitFor) -> None:
    assert stage.at_once(stage.picture()) is None
    wait_for(lambda: stage.told)
    (drawn,) = stage.told
    assert isinstance(drawn, AlarmPicture)
    assert drawn.data != JPEG
    assert drawn.length == len(drawn.data)
    assert stage.pictures.is_drawn(drawn)


def test_what_is_not_drawn_into_goes_on_at_once(stage: Stage) -> None:
    for event in (
        stage.picture(view="visible"),
        stage.picture(alarm_id="another"),
        stage.picture(content_type="image/png"),
    ):
        assert stage.at_once(event) is event


def test_of_two_pictures_nobody_can_tell_apart_the_first_alone_is_drawn_into(stage: Stage, wait_for: WaitFor) -> None:
    assert stage.at_once(stage.picture()) is None
    second = stage.picture()
    assert stage.at_once(second) is second
    assert stage.at_once(stage.picture(view="thermal")) is None
    wait_for(lambda: len(stage.told) == 2)


def test_a_picture_that_is_none_is_told_as_it_came(
    stage: Stage, wait_for: WaitFor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    broken = stage.picture(b"no picture")
    assert stage.at_once(broken) is None
    wait_for(lambda: stage.told == [broken])
    assert "kiln: a picture that cannot be decoded" in caplog.text


def test_nothing_waits_for_a_drawing(stage: Stage, wait_for: WaitFor, monkeypatch: pytest.MonkeyPatch) -> None:
    going_on, let = threading.Event(), threading.Event()

    def slow(self: AlarmPictures, picture: AlarmPicture, alarm: FireAlarm) -> AlarmPicture:
        going_on.set()
        assert let.wait(10)
        return picture

    monkeypatch.setattr(AlarmPictures, "_with_marks", slow)
    for number in range(MOST_WAITING + 1):
        assert stage.at_once(stage.picture(view="thermal", name=str(number))) is None
        assert going_on.wait(10)
    beyond = stage.picture(view="thermal")
    assert stage.at_once(beyond) is beyond, "there is no room to wait"
    assert stage.at_once(stage.alarm) is stage.alarm
    let.set()
    wait_for(lambda: len(stage.told) == MOST_WAITING + 1)
    assert [event.name for event in stage.told if isinstance(event, AlarmPicture)] == [
        str(number) for number in range(MOST_WAITING + 1)
    ]


def test_where_drawing_is_not_wanted_or_not_possible_everything_goes_on(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stage.pictures.configure(wanted=False)
    event = stage.picture()
    assert stage.at_once(event) is event
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    stage.pictures.configure(wanted=True)
    assert stage.at_once(event) is event
    assert "kiln: " in caplog.text


def test_the_end_takes_what_waits_with_it(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    let = threading.Event()
    monkeypatch.setattr(AlarmPictures, "_with_marks", lambda self, picture, alarm: let.wait(10) and picture)
    for _ in range(3):
        stage.at_once(stage.picture(view="thermal"))
    stage.pictures.interrupt()
    let.set()
    stage.pictures.close()
    assert len(stage.told) <= 1
    event = stage.picture(view="thermal")
    assert stage.at_once(event) is event
