"""Parts that are pictures of an alarm, and parts that are none (isapi.md 6.2, 6.6)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from nvr_hooks import AlarmPicture
from reading import JPEG, alert

from hik_thermal_plugin.wire.alerts import decode_alert
from hik_thermal_plugin.wire.parts import Part
from hik_thermal_plugin.wire.pictures import read_picture

NOW = datetime(2026, 3, 4, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n1234"


def picture(
    kind: str = "image/jpeg", body: bytes = JPEG, text: bool = False, **names: str | None
) -> AlarmPicture | None:
    headers = {"content-id": names.pop("content_id")} if names.get("content_id") else {}
    return read_picture(Part(headers, kind, body, text=text, **names), None, received_at=NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "body", "wanted"),
    [
        ("image/jpeg", JPEG, "image/jpeg"),
        ("image/pjpeg", b"", "image/jpeg"),
        ("image/jpg", JPEG, "image/jpeg"),
        ("image/png", PNG, "image/png"),
        ("image/webp", b"RIFF", "image/webp"),
        ("application/octet-stream", JPEG, "image/jpeg"),
        ("", PNG, "image/png"),
        ("", b"\x89PNG", None),
        ("application/octet-stream", b"\0\xff\xd8\xff", None),
        ("", b"", None),
    ],
)
def test_a_picture_is_known_by_its_type_else_by_its_first_bytes(kind: str, body: bytes, wanted: str | None) -> None:
    found = picture(kind, body)

    assert (found and found.content_type) == wanted
    if found:
        assert (found.data, found.length) == (body, len(body))
    assert picture("", JPEG, text=True) is None


@pytest.mark.parametrize(
    ("names", "view", "name"),
    [
        ({"name": "fire", "filename": "Thermal_1.jpg"}, "thermal", "Thermal_1.jpg"),
        ({"name": "visibleLight"}, "visible", "visibleLight"),
        ({"content_id": "thermographyPic"}, "thermal", None),
        ({"content_id": "OpticalImage", "filename": "a.jpg"}, "visible", "a.jpg"),
        ({"name": "fireDetection", "filename": "fireDetection.jpg"}, None, "fireDetection.jpg"),
        ({"name": "visible", "filename": "thermal"}, "thermal", "thermal"),
        ({}, None, None),
    ],
)
def test_its_names_tell_what_it_shows(names: dict[str, str | None], view: str | None, name: str | None) -> None:
    found = picture(**names)  # type: ignore[arg-type]

    assert found is not None
    assert (found.view, found.name) == (view, name)


def test_whose_picture_it_is() -> None:
    (alarm,) = decode_alert(alert("fireDetection"), camera="kiln")
    part = Part({}, "image/jpeg", JPEG, text=False)

    assert read_picture(part, alarm, camera="kiln", source="push", received_at=NOW) == AlarmPicture(  # type: ignore[arg-type]
        camera="kiln", channel=2, at=alarm.at, received_at=NOW, source="push", alarm_id=alarm.id, kind="fire",
        content_type="image/jpeg", length=len(JPEG), data=JPEG,
    )  # fmt: skip
    alone = read_picture(part, None)
    assert alone is not None
    assert (alone.camera, alone.channel, alone.at, alone.source) == ("", None, None, "alert_stream")
    assert (alone.alarm_id, alone.kind, alone.received_at.tzinfo) == (None, None, UTC)
