"""probe, cameras, urls, snapshot and watch, against cameras that are none."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from nvr_hooks.testing import JPEG


def site(**cameras: Any) -> dict[str, Any]:
    return {"fake": {"cameras": cameras}}


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_probe_takes_the_password_from_the_environment(hik: Any, monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    monkeypatch.setenv("HIK_THERMAL_PASSWORD", secret)
    ended = hik("probe", "http://192.0.2.7", "--username", "viewer", "--json")
    found = json.loads(ended.out)

    assert ended.code == 0
    assert (found["url"], found["device_name"]) == ("http://192.0.2.7", f"viewer {len(secret)}")


def test_probe_shows_a_table_to_people(hik: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIK_THERMAL_PASSWORD", "x")
    out = hik("probe", "http://192.0.2.7").out

    assert "FAKE-1" in out
    assert "1 visible, 2 thermal" in out
    assert "admin 1" in out


def test_probe_without_a_terminal_says_where_the_password_comes_from(hik: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HIK_THERMAL_PASSWORD", raising=False)
    with Path("/dev/null").open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        ended = hik("probe", "http://192.0.2.7")

    assert ended.code == 2
    assert "$HIK_THERMAL_PASSWORD" in ended.err


def test_probe_refuses_a_password_on_the_command_line_and_does_not_repeat_it(hik: Any, secret: str) -> None:
    ended = hik("probe", f"http://admin:{secret.replace('/', '%2F')}@192.0.2.7")

    assert ended.code == 2
    assert "--username" in ended.err
    assert "s3cr3t" not in ended.err


@pytest.mark.parametrize(("url", "code"), [("192.0.2.7", 2), ("http://198.51.100.1", 5)])
def test_probe_says_when_it_is_no_address_or_nobody_s_device(
    hik: Any, monkeypatch: pytest.MonkeyPatch, url: str, code: int
) -> None:
    monkeypatch.setenv("HIK_THERMAL_PASSWORD", "x")

    assert hik("probe", url).code == code


def test_probe_uses_a_configuration_that_is_there_and_needs_none(hik: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIK_THERMAL_PASSWORD", "x")
    hik("probe", "http://192.0.2.7", config=site(kiln={}))

    assert list(hik.cameras.cameras) == ["kiln"]
    assert hik("probe", "http://192.0.2.7", config="{").code == 0
    assert hik("probe", "http://192.0.2.7", "-c", "absent.yaml").code == 2


def test_cameras_lists_what_is_known(hik: Any) -> None:
    ended = hik("cameras", "--json", config=site(yard={}, kiln={}))
    found = json.loads(ended.out)

    assert [camera["name"] for camera in found] == ["kiln", "yard"]
    assert found[0]["model"] == "FAKE-1"
    assert found[0]["state"] == "online"
    assert found[0]["reason"] is None
    assert "1 visible, 2 thermal" in hik("cameras").out


def test_cameras_tells_why_a_camera_is_not_known(hik: Any) -> None:
    config = site(kiln={"unknown": 1, "connection": "auth_blocked", "reason": "kiln: wrong password?"}, yard={})
    ended = hik("cameras", "--json", config=config)
    kiln, yard = json.loads(ended.out)

    assert ended.code == 0
    assert (kiln["state"], kiln["reason"], kiln["model"]) == ("auth_blocked", "kiln: wrong password?", None)
    assert yard["state"] == "online"


def test_cameras_waits_no_longer_than_the_timeout(hik: Any) -> None:
    began = time.monotonic()
    ended = hik("cameras", "--json", "--timeout", "0.2", config=site(kiln={"unknown": 1, "connection": "online"}))

    assert ended.code == 0
    (kiln,) = json.loads(ended.out)
    assert (kiln["channels"], kiln["reason"]) == (None, "kiln: did not tell its channels within 0.2 s")
    assert 0.2 <= time.monotonic() - began < 5


def test_cameras_offline_asks_nobody(hik: Any) -> None:
    config = site(kiln={"unknown": 1, "connection": "offline", "reason": "gone"})
    ended = hik("cameras", "--offline", "--json", config=config)

    assert json.loads(ended.out)[0]["reason"] is None
    assert hik.cameras.cameras["kiln"].listeners == []


def test_cameras_closes_its_subscriptions(hik: Any) -> None:
    hik("cameras", "--timeout", "0.1", config=site(kiln={"unknown": 1}))

    assert [subscription.state for subscription in hik.cameras.cameras["kiln"].listeners] == ["closed"]


def test_urls_are_printed_one_a_line_without_credentials(hik: Any) -> None:
    ended = hik("urls", "kiln", config=site(kiln={}))

    assert ended.out == "rtsp://192.0.2.1/1/main\nrtsp://192.0.2.1/2/main\n"


def test_urls_with_credentials_are_ready_for_a_player(hik: Any) -> None:
    ended = hik("urls", "kiln", "--with-credentials", "--channel", "2", config=site(kiln={}))

    assert ended.out == "rtsp://user:p%2Fw@192.0.2.1/2/main\n"


@pytest.mark.parametrize(("channel", "numbers"), [("thermal", [2]), ("visible", [1]), ("1", [1]), (None, [1, 2])])
@pytest.mark.parametrize("unknown", [None, "asked"])
def test_urls_of_a_channel(hik: Any, channel: str | None, numbers: list[int], unknown: str | None) -> None:
    arguments = ["--channel", channel] if channel else []
    ended = hik("urls", "kiln", "--json", *arguments, config=site(kiln={"unknown": unknown}))

    assert [item["channel"] for item in json.loads(ended.out)] == numbers
    assert json.loads(ended.out)[0]["camera"] == "kiln"


def test_a_camera_that_cannot_be_asked_for_its_channels_fails_with_its_own_reason(hik: Any) -> None:
    offline = {"unknown": 1, "connection": "offline", "reason": "kiln: no route to host"}
    ended = hik("urls", "kiln", config=site(kiln=offline))
    refused = hik("urls", "kiln", config=site(kiln={**offline, "connection": "auth_blocked"}))
    silent = hik(
        "snapshot", "kiln", "-o", "x", "--channel", "visible", "--timeout", "0.1", config=site(kiln={"unknown": 1})
    )

    assert (ended.code, ended.err) == (3, "hik-thermal: kiln: no route to host\n")
    assert refused.code == 4
    assert (silent.code, silent.err) == (3, "hik-thermal: kiln: did not tell its channels within 0.1 s\n")


def test_snapshot_writes_a_file_and_tells_of_it(hik: Any, tmp_path: Path) -> None:
    ended = hik("snapshot", "kiln", "-o", "kiln.jpg", "--json", config=site(kiln={}))
    told = json.loads(ended.out)

    assert (tmp_path / "kiln.jpg").read_bytes() == JPEG
    assert told.pop("taken_at").endswith("Z")
    assert told == {
        "camera": "kiln",
        "channel": 2,
        "file": "kiln.jpg",
        "content_type": "image/jpeg",
        "bytes": len(JPEG),
        "source": "picture",
    }
    assert "kiln.jpg: image/jpeg" in hik("snapshot", "kiln", "-o", "kiln.jpg").out
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["config.yaml", "kiln.jpg"]


def test_snapshot_of_the_visible_channel(hik: Any) -> None:
    ended = hik("snapshot", "kiln", "-o", "x.jpg", "--json", "--channel", "visible", config=site(kiln={}))

    assert json.loads(ended.out)["channel"] == 1


@pytest.mark.parametrize(
    "arguments", [["-o", "x.bmp"], ["-o", "x.jpg", "--source", "stream"], ["-o", "x.jpg", "--overlay"]]
)
def test_snapshot_hands_its_options_on(hik: Any, arguments: list[str]) -> None:
    ended = hik("snapshot", "kiln", *arguments, config=site(kiln={}))

    assert ended.code == 5
    assert "one JPEG picture" in ended.err


@pytest.mark.slow
def test_snapshot_to_stdout_is_the_picture_alone(start: Any) -> None:
    process = start("snapshot", "kiln", "-o", "-", config=site(kiln={}))
    out = process.stdout.buffer.read()

    assert process.wait(30) == 0
    assert out == JPEG


def test_snapshot_into_a_folder_that_is_not_there_is_wrong_use(hik: Any) -> None:
    ended = hik("snapshot", "kiln", "-o", "absent/x.jpg", config=site(kiln={}))

    assert (ended.code, ended.err) == (2, "hik-thermal: cannot write absent/x.jpg: No such file or directory\n")


def test_watch_prints_events_for_as_long_as_told(hik: Any) -> None:
    config = site(kiln={"connection": "online", "alarms": 2}, yard={"alarms": 1})
    ended = hik("watch", "--seconds", "0.1", "--json", config=config)
    plain = hik("watch", "kiln", "--seconds", "0.1")

    assert ended.code == 0
    assert [(event["camera"], event["type"]) for event in lines(ended.out)] == [
        ("kiln", "connection_changed"),
        ("kiln", "fire_alarm"),
        ("kiln", "fire_alarm"),
        ("yard", "fire_alarm"),
    ]
    assert "kiln/2 FIRE alarm, 101.0 °C" in plain.out
    assert "yard" not in plain.out


def test_watch_tells_who_a_camera_is_once(hik: Any) -> None:
    config = site(kiln={"connection": "online", "learns": ["M", "M", "N", "N"]})
    shown = [line.partition(" kiln ")[2] for line in hik("watch", "--seconds", "0.1", config=config).out.splitlines()]

    assert [line.split(",")[0] for line in shown if line.startswith("is ")] == ["is M", "is N"]


@pytest.mark.parametrize(("channel", "count"), [("thermal", 3), ("visible", 2), ("2", 3), ("7", 1)])
def test_watch_of_one_channel_still_tells_of_the_connection(hik: Any, channel: str, count: int) -> None:
    config = site(kiln={"connection": "online", "alarms": 2, "motion": 1})
    ended = hik("watch", "--seconds", "0.1", "--json", "--channel", channel, config=config)

    assert len(lines(ended.out)) == count


@pytest.mark.parametrize(("state", "code"), [("offline", 3), ("error", 3), ("auth_blocked", 4), ("starting", 0)])
def test_watch_that_reached_no_camera_in_its_time_has_failed(hik: Any, state: str, code: int) -> None:
    ended = hik("watch", "--seconds", "0.1", config=site(kiln={"connection": state, "reason": "kiln: why"}))

    assert ended.code == code
    assert "kiln: why" in ended.out


def test_watch_that_reached_one_of_its_cameras_has_not_failed(hik: Any) -> None:
    config = site(kiln={"connection": "offline"}, yard={"connection": "online"})

    assert hik("watch", "--seconds", "0.1", config=config).code == 0


@pytest.mark.slow
def test_watch_ends_with_the_error_of_the_last_camera_that_gave_up(hik: Any) -> None:
    ended = hik("watch", config=site(kiln={"alarms": 1, "ends": "unsupported"}))

    assert ended.code == 5
    assert "FIRE alarm" in ended.out
    assert ended.err == "hik-thermal: kiln: has no picture\n"


def test_watch_needs_a_camera(hik: Any) -> None:
    assert hik("watch", config=site()).code == 2
    assert hik("watch", "kilm", config=site(kiln={})).code == 2
