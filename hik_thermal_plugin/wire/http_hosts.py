"""The hosts a device pushes its alarms to: reading the list, and changing one slot of it (isapi.md 6.9).

A list has a fixed number of slots; a free one says `/` at 0.0.0.0, as the captured lists of a DS-2TD1228-2/QA and an IPC do. What a device
answers is changed where it has to be and nowhere else: fields of its own, which others put there, stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from ipaddress import ip_address

from lxml import etree
from nvr_hooks import BadAnswer, Unsupported

from .xml import Element, child, choices, descendants, integer, local_name, open_document, text

PATH = "/ISAPI/Event/notification/httpHosts"
OUR_FOLDER = "/hik-thermal/"
"""How the paths of this program begin; the rest of one nobody can guess."""
_LIST = "HttpHostNotificationList"
_ITEM = "HttpHostNotification"
_ORDER = (
    "id",
    "url",
    "protocolType",
    "parameterFormatType",
    "addressingFormatType",
    "ipAddress",
    "ipv6Address",
    "hostName",
    "portNo",
    "userName",
    "httpAuthenticationMethod",
)
"""The fields in the order of the captures: a missing one is put where it belongs."""
_ADDRESSES = ("ipAddress", "ipv6Address", "hostName")
_FREE: Mapping[str, str | None] = {
    "url": "/",
    "protocolType": "HTTP",
    "addressingFormatType": "ipaddress",
    "ipAddress": "0.0.0.0",  # noqa: S104 - nowhere, and nothing is bound to it
    "ipv6Address": None,
    "hostName": None,
    "portNo": "80",
    "httpAuthenticationMethod": "none",
}
"""What a free slot says; None: the field is taken away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a device is to push."""

    host: str
    port: int
    path: str = field(repr=False)
    """Nobody may know it but the camera."""
    secure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSlot:
    """One slot of the list."""

    id: str
    protocol: str
    host: str
    """Address or name; empty in a free slot."""
    port: int | None
    path: str = field(repr=False)

    @property
    def free(self) -> bool:
        """Whether nobody uses it: no address and no path."""
        return not self.host and self.path in ("", "/")

    def leads_to(self, wanted: Destination) -> bool:
        """Whether it is ours: by the path, or, from a life whose path is forgotten, by our own address, port and folder."""
        if self.path == wanted.path:
            return True
        same = _plain(self.host) == _plain(wanted.host) and self.port == wanted.port
        return same and self.path.startswith(OUR_FOLDER)


@dataclass(frozen=True, slots=True)
class SlotChange:
    """One field of a slot that differs, as texts; None where it is not there."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class SlotEdit:
    """A slot changed: the single document, the whole list with it, and what differs."""

    single: bytes
    whole: bytes
    changes: tuple[SlotChange, ...]


def read_slots(document: bytes) -> tuple[HostSlot, ...]:
    """Return the slots in the device's order; raise BadAnswer for another document."""
    return tuple(_slot(item) for item in _items(open_document(document)))


def point(document: bytes, slot: str, wanted: Destination, capabilities: bytes | None = None) -> SlotEdit:
    """Return the list with this slot leading to `wanted`; `capabilities` tells what the device allows, where it does.

    Raises Unsupported for a kind of address or protocol that the device does not have, and BadAnswer for another document.
    """
    kind, name = _kind_of(wanted.host)
    allowed = None if capabilities is None else open_document(capabilities)
    for field_name, value in (
        ("protocolType", "HTTPS" if wanted.secure else "HTTP"),
        ("addressingFormatType", kind),
        ("httpAuthenticationMethod", "none"),
    ):
        offered = [word.lower() for item in descendants(allowed, field_name) for word in choices(item)]
        if offered and value.lower() not in offered:
            raise Unsupported(f"its hosts have no {field_name} {value} (there is {', '.join(offered)})")
    values: dict[str, str | None] = {
        "url": wanted.path,
        "protocolType": "HTTPS" if wanted.secure else "HTTP",
        "parameterFormatType": "XML",
        "addressingFormatType": kind,
        **dict.fromkeys(_ADDRESSES),
        name: wanted.host,
        "portNo": str(wanted.port),
        "httpAuthenticationMethod": "none",
    }
    return _edit(document, slot, values)


