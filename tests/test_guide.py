"""docs/guide.md lists the whole guide, and what it says of this project is true."""

from __future__ import annotations

import dataclasses
import re
from functools import cache
from pathlib import Path

import nvr_hooks
import pytest
from named_tests import names_of_tests
from nvr_hooks import spec

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "guide.md"
GUIDE = ROOT.parent / "shared" / "protocol" / "000_f5e5419d2f9ca876.txt"

FUNCTIONS = re.findall(
    r"\w+",
    """
    NET_DVR_RealPlay_V40 NET_DVR_StopRealPlay NET_DVR_SaveRealData NET_DVR_SaveRealData_V30
    NET_DVR_SetCapturePictureMode NET_DVR_CapturePictureBlock_New NET_DVR_CapturePictureBlock
    NET_DVR_CapturePicture NET_DVR_PlayBackByTime_V40 NET_DVR_PlayBackControl_V40 NET_DVR_PLAYSTART
    NET_DVR_PlayBackByName NET_DVR_GetFileByTime_V40 NET_DVR_GetFileByName NET_DVR_SetDVRMessageCallBack_V31
    COMM_ALARM_V30 NET_DVR_ALARMINFO_V30 COMM_FIREDETECTION_ALARM NET_DVR_FIREDETECTION_ALARM
    COMM_THERMOMETRY_ALARM NET_DVR_THERMOMETRY_ALARM COMM_THERMOMETRY_DIFF_ALARM NET_DVR_THERMOMETRY_DIFF_ALARM
    NET_DVR_StartRemoteConfig NET_DVR_GET_REALTIME_THERMOMETRY NET_DVR_THERMOMETRY_UPLOAD
    NET_DVR_GET_MANUALTHERM_INFO NET_SDK_MANUAL_THERMOMETRY
    """,
)
FIELDS = {
    "7.1.1 SDK": "dwAlarmType dwAlarmInputNumber byAlarmOutputNumber byAlarmRelateChannel byChannel byDiskNumber",
    "7.1.1": "channleID dateTime eventType eventDescription",
    "7.2.1 SDK": "wFireMaxTemperature wTargetDistance byStrategyType byAlarmSubType",
    "7.2.1": "dateTime eventType eventDescription temperatureUnit fireMaxTemperature targetDistance",
    "7.2.2 SDK": "byThermometryUnit byAlarmLevel byAlarmType fCurrTemperature",
    "7.2.2": "dateTime eventType eventDescription thermometryUnit ruleTemperature currTemperature ruleCalibType ruleType",
    "7.2.3 SDK": "byAlarmID1 byAlarmID2 byAlarmLevel byAlarmType fRuleTemperatureDiff",
    "7.2.3": "dateTime eventType eventDescription thermometryUnit ruleTemperature currTemperature ruleCalibType ruleType",
    "8.1": "tempValue tempUnit tempProperty type subType time DevInfo ruleID RegionList Region Point x y",
    "8.2": "distance tempValue tempUnit tempProperty type subType time channel RegionList Region Point x y",
    "9.1 SDK": "szRuleName byRuleCalibType byThermometryUnit byDataType bySpecialPointThermType fCenterPointTemperature "
    "fHighestPointTemperature fLowestPointTemperature",
    "9.2 SDK": "dwAbsTime byThermometryUnit byDataType byRuleCalibType struPointTherm struRegionTherm",
}
URLS = {
    "4.3.1 ISAPI": "rtsp://<address>:<port>/Streaming/Channels/<id>",
    "4.3.3 ISAPI": "/ISAPI/Streaming/channels/<ID>/picture",
    "5.3.1 ISAPI": "rtsp://<address>:<port>/Streaming/tracks/<id>",
    "5.3.2 ISAPI": "rtsp://<address>:<port>/Streaming/tracks/<id>",
    "6.3.2 ISAPI": "/ISAPI/ContentMgmt/download",
    "7.1.1 ISAPI": "GET /ISAPI/Event/notification/alertStream",
    "7.2.1 ISAPI": "GET /ISAPI/Event/notification/alertStream",
    "7.2.2 ISAPI": "GET /ISAPI/Event/notification/alertStream",
    "7.2.3 ISAPI": "GET /ISAPI/Event/notification/alertStream",
} | {
    f"{section} step {step}": text
    for section in ("8.1", "8.2")
    for step, text in {
        1: "PUT /ISAPI/Streaming/channels/<ID>/metadata",
        2: "DESCRIBE rtsp://<ipaddress>/ISAPI/Streaming/channels/ID",
        3: "trackID",
        4: "SETUP rtsp://<ipaddress>/ISAPI/Streaming/channels/<ID>/trackID=MetadataID",
        5: "PLAY rtsp://<ipaddress>/ISAPI/Streaming/channels/ID",
        6: "0x6b",
        7: "parse the metadata",
        8: "TEARDOW",
    }.items()
}
MISTAKES = ["channleID", "TPMA", "listening mode", "fRuleTemperatureDiff", "TEARDOW", "byRuleCalibType", "300 to 4000"]
EVIDENCE = re.compile(r"(capture|another program|the vendor's library|fields known|stand-in only)\b")


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of a table."""

    guide: str
    item: str
    here: str
    test: str
    evidence: str


@cache
def rows() -> list[Row]:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    return [Row(*row) for row in cells if row[0] != "Guide" and not set("".join(row)) <= set("-: ")]


def rows_of(section: str) -> list[Row]:
    """Return the rows of a section of the guide (8.1: steps and fields alike; 7.1.1 SDK: those of the SDK)."""
    found = [row for row in rows() if re.match(rf"{re.escape(section)}(?![\w.])", row.guide)]
    assert found, f"docs/guide.md has no row for {section}"
    return found


def code(text: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", text))


def test_no_cell_is_empty() -> None:
    for row in rows():
        for name, cell in dataclasses.asdict(row).items():
            assert re.search(r"\w", cell), f"{row.guide} {row.item}: {name} is empty"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_and_structure_of_the_guide_is_listed(name: str) -> None:
    assert any(name in code(row.item) for row in rows())


@pytest.mark.parametrize(
    ("section", "name"), [(section, name) for section, text in FIELDS.items() for name in text.split()]
)
def test_every_main_field_of_the_guide_is_listed(section: str, name: str) -> None:
    assert any(name in code(row.item) for row in rows_of(section)), f"{section}: {name}"


@pytest.mark.parametrize(("section", "url"), URLS.items())
def test_every_url_and_step_of_the_guide_is_listed(section: str, url: str) -> None:
    assert any(url in row.item for row in rows_of(section)), f"{section}: {url}"


@pytest.mark.parametrize("word", MISTAKES)
def test_the_mistakes_of_the_guide_are_marked(word: str) -> None:
    assert any(word in row.item and "**Mistake**" in row.item for row in rows()), word


def test_the_tests_it_names_exist() -> None:
    for row in rows():
        named = code(row.test)
        assert named, f"{row.guide} {row.item}: names no test"
        assert named <= names_of_tests(), f"{row.guide} {row.item}: {sorted(named - names_of_tests())} is no test"


def test_the_attributes_and_hooks_it_names_exist() -> None:
    for row in rows():
        for name in code(row.here):
            if match := re.fullmatch(r"([A-Z]\w+)\.(\w+)", name):
                cls = getattr(nvr_hooks, match[1], None)
                assert cls is not None, f"{row.guide}: {name}"
                assert match[2] in {item.name for item in dataclasses.fields(cls)} | set(dir(cls)), (
                    f"{row.guide}: {name}"
                )
            elif re.fullmatch(r"nvr_\w+", name):
                assert hasattr(spec, name), f"{row.guide}: {name}"


def test_the_evidence_is_of_a_known_kind() -> None:
    for row in rows():
        assert EVIDENCE.match(row.evidence), f"{row.guide} {row.item}: {row.evidence}"


def test_what_a_capture_or_another_program_shows_is_a_conformance_test() -> None:
    for row in rows():
        if row.evidence.startswith(("capture", "another program")):
            assert code(row.test) & names_of_tests("tests/conformance"), f"{row.guide} {row.item}: {row.test}"


@pytest.mark.skipif(not GUIDE.exists(), reason=f"the guide is not at {GUIDE.relative_to(ROOT.parent)}")
def test_the_lists_here_are_those_of_the_guide() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    chapters = text[text.index("4 Live view") :]
    words = set(re.findall(r"\b(?:NET_(?:DVR|SDK)_|COMM_)\w+", chapters))
    words |= set(re.findall(r"^(?:dw|by|w|sz|stru|f)[A-Z]\w+", chapters, re.MULTILINE))

    assert words - set(FUNCTIONS) - {name for names in FIELDS.values() for name in names.split()} == set()
    assert [name for name in FUNCTIONS if name not in text] == []
    assert [name for names in FIELDS.values() for name in names.split() if name not in text] == []
