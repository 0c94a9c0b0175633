"""doctor: what is wrong with cameras and with what plugins talk to, worst first, and what is known of each camera."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from nvr_hooks import CONTRACT_VERSION, Finding, hookimpl


class Broker:
    """A plugin that talks to something, and finds it wanting."""

    nvr_contract = CONTRACT_VERSION

    def __init__(self, *, fails: bool = False) -> None:
        self.asked: list[str] = []
        self.fails = fails

    @hookimpl
    def nvr_diagnose(self, camera: str) -> Sequence[Finding] | None:
        """Find something when asked about no camera."""
        self.asked.append(camera)
        if camera:
            return None
        if self.fails:
            raise RuntimeError("a bug")
        return [
            Finding(camera="", severity="error", code="broker_refused", what="no login", why="silence", mend="give one")
        ]


def site(**cameras: Any) -> dict[str, Any]:
    return {"fake": {"cameras": cameras}}


def test_findings_come_worst_first_then_what_is_known(hik: Any) -> None:
    config = site(kiln={"findings": {"clock_off": "warning"}}, yard={"findings": {"trigger_not_linked": "error"}})
    ended = hik("doctor", config=config)

    lines = ended.out.splitlines()
    assert ended.code == 1
    assert lines[:3] == [
        "yard: error trigger_not_linked: trigger_not_linked",
        "    why: it matters",
        "    mend: mend it",
    ]
    assert lines[3].startswith("kiln: warning clock_off")
    assert "kiln: what is known of it" in lines
    assert any(line.startswith("    model: ") for line in lines)


def test_one_camera_alone_and_one_that_is_well(hik: Any) -> None:
    ended = hik("doctor", "kiln", config=site(kiln={}, yard={"findings": {"old": "error"}}))

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("kiln: nothing is wrong\n    address: ")
    assert "yard" not in ended.out
    assert hik("doctor", "kilm").code == 2


def test_what_a_plugin_talks_to_is_told_beside_the_cameras(hik: Any) -> None:
    broker = hik.more["broker"] = Broker()
    ended = hik("doctor", "--json", config=site(kiln={}, yard={}))
    told = json.loads(ended.out)

    assert (ended.code, told["ok"]) == (4, False)
    assert told["findings"] == [
        {
            "camera": None,
            "plugin": "broker",
            "severity": "error",
            "code": "broker_refused",
            "what": "no login",
            "why": "silence",
            "mend": "give one",
        }
    ]
    assert [camera["name"] for camera in told["cameras"]] == ["kiln", "yard"]
    assert broker.asked.count("") == 1
    assert hik("doctor").out.startswith("broker: error broker_refused: no login\n    why: silence\n")
    assert hik("check", "--online").code == 4


def test_a_plugin_that_fails_over_it_hides_nobody_s_findings(hik: Any) -> None:
    hik.more["broker"] = Broker(fails=True)
    hik.more["other"] = Broker()
    ended = hik("doctor", config=site(kiln={}))

    assert "other: error broker_refused" in ended.out
    assert "plugin broker could not be asked what is wrong: RuntimeError" in hik("doctor", "-v").err


def test_a_camera_that_cannot_be_asked(hik: Any) -> None:
    for fails, code in (("unreachable", 3), ("refused", 4), ("busy", 1)):
        assert hik("doctor", config=site(kiln={"fails": fails})).code == code
