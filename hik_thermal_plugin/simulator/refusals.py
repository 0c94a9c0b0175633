"""How the device says no: HTTP status and the fields of ResponseStatus (isapi.md 1.6)."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Refusal:
    """One way to say no."""

    status: int
    code: int
    text: str
    sub_status: str
    error: int | None = None


class Refused(Exception):
    """A request that is answered with a refusal; `status` takes the place of its HTTP status."""

    def __init__(self, refusal: Refusal, status: int | None = None) -> None:
        super().__init__(refusal.sub_status)
        self.refusal = refusal if status is None else replace(refusal, status=status)


NOT_SUPPORTED = Refusal(403, 4, "Invalid Operation", "notSupport", 0x40000001)
LOW_PRIVILEGE = Refusal(403, 4, "Invalid Operation", "lowPrivilege", 0x40000002)
NO_ROOM = Refusal(403, 4, "Invalid Operation", "maxSessionUserLink", 0x4000000B)
METHOD_NOT_ALLOWED = Refusal(403, 4, "Invalid Operation", "methodNotAllowed", 0x40000004)
FRAME_PARAMETERS = Refusal(403, 4, "Invalid Operation", "jpegPicWithAppendDataError", 0x4000A01D)
NO_DISK = Refusal(403, 4, "Invalid Operation", "noDisk", 0x400020C8)
BUSY = Refusal(503, 2, "Device Busy", "deviceBusy", 0x20000004)
DEVICE_ERROR = Refusal(500, 3, "Device Error", "deviceError", 0x30000000)
DISK_ERROR = Refusal(500, 3, "Device Error", "diskError", 0x30000015)
BAD_XML_FORMAT = Refusal(400, 5, "Invalid Format", "badXmlFormat", 0x50000001)
BAD_JSON_FORMAT = Refusal(400, 5, "Invalid Format", "badJsonFormat", 0x50000002)
BAD_PARAMETERS = Refusal(400, 6, "Invalid Content", "badParameters", 0x60000001)
BAD_XML_CONTENT = Refusal(400, 6, "Invalid XML Content", "badXmlContent", 0x60000003)
PARAMETERS_LACK = Refusal(400, 6, "Invalid Content", "MessageParametersLack", 0x60000019)
REGION_OVERSTEP = Refusal(400, 6, "Invalid Content", "thermometryRegionOverstep", 0x60000043)
INVALID_CHANNEL = Refusal(400, 6, "Invalid Content", "invalidChannel", 0x6000004F)
