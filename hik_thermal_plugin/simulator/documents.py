"""The device's XML documents: identity, capabilities, channels, triggers, errors (isapi.md 1.4-1.7, 2, 6.1)."""

from __future__ import annotations

import math

from .device import Device
from .markup import Element, Scalar, element, to_json, to_xml
from .models import Channel, Stream
from .profiles import HIKVISION_10

_TRANSPORTS = ("RTSP", "HTTP", "SHTTP")
SCHEDULES = {"thermometry": "thermometry", "temperature": "temperature", "fireDetections": "fireDetection"}
"""Lists of arming schedules (isapi.md 6.1) and the event they are of."""
_EXCEPTIONS = ("nicbroken", "ipconflict", "illaccess", "badvideo")


def encode(device: Device, root: Element) -> bytes:
    """Write a document as the device's firmware does."""
    return (device.profile.prolog + to_xml(root, newline="\n", indent="  ")).encode(errors="surrogateescape")


def device_info(device: Device) -> Element:
    """`DeviceInfo`: who the camera is."""
    model = device.model
    return _root(
        device,
        "DeviceInfo",
        element("deviceName", device.name),
        element("manufacturer", "") if device.profile.empty_elements else None,
        element("deviceID", device.identity[:20]),
        element("deviceDescription", model.device_type),
        element("deviceLocation", "" if device.profile.empty_elements else "plant"),
        element("model", model.device_model),
        element("serialNumber", f"{model.device_model}{model.build.split()[-1]}AAWR{device.serial}"),
        element("macAddress", device.mac),
        element("firmwareVersion", model.firmware),
        element("firmwareReleasedDate", model.build),
        element("encoderVersion", "V7.3"),
        element("encoderReleasedDate", model.build),
        element("deviceType", model.device_type),
        element("telecontrolID", 88),
        element("supportBeep", False),
        element("supportVideoLoss", False),
        element("bootTime", device.booted.isoformat(timespec="seconds")),
    )


def capabilities(device: Device) -> Element:
    """`DeviceCap`: what the camera can do."""
    model = device.model
    return _root(
        device,
        "DeviceCap",
        element("isSupportDeviceInfo", True),
        element(
            "SysCap",
            element("isSupportDst", True),
            element("NetworkCap", element("isSupportNtp", True), element("isSupportHttps", True)),
            element("IOCap", element("IOInputPortNums", model.inputs), element("IOOutputPortNums", 1)),
            element("isSupportMetadata", device.profile.metadata != "unsupported"),
            element("isSupportSubscribeEvent", False),
            element("isSupportThermalStreamData", True),
        ),
        element("isSupportSnapshot", True),
        element(
            "SecurityCap",
            element("issupIllegalLoginLock", True),
            element("isSupportUserCheck", True),
            element(
                "WebCertificateCap",
                element("CertificateType", "digest", opt="digest,digest/basic"),
                element("SecurityAlgorithm", element("algorithmType", "MD5", opt="MD5,SHA256,MD5/SHA256")),
            ),
            element("maxIllegalLoginTimes", 5, **{"min": "3", "max": "20", "def": "5"}),
            element("maxIllegalLoginLockTime", 30, **{"min": "1", "max": "120", "def": "30"}),
            element("LoginLinkNum", element("maxLinkNum", 50, **{"min": "1", "max": "128", "def": "50"})),
        ),
        element(
            "EventCap",
            element("isSupportHDFull", True),
            element("isSupportHDError", True),
            element("isSupportMotionDetection", True),
            element("isSupportTamperDetection", True),
            element("isSupportFireDetection", True),
            element("isSupportSmokeDetection", model.smoke_detection),
        ),
        element(
            "RacmCap",
            element("nasNums", 8),
            element("pictureSearchType", "", opt="CMR,MOTION,ALARM"),
            element("recordSearchType", "", opt="CMR,MOTION,ALARM,EDR,ALARMANDMOTION,AllEvent"),
        ),
        element("PTZCtrlCap", element("isSupportPatrols", model.pan_tilt)),
        Element("ThermalCap", _thermal_flags(device)) if device.profile.thermal_capabilities else None,
        element("isSupportPlayback", True),
    )


