"""Open a device's XML or JSON safely and read typed fields by local name.

Six namespaces and none are in use, sometimes mixed in one document (isapi.md 1.2), so names are compared without them. JSON becomes the
same tree, so that each decoder is written once. Nothing is fetched, no entity is expanded, a document type is refused, and the size is capped.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, tzinfo
from typing import Any, NoReturn

from lxml import etree
from nvr_hooks import BadAnswer

from .times import read_time

Element = etree._Element

MAX_DOCUMENT = 4 * 1024 * 1024
"""Bytes; the largest document known, a capability tree, has 18 KB."""
_MAX_DEPTH = 64
_SHOWN = 60
_BLANK = b" \t\r\n\0"
_BOM = b"\xef\xbb\xbf"
_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})
_NAME = re.compile(r"[A-Za-z_][\w.-]*\Z", re.ASCII)
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DECLARATION = re.compile(r"\A\s*<\?\s*xml[^>]*>", re.IGNORECASE)
_STRAY_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});)")
_ILLEGAL_REFERENCE = re.compile(r"&#(?:0*(?:[0-8]|1[124-9]|2[0-9]|3[01])|x0*(?:[0-8bcefBCEF]|1[0-9a-fA-F]));")
_DOCTYPE = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_UNDECLARED_PREFIX = 201  # XML_NS_ERR_UNDEFINED_NAMESPACE of libxml2


def open_document(data: bytes, *, bare: str = "json", max_bytes: int = MAX_DOCUMENT) -> Element:
    """Open XML or JSON, told apart by the first byte (isapi.md 1.1), and return its root; `bare` names the root of a JSON object without one.

    Raises BadAnswer with the bytes for anything else, for a broken or cut document, and for one larger than `max_bytes`.
    """
    clean = data.lstrip(_BLANK)
    if clean.startswith(_BOM):
        clean = clean[3:].lstrip(_BLANK)
    if len(clean) > max_bytes:
        raise BadAnswer(f"a document of {len(clean)} bytes is larger than {max_bytes}", data=data[:_SHOWN])
    if clean[:1] == b"<":
        return _open_xml(clean)
    if clean[:1] in (b"{", b"["):
        return _open_json(clean, bare)
    if clean[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return _open_xml(clean.decode("utf-16", "replace").encode())
    raise BadAnswer("an empty document" if not clean else f"neither XML nor JSON: {_start(clean)}", data=data)


def local_name(element: Element) -> str:
    """Return the name without its namespace."""
    return element.tag.rpartition("}")[2]


def fields(element: Element) -> dict[str, Element]:
    """Return the children by local name; of several with one name the first."""
    found: dict[str, Element] = {}
    for item in element:
        name = item.tag
        if name[0] == "{":
            name = name.rpartition("}")[2]
        if name not in found:
            found[name] = item
    return found


def child(element: Element | None, *path: str) -> Element | None:
    """Follow a path of local names through first children; None where it ends early."""
    for name in path:
        if element is None:
            return None
        element = next(element.iterchildren("{*}" + name), None)
    return element


def children(element: Element | None, name: str) -> list[Element]:
    """Return all children with this local name; a singleton is a list of one."""
    return [] if element is None else list(element.iterchildren("{*}" + name))


def descendants(element: Element | None, name: str) -> list[Element]:
    """Return everything with this local name below, in document order."""
    return [] if element is None else [item for item in element.iter("{*}" + name) if item is not element]


def descendant(element: Element | None, *names: str) -> Element | None:
    """Return the first element below with one of these local names."""
    if element is not None:
        for item in element.iter(*["{*}" + name for name in names]):
            if item is not element:
                return item
    return None


def text(element: Element | None, *path: str) -> str | None:
    """Return the text at the end of the path, stripped; None when it is absent or empty."""
    found = child(element, *path)
    if found is None:
        return None
    return (found.text or "").strip() or None


def number(element: Element | None, *path: str) -> float | None:
    """Return a finite number: "48", "57.6", or "57,6" as localised firmware writes it; None for anything else."""
    return read_number(text(element, *path))


def integer(element: Element | None, *path: str) -> int | None:
    """Return a whole number, also where the device writes "48.0"; None for anything else."""
    return read_integer(text(element, *path))


def boolean(element: Element | None, *path: str) -> bool | None:
    """Return a truth value written as a word or as 0 and 1; None for anything else."""
    word = (text(element, *path) or "").lower()
    return True if word in _TRUE else False if word in _FALSE else None


def time(element: Element | None, *path: str, zone: tzinfo | None = None) -> datetime | None:
    """Return an aware time; `zone` stands in where the device gives no offset, without it such a time is None."""
    word = text(element, *path)
    return None if word is None else read_time(word, zone)


def choices(element: Element | None, *path: str) -> tuple[str, ...]:
    """Return what a capability document allows here (attribute `opt`, isapi.md 1.7)."""
    found = child(element, *path)
    words = "" if found is None else found.get("opt") or ""
    return tuple(word for word in (part.strip() for part in words.split(",")) if word)


def read_number(word: str | None) -> float | None:
    """Read one number leniently; None when it is none or not finite."""
    if not word or len(word) > 40:
        return None
    try:
        value = float(word)
    except ValueError:
        try:
            value = float(word.replace(",", "."))
        except ValueError:
            return None
    return value if -1e300 < value < 1e300 else None


def read_integer(word: str | None) -> int | None:
    """Read one whole number leniently; None when it is none."""
    value = read_number(word)
    return int(value) if value is not None and value == int(value) else None


def _open_xml(data: bytes) -> Element:
    if b"\0" in data:
        data = _repair(data)
    if _DOCTYPE.search(data):
        raise BadAnswer("a document with a document type or entities is refused", data=data)
    try:
        root = etree.fromstring(data, _PARSER)
    except etree.XMLSyntaxError:
        return _open_repaired(_repair(data), data)
    if root.getroottree().docinfo.internalDTD is not None:  # written in an encoding that hid it
        raise BadAnswer("a document with a document type is refused", data=data)
    return root


def _open_repaired(repaired: bytes, data: bytes) -> Element:
    if _DOCTYPE.search(repaired):  # control characters hid it
        raise BadAnswer("a document with a document type or entities is refused", data=data)
    try:
        return etree.fromstring(repaired, _PARSER)
    except etree.XMLSyntaxError as error:
        if getattr(error, "code", 0) == _UNDECLARED_PREFIX:
            return _without_prefixes(repaired, error)
        _broken(error, data)


def _repair(data: bytes) -> bytes:
    """Mend what devices get wrong: bytes that are no UTF-8, control characters, a bad declaration, a bare ampersand (isapi.md 10 items 21, 35)."""
    words = _ILLEGAL.sub("", data.decode("utf-8", "replace")).strip()
    words = _ILLEGAL_REFERENCE.sub("", _DECLARATION.sub("", words))
    return _STRAY_AMPERSAND.sub("&amp;", words).encode()


def _without_prefixes(data: bytes, cause: etree.XMLSyntaxError) -> Element:
    """Accept undeclared prefixes, and nothing else that is wrong."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True, recover=True
    )
    root = etree.fromstring(data, parser)
    if root is None or any(entry.type != _UNDECLARED_PREFIX for entry in parser.error_log):
        _broken(cause, data)
    for item in root.iter():
        name = local_name(item).rpartition(":")[2]
        if not _NAME.match(name):
            _broken(cause, data)
        item.tag = name
    return root


