"""Identity, channels, capabilities, triggers, clock, disks, logins and refusals of a device (isapi.md 1, 2, 5.4, 6.1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from nvr_hooks import BadAnswer, ChannelInfo, Disk, StreamInfo

from hik_thermal_plugin.wire import device
from hik_thermal_plugin.wire.device import Capabilities, Trigger, decide_thermal_channel

DATA = Path(__file__).parents[1] / "data"


def document(name: str) -> bytes:
    return (DATA / name).read_bytes()


def test_identity() -> None:
    info = device.parse_device_info(document("bispectrum/device_info.xml"))

    assert (info.name, info.model, info.mac) == ("Kiln", "DS-2TD2628-3-QA", "02:00:5e:10:00:21")
    assert (info.serial, info.firmware) == ("DS-2TD2628-3/QA20260101AAWRX00000001", "V5.5.98 build 260101")
    assert (info.kind, info.manufacturer) == ("IPCamera", None)


def test_channels_and_their_streams() -> None:
    channels = device.parse_channels(
        document("bispectrum/device_inputs.xml"), document("bispectrum/device_streams.xml")
    )

    assert channels == (
        ChannelInfo(
            id=1,
            name="Halle Süd",
            streams=(
                StreamInfo(id=101, profile="main", codec="H.265", width=1920, height=1080, frames_per_second=25.0),
                StreamInfo(id=102, profile="sub", codec="H.264", width=704, height=576, frames_per_second=None),
            ),
        ),
        ChannelInfo(
            id=2,
            name="Thermal",
            streams=(
                StreamInfo(id=201, profile="main", codec="H.264", width=640, height=512, frames_per_second=12.5),
                StreamInfo(id=202, profile="sub", codec="H.264", width=320, height=240, frames_per_second=25.0),
            ),
        ),
    )


def test_either_list_alone_gives_the_channels() -> None:
    inputs, streams = document("bispectrum/device_inputs.xml"), document("bispectrum/device_streams.xml")

    assert [(found.id, found.streams) for found in device.parse_channels(inputs)] == [(1, ()), (2, ())]
    assert [found.name for found in device.parse_channels(None, streams)] == ["Visible", "Thermal"]
    assert device.parse_channels() == ()


def test_one_stream_instead_of_a_list() -> None:
    (channel,) = device.parse_channels(None, document("bullet/device_stream_alone.xml"))

    assert (channel.id, channel.name, [stream.id for stream in channel.streams]) == (1, "Bullet", [101])


def test_capabilities() -> None:
    found = device.parse_capabilities(document("bispectrum/device_capabilities.xml"))

    assert found.thermal_channels == (2,)
    assert (found.lock_attempts, found.lock_minutes) == (7, 15)
    assert found.digest_algorithms == ("MD5", "SHA256", "MD5/SHA256")
    assert (found.record_types, found.picture_types) == (("CMR", "MOTION", "ALARM"), ("CMR", "MOTION"))
    assert found.supports("FireDetection") is True  # the thermal word counts before that of EventCap
    assert found.supports("Power") is False
    assert found.supports("ThermometryHistorySearch") is None
    assert found.known() == {
        "snapshot": True,
        "realtime_thermometry": True,
        "thermometry_polling": False,
        "thermal_frame": True,
        "metadata": True,
        "playback": True,
        "search": True,
        "rules": True,
        "fire_detection": True,
    }


def test_thermal_capabilities_may_come_alone_or_add_to_the_others() -> None:
    alone = b'<ThermalCap><isSupportClickToThermometry>true</isSupportClickToThermometry><X><supportChan opt="chan1"/></X></ThermalCap>'

    assert device.parse_capabilities(None, alone).known() == {"manual_thermometry": True}
    both = device.parse_capabilities(document("bispectrum/device_capabilities.xml"), alone)
    assert both.supports("ClickToThermometry") is True
    assert both.supports("Playback") is True
    assert both.thermal_channels == (1, 2)
    assert device.parse_capabilities(b"<DeviceCap/>").thermal is None
    assert device.parse_capabilities() == Capabilities()


def test_triggers() -> None:
    found = device.parse_triggers(document("bispectrum/device_triggers.xml"))

    assert found == (
        Trigger(id="VMD-1", event_type="VMD", channel=1, methods=("record", "center")),
        Trigger(id="fireDetection-2", event_type="fireDetection", channel=2),
        Trigger(id="thermometry-2", event_type="thermometry", channel=2, methods=("center",)),
        Trigger(id="IO-1", event_type="IO", input_port=1),
        Trigger(id="diskfull", event_type="diskfull"),
    )
    assert [(trigger.thermal, trigger.notifies) for trigger in found[:3]] == [
        (False, True),
        (True, False),
        (True, True),
    ]


def test_triggers_in_another_structure() -> None:
    (found,) = device.parse_triggers(document("bullet/device_triggers_bare_list.xml"))

    assert found == Trigger(id="thermometry-1", event_type="thermometry", channel=1, methods=("beep",))
    assert not found.notifies


def test_the_clock_goes_by_its_zone_not_by_the_offset() -> None:
    found = device.parse_time(document("bispectrum/device_time.xml"))

    assert found.at == datetime(2026, 7, 4, 3, 6, 7, tzinfo=UTC)
    assert found.mode == "NTP"
    assert found.zone is not None
    assert found.zone.utcoffset(datetime(2026, 1, 1)) == timedelta(hours=1)


@pytest.mark.parametrize(
    ("inner", "at", "offset"),
    [
        ("<localTime>2026-07-04T05:06:07+01:00</localTime>", datetime(2026, 7, 4, 4, 6, 7, tzinfo=UTC), 1),
        (
            "<localTime>2026-07-04T05:06:07</localTime><timeZone>CST-8:00:00</timeZone>",
            datetime(2026, 7, 3, 21, 6, 7, tzinfo=UTC),
            8,
        ),
        ("<localTime>2026-07-04T05:06:07</localTime>", None, None),
        ("<timeZone>CST-8:00:00</timeZone>", None, 8),
        ("", None, None),
    ],
)
def test_clocks_that_say_less(inner: str, at: datetime | None, offset: int | None) -> None:
    found = device.parse_time(f"<Time>{inner}</Time>".encode())

    assert found.at == at
    zone = found.zone
    assert (None if zone is None else zone.utcoffset(datetime(2026, 7, 4))) == (
        None if offset is None else timedelta(hours=offset)
    )


def test_storage() -> None:
    megabyte = 1024 * 1024

    assert device.parse_storage(document("bispectrum/device_storage.xml")) == (
        Disk(
            id=1, kind="disk", name="hdde", state="ok", capacity=30000 * megabyte, free=1000 * megabyte, encrypted=True
        ),
        Disk(id=9, kind="nas", name="/export/kiln", state="offline"),
    )


def test_ports() -> None:
    assert device.parse_ports(document("bispectrum/device_ports.xml")) == {
        "http": 8080,
        "dev_manage": 8000,
        "rtsp": 10554,
    }


@pytest.mark.parametrize(
    "parse",
    [
        device.parse_device_info,
        device.parse_channels,
        device.parse_capabilities,
        device.parse_triggers,
        device.parse_thermal_channels,
        device.parse_time,
        device.parse_storage,
        device.parse_ports,
    ],
)
@pytest.mark.parametrize(
    "other", [b"<html/>", b"<ResponseStatus><statusCode>4</statusCode></ResponseStatus>", b"\xff\xd8", b"{}"]
)
def test_another_document_is_a_bad_answer(parse: object, other: bytes) -> None:
    assert callable(parse)
    if other == b"{}":
        parse(other)  # an object without a name may be anything; it says nothing
        return
    with pytest.raises(BadAnswer):
        parse(other)


def test_a_refusal_in_place_of_a_document_is_told() -> None:
    refusal = b"<ResponseStatus><statusCode>4</statusCode><subStatusCode>notSupport</subStatusCode></ResponseStatus>"
    with pytest.raises(BadAnswer, match="notSupport"):
        device.parse_time(refusal)


@pytest.mark.parametrize(
    ("body", "meaning", "text"),
    [
        (b"<ResponseStatus><statusCode>1</statusCode><statusString>OK</statusString></ResponseStatus>", "ok", "OK"),
        (
            b"<ResponseStatus><statusCode>7</statusCode><subStatusCode>rebootRequired</subStatusCode></ResponseStatus>",
            "reboot",
            "rebootRequired",
        ),
        (
            b'{"statusCode": 4, "statusString": "Invalid Operation", "subStatusCode": "notSupport", "errorCode": 1073741825}',
            "unsupported",
            "Invalid Operation, notSupport, 0x40000001",
        ),
        (b'{"ResponseStatus": {"statusCode": 4, "errorCode": "0x40000002"}}', "no_permission", "0x40000002"),
        (
            b"<ResponseStatus><statusCode>4</statusCode><errorCode>1073748505</errorCode></ResponseStatus>",
            "locked",
            "0x40001A19",
        ),
        (b"<ResponseStatus><statusCode>2</statusCode></ResponseStatus>", "busy", "status 2"),
        (
            b"<ResponseStatus><statusCode>2</statusCode><subStatusCode>deviceBusy</subStatusCode></ResponseStatus>",
            "busy",
            "deviceBusy",
        ),
        (
            b"<ResponseStatus><statusCode>3</statusCode><subStatusCode>deviceError</subStatusCode></ResponseStatus>",
            "device_error",
            "deviceError",
        ),
        (
            b"<ResponseStatus><statusCode>6</statusCode><subStatusCode>badXmlContent</subStatusCode></ResponseStatus>",
            "bad_request",
            "badXmlContent",
        ),
        (
            b"<ResponseStatus><statusCode>x</statusCode><errorCode>many</errorCode></ResponseStatus>",
            "bad_request",
            "status None",
        ),
    ],
)
def test_what_a_refusal_means(body: bytes, meaning: str, text: str) -> None:
    status = device.parse_response_status(body)

    assert status is not None
    assert (status.meaning, str(status)) == (meaning, text)
    assert status.ok is (meaning in ("ok", "reboot"))


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>403</html>", b"\xff\xd8\xff", b"<ResponseStatus/>", b"<ResponseStatus", b"<DeviceInfo/>", b"[]"],
)
def test_what_is_no_refusal(body: bytes) -> None:
    assert device.parse_response_status(body) is None
    assert device.parse_user_check(body) is None


def test_a_lock_is_read_from_the_body_of_a_401() -> None:
    found = device.parse_user_check(document("bullet/device_user_check_locked.xml"))

    assert found is not None
    assert (found.status, found.locked, found.unlock_seconds, found.tries_left) == (401, True, 1743, 0)


@pytest.mark.parametrize(("word", "locked"), [("unlock", False), ("locked", True), ("lock", True), ("", None)])
def test_words_for_a_lock(word: str, locked: bool | None) -> None:
    found = device.parse_user_check(
        f"<userCheck><statusValue>200</statusValue><lockStatus>{word}</lockStatus></userCheck>".encode()
    )

    assert found is not None
    assert found.locked is locked
    assert found.unlock_seconds is None


def test_a_lock_may_stand_in_another_document() -> None:
    found = device.parse_user_check(
        b"<ResponseStatus><lockStatus>lock</lockStatus><unlockTime>60</unlockTime></ResponseStatus>"
    )

    assert found is not None
    assert (found.locked, found.unlock_seconds) == (True, 60)
    assert device.parse_user_check(b"<ResponseStatus><statusCode>4</statusCode></ResponseStatus>") is None


TWO = (ChannelInfo(id=1), ChannelInfo(id=2))
THERMAL = Capabilities(thermal={"Thermometry": True}, thermal_channels=(2,))
LINKED = (
    Trigger(id="VMD-1", event_type="VMD", channel=1),
    Trigger(id="thermometry-2", event_type="thermometry", channel=2),
)


def test_the_thermal_channel_by_the_best_evidence() -> None:
    assert decide_thermal_channel(capabilities=THERMAL, listed=(1,), triggers=(), channels=TWO).channel == 2
    assert decide_thermal_channel(listed=(1,), triggers=LINKED, channels=TWO).channel == 1
    assert decide_thermal_channel(triggers=LINKED, probed={1: True}, channels=TWO).channel == 2
    assert decide_thermal_channel(probed={2: False, 1: True}, channels=TWO).channel == 1
    assert decide_thermal_channel(channels=TWO).channel == 2
    assert decide_thermal_channel(channels=TWO[:1]).channel == 1
    assert decide_thermal_channel().channel is None


def test_evidence_that_contradicts_itself_gives_way_to_the_next() -> None:
    torn = replace(THERMAL, thermal_channels=(1, 2))
    triggers = (*LINKED, Trigger(id="fireDetection-1", event_type="fireDetection", channel=1))

    assert decide_thermal_channel(capabilities=torn, listed=(1, 2), triggers=LINKED).channel == 2
    assert decide_thermal_channel(capabilities=torn, triggers=triggers, probed={1: True}).channel == 1
    assert decide_thermal_channel(capabilities=torn, triggers=triggers, channels=TWO).channel == 2


def test_a_camera_that_is_not_thermal_has_no_thermal_channel() -> None:
    plain = Capabilities(general={"Snapshot": True})

    assert decide_thermal_channel(capabilities=plain, channels=TWO, model="DS-2SE4C425MWG-E").channel is None
    assert decide_thermal_channel(capabilities=plain, channels=TWO[:1], model="DS-2CD2386G2-IU").channel is None
    for model in ("DS-2TD1228-2-QA", "HM-TD2628T-7", None):
        assert decide_thermal_channel(capabilities=plain, channels=TWO, model=model).channel == 2


def test_the_evidence_says_how_it_was_found() -> None:
    assert "channel 2" in decide_thermal_channel(capabilities=THERMAL).evidence
    assert "thermometry-2" in decide_thermal_channel(triggers=LINKED).evidence
    assert "DS-2CD1" in decide_thermal_channel(capabilities=Capabilities(), model="DS-2CD1").evidence
    assert all(
        decide_thermal_channel(channels=channels).evidence
        for channels in (None, (), TWO, TWO[:1], (ChannelInfo(id=7), ChannelInfo(id=8)))
    )


def test_listed_thermal_channels() -> None:
    data = b"<ThermalChannelList><ThermalChannel><id>2</id></ThermalChannel><ThermalChannel><id>x</id></ThermalChannel></ThermalChannelList>"

    assert device.parse_thermal_channels(data) == (2,)
