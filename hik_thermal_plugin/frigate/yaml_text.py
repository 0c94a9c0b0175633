"""Add to a YAML text what it lacks, and leave every character of the rest as it is: comments, order, quotes, spaces.

ruamel.yaml tells where each value stands in the text; what is missing is put in after the last line of its mapping. Nothing is ever
removed or changed. A value that is there stays, even when another one was wanted: that is told.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nvr_hooks import NvrError, WrongUse
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode


@dataclass(frozen=True, slots=True)
class Kept:
    """A value that is not what was wanted, and stays."""

    path: str
    there: object
    wanted: object


@dataclass(slots=True)
class Extended:
    """A text with what was added to it."""

    text: str
    added: list[str] = field(default_factory=list)
    """Paths: `cameras.kiln_thermal`."""
    kept: list[Kept] = field(default_factory=list)


def extended(text: str, wanted: Mapping[str, Any]) -> Extended:
    """Return the text with everything wanted in it; raise WrongUse when it is no YAML, or not keys and values."""
    text = _ended(text)
    before = _load(text)
    root = _compose(text)
    out = Extended(text)
    if root is None or before is None:
        out.added = list(wanted)
        out.text = text + _block(wanted, 0, 2, "\n")
        return out
    if not isinstance(root, MappingNode):
        raise WrongUse("expected keys and values, like `cameras:`")
    editor = _Editor(text, out)
    editor.merge(root, wanted, before, "", top=True)
    out.text = editor.text()
    after = _load(out.text)
    if not (_within(before, after) and (_within(wanted, after) or out.kept)):
        raise NvrError("this text cannot be extended without touching the rest: add the cameras by hand")
    return out


class _Editor:
    """Insertions into one text, done at the end, last one first, so that places stay where they are."""

    def __init__(self, text: str, out: Extended) -> None:
        self._text = text
        self._out = out
        self._newline = "\r\n" if "\r\n" in text else "\n"
        self._edits: list[tuple[int, int, str]] = []

    def text(self) -> str:
        text = self._text
        places = sorted(range(len(self._edits)), key=lambda number: (self._edits[number][0], number))
        for number in reversed(places):  # of two in one place the first one asked for comes first
            start, end, put = self._edits[number]
            text = text[:start] + put + text[end:]
        return text

    def merge(self, node: MappingNode, wanted: Mapping[str, Any], there: Any, path: str, *, top: bool = False) -> None:
        present = {key.value: (key, value) for key, value in node.value}
        missing = {}
        for name, value in wanted.items():
            here = f"{path}.{name}" if path else name
            if name not in present:
                if name in there:  # through a merge key
                    self._compare(here, there[name], value)
                else:
                    missing[name] = value
                    self._out.added.append(here)
                continue
            key, found = present[name]
            inner = there.get(name)
            if found.start_mark.index < key.start_mark.index:
                self._compare(here, inner, value)  # an alias: what it stands for belongs to somebody else too
            elif isinstance(value, Mapping) and _is_empty(found, inner) and not node.flow_style:
                self._fill(key, found, value, node.start_mark.column)
                self._out.added.append(here)
            elif isinstance(value, Mapping) and isinstance(found, MappingNode):
                self.merge(found, value, inner, here)
            else:
                self._compare(here, inner, value)
        if missing:
            self._append(node, missing, top=top)

    def _compare(self, path: str, there: Any, wanted: Any) -> None:
        if not _within(wanted, there):
            self._out.kept.append(Kept(path, there, wanted))

    def _append(self, node: MappingNode, missing: Mapping[str, Any], *, top: bool) -> None:
        if node.flow_style:
            flow = _flow(missing)
            inside = self._text[: node.end_mark.index - 1].rstrip()
            comma = "" if not node.value or inside.endswith(",") else ", "
            self._edits.append((len(inside), len(inside), comma + flow))
            return
        column = node.start_mark.column
        block = _block(missing, column, self._step(node), self._newline)
        if top:  # behind everything, with an empty line before it
            marker = re.search(r"^\.\.\.\s", self._text, re.MULTILINE)
            end = marker.start() if marker else len(self._text)
            empty = self._text[:end].endswith(("\n\n", "\n\r\n"))
            self._edits.append((end, end, ("" if empty else self._newline) + block))
        else:
            self._insert_after(_last_character(node), block)

    def _fill(self, key: Node, value: Node, wanted: Mapping[str, Any], column: int) -> None:
        """Give a key without a value, or with `{}`, its mapping."""
        if value.end_mark.index > value.start_mark.index:
            self._edits.append((value.start_mark.index, value.end_mark.index, ""))
        self._insert_after(key.end_mark.index, _block(wanted, column + 2, 2, self._newline))

    def _insert_after(self, index: int, block: str) -> None:
        """Put a block after the line a character is in."""
        end = self._text.index("\n", index) + 1
        self._edits.append((end, end, block))

    @staticmethod
    def _step(node: MappingNode) -> int:
        for key, value in node.value:
            is_alias = value.start_mark.index < key.start_mark.index
            if isinstance(value, MappingNode) and not value.flow_style and not is_alias:
                return max(1, int(value.start_mark.column - node.start_mark.column))
        return 2


def _is_empty(node: Node, value: Any) -> bool:
    if isinstance(node, MappingNode):
        return bool(node.flow_style) and not node.value
    return isinstance(node, ScalarNode) and value is None


def _last_character(node: Node) -> int:
    """Return where the last character of a block mapping's content is, without the comments behind it."""
    key, value = node.value[-1]
    if value.start_mark.index < key.start_mark.index or value.end_mark.index == value.start_mark.index:
        return int(key.end_mark.index)  # an alias, or nothing, stands on its key's line
    return max(int(key.end_mark.index), _end(value))