def release(document: bytes, slot: str) -> SlotEdit:
    """Return the list with this slot free."""
    return _edit(document, slot, _FREE)


def as_it_is(document: bytes, slot: str) -> SlotEdit:
    """Return the list with this slot as it stands there, to write it once more."""
    return _edit(document, slot, {})


def others_unchanged(before: bytes, after: bytes, slot: str) -> bool:
    """Tell whether two lists differ in nothing but this slot."""
    return _all_but(before, slot) == _all_but(after, slot)


def _items(root: Element) -> list[Element]:
    name = local_name(root)
    if name == _ITEM:
        return [root]
    if name != _LIST:
        raise BadAnswer(f"{name[:60]} where {_LIST} was expected")
    return [item for item in root if local_name(item) == _ITEM]


def _slot(item: Element) -> HostSlot:
    hosts = [word for word in (text(item, name) for name in _ADDRESSES) if word and not _is_nowhere(word)]
    return HostSlot(
        id=text(item, "id") or "",
        protocol=text(item, "protocolType") or "",
        host=hosts[0] if hosts else "",
        port=integer(item, "portNo"),
        path=text(item, "url") or "",
    )


def _edit(document: bytes, slot: str, values: Mapping[str, str | None]) -> SlotEdit:
    root = open_document(document)
    item = next((item for item in _items(root) if (text(item, "id") or "") == slot), None)
    if item is None:
        raise BadAnswer(f"the list of hosts has no slot {slot[:20]}")
    changes = [change for name, value in values.items() if (change := _set(item, name, value)) is not None]
    single = deepcopy(item)
    single.tail = None
    version = root.get("version")
    if version and not single.get("version"):
        single.set("version", version)
    return SlotEdit(_written(single), _written(root), tuple(changes))


def _set(item: Element, name: str, value: str | None) -> SlotChange | None:
    found = child(item, name)
    before = None if found is None else (found.text or "").strip()
    if before == value or (value is None and not before):
        return None
    if value is None:
        assert found is not None, "it has a text"
        item.remove(found)
    elif found is not None:
        found.text = value
    else:
        namespace = item.tag.rpartition("}")[0]
        new = etree.Element(f"{namespace}}}{name}" if namespace else name)
        new.text = value
        item.insert(_place(item, name), new)
    return SlotChange(name, before, value)


def _place(item: Element, name: str) -> int:
    """Return where a new field belongs: behind the last of those that come before it."""
    earlier = _ORDER[: _ORDER.index(name)]
    return max((index + 1 for index, field in enumerate(item) if local_name(field) in earlier), default=0)


def _all_but(document: bytes, slot: str) -> Sequence[object]:
    return [_content(item) for item in _items(open_document(document)) if (text(item, "id") or "") != slot]


def _content(item: Element) -> object:
    # httpBroken is no setting: it tells whether the host could be reached.
    inner = [_content(part) for part in item if local_name(part) != "httpBroken"]
    return (local_name(item), (item.text or "").strip(), inner)


def _kind_of(host: str) -> tuple[str, str]:
    try:
        return "ipaddress", "ipv6Address" if ip_address(host).version == 6 else "ipAddress"
    except ValueError:
        return "hostname", "hostName"


def _is_nowhere(word: str) -> bool:
    try:
        return ip_address(word).is_unspecified
    except ValueError:
        return False


def _plain(host: str) -> str:
    try:
        return str(ip_address(host))
    except ValueError:
        return host.lower()


def _written(root: Element) -> bytes:
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + etree.tostring(root, encoding="utf-8")
