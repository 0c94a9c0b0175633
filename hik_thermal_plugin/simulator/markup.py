"""Elements that become the XML or the JSON text a device writes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Element:
    """A named node with either one value or child elements.

    Floats are written with one decimal, as these cameras do (`48.0`, `57.6`; isapi.md 6.5), booleans as words.
    """

    name: str
    content: Scalar | tuple[Element, ...] = ""
    attributes: tuple[tuple[str, str], ...] = ()

    def value(self, name: str) -> str:
        """The text of the first child of this name, "" when there is none."""
        children = self.content if isinstance(self.content, tuple) else ()
        return next((str(child.content) for child in children if child.name == name), "")


def element(name: str, *content: Scalar | Element | None, **attributes: str) -> Element:
    """Build an element from one value or from children; children that are None are left out."""
    pairs = tuple(attributes.items())
    if len(content) == 1 and not isinstance(content[0], Element | None):
        return Element(name, content[0], pairs)
    return Element(name, tuple(child for child in content if isinstance(child, Element)) or "", pairs)


def to_xml(root: Element, *, newline: str = "\r\n", indent: str = "", raw_ampersand: bool = False) -> str:
    """Write the element, one tag a line, with a newline after the last; `raw_ampersand` leaves `&` unescaped."""
    lines: list[str] = []
    _write(root, lines, indent, 0, raw_ampersand)
    return newline.join(lines) + newline


def to_json(root: Element, *, newline: str = "\n") -> str:
    """Write the element's children as one JSON object, tab-indented as ISAPI devices do, newline at the end.

    The root's name and all attributes are dropped; a name that repeats becomes a list, one that does not stays single
    (isapi.md 10, quirk 10).
    """
    text = json.dumps(_value(root), indent="\t", ensure_ascii=False, separators=(",", ":\t"))
    return text.replace("\n", newline) + newline


def _write(node: Element, lines: list[str], indent: str, depth: int, raw_ampersand: bool) -> None:
    lead = indent * depth
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in node.attributes)
    if isinstance(node.content, tuple):
        lines.append(f"{lead}<{node.name}{attributes}>")
        for child in node.content:
            _write(child, lines, indent, depth + 1, raw_ampersand)
        lines.append(f"{lead}</{node.name}>")
    else:
        value = _text(node.content)
        shown = value.replace("<", "&lt;") if raw_ampersand else escape(value, quote=False)
        lines.append(f"{lead}<{node.name}{attributes}>{shown}</{node.name}>")


def _text(value: Scalar) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:.1f}"
        case _:
            return str(value)


def _value(node: Element) -> object:
    if not isinstance(node.content, tuple):
        return node.content
    names = [child.name for child in node.content]
    found: dict[str, object] = {}
    for child in node.content:
        if names.count(child.name) > 1:
            bucket = found.setdefault(child.name, [])
            assert isinstance(bucket, list)
            bucket.append(_value(child))
        else:
            found[child.name] = _value(child)
    return found
