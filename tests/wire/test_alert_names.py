"""Names of alarms in every spelling (isapi.md 6.4, 6.5; guide 7)."""

from __future__ import annotations

import pytest

from hik_thermal_plugin.wire.alert_names import calibration_of, family_of, level_of, rule_words


@pytest.mark.parametrize(
    ("words", "family"),
    [
        ("TMA tmpa TPMA thermometry", "temperature"),
        ("TDA TDPA TMDA temperature temperatureDifference temperatureDiffAlarm tempDiff diffTempAlarm", "difference"),
        ("fireDetection FIREDETECTION", "fire"),
        ("smokeDetection", "smoke"),
        ("smokeAndFireDetection", "smoke_and_fire"),
        ("VMD motionDetection", "motion"),
        ("tamperdetection shelteralarm", "tamper"),
        ("IO", "input"),
        ("diskfull diskError noDisk hdUnformatted", "storage"),
        ("videoloss", "video_loss"),
        ("duration", "duration"),
        ("heartBeat", "heartbeat"),
        ("highTempAlarm faceThermometry other Difftem x", "other"),
    ],
)
def test_what_an_event_type_means(words: str, family: str) -> None:
    assert [family_of(word) for word in words.split()] == [family] * len(words.split())


@pytest.mark.parametrize(
    ("name", "description", "level"),
    [
        ("TMA", "Temperature Measurement Precautionary Alarm", "alarm"),
        ("TDA", "pre-alarm", "alarm"),
        ("tmda", "pre alarm", "alarm"),
        ("TMPA", None, "pre_alarm"),
        ("TPMA", "alarm", "pre_alarm"),
        ("TDPA", "", "pre_alarm"),
        ("thermometry", "Temperature Measurement Precautionary Alarm", "pre_alarm"),
        ("temperature", "Pre-Alarm", "pre_alarm"),
        ("temperature", "a prealarm", "pre_alarm"),
        ("temperature", "a pre alarm", "pre_alarm"),
        ("temperature", "Temperature Measurement Alarm", "alarm"),
        ("thermometry", None, "alarm"),
    ],
)
def test_alarm_or_pre_alarm(name: str, description: str | None, level: str) -> None:
    assert level_of(name, description) == level


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        ("highest temp is higher than", ("highest", "above")),
        ("Lowest temp is lower than", ("lowest", "below")),
        ("average temp is higher than", ("average", "above")),
        ("temp diff is lower than", ("difference", "below")),
        ("highestGreater", ("highest", "above")),
        ("lowestLess", ("lowest", "below")),
        ("averageGreater", ("average", "above")),
        ("diffTempLess", ("difference", "below")),
        ("something else", (None, None)),
        ("", (None, None)),
        (None, (None, None)),
    ],
)
def test_the_words_of_a_rule(words: str | None, meaning: tuple[str | None, str | None]) -> None:
    assert rule_words(words) == meaning


@pytest.mark.parametrize(
    ("word", "calibration"),
    [("point", "point"), ("Region", "region"), ("LINE", "line"), ("0", "point"), ("1", "region"), ("2", "line"),
     ("x", None), ("", None), (None, None)],
)  # fmt: skip
def test_what_a_rule_covers(word: str | None, calibration: str | None) -> None:
    assert calibration_of(word) == calibration
