"""A YAML text gets what it lacks, and nothing else in it changes."""

from __future__ import annotations

import difflib
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from nvr_hooks import WrongUse

from hik_thermal_plugin.frigate.yaml_text import extended

WANTED = {
    "go2rtc": {"streams": {"kiln": ["rtsp://{USER}:{PASSWORD}@192.0.2.1:554/x"]}},
    "cameras": {"kiln": {"ffmpeg": {"inputs": [{"path": "p", "roles": ["detect", "record"]}]}, "detect": {"fps": 5}}},
}
OWN = """\
# My Frigate
mqtt:
  host: broker     # in the cellar
  password: 'it''s {FRIGATE_MQTT}'

cameras:
    front:   # the door
        ffmpeg:
            inputs:
            - path: "rtsp://192.0.2.9/1"
              roles: [detect, record]   # both
        objects:
            track: [person,
                    dog]
    garden:
        ui: {order: 2}
        webui_url: >
          http://192.0.2.9/
          index.html

    # an old one:
    # barn: {}

# what finds things
detectors:
  cpu1: {type: cpu, num_threads: 3}
"""


def removed(before: str, after: str) -> list[str]:
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line for line in lines if line.startswith("- ")]


def test_the_rest_keeps_every_character() -> None:
    done = extended(OWN, WANTED)
    assert removed(OWN, done.text) == []
    assert done.added == ["go2rtc", "cameras.kiln"]
    assert done.kept == []
    assert yaml.safe_load(done.text) == {
        **yaml.safe_load(OWN),
        "go2rtc": WANTED["go2rtc"],
        "cameras": {**yaml.safe_load(OWN)["cameras"], **WANTED["cameras"]},
    }
    assert "          index.html\n    kiln:\n        ffmpeg:\n" in done.text  # indented as its neighbours are
    assert done.text.index("# what finds things") + len("# what finds things\n") == done.text.index("detectors:")


def test_what_is_there_already_is_not_added_again() -> None:
    once = extended(OWN, WANTED).text
    twice = extended(once, WANTED)
    assert twice.text == once
    assert twice.added == []


def test_what_the_owner_wrote_stays_and_is_told() -> None:
    text = "cameras:\n  kiln:\n    detect: {fps: 10, width: 9}  # mine\n"
    done = extended(text, {"cameras": {"kiln": {"detect": {"fps": 5, "height": 8}, "enabled": True}}})
    assert done.text == "cameras:\n  kiln:\n    detect: {fps: 10, width: 9, height: 8}  # mine\n    enabled: true\n"
    assert [(item.path, item.there, item.wanted) for item in done.kept] == [("cameras.kiln.detect.fps", 10, 5)]
    assert done.added == ["cameras.kiln.detect.height", "cameras.kiln.enabled"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing yet\n",
        "---\n",
        "cameras:\n",
        "cameras: {}  # none\ngo2rtc: ~\n",
        "cameras: {front: {ffmpeg: {inputs: []}},}\n",
        "{mqtt: {host: x}}\n",
        "go2rtc:\n  streams:\ncameras:\n  front:",
        "cameras:\n  front: &door\n    ui: {order: 1}\n  back: *door\n",
        "x-base: &base\n    detect: {enabled: true}\ncameras:\n  front:\n    <<: *base\n",
        "---\ncameras:\n  front: {}\n...\n",
        "cameras:\n  front:\n    note: |\n      a\n\n\ndetect:\n  fps: 5\n",
        "cameras:\r\n  front:\r\n    ui:\r\n      order: 1\r\n\r\nmqtt:\r\n  host: x\r\n",
        "cameras:\n\n  # first\n  front:\n    ui:\n      order: 1 # last\n\n\n",
        "cameras:\n  'fränt': {}\n  \"b\": {}",
    ],
)
def test_every_way_to_write_yaml_is_understood(text: str) -> None:
    before = yaml.safe_load(text) or {}
    done = extended(text, WANTED)
    after = yaml.safe_load(done.text)
    assert after["go2rtc"]["streams"]["kiln"] == WANTED["go2rtc"]["streams"]["kiln"]
    assert after["cameras"]["kiln"] == WANTED["cameras"]["kiln"]
    for name, camera in (before.get("cameras") or {}).items():
        assert after["cameras"][name] == camera
    assert {line for line in text.split("\n") if "#" in line and "{}" not in line} <= set(done.text.split("\n"))
    if "\r\n" in text:
        assert "\n" not in done.text.replace("\r\n", "")


def test_an_alias_is_somebody_elses_too() -> None:
    text = "x: &one\n  detect: {fps: 1}\ncameras:\n  front: *one\n  kiln: *one\n"
    done = extended(text, {"cameras": {"kiln": {"detect": {"fps": 5}}}})
    assert done.text == text
    assert [item.path for item in done.kept] == ["cameras.kiln"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("cameras: [\n", "line 2"),
        ("- a\n- b\n", "expected keys and values"),
        ("a: 1\na: 2\n", "line 2: found duplicate key"),
        ("a: 1\n---\nb: 2\n", "another document"),
        ("a: !x 1\n", "line 1"),
    ],
)
def test_what_is_no_configuration_is_said(text: str, problem: str) -> None:
    with pytest.raises(WrongUse, match=problem):
        extended(text, WANTED)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 99) | st.sampled_from(["text", "two\nlines\n", "a: b", "{x}", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3),
    max_leaves=12,
)


NAMES = st.sampled_from(["front", "kiln", "x"])
CAMERAS = st.dictionaries(NAMES, st.dictionaries(st.sampled_from(["ui", "detect", "ffmpeg"]), VALUES))
REST = st.dictionaries(st.sampled_from(["mqtt", "go2rtc", "zz"]), st.dictionaries(st.just("k"), VALUES), max_size=2)


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(
    cameras=st.none() | CAMERAS, rest=REST, indent=st.sampled_from([2, 4]), flow=st.sampled_from([True, False, None])
)
def test_nothing_is_lost_whatever_is_there(cameras: Any, rest: Any, indent: int, flow: bool | None) -> None:
    document = {**rest, "cameras": cameras, "last": 1}
    text = yaml.safe_dump(document, indent=indent, default_flow_style=flow, sort_keys=False)
    done = extended(text, WANTED)
    assert within(document, yaml.safe_load(done.text))
    assert done.kept or within(WANTED, yaml.safe_load(done.text))


def within(part: Any, whole: Any) -> bool:
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and within(value, whole[key]) for key, value in part.items())
    return part is None or part == {} or bool(part == whole)
