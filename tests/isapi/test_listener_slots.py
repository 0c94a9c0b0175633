"""Changing a camera's list of hosts when the camera does otherwise than it says: what others keep there is left alone."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, cast

import pytest
from nvr_hooks import DeviceError

from hik_thermal_plugin.isapi.client import IsapiClient
from hik_thermal_plugin.isapi.http_hosts import HttpHosts
from hik_thermal_plugin.wire.http_hosts import PATH, Destination

SLOT = (
    "<HttpHostNotification><id>{}</id><url>{}</url><protocolType>HTTP</protocolType><parameterFormatType>XML</parameterFormatType>"
    "<addressingFormatType>ipaddress</addressingFormatType><ipAddress>{}</ipAddress><portNo>80</portNo>"
    "<userName>{}</userName><httpAuthenticationMethod>none</httpAuthenticationMethod></HttpHostNotification>"
)
LIST = (
    "<HttpHostNotificationList>"
    + SLOT.format(1, "/", "0.0.0.0", "")
    + SLOT.format(2, "/theirs", "192.0.2.9", "nvr")
    + "</HttpHostNotificationList>"
).encode()


class Stubborn:
    """Takes what is written for good, and keeps another port."""

    camera = "kiln"

    def __init__(self) -> None:
        self.document = LIST
        self.written: list[str] = []

    def conversation(self) -> Any:
        return nullcontext()

    def get(self, path: str, *, deadline: float) -> bytes:
        if path != PATH:
            raise DeviceError("kiln: no", camera="kiln")
        return self.document

    def put(self, path: str, body: bytes, *, deadline: float) -> None:
        self.written.append(path)
        if path == PATH:
            self.document = body
        elif len(self.written) == 1:
            self.document = LIST.replace(b"<url>/</url>", b"<url>/other</url>")
        else:
            self.document = LIST


def test_what_a_camera_did_otherwise_is_put_back_without_writing_to_slots_of_others() -> None:
    device = Stubborn()
    wanted = Destination(host="192.0.2.1", port=8080, path="/hik-thermal/abc")
    with pytest.raises(DeviceError, match="holds another list of hosts; the former one is put back"):
        HttpHosts(cast(IsapiClient, device)).set_up(wanted, dry_run=False, deadline=0.0)
    assert device.written == [f"{PATH}/1", f"{PATH}/1"], (
        "the list has no passwords of others: written, it takes them away"
    )
