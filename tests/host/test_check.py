"""check and schema: every mistake at once; what keeps cameras from working."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest


def site(**cameras: Any) -> dict[str, Any]:
    return {"fake": {"cameras": cameras}}


def test_a_good_configuration_is_told_with_its_cameras(hik: Any) -> None:
    ended = hik("check", config=site(kiln={}, yard={}))

    assert (ended.code, ended.out, ended.err) == (0, "config.yaml: 2 cameras: kiln, yard\n", "")
    assert json.loads(hik("check", "--json").out) == {
        "ok": True,
        "file": "config.yaml",
        "mistakes": [],
        "findings": [],
    }


def test_all_mistakes_of_all_parts_are_told_at_once(hik: Any) -> None:
    config = {"fake": {"mistakes": {"cameras.kiln.port": "too high", "x": "unknown key"}}, "fakee": {}, "state_dir": 1}
    ended = hik("check", config=config)

    assert ended.code == 2
    assert ended.err == ""
    assert sorted(ended.out.splitlines()) == [
        "fake.cameras.kiln.port: too high",
        "fake.x: unknown key",
        "fakee: unknown key; did you mean fake?",
        "state_dir: expected the path of a folder",
    ]
    told = json.loads(hik("check", "--json").out)
    assert told["ok"] is False
    assert {"path": "fake.x", "problem": "unknown key"} in told["mistakes"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("fake: [1,", "line 1, column 10: expected the node content, but found '<stream end>'"),
        ("fake: {}\nfake: {}\n", "fake: written twice, in lines 1 and 2"),
        ("fake: 1", "fake: expected a mapping, got 1"),
    ],
)
def test_a_mistake_in_the_file_itself_has_its_place(hik: Any, text: str, told: str) -> None:
    ended = hik("check", config=text)

    assert ended.code == 2
    assert ended.out.startswith(told)


def test_a_missing_file_is_a_mistake(hik: Any) -> None:
    ended = hik("check", "-c", "absent.yaml")

    assert ended.code == 2
    assert ended.out.startswith("absent.yaml: no such file")


def test_other_commands_tell_the_same_mistakes_on_stderr(hik: Any) -> None:
    ended = hik("cameras", config={"fake": {"mistakes": {"x": "unknown key", "y": "no number"}}})

    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "hik-thermal: fake.x: unknown key\nhik-thermal: fake.y: no number\n"


def test_a_plugin_that_crashes_over_its_section_is_told_without_the_section(hik: Any, secret: str) -> None:
    ended = hik("check", config={"fake": {"crash": secret}})

    assert ended.code == 1
    assert ended.out.startswith("fake: the plugin failed in nvr_configure: RuntimeError")
    assert "plugin fake failed in nvr_configure and is left out: RuntimeError in nvr_configure" in ended.err


def test_online_prints_findings_worst_first(hik: Any) -> None:
    config = site(
        kiln={"findings": {"clock_off": "warning", "trigger_not_linked": "error"}}, yard={"findings": {"old": "info"}}
    )
    ended = hik("check", "--online", "--json", config=config)
    told = json.loads(ended.out)

    assert ended.code == 1
    assert told["ok"] is False
    assert [(finding["camera"], finding["severity"], finding["code"]) for finding in told["findings"]] == [
        ("kiln", "error", "trigger_not_linked"),
        ("kiln", "warning", "clock_off"),
        ("yard", "info", "old"),
    ]
    assert set(told["findings"][0]) == {"camera", "severity", "code", "what", "why", "mend"}
    plain = hik("check", "--online").out.splitlines()
    assert plain[1:4] == [
        "kiln: error trigger_not_linked: trigger_not_linked",
        "    why: it matters",
        "    mend: mend it",
    ]


@pytest.mark.parametrize(
    ("kiln", "yard", "code"),
    [
        ({}, {}, 0),
        ({"findings": {"clock_off": "warning"}}, {}, 0),
        ({"findings": {"trigger_not_linked": "error"}}, {}, 1),
        ({"fails": "unreachable"}, {"findings": {"trigger_not_linked": "error"}}, 3),
        ({"fails": "unreachable"}, {"fails": "refused"}, 4),
        ({"findings": {"auth_blocked": "error"}}, {}, 4),
        ({"fails": "unsupported"}, {}, 0),
        ({"fails": "busy"}, {}, 1),
    ],
)
def test_online_ends_with_what_is_worst(hik: Any, kiln: Any, yard: Any, code: int) -> None:
    ended = hik("check", "--online", config=site(kiln=kiln, yard=yard))

    assert ended.code == code


def test_online_without_cameras_finds_nothing(hik: Any) -> None:
    assert hik("check", "--online", config=site()).code == 0


def test_schema_is_one_for_the_whole_file(hik: Any) -> None:
    schema = json.loads(hik("schema").out)
    validate = jsonschema.Draft202012Validator(schema).is_valid

    assert validate(site(kiln={"fails": "busy"}))
    assert not validate(site(kiln={"fails": "often"}))
    assert not validate({"fakee": {}})
