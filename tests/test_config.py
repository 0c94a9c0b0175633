"""The section `hik_thermal`: all mistakes at once, each with its path; secrets never shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from nvr_hooks import ConfigError

from hik_thermal_plugin.config import read, schema


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


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"url": "192.0.2.10"}, "hik_thermal.cameras.kiln.url: expected an address like http://192.0.2.10"),
        ({"url": "http://u:p@192.0.2.10"}, "hik_thermal.cameras.kiln.url: user and password have keys of their own"),
        ({"url": "http://192.0.2.10/ISAPI"}, "hik_thermal.cameras.kiln.url: expected only scheme, host and port"),
        ({"url": "http://192.0.2.10:99999"}, "hik_thermal.cameras.kiln.url: the port is no number from 1 to 65535"),
        ({"pasword": "x"}, 'hik_thermal.cameras.kiln.pasword: unknown key; did you mean "password"?'),
        ({"rtsp_port": 0}, "hik_thermal.cameras.kiln.rtsp_port: expected a number from 1 to 65535, got 0"),
        ({"timeout": "soon"}, 'hik_thermal.cameras.kiln.timeout: expected a number above 0 and at most 120, got "soon"'),
        ({"data_channel": 65}, "hik_thermal.cameras.kiln.data_channel: expected a number from 1 to 64, got 65"),
        ({"tls": {"verify": "maybe"}}, 'hik_thermal.cameras.kiln.tls.verify: expected true or false, got "maybe"'),
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
