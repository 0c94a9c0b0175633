"""A device that shows the 61st second of a minute: whatever carries a time is read, with the second before it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hcnetsdk_structures import made
from test_metadata import document, target, temperature

from hik_thermal_plugin.wire.alerts import decode_alert_document
from hik_thermal_plugin.wire.archive import parse_search
from hik_thermal_plugin.wire.device import parse_time
from hik_thermal_plugin.wire.hcnetsdk import device_time
from hik_thermal_plugin.wire.hcnetsdk_archive import read_file
from hik_thermal_plugin.wire.metadata import decode_metadata

LAST = datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)
ALERT = b"""<EventNotificationAlert><channelID>2</channelID><dateTime>2017-01-01T07:59:60+08:00</dateTime>
<eventType>VMD</eventType><eventState>active</eventState></EventNotificationAlert>"""
FOUND = b"""<CMSearchResult><responseStatusStrg>OK</responseStatusStrg><matchList><searchMatchItem><trackID>201</trackID>
<timeSpan><startTime>2016-12-31T23:50:00Z</startTime><endTime>2016-12-31T23:59:60Z</endTime></timeSpan></searchMatchItem>
</matchList></CMSearchResult>"""


def test_an_alarm() -> None:
    [alarm] = decode_alert_document(ALERT).events
    assert alarm.at == LAST


def test_the_devices_clock() -> None:
    assert parse_time(b"<Time><localTime>2016-12-31T23:59:60Z</localTime></Time>").at == LAST


def test_a_search_result() -> None:
    [file] = parse_search(FOUND, "kiln", 201, None).files
    assert file.end == LAST


def test_a_metadata_document() -> None:
    told = document(target([(0.5, 0.5)], *temperature(40), rule=1))
    [reading] = decode_metadata(told.replace(b"2017-01-01T00:00:00+08:00", b"2016-12-31T23:59:60Z"))
    assert reading.at == LAST


@pytest.mark.parametrize(("second", "wanted"), [(60, LAST), (59, LAST)])
def test_the_vendors_library_packed(second: int, wanted: datetime) -> None:
    packed = 16 << 26 | 12 << 22 | 31 << 17 | 23 << 12 | 59 << 6 | second
    assert device_time(packed, UTC) == wanted


def test_the_vendors_library_in_digits() -> None:
    digits = {"Year": 2016, "Month": 12, "Day": 31, "Hour": 23, "Minute": 59, "Second": 60}
    fields = {
        f"{place}__dw{name}": value for place in ("struStartTime", "struStopTime") for name, value in digits.items()
    }
    assert read_file(made("NET_DVR_FINDDATA_V40", sFileName=b"x", **fields)).end(UTC) == LAST