def _end(node: Node) -> int:
    if isinstance(node, ScalarNode) and node.style in ("|", ">"):  # its mark is behind the empty lines that follow
        return len(node.end_mark.buffer[: node.end_mark.index].rstrip("\0 \r\n"))
    if isinstance(node, MappingNode) and node.value and not node.flow_style:
        return _last_character(node)
    if isinstance(node, SequenceNode) and node.value and not node.flow_style:
        return max(int(node.start_mark.index), _end(node.value[-1]))
    return int(node.end_mark.index)


def _block(value: Mapping[str, Any], column: int, step: int, newline: str) -> str:
    """Return a mapping as block YAML, indented, each line ended."""
    yaml = YAML()
    yaml.indent(mapping=step, sequence=step + 2, offset=step)
    yaml.width = 4096
    out = io.StringIO()
    yaml.dump(_plain(value), out)
    return "".join(f"{' ' * column}{line}{newline}" for line in out.getvalue().splitlines())


def _flow(value: Mapping[str, Any]) -> str:
    yaml = YAML()
    yaml.default_flow_style = True
    yaml.width = 1_000_000
    out = io.StringIO()
    yaml.dump(_plain(value), out)
    return out.getvalue().strip()[1:-1]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _within(part: Any, whole: Any) -> bool:
    """Tell whether everything of one value is in another one."""
    if isinstance(part, Mapping) and isinstance(whole, Mapping):
        return all(key in whole and _within(value, whole[key]) for key, value in part.items())
    return bool(part == whole) or part is None


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


def _load(text: str) -> Any:
    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as err:
        raise _mistake(err) from err


def _compose(text: str) -> Node | None:
    try:
        found: Node | None = YAML(typ="safe", pure=True).compose(text)
    except YAMLError as err:
        raise _mistake(err) from err
    return found


def _mistake(err: YAMLError) -> WrongUse:
    if isinstance(err, MarkedYAMLError) and err.problem_mark is not None:
        return WrongUse(f"line {err.problem_mark.line + 1}: {err.problem}")
    return WrongUse(next(iter(_lines(str(err))), "this is no YAML"))


def _lines(text: str) -> Iterator[str]:
    return (line for line in text.splitlines() if line.strip())