def _open_json(data: bytes, bare: str) -> Element:
    try:
        value = json.loads(data.rstrip(_BLANK).decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        _broken(error, data)
    if isinstance(value, list):
        value = {bare: value}
    if len(value) == 1:
        ((name, inner),) = value.items()
        if isinstance(inner, dict) and _NAME.match(name):
            bare, value = name, inner
    root = etree.Element(bare)
    _grow(root, value, 1, data)
    return root


def _grow(element: Element, value: dict[str, Any], depth: int, data: bytes) -> None:
    if depth > _MAX_DEPTH:
        raise BadAnswer(f"JSON is nested deeper than {_MAX_DEPTH}", data=data)
    for name, inner in value.items():
        if name[:1] == "@" and _NAME.match(name[1:]):
            element.set(name[1:], ",".join(map(_word, inner)) if isinstance(inner, list) else _word(inner))
        elif _NAME.match(name) and isinstance(inner, list) and name.endswith("List"):
            # One list element as in XML, whether JSON names its items ([{"Entry": {…}}, …]) or not ([{…}, …]).
            items = etree.SubElement(element, name)
            for item in inner:
                named = isinstance(item, dict) and len(item) == 1 and isinstance(next(iter(item.values())), dict)
                _grow(items, item if named else {name.removesuffix("List") or "item": item}, depth + 1, data)
        elif _NAME.match(name):
            for item in inner if isinstance(inner, list) else (inner,):
                leaf = etree.SubElement(element, name)
                if isinstance(item, dict):
                    _grow(leaf, item, depth + 1, data)
                else:
                    leaf.text = _word(item)


def _word(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) >= 10**40:
        return ""
    return _ILLEGAL.sub("", str(value))


def _broken(error: Exception, data: bytes) -> NoReturn:
    kind = "JSON" if data[:1] in (b"{", b"[") else "XML"
    raise BadAnswer(
        f"broken or cut {kind} ({len(data)} bytes): {error}; it begins {_start(data)}", data=data
    ) from error


def _start(data: bytes) -> str:
    return repr(data[:_SHOWN].decode("utf-8", "replace"))


_PARSER = etree.XMLParser(
    resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
)
