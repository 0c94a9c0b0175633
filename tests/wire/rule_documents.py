"""Configuration documents of a camera, made by hand after isapi.md 8.1, 8.2 and 8.4, and how two of them differ."""

from __future__ import annotations

from typing import Any

from lxml import etree

from hik_thermal_plugin.wire.rules import Section, edit_document, parse_rules

STD_CGI = "http://www.std-cgi.com/ver20/XMLSchema"
ISAPI = "http://www.isapi.org/ver20/XMLSchema"


def slot(number: int, inner: str = "", *, enabled: str = "false", name: str = "", unit: str = "centimeter") -> str:
    """Return one region as the capture with 21 slots has it: CRLF, unused ones a point in the middle."""
    inner = inner or "<type>point</type><Point><CalibratingCoordinates><positionX>500</positionX>\r\n<positionY>500</positionY>" \
        "</CalibratingCoordinates></Point>"  # fmt: skip
    return (
        f"<ThermometryRegion>\r\n<id>{number}</id>\r\n<enabled>{enabled}</enabled>\r\n<name>{name}</name>\r\n"
        f"<emissivity>0.95</emissivity>\r\n<distance>200</distance>\r\n<reflectiveEnable>false</reflectiveEnable>\r\n"
        f"<reflectiveTemperature>20.0</reflectiveTemperature>\r\n{inner}\r\n<distanceUnit>{unit}</distanceUnit>\r\n"
        f"<emissivityMode>customsettings</emissivityMode>\r\n<future a='1'>kept</future>\r\n</ThermometryRegion>\r\n"
    )


def area(*points: tuple[int, int], kind: str = "region", size: str = "") -> str:
    places = "".join(
        f"<RegionCoordinates>\r\n<positionX>{x}</positionX>\r\n<positionY>{y}</positionY>\r\n</RegionCoordinates>\r\n"
        for x, y in points
    )
    return f"<type>{kind}</type><Region>\r\n<RegionCoordinatesList{size}>\r\n{places}</RegionCoordinatesList></Region>"


DOOR = area((100, 900), (500, 900), (500, 300), (100, 300), size=' size="4"')
REGIONS = (
    f'<?xml version="1.0" encoding="UTF-8"?>\r\n<ThermometryRegionList version="2.0" xmlns="{STD_CGI}">\r\n'
    + slot(1, DOOR, enabled="true", name="kiln door")
    + slot(2, area((250, 740), (610, 170), kind="line"), enabled="true", name="二二")
    + slot(3, enabled="true", name="motor")
    + "".join(slot(number) for number in range(4, 22))
    + "</ThermometryRegionList>\r\n"
).encode()
BASIC = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    f'<ThermometryBasicParam version="2.0" xmlns="{ISAPI}"><id>2</id><enabled>true</enabled><streamOverlay>true</streamOverlay>'
    "<temperatureRange>-20~150</temperatureRange><temperatureUnit>degreeCentigrade</temperatureUnit><emissivity>0.96</emissivity>"
    "<distanceUnit>centimeter</distanceUnit><distance>3000</distance><reflectiveEnable>false</reflectiveEnable><alert>45.0</alert>"
    "<alarm>55.0</alarm><AlarmOutputIOPortList><OutputIOPort><portID>1</portID><enabled>false</enabled></OutputIOPort>"
    "</AlarmOutputIOPortList><alertFilteringTime>0</alertFilteringTime><VehicleBlur><enabled>true</enabled></VehicleBlur>"
    "</ThermometryBasicParam>"
).encode()


