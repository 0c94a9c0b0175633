"""The configuration file: found, read, and every mistake told with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from nvr_hooks import ConfigError, Mistake

from hik_thermal_plugin.host import service_settings, settings


def mistakes(text: str) -> list[tuple[str, str]]:
    with pytest.raises(ConfigError) as caught:
        settings.parse(text)
    return [(mistake.path, mistake.problem) for mistake in caught.value.mistakes]


def test_a_configuration_is_plain_data() -> None:
    assert settings.parse("mqtt: {host: h}\nhik_thermal:\n") == {"mqtt": {"host": "h"}, "hik_thermal": {}}
    assert settings.parse("") == {}
    assert settings.parse("# nothing yet\n") == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("mqtt: {host: h\nx: 1", "line 2, column 2", "expected ',' or '}'"),
        ("a: 1\n\tb: 2", "line 2, column 1", "cannot start any token"),
        ("a: *nobody", "line 1, column 4", "found undefined alias"),
        ("a: !!python/object:os.system x", "line 1, column 4", "could not determine a constructor"),
        ("? [a]\n: 1\n", "line 1, column 3", "unhashable"),
        ("- a\n- b\n", "line 1", "expected keys and values"),
        ("hello", "line 1", "expected keys and values"),
        ("a: \x01", "", "a character YAML does not allow"),
        ("a: 2026-13-01", "", "month must be in 1..12"),
        ("[" * 5000, "", "cannot be read: maximum recursion"),
        ("a: 1\n---\nb: 2\n", "line 2, column 1", "another document"),
    ],
)
def test_a_text_that_is_no_configuration_is_a_mistake_with_its_line(text: str, place: str, problem: str) -> None:
    [(path, told)] = mistakes(text)

    assert path == place
    assert problem in told


def test_keys_written_twice_are_mistakes_all_at_once() -> None:
    text = "a:\n  b: 1\n  c: {d: 1}\n  b: 2\nlist:\n- {x: 1, y: 2,\n   x: 3}\na: 5\n"

    assert mistakes(text) == [
        ("a.b", "written twice, in lines 2 and 4"),
        ("list[0].x", "written twice, in lines 6 and 7"),
        ("a", "written twice, in lines 1 and 8"),
    ]


def test_keys_written_twice_in_one_line_are_found_too() -> None:
    assert mistakes("a: {x: 1, x: 2}") == [("a.x", "written twice, in line 1")]


def test_a_key_taken_from_an_anchor_may_be_replaced() -> None:
    text = "one: &one {x: 1, y: 2}\ntwo:\n  <<: *one\n  x: 3\n"

    assert settings.parse(text)["two"] == {"x": 3, "y": 2}


def test_an_anchor_inside_itself_ends_well() -> None:
    document = settings.parse("a: &a\n  b: *a\n")

    assert document["a"]["b"] is document["a"]


def test_a_file_that_cannot_be_read_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe4")
    for path, problem in [
        (tmp_path / "absent.yaml", "no such file"),
        (tmp_path, "cannot be read: Is a directory"),
        (tmp_path / "latin.yaml", "is not UTF-8 text (byte 3)"),
    ]:
        with pytest.raises(ConfigError) as caught:
            settings.load(path)
        assert caught.value.mistakes[0].path == str(path)
        assert problem in caught.value.mistakes[0].problem


def test_the_file_is_the_one_given_else_the_variable_s_else_here() -> None:
    environ = {"HIK_THERMAL_CONFIG": "/etc/thermal.yaml"}

    assert settings.locate(Path("x.yaml"), environ) == Path("x.yaml")
    assert settings.locate(None, environ) == Path("/etc/thermal.yaml")
    assert settings.locate(None, {"HIK_THERMAL_CONFIG": ""}) == Path("config.yaml")


def test_top_level_keys_nobody_reads_are_mistakes_with_the_nearest_known() -> None:
    document: dict[str, Any] = {
        "hik_thermal": {},
        "hik_termal": {},
        "mqtt": [],
        "broken": {},
        "blocked": {},
        "state_dir": 7,
        "zzz": 1,
    }
    found = settings.top_level_mistakes(
        document, ["hik_thermal", "mqtt"], failed={"broken": "ImportError: no x"}, ignored=["blocked"]
    )

    assert found == [
        Mistake("hik_termal", "unknown key; did you mean hik_thermal?"),
        Mistake("mqtt", "expected a mapping, got a list"),
        Mistake("broken", "the plugin could not be loaded: ImportError: no x"),
        Mistake("state_dir", "expected the path of a folder"),
        Mistake("zzz", "unknown key; known are hik_thermal, log, metrics, mqtt, state_dir"),
    ]


def test_the_schema_of_all_sections_is_one_that_validates() -> None:
    def section(maximum: int) -> dict[str, Any]:
        return {
            "$defs": {
                "Camera": {"type": "object", "properties": {"port": {"$ref": "#/$defs/Port"}}},
                "Port": {"type": "integer", "maximum": maximum},
            },
            "type": "object",
            "properties": {"cameras": {"additionalProperties": {"$ref": "#/$defs/Camera"}}, "$ref": {"type": "string"}},
        }

    schema = settings.joined_schema({"one": section(10), "two": section(20)})
    jsonschema.Draft202012Validator.check_schema(schema)
    validate = jsonschema.Draft202012Validator(schema).is_valid

    assert validate({"one": {"cameras": {"a": {"port": 10}}}, "two": {"cameras": {"a": {"port": 20}}}})
    assert not validate({"one": {"cameras": {"a": {"port": 11}}}})
    assert not validate({"three": {}})
    assert not validate({"state_dir": 1})
    assert not validate({"one": {"$ref": 1}})


@pytest.mark.parametrize(
    ("allow", "found"),
    [
        (["192.0.2.0/24", "2001:db8::/32", "192.0.2.7"], []),
        ("192.0.2.0/24", [("metrics.allow", "expected a list of networks, got '192.0.2.0/24'")]),
        (
            ["192.0.2.1/24", 7],
            [
                ("metrics.allow[0]", "expected a network like 192.0.2.0/24, got '192.0.2.1/24'"),
                ("metrics.allow[1]", "expected a network like 192.0.2.0/24, got 7"),
            ],
        ),
    ],
)
def test_networks_that_may_read_the_metrics(allow: Any, found: list[tuple[str, str]]) -> None:
    told = service_settings.mistakes("metrics", {"allow": allow})
    assert [(mistake.path, mistake.problem) for mistake in told] == found
