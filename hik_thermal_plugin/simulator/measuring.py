"""What a thermal channel is set to measure: the tables of its configuration documents, and the rules that follow from them.

Fields are those of isapi.md 8.1, 8.2 and 8.4. No public document shows the body of fireDetection nor the element for the limit of a
difference comparison (8.6, 8.2): `enabled` and `temperatureDiff` stand for them here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from .models import Condition, Model, Quantity, Rule
from .outline import Outline
from .profiles import Profile
from .schema import Celsius, Entries, Fashion, Fixed, Flag, Group, Kelvin, Number, Text, Values, Word
from .units import SETTING_WORDS, Unit

RULES = 21
"""Slots for measuring rules (isapi.md 8.2)."""
COMPARISONS = 12
WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
WHOLE_RULE = 0
"""The rule of normal mode, which is the whole picture and none of the slots."""
_NEVER_ABOVE, _NEVER_BELOW = 2000.0, -200.0
_COMPARED: dict[str, tuple[Quantity, Condition]] = {
    ("diffTemp" if quantity == "difference" else quantity) + ("Greater" if condition == "above" else "Less"): (
        quantity,
        condition,
    )
    for quantity in get_args(Quantity)
    for condition in get_args(Condition)
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two rules whose difference is watched: alarm when `quantity` of the first is `kelvin` away from the other's."""

    rule: int
    other: int
    quantity: Quantity
    condition: Condition
    kelvin: float


@dataclass(frozen=True, slots=True)
class Tables:
    """The configuration documents of one device."""

    mode: Group
    basic: Group
    scene: Group
    regions: Entries
    alarm_rules: Group
    pixel_to_pixel: Group
    fire_detection: Group


class Measuring:
    """A thermal channel's configuration. `values` holds those of each document by the name of its root."""

    def __init__(self, model: Model, profile: Profile) -> None:
        self._profile = profile
        self.tables = _tables(model, profile)
        tables = self.tables
        groups = (tables.mode, tables.basic, tables.alarm_rules, tables.pixel_to_pixel, tables.fire_detection)
        self.values: dict[str, Values] = {group.name: group.default() for group in groups}
        self.values[tables.regions.name] = tables.regions.default()
        self.frame_parameters_set = False

    @property
    def unit(self) -> Unit:
        """The unit temperatures are told in."""
        word = self.values["ThermometryBasicParam"]["temperatureUnit"]
        return next(unit for unit, known in SETTING_WORDS.items() if known == word)

    @property
    def fashion(self) -> Fashion:
        """How documents are written now."""
        return Fashion(self.unit, self._profile.numeric_flags, self._profile.partial_put)

    @property
    def on(self) -> bool:
        """Whether temperatures are measured at all."""
        return bool(self.values["ThermometryBasicParam"]["enabled"])

    @property
    def watches_fire(self) -> bool:
        """Whether fires are told."""
        return bool(self.values["FireDetection"]["enabled"])

    def take(self, changes: Mapping[str, Values]) -> None:
        """Take over the values of some documents; the names in alarm rules are those of the regions."""
        self.values.update(changes)
        self.frame_parameters_set |= "PixelToPixelParam" in changes
        alarms = self.values["ThermometryAlarmRule"]["ThermometryAlarmModeList"]
        for key, region in self.values["ThermometryRegionList"].items():
            alarms[key] = alarms[key] | {"name": region["name"]}

    def rules(self) -> tuple[Rule, ...]:
        """The rules in force: the enabled slots, or the whole picture in normal mode."""
        basic = self.values["ThermometryBasicParam"]
        if not self.on:
            return ()
        if self.values["ThermometryMode"]["mode"] == "normal":
            return (
                Rule(
                    id=WHOLE_RULE,
                    name="",
                    calibration="region",
                    points=WHOLE,
                    pre_alarm=basic["alert"],
                    alarm=basic["alarm"],
                ),
            )
        alarms = self.values["ThermometryAlarmRule"]["ThermometryAlarmModeList"]
        return tuple(
            _rule(region, alarms[key])
            for key, region in self.values["ThermometryRegionList"].items()
            if region["enabled"]
        )

    def comparisons(self) -> tuple[Comparison, ...]:
        """The comparisons that are on and whose rules are in force."""
        rules = {rule.id for rule in self.rules()}
        entries = self.values["ThermometryAlarmRule"]["TemperatureDifferenceComparisonList"].values()
        return tuple(
            Comparison(entry["ruleID1"], entry["ruleID2"], *_COMPARED[entry["rule"]], entry["temperatureDiff"])
            for entry in entries
            if entry["enabled"]
            and entry["ruleID1"] != entry["ruleID2"]
            and {entry["ruleID1"], entry["ruleID2"]} <= rules
        )


