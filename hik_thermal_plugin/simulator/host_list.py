"""The hosts a camera pushes its alarms to: a fixed number of slots (isapi.md 6.9)."""

from __future__ import annotations

from .profiles import Profile

PATH = "/ISAPI/Event/notification/httpHosts"
SLOTS = 3
Host = dict[str, str]
"""The fields of one slot, in the order in which they are written."""
FREE: Host = {
    "url": "/",
    "protocolType": "HTTP",
    "parameterFormatType": "XML",
    "addressingFormatType": "ipaddress",
    "ipAddress": "0.0.0.0",
    "portNo": "80",
    "userName": "",
    "httpAuthenticationMethod": "none",
}
_FOREIGN = FREE | {"url": "/api/hikvision", "ipAddress": "127.0.0.1", "portNo": "9"}


class Hosts:
    """The slots of one camera."""

    def __init__(self, profile: Profile) -> None:
        count = 1 if profile.http_hosts == "one" else SLOTS
        self.slots = {
            number: dict(_FOREIGN if number <= profile.foreign_hosts else FREE) for number in range(1, count + 1)
        }

    def used(self) -> dict[int, Host]:
        """The slots that lead somewhere."""
        return {number: host for number, host in self.slots.items() if address_of(host)}


def address_of(host: Host) -> str:
    """Where a slot leads; empty when nowhere."""
    if host["addressingFormatType"] == "hostname":
        return host.get("hostName", "")
    word = host.get("ipAddress", "")
    return "" if word in ("", "0.0.0.0", "::") else word
