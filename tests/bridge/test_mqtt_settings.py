"""The section `mqtt`: defaults, every mistake at once, and no secret in sight."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from nvr_hooks import ConfigError

from hik_thermal_plugin.bridge.settings import BridgeSettings, read, schema

_PREFIX = "mqtt.prefix: expected the start of a topic like site/hik_thermal: no + or #, no / at an end, no $ in front"


def _read(**section: Any) -> BridgeSettings:
    settings = read({"mqtt": {"host": "broker", **section}})
    assert settings is not None
    return settings.bridge


def _mistakes(section: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read({"mqtt": section})
    return [str(mistake) for mistake in caught.value.mistakes]


def test_without_a_section_there_is_no_bridge() -> None:
    assert read({}) is None
    assert read({"hik_thermal": {}}) is None


def test_defaults(tmp_path: Path) -> None:
    settings = read({"mqtt": {"host": "127.0.0.1"}, "state_dir": str(tmp_path)})
    assert settings is not None
    bridge = settings.bridge
    assert (bridge.port_used, bridge.protocol, bridge.prefix, bridge.release_after) == (
        1883,
        "3.1.1",
        "hik_thermal",
        10,
    )
    assert (bridge.outbox.max_age, bridge.outbox.max_size) == (7 * 86400, 32_000_000)
    assert bridge.home_assistant.fire_class == "safety"
    assert settings.outbox_path == tmp_path / "mqtt-outbox-hik_thermal.db"
    assert bridge.address == "127.0.0.1:1883"


def test_tls_has_a_port_of_its_own() -> None:
    assert _read(tls={}).port_used == 8883
    assert _read(tls={}, port=1883).port_used == 1883


def test_the_client_id_is_of_this_host_and_prefix() -> None:
    assert _read().client_id_used == _read().client_id_used
    assert _read().client_id_used != _read(prefix="other").client_id_used
    assert _read(client_id="mine").client_id_used == "mine"


def test_two_prefixes_have_two_outboxes(tmp_path: Path) -> None:
    one, two = (
        read({"mqtt": {"host": "b", "prefix": prefix}, "state_dir": str(tmp_path)}) for prefix in ("a/x", "b/x")
    )
    assert one is not None
    assert two is not None
    assert one.outbox_path != two.outbox_path
    assert _named(tmp_path / "x.db") == tmp_path / "x.db"


def _named(path: Path) -> Path:
    settings = read({"mqtt": {"host": "b", "outbox": {"path": str(path)}}})
    assert settings is not None
    return settings.outbox_path


@pytest.mark.parametrize(
    ("text", "seconds"), [(90, 90), ("90s", 90), ("30m", 1800), ("12h", 43200), ("7d", 604800), ("1.5h", 5400)]
)
def test_durations(text: Any, seconds: float) -> None:
    assert _read(outbox={"max_age": text}).outbox.max_age == seconds


@pytest.mark.parametrize(
    ("text", "size"), [(500_000, 500_000), ("500kB", 500_000), ("32MB", 32_000_000), ("1GB", 10**9)]
)
def test_sizes(text: Any, size: int) -> None:
    assert _read(outbox={"max_size": text}).outbox.max_size == size


@pytest.mark.parametrize("version", [5, "5"])
def test_yaml_reads_5_as_a_number(version: Any) -> None:
    assert _read(protocol=version).protocol == "5"


def test_every_mistake_at_once_with_its_path() -> None:
    assert _mistakes(
        {
            "host": "mqtt://broker",
            "port": 70000,
            "pasword": "x",
            "protocol": "4",
            "prefix": "a/+/b",
            "release_after": 0,
            "tls": {"ca": "/does/not/exist", "verify": "perhaps"},
            "outbox": {"max_age": "soon", "max_size": "10 bananas"},
            "home_assistant": {"fire_class": "fire"},
        }
    ) == [
        "mqtt.host: expected a host name or address alone; TLS is switched on with the key tls",
        "mqtt.port: expected a number from 1 to 65535, got 70000",
        "mqtt.tls.ca: cannot read the file /does/not/exist: No such file or directory",
        'mqtt.tls.verify: expected true or false, got "perhaps"',
        'mqtt.protocol: expected one of "3.1.1", "5", got "4"',
        "mqtt.prefix: expected the start of a topic like site/hik_thermal: no + or #, no / at an end, no $ in front",
        "mqtt.release_after: expected a number above 0 and at most 3600, got 0",
        "mqtt.outbox.max_age: expected a time like 90s, 30m, 12h or 7d",
        "mqtt.outbox.max_size: expected a size like 500kB, 32MB or 1GB",
        'mqtt.home_assistant.fire_class: expected one of "safety", "smoke", "heat", "problem", got "fire"',
        'mqtt.pasword: unknown key; did you mean "password"?',
    ]


@pytest.mark.parametrize(
    ("section", "mistake"),
    [
        (None, "mqtt.host: missing; expected a text that is not empty"),
        ({}, "mqtt.host: missing; expected a text that is not empty"),
        ([], "mqtt: expected a mapping, got a list"),
        ({"host": "b", "password": "x"}, "mqtt: password needs a username beside it"),
        ({"host": "b", "username": "u", "password": 5}, "mqtt.password: expected a text, best as ${env:NAME} or ${file:/path}"),
        ({"host": "b", "tls": {"cert": __file__}}, "mqtt.tls: cert and key go together"),
        ({"host": "${env:NOT_THERE}"}, "mqtt.host: the environment variable NOT_THERE is not set"),
        ({"host": "b", "prefix": "/x"}, _PREFIX),
        ({"host": "b", "prefix": "x/"}, _PREFIX),
        ({"host": "b", "prefix": "$SYS"}, _PREFIX),
        ({"host": "b", "prefix": "a//b"}, _PREFIX),
        ({"host": "b", "outbox": {"max_size": 5}}, "mqtt.outbox.max_size: expected a number from 10000 or a text, got 5"),
    ],
)  # fmt: skip
def test_a_mistake(section: Any, mistake: str) -> None:
    assert _mistakes(section) == [mistake]


def test_the_password_comes_from_outside_and_stays_hidden(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, secret: str
) -> None:
    monkeypatch.setenv("BROKER_PASSWORD", secret)
    (tmp_path / "password").write_text(secret + "\n")
    for reference in ("${env:BROKER_PASSWORD}", f"${{file:{tmp_path / 'password'}}}", secret):
        settings = _read(username="u", password=reference)
        assert settings.password is not None
        assert settings.password.reveal() == secret
        shown = [str(settings), repr(settings), settings.model_dump_json(fallback=str), str(settings.model_dump())]
        assert not any(secret in text for text in shown)
    told = _mistakes({"host": "b", "username": "${env:BROKER_PASSWORD}", "port": "${env:BROKER_PASSWORD}", "x": secret})
    assert not any(secret in text for text in told)


def test_the_schema_fits_what_is_accepted() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    full = {
        "host": "b", "port": 1883, "username": "u", "password": "p", "tls": {"ca": __file__, "verify": False},
        "protocol": "5", "client_id": "c", "prefix": "site/x", "release_after": 5,
        "outbox": {"max_age": "7d", "max_size": "1MB", "path": "x.db"},
        "home_assistant": {"discovery": True, "prefix": "homeassistant", "fire_class": "smoke"},
    }  # fmt: skip
    jsonschema.validate(full, schema())
    _read(**full)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"host": "b", "colour": "red"}, schema())
