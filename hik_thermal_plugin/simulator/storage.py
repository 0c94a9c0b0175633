"""`GET /ISAPI/ContentMgmt/Storage`: an SD card that calls itself a SATA disk, and a network drive (isapi.md 5.4). Sizes in MB."""

from __future__ import annotations

from .device import Device
from .documents import root_of
from .markup import Element, element
from .profiles import HIKVISION_10

_STATES = "unencrypted,encrypted,verfyFailed"  # the device's own spelling


def storage(device: Device) -> Element:
    """`storage`: what there is to record on; the step `disk` is about the card."""
    if device.profile.recorder_storage:
        return _of_recorder(device)
    inner = {"version": "1.0", "xmlns": HIKVISION_10} if device.profile.mixed_namespaces else root_of(device)
    cards = [] if device.disk == "none" else [_card(device)]
    return element(
        "storage",
        element("hddList", *cards, **inner, size="8"),
        element(
            "nasList",
            _network_drive(device) if device.profile.nas else None,
            element("supportMountType", "", opt="NFS,SMB/CIFS"),
            element("authentication", "", opt="SMB/CIFS"),
            **inner,
        ),
        element("workMode", "quota"),
        element("posInfoStoragingEnabled", True),
        **root_of(device),
    )


def _state(device: Device, free: int) -> tuple[str, int]:
    """The card's status and its free space; a full one is `ok`."""
    return {"ok": ("ok", free), "full": ("ok", 0)}.get(device.disk, (device.disk, 0))


def _card(device: Device) -> Element:
    status, free = _state(device, 156928)
    encrypted = "unencrypted" if device.profile.encryption == "unencrypted" else "encrypted"
    return element(
        "hdd",
        element("id", 1),
        element("hddName", "hdde"),
        element("hddPath", ""),
        element("hddType", "SATA"),
        element("status", status),
        element("capacity", 244480),
        element("freeSpace", free),
        element("property", "RW"),
        element("formatType", "EXT4", opt="EXT4"),
        element(
            "Encryption",
            element("passwordLen", "", min="6", max="64"),
            element("encryptionStatus", encrypted, opt=_STATES),
            element("encryptFormatType", "EXT4", opt="FAT32,EXT4"),
        ),
        **root_of(device),
    )


def _network_drive(device: Device) -> Element:
    status = device.profile.nas or "ok"
    return element(
        "nas",
        element("id", 9),
        element("addressingFormatType", "ipaddress"),
        element("ipAddress", "192.0.2.20"),
        element("portNo", 0),
        element("nasType", "NFS"),
        element("path", "/recordings"),
        element("status", status),
        element("capacity", 122346),
        element("freeSpace", 119552 if status == "ok" else 0),
        element("property", "RW"),
        element("mountType", "SMB/CIFS"),
        element("userName", "camera"),
        element("Encryption", element("encryptionStatus", "unencrypted", opt=_STATES)),
        **root_of(device),
    )


def _of_recorder(device: Device) -> Element:
    status, free = _state(device, 27392)
    disk = element(
        "hdd",
        element("id", 1),
        element("hddName", "hdd1"),
        element("hddPath", ""),
        element("hddType", "SATA"),
        element("status", status),
        element("capacity", 1907729),
        element("freeSpace", free),
        element("property", "RW"),
        element("group", 1),
    )
    return element(
        "storage",
        element("hddList", *([] if device.disk == "none" else [disk])),
        element("nasList", ""),
        element("workMode", "quota", opt="group,quota"),
        element("ssdList", ""),
        **root_of(device),
    )
