"""The section `hik_thermal`: all mistakes at once, each with its path; secrets never shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from nvr_hooks import ConfigError

from hik_thermal_plugin.config import read, schema
from hik_thermal_plugin.virtual import DifferenceRule, RiseRule, ThresholdRule


def camera(**more: Any) -> dict[str, Any]:
    return {"url": "http://192.0.2.10", "username": "admin", "password": "${env:KILN_PASSWORD}"} | more


def mistakes(section: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read({"hik_thermal": section})
    return [str(mistake) for mistake in caught.value.mistakes]


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    monkeypatch.setenv("KILN_PASSWORD", secret)


def test_the_smallest_configuration_is_enough(secret: str) -> None:
    settings = read({"mqtt": {"host": "127.0.0.1"}, "hik_thermal": {"cameras": {"kiln": camera()}}})
    kiln = settings.driver.cameras["kiln"]
    assert (kiln.url, kiln.username, kiln.timeout, kiln.rtsp_port) == ("http://192.0.2.10", "admin", 10.0, 554)
    assert kiln.tls.verify
    assert kiln.password.reveal() == secret
    assert secret not in f"{settings!r} {settings}"


def test_without_a_section_there_are_no_cameras(tmp_path: Path) -> None:
    settings = read({"state_dir": str(tmp_path)})
    assert settings.driver.cameras == {}
    assert settings.state_dir == tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"url": "192.0.2.10"}, "hik_thermal.cameras.kiln.url: expected an address like http://192.0.2.10"),
        ({"url": "http://u:p@192.0.2.10"}, "hik_thermal.cameras.kiln.url: user and password have keys of their own"),
        ({"url": "http://192.0.2.10/ISAPI"}, "hik_thermal.cameras.kiln.url: expected only scheme, host and port"),
        ({"url": "http://192.0.2.10:99999"}, "hik_thermal.cameras.kiln.url: the port is no number from 1 to 65535"),
        ({"pasword": "x"}, 'hik_thermal.cameras.kiln.pasword: unknown key; did you mean "password"?'),
        ({"rtsp_port": 0}, "hik_thermal.cameras.kiln.rtsp_port: expected a number from 1 to 65535, got 0"),
        (
            {"timeout": "soon"},
            'hik_thermal.cameras.kiln.timeout: expected a number above 0 and at most 120, got "soon"',
        ),
        ({"data_channel": 65}, "hik_thermal.cameras.kiln.data_channel: expected a number from 1 to 64, got 65"),
        ({"config_channel": 0}, "hik_thermal.cameras.kiln.config_channel: expected a number from 1 to 64, got 0"),
        (
            {"temperature": {"source": "sdk"}},
            'hik_thermal.cameras.kiln.temperature.source: expected one of "auto", "realtime", "metadata", "poll", "frame", got "sdk"',
        ),
        (
            {"temperature": {"poll_interval": 60}},
            "hik_thermal.cameras.kiln.temperature.poll_interval: expected a number from 0.2 to 5, got 60",
        ),
        (
            {"temperature": {"source": "poll"}, "sources": ["alert_stream", "realtime"]},
            "hik_thermal.cameras.kiln: temperature.source is poll, which sources does not list",
        ),
        (
            {"metadata": {"enable": True}, "sources": ["alert_stream", "realtime"]},
            "hik_thermal.cameras.kiln: metadata.enable is true, but sources does not list metadata",
        ),
        ({"sources": ["realtime"]}, "hik_thermal.cameras.kiln: sources has to list alert_stream"),
        ({"tls": {"verify": "maybe"}}, 'hik_thermal.cameras.kiln.tls.verify: expected true or false, got "maybe"'),
        (
            {"tls": {"fingerprint": "AB:CD"}},
            "hik_thermal.cameras.kiln.tls.fingerprint: expected a SHA-256 fingerprint, 64 hexadecimal digits like AB:CD",
        ),
        (
            {"tls": {"ca": "/nowhere/ca.pem"}},
            "hik_thermal.cameras.kiln.tls.ca: cannot read the file /nowhere/ca.pem: No such file or directory",
        ),
        ({"tls": {"ca": __file__}}, "hik_thermal.cameras.kiln.tls.ca: there is no certificate in PEM in "),
        (
            {"password": "${env:NOT_SET}"},
            "hik_thermal.cameras.kiln.password: the environment variable NOT_SET is not set",
        ),
        ({"password": 12345678}, "hik_thermal.cameras.kiln.password: expected a text"),
    ],
)
def test_each_mistake_names_its_path_and_what_is_expected(change: dict[str, Any], told: str) -> None:
    found = mistakes({"cameras": {"kiln": camera(**change)}})
    assert len(found) == 1
    assert found[0].startswith(told)
    assert "12345678" not in found[0]


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"type": "threshold"}, ".alarm: missing; expected a number"),
        ({"type": "sudden", "alarm": 1}, '.type: expected one of "threshold", "difference", "rise", got "sudden"'),
        ({"type": "threshold", "alarm": 80, "rule": 0}, ".rule: expected a number from 1 to 255, got 0"),
        (
            {"type": "threshold", "alarm": 80, "pre_alarm": 90},
            ": the pre-alarm (90) must come before the alarm (80, above)",
        ),
        (
            {"type": "threshold", "alarm": 8, "pre_alarm": 7, "condition": "below"},
            ": the pre-alarm (7) must come before the alarm (8, below)",
        ),
        ({"type": "threshold", "alarm": 80, "hold": -1}, ".hold: expected a number from 0 to 86400, got -1"),
        ({"type": "threshold", "alarm": 80, "other_rule": 2}, ": other_rule and absolute go with type difference"),
        ({"type": "difference", "alarm": 5, "rule": 1}, ": a difference needs rule and other_rule"),
        (
            {"type": "difference", "alarm": 5, "rule": 1, "other_rule": 1, "window": 5},
            ": window goes with type rise; a rule compared with itself (1)",
        ),
        ({"type": "rise", "alarm": 5, "window": 0}, ".window: expected a number above 0 and at most 3600, got 0"),
        ({"type": "threshold", "alarm": 80, "limit": 3}, ".limit: unknown key; known are"),
        ({"type": "threshold", "alarm": float("nan")}, ": limits and times must be finite numbers"),
    ],
)
def test_mistakes_in_a_virtual_rule_name_their_place(rule: dict[str, Any], told: str) -> None:
    (found,) = mistakes({"cameras": {"kiln": camera(virtual_rules={"door": rule})}})
    assert found.startswith(f"hik_thermal.cameras.kiln.virtual_rules.door{told}")


def test_virtual_rules_are_made_as_configured() -> None:
    raw = {
        "door": {"type": "threshold", "rule": 1, "pre_alarm": 60, "alarm": 80, "hysteresis": 2, "delay": 3, "hold": 4},
        "pair": {"type": "difference", "rule": 1, "other_rule": 2, "alarm": 10, "absolute": True, "channel": 2},
        "warming": {"type": "rise", "alarm": 5, "window": 30, "quantity": "average"},
    }
    settings = read({"hik_thermal": {"cameras": {"kiln": camera(virtual_rules=raw)}}})
    assert settings.driver.cameras["kiln"].rules_of_our_own == (
        ThresholdRule(
            name="door", rule=1, pre_alarm=60.0, alarm=80.0, hysteresis=2.0, delay_seconds=3.0, hold_seconds=4.0
        ),
        DifferenceRule(name="pair", rule=1, other_rule=2, alarm=10.0, absolute=True, channel=2),
        RiseRule(name="warming", rule=None, alarm=5.0, window_seconds=30.0, quantity="average"),
    )


def test_the_sources_of_temperatures_are_tried_best_first() -> None:
    def sources(**more: Any) -> tuple[str, ...]:
        return read({"hik_thermal": {"cameras": {"kiln": camera(**more)}}}).driver.cameras["kiln"].temperature_sources

    assert sources() == ("realtime", "metadata", "poll", "frame")
    assert sources(sources=["frame", "realtime", "alert_stream"]) == ("realtime", "frame")
    assert sources(temperature={"source": "frame"}) == ("frame",)
    assert sources(sources=["alert_stream"]) == ()


def test_all_mistakes_come_at_once() -> None:
    found = mistakes({"cameras": {"a": camera(url="x"), "b": camera(timeout=-1), "c": 3}, "camera": {}})
    assert [line.partition(": ")[0] for line in found] == [
        "hik_thermal.cameras.a.url",
        "hik_thermal.cameras.b.timeout",
        "hik_thermal.cameras.c",
        "hik_thermal.camera",
    ]


def test_a_password_from_a_file_is_used_without_its_line_end(tmp_path: Path, secret: str) -> None:
    file = tmp_path / "password"
    file.write_text(secret + "\n")
    settings = read({"hik_thermal": {"cameras": {"kiln": camera(password=f"${{file:{file}}}")}}})
    assert settings.driver.cameras["kiln"].password.reveal() == secret


def test_ipv6_and_https_addresses_are_taken() -> None:
    settings = read({"hik_thermal": {"cameras": {"kiln": camera(url="https://[2001:db8::1]:8443/")}}})
    assert settings.driver.cameras["kiln"].url == "https://[2001:db8::1]:8443"


def test_the_schema_hides_no_key_and_marks_the_password() -> None:
    found = schema()["$defs"]["CameraSettings"]["properties"]
    assert set(found) >= {"url", "username", "password", "timeout", "tls"}
    assert found["password"]["writeOnly"] is True