def _rule(region: Values, alarm: Values) -> Rule:
    quantity, condition = _COMPARED[alarm["rule"]]
    return Rule(
        id=int(region["id"]),
        name=region["name"],
        calibration=region["type"],
        points=region["outline"],
        quantity=quantity,
        condition=condition,
        pre_alarm=alarm["alert"] if alarm["enabled"] else None,
        alarm=alarm["alarm"] if alarm["enabled"] else None,
    )


def _tables(model: Model, profile: Profile) -> Tables:
    rules = {rule.id: rule for rule in model.rules} if profile.rules else {}
    region = Group("ThermometryRegion", _REGION)
    regions = Entries(
        "ThermometryRegionList",
        region,
        factory=tuple(_factory_region(region, number, rules.get(number)) for number in range(1, RULES + 1)),
    )
    alarm = Group("ThermometryAlarmMode", _ALARM)
    alarms = Entries(
        "ThermometryAlarmModeList",
        alarm,
        factory=tuple(_factory_alarm(alarm, number, rules.get(number)) for number in range(1, RULES + 1)),
    )
    difference = Group("TemperatureDifferenceComparison", _DIFFERENCE)
    differences = Entries(
        "TemperatureDifferenceComparisonList",
        difference,
        factory=tuple({**difference.default(), "id": str(number)} for number in range(1, COMPARISONS + 1)),
    )
    pictures = Group(
        "JpegPictureWithAppendData",
        (Flag("jpegPicEnabled", True), Flag(profile.visible_picture_word, profile.visible_pictures)),
    )
    channel = str(profile.config_channel or model.thermal.id)
    size = Group(
        "normalizedScreenSize", (Fixed("normalizedScreenWidth", "1000"), Fixed("normalizedScreenHeight", "1000"))
    )
    return Tables(
        mode=Group("ThermometryMode", _MODE),
        basic=Group(
            "ThermometryBasicParam",
            (
                Fixed("id", channel),
                Flag("enabled", profile.measuring),
                *_BASIC_HEAD,
                Word("temperatureUnit", SETTING_WORDS[profile.unit], tuple(SETTING_WORDS.values())),
                *_BASIC,
            ),
        ),
        scene=Group("ThermometryScene", (Fixed("id", "1"), Text("sceneName", ""), size, regions)),
        regions=regions,
        alarm_rules=Group("ThermometryAlarmRule", (alarms, differences)),
        pixel_to_pixel=Group(
            "PixelToPixelParam",
            (
                Fixed("id", channel),
                *_PIXELS,
                Word("temperatureDataLength", str(profile.data_length), ("2", "4")),
                pictures,
            ),
        ),
        fire_detection=Group("FireDetection", (Flag("enabled", profile.fire_detection), *_FIRE)),
    )


def _factory_region(table: Group, number: int, rule: Rule | None) -> Values:
    values = table.default() | {"id": str(number)}
    if rule is None:
        return values
    return values | {"enabled": True, "name": rule.name, "type": rule.calibration, "outline": rule.points}


def _factory_alarm(table: Group, number: int, rule: Rule | None) -> Values:
    values = table.default() | {"id": str(number)}
    if rule is None or (rule.pre_alarm is None and rule.alarm is None):
        return values
    never = _NEVER_ABOVE if rule.condition == "above" else _NEVER_BELOW
    alarm = never if rule.alarm is None else rule.alarm
    word = next(word for word, compared in _COMPARED.items() if compared == (rule.quantity, rule.condition))
    alert = alarm if rule.pre_alarm is None else rule.pre_alarm
    return values | {"enabled": True, "name": rule.name, "rule": word, "alert": alert, "alarm": alarm}


