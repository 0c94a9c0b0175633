"""Which transport serves what: the configured order, what one does not have goes to the next, and every other error is the answer."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Generator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest
from nvr_hooks import ConfigError, Event, MotionAlarm, RecordedFile, Transport, Unreachable, Unsupported
from nvr_hooks.secrets import Secret

from hik_thermal_plugin.config import CameraSettings, camera_settings
from hik_thermal_plugin.device import Device
from hik_thermal_plugin.transport import Diagnosis, Identity
from hik_thermal_plugin.transports import Transports

KILN = {"url": "https://192.0.2.7:8443", "username": "admin", "password": Secret("x")}
SDK = {"path": "/opt/hcnetsdk"}
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Source:
    counters: Any = "counted"
    ending = "ended"
    fell_silent = False

    def __init__(self, name: str, problem: Exception | None) -> None:
        self.name = name
        self.problem = problem
        self.interrupted = False

    def events(self) -> Generator[Event, None, None]:
        if self.problem is not None:
            raise self.problem
        yield MotionAlarm(camera=self.name)

    frames: Any = events

    def interrupt(self) -> None:
        self.interrupted = True


class Way:
    """A transport that has everything but what `lacks` names, whose every answer is its name."""

    def __init__(self, name: Transport, lacks: Sequence[str] = (), problem: Exception | None = None) -> None:
        self.name = name
        self.lacks = lacks
        self.problem = problem
        self.closed = 0

    def serves(self, capability: str) -> Transport | None:
        return None if capability in self.lacks else self.name

    def _answer(self, *_: Any, **__: Any) -> Any:
        if self.problem is not None:
            raise self.problem
        return self.name

    identify = snapshot = frame = rules = diagnose = capture = stream_url = change_rules = click = manual = (
        player_picture
    ) = _answer

    def temperatures(self, *_: Any) -> Source:
        return Source(self.name, self.problem)

    video = alarms = playback = temperatures

    def recording(self, channel: int, target: Path, options: Any, deadline: float) -> Any:
        return "recorded" if self.name == "sdk" else None

    def close(self) -> None:
        self.closed += 1


def transports(isapi: Way, sdk: Way, **orders: tuple[Transport, ...]) -> Transports:
    order: Mapping[str, tuple[Transport, ...]] = {"default": ("isapi", "sdk"), **orders}
    both: Any = {"isapi": isapi, "sdk": sdk}
    return Transports("kiln", both, lambda capability: order.get(capability, order["default"]))


class Doctored(Way):
    """One that can be looked at."""

    def diagnose(self, *_: Any, **__: Any) -> Diagnosis:
        self._answer()
        return Diagnosis(findings=(), facts={"clock": "right"}, offers={})

    def presence(self, deadline: float) -> Mapping[str, str]:
        self._answer()
        return {self.name: "answers"}


LACKING = Unsupported("kiln: has no such thing")


def test_the_first_that_has_it_serves() -> None:
    found = transports(Way("isapi", ["thermal_frame"]), Way("sdk"), snapshot=("sdk", "isapi"))

    assert [found.serves(name) for name in ("alarms", "thermal_frame", "snapshot")] == ["isapi", "sdk", "sdk"]
    assert [found.name, found.rules(2, 0.0), found.frame(2, 0.0), found.snapshot(2, 201, 0.0)] == [
        "isapi",
        "isapi",
        "sdk",
        "sdk",
    ]


def test_a_look_tells_of_the_other_transports_whether_they_answer() -> None:
    def facts(isapi: Way, sdk: Way) -> Mapping[str, str]:
        return transports(isapi, sdk).diagnose(Identity(), 2, 0.0, metadata_wanted=False).facts

    away = Unreachable("kiln: no answer (10)")
    assert facts(Doctored("isapi"), Doctored("sdk")) == {"clock": "right", "sdk": "answers"}
    assert facts(Doctored("isapi"), Doctored("sdk", problem=away))["sdk"] == "does not answer: kiln: no answer (10)"
    assert facts(Doctored("isapi", problem=LACKING), Doctored("sdk"))["isapi"] == f"does not answer: {LACKING}"


def test_what_the_device_lacks_over_one_is_asked_for_over_the_next_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = transports(Way("isapi", problem=LACKING), Way("sdk"))
    with caplog.at_level(logging.INFO):
        answers = [found.frame(2, 0.0) for _ in range(3)]

    assert answers == ["sdk"] * 3
    assert [record.getMessage() for record in caplog.records] == [
        "kiln: thermal frame over another transport: kiln: has no such thing"
    ]


def test_when_none_has_it_every_reason_is_told() -> None:
    found = transports(
        Way("isapi", problem=LACKING), Way("sdk", problem=Unsupported("kiln: not with sdk.login: isapi"))
    )

    with pytest.raises(Unsupported, match=r"^kiln: has no such thing; kiln: not with sdk\.login: isapi$"):
        found.frame(2, 0.0)


def test_other_errors_are_the_answer() -> None:
    found = transports(Way("isapi", problem=Unreachable("kiln: away")), Way("sdk"))

    with pytest.raises(Unreachable):
        found.frame(2, 0.0)


def test_writing_goes_over_one_transport_only() -> None:
    found = transports(Way("isapi", problem=LACKING), Way("sdk"))

    with pytest.raises(Unsupported):
        found.change_rules(2, {}, dry_run=False, deadline=0.0)


def test_live_sources_go_over_to_the_next() -> None:
    found = transports(Way("isapi", problem=LACKING), Way("sdk"))
    compute: Any = None

    assert [event.camera for event in found.temperatures("realtime", 2, compute).events()] == ["sdk"]
    assert [getattr(frame, "camera", None) for frame in found.video(2, "main").frames()] == ["sdk"]
    assert found.video(2, "main").ending == "ended"
    with pytest.raises(Unsupported, match="has no such thing"):
        list(
            transports(Way("isapi", problem=LACKING), Way("sdk", problem=LACKING))
            .temperatures("poll", 2, compute)
            .events()
        )


def test_a_recording_with_an_address_is_played_from_there() -> None:
    found = transports(Way("isapi"), Way("sdk"), playback=("sdk", "isapi"))
    file = RecordedFile(camera="kiln", channel=2, track=201, start=NOON, end=NOON, name="x")
    addressed = dataclasses.replace(file, playback_uri="rtsp://192.0.2.7/Streaming/tracks/201")

    assert [frame.camera for frame in found.playback(201, addressed, None).frames()] == ["isapi"]  # type: ignore[attr-defined]
    assert [frame.camera for frame in found.playback(201, file, None).frames()] == ["sdk"]  # type: ignore[attr-defined]


def test_an_interrupted_source_goes_nowhere() -> None:
    source = transports(Way("isapi", problem=LACKING), Way("sdk")).temperatures("realtime", 2, lambda *_: ())
    source.interrupt()

    assert list(source.events()) == []


def test_recordings_of_its_own_are_made_by_the_transport_of_live_video() -> None:
    class Options:
        container: Literal["ps", "3gp"] = "ps"

    options: Any = Options()
    found = transports(Way("isapi"), Way("sdk"))
    assert found.recording(2, Path("x"), options, 0.0) is None
    assert transports(Way("isapi"), Way("sdk"), live=("sdk",)).recording(2, Path("x"), options, 0.0) == "recorded"
    options.container = "3gp"
    assert found.recording(2, Path("x"), options, 0.0) == "recorded"


def test_all_are_closed() -> None:
    isapi, sdk = Way("isapi"), Way("sdk")
    transports(isapi, sdk).close()

    assert (isapi.closed, sdk.closed) == (1, 1)


def settings(**changes: Any) -> CameraSettings:
    return camera_settings(KILN | changes)


def test_orders_are_configured_for_all_or_per_capability() -> None:
    plain = settings()
    both = settings(transport=["isapi", "sdk"], sdk=SDK)
    each = settings(transport={"alarms": "sdk", "live": ["sdk", "isapi"], "default": "isapi"}, sdk=SDK)

    assert (plain.transports("alarms"), plain.all_transports) == (("isapi",), ("isapi",))
    assert (both.transports("alarms"), both.transports()) == (("isapi", "sdk"),) * 2
    assert [each.transports(name) for name in ("alarms", "live", "rules")] == [("sdk",), ("sdk", "isapi"), ("isapi",)]
    assert each.all_transports == ("isapi", "sdk")
    assert settings(transport={"alarms": "sdk"}, sdk=SDK).transports("rules") == ("isapi",)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"transport": ["sdk"]}, "sdk.path has to name the folder"),
        ({"transport": {"alarms": ["isapi", "sdk"]}}, "sdk.path has to name the folder"),
        ({"transport": ["isapi", "isapi"]}, "one of them twice"),
        ({"transport": []}, "transport"),
        ({"transport": ["onvif"]}, "transport"),
        ({"transport": {"alarm": "isapi"}}, "alarm"),
        ({"sdk": {"port": 0}}, "sdk.port"),
        ({"sdk": {"login": "adaptive"}}, "sdk.login"),
        ({"sdk": {"paths": "/x"}}, "path"),
    ],
)
def test_mistakes_are_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        settings(**changes)


@pytest.mark.parametrize(
    ("sdk", "port", "tls"),
    [
        ({}, 8000, False),
        ({"port": 8001, "tls": True}, 8001, True),
        ({"login": "isapi"}, 8443, True),
        ({"login": "isapi", "tls": False, "port": 80}, 80, False),
    ],
)
def test_where_the_library_logs_in(sdk: dict[str, Any], port: int, tls: bool, tmp_path: Path) -> None:
    device = Device("kiln", settings(transport="sdk", sdk=SDK | sdk), tmp_path)
    access = device.transport._session.access  # type: ignore[attr-defined]

    assert (access.host, access.port, access.tls, access.mode) == ("192.0.2.7", port, tls, sdk.get("login", "private"))
    assert device.alarm_source == "sdk"


def test_what_isapi_login_does_not_do_is_served_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "libhcnetsdk.so").write_bytes(b"\x7fELF\x02\x01\x01" + bytes(11) + b"\x3e\0" + bytes(40))
    for login, served in (("private", "sdk"), ("isapi", "isapi")):
        sdk = {"path": str(tmp_path), "login": login}
        device = Device("kiln", settings(transport=["sdk", "isapi"], sdk=sdk), tmp_path)
        assert device.transport.serves("realtime_thermometry") == served
        assert device.transport.serves("metadata") == "isapi"
        assert device.transport.serves("live") == "sdk"


def test_a_missing_library_leaves_its_turn_to_the_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    device = Device("kiln", settings(transport=["sdk", "isapi"], sdk={"path": str(tmp_path)}), tmp_path)

    assert device.alarm_source == "alert_stream"
    assert device.transport.serves("realtime_thermometry") == "isapi"
    assert f"the vendor library is missing: looked for {tmp_path}/libhcnetsdk.so" in caplog.text