def alarm_rule(
    number: int,
    *,
    enabled: str = "true",
    rule: str = "<rule>highestGreater</rule>",
    alert: str = "60",
    alarm: str = "80",
) -> str:
    return (
        f"<ThermometryAlarmMode><id>{number}</id><enabled>{enabled}</enabled><name>ro</name>{rule}<alert>{alert}</alert><alarm>{alarm}</alarm>"
        "<threshold>3.0</threshold><AlarmOutputIOPortList><OutputIOPort><portID>1</portID><enabled>true</enabled></OutputIOPort>"
        "</AlarmOutputIOPortList><alertFilteringTime>0</alertFilteringTime><alarmFilteringTime>2</alarmFilteringTime>"
        "<TemperatureSuddenChange><mode>0</mode><alert>5</alert><alarm>9</alarm></TemperatureSuddenChange></ThermometryAlarmMode>"
    )


ALARM_RULES = (
    f'<ThermometryAlarmRule version="2.0" xmlns="{ISAPI}"><ThermometryAlarmModeList size="4">'
    + alarm_rule(1)
    + alarm_rule(2, rule="<regionRule>diffTempLess</regionRule>", alert="9", alarm="4.5")
    + alarm_rule(3, enabled="false")
    + alarm_rule(4, rule="<rule>hottestSurprise</rule>")
    + "</ThermometryAlarmModeList><TemperatureDifferenceComparisonList><TemperatureDifferenceComparison><id>1</id><enabled>true</enabled>"
    "<ruleID1>1</ruleID1><ruleID2>2</ruleID2><rule>highestGreater</rule><temperatureDiff>10.0</temperatureDiff>"
    "<alarmFilteringTime>5</alarmFilteringTime></TemperatureDifferenceComparison></TemperatureDifferenceComparisonList>"
    "</ThermometryAlarmRule>"
).encode()
MODE = b"<ThermometryMode><mode>normal</mode><thermometryROIEnabled>false</thermometryROIEnabled></ThermometryMode>"
PIXELS = (
    f'<PixelToPixelParam version="2.0" xmlns="{STD_CGI}">\n<id>2</id>\n<maxFrameRate>400</maxFrameRate>\n'
    "<emissivity>1</emissivity>\n<distance>50</distance>\n<distanceUnit>centimeter</distanceUnit>\n"
    "<temperatureDataLength>4</temperatureDataLength>\n<JpegPictureWithAppendData>\n<jpegPicEnabled>true</jpegPicEnabled>\n"
    "<visiblePicEnable>true</visiblePicEnable>\n</JpegPictureWithAppendData>\n</PixelToPixelParam>\n"
).encode()
FIRE = (
    f'<FireDetection xmlns="{ISAPI}"><enabled>1</enabled><sensitivity>50</sensitivity>'
    "<AlarmStrategy><enabled>false</enabled></AlarmStrategy></FireDetection>"
).encode()
DOCUMENTS: dict[Section, bytes] = {
    "mode": MODE,
    "basic": BASIC,
    "regions": REGIONS,
    "alarm_rules": ALARM_RULES,
    "pixel_to_pixel": PIXELS,
    "fire_detection": FIRE,
}
RULES = parse_rules(DOCUMENTS)


def leaves(document: bytes) -> list[tuple[str, str]]:
    """Return every element and attribute with its path, namespace and text: what must stay as it is."""
    root = etree.fromstring(document)
    found = []
    for item in root.iter():
        path = root.getroottree().getelementpath(item)
        found.append((path, (item.text or "").strip()))
        found += [(f"{path}@{key}", value) for key, value in item.attrib.items()]
    return found


def differences(before: bytes, after: bytes) -> list[str]:
    """Return the local paths of all leaves that differ, are new or gone."""
    old, new = leaves(before), leaves(after)
    paths = sorted({path for path, _ in set(old) ^ set(new)})
    return [path.replace(f"{{{STD_CGI}}}", "").replace(f"{{{ISAPI}}}", "") for path in paths]


def edit(section: Section, **wanted: Any) -> tuple[bytes, list[tuple[str, object, object]]]:
    done = edit_document(section, DOCUMENTS[section], wanted, camera="kiln")
    return done.document, [(change.path, change.before, change.after) for change in done.changes]


def rules(key: str) -> dict[int, Any]:
    found = RULES[key]
    assert isinstance(found, dict)
    return dict(found)
