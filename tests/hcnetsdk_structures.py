"""Structures of the vendor's library as bytes, written by the tables the C compiler holds the stand-in to, not by the driver's layouts."""

from __future__ import annotations

import re
import struct
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "sdk" / "standin"
_CODES = {
    "BYTE": "B",
    "WORD": "H",
    "DWORD": "I",
    "LONG": "i",
    "HWND": "I",
    "float": "f",
    "signed char": "b",
    "void *": "Q",
}


@cache
def sizes() -> dict[str, int]:
    found = re.findall(r"^SIZE\((\w+), (\d+)\)", (FOLDER / "layouts.c").read_text(), re.MULTILINE)
    return {name: int(size) for name, size in found}


@cache
def offsets() -> dict[tuple[str, str], int]:
    found = re.findall(r"^FIELD\((\w+), (\w+), (\d+), \d+\)", (FOLDER / "layouts.c").read_text(), re.MULTILINE)
    return {(structure, field): int(offset) for structure, field, offset in found}


@cache
def types() -> dict[tuple[str, str], str]:
    found = {}
    for body, name in re.findall(r"typedef struct \{\n(.*?)\} (\w+);", (FOLDER / "hcnetsdk.h").read_text(), re.DOTALL):
        for kind, field in re.findall(r"^ +((?:\w+ )+\*?)(\w+)(?:\[\d+\])?;", body, re.MULTILINE):
            found[name, field] = kind.strip()
    return found


def made(structure: str, behind: bytes = b"", /, **fields: float | bytes) -> bytes:
    """Return a structure with these fields set; `__` is a dot, `_3` at the end of a name an index. `behind` comes after it."""
    data = bytearray(sizes()[structure])
    if (structure, "dwSize") in offsets():
        struct.pack_into("<I", data, 0, len(data))
    for path, value in fields.items():
        at, kind = 0, structure
        for part in path.split("__"):
            match = re.fullmatch(r"(\w+?)(?:_(\d+))?", part)
            assert match is not None
            name, index = match[1], int(match[2] or 0)
            at, kind = at + offsets()[kind, name], types()[kind, name]
            at += index * (sizes().get(kind) or struct.calcsize(_CODES.get(kind, "B")))
        if isinstance(value, bytes):
            data[at : at + len(value)] = value
        else:
            struct.pack_into("<" + _CODES[kind], data, at, value)
    return bytes(data) + behind