_PORTS = Entries(
    "AlarmOutputIOPortList",
    Group("OutputIOPort", (Fixed("portID", "1"), Flag("enabled", False))),
    key="portID",
    factory=({"portID": "1", "enabled": False},),
)
_PRE_PORTS = Entries("AlertOutputIOPortList", _PORTS.item, key="portID", factory=_PORTS.factory)
_SURFACE: tuple[Any, ...] = (
    Number("emissivity", 0.96, low=0.01, high=1.0, digits=2),
    Number("distance", 3000, low=0, high=1000000),
    Flag("reflectiveEnable", False),
    Celsius("reflectiveTemperature", 20.0),
)
_DISTANCE_UNIT = Word("distanceUnit", "centimeter", ("meter", "feet", "centimeter"))
_MODE = (Word("mode", "expert", ("normal", "expert")), Flag("thermometryROIEnabled", False))
_BASIC_HEAD = (
    Flag("streamOverlay", True),
    Flag("pictureOverlay", False),
    Word("temperatureRange", "-20~150", ("automatic", "-20~150", "0~550")),
)
_BASIC = (
    _SURFACE[0],
    _DISTANCE_UNIT,
    Word("specialPointThermType", "centerPoint", ("centerPoint", "highestPoint", "lowestPoint")),
    *_SURFACE[1:],
    Celsius("alert", 300.0),
    Celsius("alarm", 400.0),
    Flag("showTempStripEnable", True),
    _PRE_PORTS,
    _PORTS,
    Number("alertFilteringTime", 0, low=0, high=200),
    Number("alarmFilteringTime", 0, low=0, high=200),
    Flag("displayMaxTemperatureEnabled", True),
    Flag("displayMinTemperatureEnabled", True),
    Flag("displayAverageTemperatureEnabled", False),
    Text("thermometryInfoDisplayposition", "rules_around", most=64),
    Text("emissivityMode", "customsettings", most=64),
    Group("VehicleBlur", (Flag("enabled", False), Number("sensitiveLevel", 2, low=1, high=3))),
    Number("refreshPixelToPixeDataIntervalTime", 1, low=1, high=3600),
)
_REGION = (
    Fixed("id", "1"),
    Flag("enabled", False),
    Text("name", ""),
    *_SURFACE,
    Word("type", "point", ("point", "line", "region")),
    Outline("outline"),
    _DISTANCE_UNIT,
    Text("emissivityMode", "customsettings", most=64),
)
_ALARM = (
    Fixed("id", "1"),
    Flag("enabled", False),
    Fixed("name", ""),
    Word("rule", "highestGreater", tuple(_COMPARED)),
    Celsius("alert", 60.0),
    Celsius("alarm", 80.0),
    Kelvin("threshold", 3.0, high=200.0),
    _PRE_PORTS,
    _PORTS,
    Number("alertFilteringTime", 0, low=0, high=200),
    Number("alarmFilteringTime", 0, low=0, high=200),
    Flag("visibleLightLinkageEnabled", False),
)
_DIFFERENCE = (
    Fixed("id", "1"),
    Flag("enabled", False),
    Number("ruleID1", 1, low=1, high=RULES),
    Number("ruleID2", 2, low=1, high=RULES),
    Word("rule", "highestGreater", tuple(_COMPARED)),
    Kelvin("temperatureDiff", 10.0, high=2000.0),
    Number("alarmFilteringTime", 0, low=0, high=200),
)
_PIXELS = (
    Number("maxFrameRate", 400, low=50, high=2500),
    Flag("reflectiveEnable", False),
    Celsius("reflectiveTemperature", 20.0),
    _SURFACE[0],
    Number("distance", 50, low=0, high=1000000),
    Number("refreshInterval", 50, low=0, high=3600),
    _DISTANCE_UNIT,
)
_FIRE = (Number("sensitivity", 50, low=0, high=100),)