def thermal_capabilities(device: Device) -> Element:
    """`ThermalCap`: what the camera can do with heat; `supportChan` names the thermal channel (isapi.md 2)."""
    return _root(device, "ThermalCap", *_thermal_flags(device))


def clock(device: Device) -> Element:
    """`Time`: local time and zone."""
    return _root(
        device,
        "Time",
        element("timeMode", "manual"),
        element("localTime", device.now().isoformat(timespec="seconds")),
        element("timeZone", device.posix_zone),
    )


def video_inputs(device: Device) -> Element:
    """`VideoInputChannelList`: one input for each channel."""
    inputs = [
        _root(
            device,
            "VideoInputChannel",
            element("id", channel.id),
            element("inputPort", channel.id),
            element("name", channel_name(device, channel)),
            element("videoFormat", "PAL"),
        )
        for channel in device.model.channels
    ]
    return _root(device, "VideoInputChannelList", *inputs)


def streaming_channels(device: Device) -> Element:
    """`StreamingChannelList`: the streams that are there, without the ghosts."""
    streams = [
        streaming_channel(device, channel, place, channel.id * 100 + place + 1)
        for channel in device.model.channels
        for place in range(len(channel.streams))
    ]
    return _root(device, "StreamingChannelList", *streams)


def streaming_channel(device: Device, channel: Channel, place: int, number: int) -> Element:
    """`StreamingChannel` of one stream; `number` is the id asked for, a ghost's too (isapi.md 2)."""
    stream: Stream = channel.streams[place]
    transports = [element("ControlProtocol", element("streamingTransport", name)) for name in _TRANSPORTS]
    return _root(
        device,
        "StreamingChannel",
        element("id", number),
        element("channelName", channel_name(device, channel)),
        element("enabled", True),
        element(
            "Transport",
            element("maxPacketSize", 1000),
            _list(device, "ControlProtocolList", *transports),
            element("Unicast", element("enabled", True), element("rtpTransportType", "RTP/TCP")),
            element(
                "Security",
                element("enabled", True),
                element("certificateType", "digest"),
                element("SecurityAlgorithm", element("algorithmType", "MD5")),
            ),
        ),
        element(
            "Video",
            element("enabled", True),
            element("videoInputChannelID", channel.id),
            element("videoCodecType", stream.codec),
            element("videoScanType", "progressive"),
            element("videoResolutionWidth", stream.width),
            element("videoResolutionHeight", stream.height),
            element("videoQualityControlType", stream.mode),
            element("constantBitRate", stream.kilobits),
            element("vbrUpperCap", stream.kilobits),
            element("maxFrameRate", stream.frames_per_second * 100),
            element("snapShotImageType", "JPEG"),
            element("GovLength", stream.frames_per_second * 2),
        ),
    )


def triggers(device: Device) -> Element:
    """`EventNotification/EventTriggerList`: which event notifies the surveillance center."""
    model, thermal = device.model, device.model.thermal.id
    found = [_trigger(device, f"IO-{port}", "IO", inputIOPortID=port) for port in range(1, model.inputs + 1)]
    found += [
        _trigger(device, f"VMD-{channel.id}", "VMD", videoInputChannelID=channel.id) for channel in model.channels
    ]
    found += [
        _trigger(device, "tamper-1", "tamperdetection", description="shelteralarm"),
        _trigger(device, "diskfull", "diskfull"),
        _trigger(device, "diskerror", "diskerror"),
        *(_trigger(device, name, name, center=False) for name in _EXCEPTIONS),
    ]
    thermal_events = ["thermometry", "fireDetection", *(["smokeDetection"] if model.smoke_detection else [])]
    if not device.profile.thermal_events:
        thermal_events = []
    found += [
        _trigger(device, f"{name}-{thermal}", name, videoInputChannelID=thermal, dynVideoInputChannelID=thermal)
        for name in thermal_events
    ]
    if device.profile.bare_triggers:
        return _root(device, "EventTriggerList", *found)
    return _root(device, "EventNotification", _list(device, "EventTriggerList", *found))


