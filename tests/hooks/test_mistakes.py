"""Every wrong place in a configuration is told once, in words, with the nearest known key and never with a secret."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from nvr_hooks import Mistake
from nvr_hooks.mistakes import mistakes_from_pydantic, nearest, unknown_key
from nvr_hooks.secrets import FromOutside, Secret, Unresolved
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError


def _own_words(value: str) -> str:
    if "!" in value:
        raise ValueError("expected no exclamation mark")
    return value


class _Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    ca: str | None = None
    id: Annotated[int, Field(ge=1, le=64)] = 3


class _Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    host: str
    tls: _Inner | None = None
    cameras: dict[str, _Inner] = {}
    channels: list[_Inner] = []
    protocol: Literal["3.1.1", "5"] = "5"
    seconds: float = Field(10, gt=0, le=120)
    flag: bool = True
    name: Annotated[str, Field(min_length=1), AfterValidator(_own_words)] = "x"
    either: Annotated[float, Field(gt=0)] | str = 3
    password: int = 0


def _told(raw: Any, **options: Any) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        _Outer.model_validate(raw)
    errors = caught.value.errors(include_url=False)
    return [str(item) for item in mistakes_from_pydantic(errors, _Outer.model_json_schema(), path="mqtt", **options)]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({}, "mqtt.host: missing; expected a text"),
        ({"host": 3}, "mqtt.host: expected a text, got 3"),
        ({"host": None}, "mqtt.host: expected a text, got nothing"),
        (
            {"host": "h", "channels": [{}, {"id": "two"}]},
            'mqtt.channels[1].id: expected a number from 1 to 64, got "two"',
        ),
        ({"host": "h", "cameras": {"a": {"id": 0}}}, "mqtt.cameras.a.id: expected a number from 1 to 64, got 0"),
        (
            {"host": "h", "channels": [{"id": 1.5}]},
            "mqtt.channels[0].id: expected a whole number from 1 to 64, got 1.5",
        ),
        ({"host": "h", "seconds": 0}, "mqtt.seconds: expected a number above 0 and at most 120, got 0"),
        ({"host": "h", "protocol": "4"}, 'mqtt.protocol: expected one of "3.1.1", "5", got "4"'),
        ({"host": "h", "flag": "perhaps"}, 'mqtt.flag: expected true or false, got "perhaps"'),
        ({"host": "h", "tls": {"cert": 1}}, "mqtt.tls.cert: unknown key; known are ca, id"),
        ({"host": "h", "hots": 1}, 'mqtt.hots: unknown key; did you mean "host"?'),
        ({"host": "h", "name": ""}, 'mqtt.name: expected a text that is not empty, got ""'),
        ({"host": "h", "name": "hi!"}, "mqtt.name: expected no exclamation mark"),
        ({"host": "h", "either": []}, "mqtt.either: expected a number above 0 or a text, got a list"),
        ({"host": "h", "cameras": {5: {}}}, "mqtt.cameras.5: expected names as text, got 5"),
        ({"host": "h", "tls": 7}, "mqtt.tls: expected a mapping, got 7"),
        ([], "mqtt: expected a mapping, got a list"),
        ({"host": "h", "tls": {"ca": 1}, "seconds": "x" * 100}, "mqtt.tls.ca: expected a text, got 1"),
    ],
)
def test_a_mistake_in_words(raw: Any, expected: str) -> None:
    assert expected in _told(raw)


def test_all_mistakes_at_once_each_place_once() -> None:
    told = _told({"hots": 1, "x": 2, "either": {}, "tls": {"id": 65, "ca": 3}})
    assert [text.split(":")[0] for text in told] == [
        "mqtt.host",
        "mqtt.tls.ca",
        "mqtt.tls.id",
        "mqtt.either",
        "mqtt.hots",
        "mqtt.x",
    ]


def test_a_long_value_is_cut() -> None:
    (told,) = _told({"host": "h", "seconds": "x" * 500})
    assert len(told) < 150
    assert told.endswith("…")


def test_a_secret_is_never_shown(secret: str) -> None:
    told = _told(
        {"host": "h", "password": secret, "seconds": FromOutside(secret), "flag": Secret(secret), "protocol": "4"}
    )
    assert len(told) == 4
    assert not any(secret in text for text in told)
    assert "mqtt.password: expected a number, got ***" in told
    assert "mqtt.seconds: expected a number above 0 and at most 120, got ***" in told


def test_values_can_be_left_out() -> None:
    assert _told({"host": "h", "protocol": "4"}, values=False) == [
        'mqtt.protocol: expected one of "3.1.1", "5", got ***'
    ]


def test_what_could_not_be_resolved_is_not_told_twice() -> None:
    assert _told({"host": "h", "seconds": Unresolved("${env:X}"), "flag": 7}) == [
        "mqtt.flag: expected true or false, got 7"
    ]


def test_nearest() -> None:
    assert nearest("Passwort", ["password", "port"]) == "password"
    assert nearest("zzz", ["password", "port"]) is None
    assert unknown_key("zzz", []) == "unknown key"
    assert mistakes_from_pydantic([], {}) == []
    assert mistakes_from_pydantic([{"type": "new_kind", "loc": (), "msg": "strange", "input": 1}], {}) == [
        Mistake("", "strange")
    ]
