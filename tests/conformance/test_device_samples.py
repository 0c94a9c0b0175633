"""What captured devices say of themselves reads as it is (DS-2TD1228-2/QA V5.5.98 and others)."""

from __future__ import annotations

import pytest
from listed_samples import read_sample

from hik_thermal_plugin.wire import device, xml


def test_a_bispectrum_camera_says_who_it_is() -> None:
    info = device.parse_device_info(read_sample("td1228_deviceInfo.xml"))

    assert (info.model, info.firmware, info.mac) == ("DS-2TD1228-2-QA", "V5.5.98 build 240726", "a6:60:9e:f8:01:09")
    assert (info.kind, info.manufacturer) == ("IPCamera", None)


def test_another_camera_says_who_it_is() -> None:
    info = device.parse_device_info(read_sample("deviceInfo_ipc.xml"))

    assert (info.model, info.manufacturer, info.firmware) == ("DS-2CD2386G2-IU", "hikvision", "V5.7.18 build 240826")


def test_its_channels_and_streams() -> None:
    channels = device.parse_channels(
        read_sample("td1228_video_inputs.xml"), read_sample("td1228_streaming_channels.xml")
    )

    assert [(channel.id, channel.name) for channel in channels] == [(1, "Camera 01"), (2, "Camera 02")]
    streams = [stream for channel in channels for stream in channel.streams]
    assert [
        (found.id, found.profile, found.codec, found.width, found.height, found.frames_per_second) for found in streams
    ] == [
        (101, "main", "H.265", 1920, 1080, 25.0),
        (102, "sub", "H.264", 704, 576, 25.0),
        (201, "main", "H.264", 640, 512, 25.0),
        (202, "sub", "H.264", 320, 240, 25.0),
    ]


def test_its_capabilities() -> None:
    found = device.parse_capabilities(read_sample("td1228_system_capabilities.xml"))

    assert found.thermal_channels == (2,)
    assert (found.lock_attempts, found.lock_minutes) == (5, 30)
    assert found.supports("BurningPrevention") is False
    assert found.known() == dict.fromkeys(
        [
            *("snapshot", "realtime_thermometry", "thermometry_polling", "thermal_frame", "manual_thermometry"),
            *("metadata", "playback", "search", "rules", "fire_detection"),
        ],
        True,
    )


def test_its_triggers() -> None:
    found = {trigger.id: trigger for trigger in device.parse_triggers(read_sample("td1228_event_triggers.xml"))}

    assert len(found) == 11
    assert found["VMD-1"].methods == ("record", "beep", "center")
    assert [name for name, trigger in found.items() if trigger.notifies] == ["VMD-1", "thermometry-2"]
    assert [name for name, trigger in found.items() if trigger.thermal] == ["thermometry-2"]
    assert found["thermometry-2"].channel == 2


def test_its_thermal_channel_by_each_evidence_alone() -> None:
    capabilities = device.parse_capabilities(read_sample("td1228_system_capabilities.xml"))
    triggers = device.parse_triggers(read_sample("td1228_event_triggers.xml"))
    channels = device.parse_channels(read_sample("td1228_video_inputs.xml"))

    assert device.decide_thermal_channel(capabilities=capabilities).channel == 2
    assert device.decide_thermal_channel(triggers=triggers).channel == 2
    assert device.decide_thermal_channel(channels=channels).channel == 2


@pytest.mark.parametrize(
    ("name", "disks"),
    [
        ("td1228_storage.xml", [("disk", 1, "hdde", "ok", 244480, 156928, True)]),
        ("storage_hdd1_nvr.xml", [("disk", 1, "hdd1", "ok", 1907729, 0, None)]),
        (
            "storage_sd_and_nas.xml",
            [("disk", 1, "hdde", "ok", 30436, 27392, False), ("nas", 9, "/pub/hik", "ok", 122346, 119552, False)],
        ),
    ],
)
def test_storage(name: str, disks: list[tuple[object, ...]]) -> None:
    found = device.parse_storage(read_sample(name))

    assert [
        (disk.kind, disk.id, disk.name, disk.state, (disk.capacity or 0) >> 20, (disk.free or 0) >> 20, disk.encrypted)
        for disk in found
    ] == disks


def test_its_ports() -> None:
    found = device.parse_ports(read_sample("td1228_adminAccesses.xml"))

    assert {name: found[name] for name in ("http", "https", "rtsp", "dev_manage")} == {
        "http": 80,
        "https": 443,
        "rtsp": 554,
        "dev_manage": 8000,
    }


@pytest.mark.parametrize("name", ["td1228_httpHosts.xml", "td1228_motionDetection_ch2.xml", "httpHosts_ipc_list.xml"])
def test_documents_of_later_use_open(name: str) -> None:
    assert len(xml.open_document(read_sample(name)))


@pytest.mark.parametrize(
    ("name", "meaning", "sub_status"),
    [
        ("error_403_notSupport.json", "unsupported", "notSupport"),
        ("error_picture_badXmlContent.xml", "bad_request", "badXmlContent"),
        ("error_picture_deviceError.xml", "device_error", "deviceError"),
    ],
)
def test_refusals(name: str, meaning: str, sub_status: str) -> None:
    found = device.parse_response_status(read_sample(name))

    assert found is not None
    assert (found.meaning, found.sub_status) == (meaning, sub_status)


def test_user_checks() -> None:
    good, refused = (
        device.parse_user_check(read_sample(name)) for name in ("userCheck_doc.xml", "userCheck_401_nvr.xml")
    )

    assert good is not None
    assert (good.status, good.activated, good.locked, good.unlock_seconds, good.tries_left) == (200, True, False, 0, 5)
    assert refused is not None
    assert (refused.status, refused.locked, refused.unlock_seconds) == (401, None, None)