def schedules(device: Device, name: str) -> Element:
    """`ScheduleList`: when alarms are told, by day of the week.

    The paths of the thermal lists are the vendor's; their body is that of other events' schedules, no thermal one is public.
    """
    thermal = device.model.thermal.id
    days = [] if name in device.profile.unscheduled else range(1, 8)
    blocks = [
        element(
            "TimeBlock",
            element("dayOfWeek", day),
            element("TimeRange", element("beginTime", "00:00"), element("endTime", "24:00")),
        )
        for day in days
    ]
    schedule = element(
        "Schedule",
        element("id", f"{SCHEDULES[name]}-{thermal}"),
        element("eventType", SCHEDULES[name]),
        element("videoInputChannelID", thermal),
        element("TimeBlockList", *blocks, size="8"),
    )
    return _root(device, "ScheduleList", schedule)


def user_check(device: Device, status: int) -> Element:
    """`userCheck`: the login as the device sees it, with the lock (isapi.md 1.4)."""
    left = device.login.locked_for
    return _root(
        device,
        "userCheck",
        element("statusValue", status),
        element("statusString", "OK" if status == 200 else "Unauthorized"),
        element("isDefaultPassword", device.profile.default_password),
        element("isRiskPassword", device.profile.default_password),
        element("isActivated", True),
        element("residualValidity", -1),
        element("lockStatus", "locked" if left else "unlock"),
        element("unlockTime", math.ceil(left)),
        element("retryLoginTime", device.login.attempts_left),
    )


def bare_user_check() -> Element:
    """`userCheck` as a recorder puts it into each 401: status alone, no namespace."""
    return element("userCheck", element("statusValue", 401), element("statusString", "Unauthorized"))


def login_lock(device: Device) -> Element:
    """`IllegalLoginLock`: whether the lock is on."""
    return _root(device, "IllegalLoginLock", element("enabled", True))


def response_status(
    device: Device, url: str, code: int, status: str, sub_status: str, error: int | None = None, *, json: bool = False
) -> bytes:
    """`ResponseStatus`, the answer to writes and the body of errors (isapi.md 1.6); `error` is told in JSON only."""
    fields = [
        element("requestURL", url),
        element("statusCode", code),
        element("statusString", status),
        element("subStatusCode", sub_status),
    ]
    if json and error is not None:
        fields += [element("errorCode", error), element("errorMsg", sub_status)]
    root = _root(device, "ResponseStatus", *fields)
    return to_json(root).encode() if json else encode(device, root)


def channel_name(device: Device, channel: Channel) -> str:
    """The channel's name, which need not be ASCII nor UTF-8 (isapi.md 10, quirk 21)."""
    return device.profile.channel_name or channel.name


def root_of(device: Device) -> dict[str, str]:
    """The attributes of a document's root."""
    return {"version": "2.0", "xmlns": device.profile.namespace}


def _root(device: Device, name: str, *children: Element | None) -> Element:
    return element(name, *children, **root_of(device))


def _list(device: Device, name: str, *children: Element) -> Element:
    if device.profile.mixed_namespaces:
        return element(name, *children, version="1.0", xmlns=HIKVISION_10)
    return element(name, *children)


def _thermal_flags(device: Device) -> tuple[Element, ...]:
    profile = device.profile
    claimed = profile.overstated
    flags: list[tuple[str, Scalar]] = [
        ("isSupportThermometry", profile.thermometry),
        ("isSupportRealtimeThermometry", profile.thermometry),
        ("isSupportThermometryMode", profile.thermometry),
        ("isSupportClickToThermometry", claimed or profile.clicks is not None),
        ("isSupportJpegPicWithAppendData", claimed or profile.frames),
        ("isSupportRealTimethermometryForHTTP", claimed or profile.real_time),
    ]
    return (
        element("isSupportFireDetection", True),
        element("FireDetection", element("supportChan", "", opt=f"chan{device.model.thermal.id}")),
        *(element(name, value) for name, value in flags),
    )


def _trigger(
    device: Device, identity: str, event: str, *, description: str = "", center: bool = True, **fields: int
) -> Element:
    notifications = []
    if center and device.linked(identity):
        notifications = [
            element(
                "EventTriggerNotification",
                element("id", "center"),
                element("notificationMethod", "center"),
                element("notificationRecurrence", "beginning"),
            )
        ]
    return element(
        "EventTrigger",
        element("id", identity),
        element("eventType", event),
        element("eventDescription", f"{description or event} Event trigger Information"),
        *(element(name, value) for name, value in fields.items()),
        element("EventTriggerNotificationList", *notifications),
    )
