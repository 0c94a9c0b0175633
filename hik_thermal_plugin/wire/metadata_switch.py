"""Switching metadata on: what to change in the device's own `MetadataCfg` before it is PUT back (guide 8.1, step 1).

The names inside that document are not public (isapi.md 9); third-party code shows entries of `type` and `enable`. So the document is read
by its shape: each wanted type must have exactly one truth value that can only be its switch, the switches above it are its own too, and
nothing else is touched. A document of any other shape is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from xml.parsers import expat

from nvr_hooks import Unsupported

from .xml import Element, boolean, choices, local_name, open_document, text

THERMAL_TYPES = ("thermometry", "fireDetection")
BY_HAND = "switch it on in the camera's web page"

_SWITCHES = frozenset({"enabled", "enable", "metadataenabled"})
_KINDS = frozenset({"type", "subtype", "eventtype", "metadatatype", "name"})
_FORMATS = frozenset({"format", "messageformat", "metadataformat", "formattype"})
_ROOTS = frozenset({"metadatacfg", "singlemetadatacfg"})


@dataclass(frozen=True, slots=True)
class MetadataSwitch:
    """What switching on takes."""

    body: bytes | None
    """The document to PUT; None when everything is on already."""
    changes: tuple[str, ...] = ()
    """For people and logs: `thermometry/enable: false -> true`."""
    missing: tuple[str, ...] = ()
    """Wanted types this device does not have."""


def switch_on(
    document: bytes, types: Iterable[str] = THERMAL_TYPES, capabilities: bytes | None = None
) -> MetadataSwitch:
    """Return the document with the wanted types switched on and the device's own message format chosen.

    `capabilities` is the answer of `…/metadata/capabilities`; it is only needed where the format has to be changed. Raises Unsupported
    when the document is not understood, and BadAnswer when it is none.
    """
    root = open_document(document)
    if local_name(root).lower() not in _ROOTS or document.lstrip()[:1] == b"{":
        raise Unsupported(f"metadata configuration <{local_name(root)[:60]}> is not understood: {BY_HAND}")
    wanted = list(dict.fromkeys(types))
    found = {kind: _entries(root, kind) for kind in wanted}
    missing = tuple(kind for kind in wanted if not found[kind])
    unclear = [kind for kind in wanted if len(found[kind]) > 1]
    if unclear or len(missing) == len(wanted):
        raise Unsupported(
            f"no single switch for {', '.join(unclear or wanted)} in the metadata configuration: {BY_HAND}"
        )
    plan = _Plan({}, [])
    for kind in wanted:
        for switch in found[kind]:
            plan.turn_on(switch, kind)
            for above in switch.iterancestors():
                for item in above:
                    if item is not switch and local_name(item).lower() in _SWITCHES:
                        plan.turn_on(item, local_name(above))
    _choose_format(root, capabilities, plan)
    if not plan.changes:
        return MetadataSwitch(None, missing=missing)
    return MetadataSwitch(_spliced(document, root, plan.words), tuple(plan.changes), missing)


@dataclass(slots=True)
class _Plan:
    words: dict[Element, tuple[str, str]]
    changes: list[str]

    def turn_on(self, switch: Element, of: str) -> None:
        if boolean(switch) is False and switch not in self.words:
            before = (switch.text or "").strip()
            after = {"0": "1", "off": "on", "no": "yes"}.get(before.lower(), "true")
            self.set(switch, before, after, f"{of}/{local_name(switch)}")

    def set(self, item: Element, before: str, after: str, name: str) -> None:
        self.words[item] = (before, after)
        self.changes.append(f"{name}: {before} -> {after}")


def _entries(root: Element, kind: str) -> list[Element]:
    """Return what may be the switch of one type."""
    found: list[Element] = []
    for item in root.iter():
        leaves = {local_name(leaf).lower(): leaf for leaf in item if len(leaf) == 0}
        switches = [leaf for name, leaf in leaves.items() if name in _SWITCHES and boolean(leaf) is not None]
        named = any((text(leaf) or "").lower() == kind.lower() for name, leaf in leaves.items() if name in _KINDS)
        if named or local_name(item).lower() == kind.lower():
            found += switches
            if not len(item) and not named and boolean(item) is not None:
                found.append(item)
    return found


def _choose_format(root: Element, capabilities: bytes | None, plan: _Plan) -> None:
    """ONVIF's format tells no temperatures: choose the device's own where the device says how that is called."""
    for item in root.iter():
        word = text(item) or ""
        if local_name(item).lower() not in _FORMATS or "onvif" not in word.lower():
            continue
        offered = choices(item)
        if not offered and capabilities is not None:
            named = [entry for entry in open_document(capabilities).iter() if local_name(entry) == local_name(item)]
            offered = choices(named[0]) if named else ()
        own = next((choice for choice in offered if "isapi" in choice.lower()), None)
        if own is None:
            raise Unsupported(f"metadata is sent in the format {word[:40]}, and no other is named: {BY_HAND}")
        plan.set(item, word, own, local_name(item))


def _spliced(document: bytes, root: Element, words: dict[Element, tuple[str, str]]) -> bytes:
    """Return the device's own bytes with some words exchanged, so that nothing else can differ."""
    body = document.lstrip(b" \t\r\n\0").rstrip(b"\0")
    ends = _ends(body)
    elements = list(root.iter())
    if len(ends) != len(elements):
        raise Unsupported(f"the metadata configuration is damaged: {BY_HAND}")
    for item, (before, after) in sorted(words.items(), key=lambda pair: elements.index(pair[0]), reverse=True):
        end = ends[elements.index(item)]
        begin = body.rfind(b">", 0, end) + 1
        if body[begin:end].count(before.encode()) != 1:
            raise Unsupported(f"the metadata configuration is not understood: {BY_HAND}")
        body = body[:begin] + body[begin:end].replace(before.encode(), after.encode()) + body[end:]
    return body


def _ends(body: bytes) -> list[int]:
    """Return for each element, in the order they begin, where its end tag stands."""
    ends: list[int] = []
    open_ones: list[int] = []
    parser = expat.ParserCreate()

    def begin(name: str, attributes: object) -> None:
        open_ones.append(len(ends))
        ends.append(0)

    def end(name: str) -> None:
        ends[open_ones.pop()] = parser.CurrentByteIndex

    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, LookupError, ValueError) as err:  # LookupError: an encoding nobody knows
        raise Unsupported(f"the metadata configuration is damaged: {BY_HAND}") from err
    return ends
