"""The driver's structures have the sizes and offsets of the reference, and so has the stand-in's C."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path
from typing import Any

import pytest
from nvr_hooks import BadAnswer

from hik_thermal_plugin.wire import hcnetsdk_layouts

CHECKS = Path(__file__).parent / "standin" / "layouts.c"
REFERENCE = Path(__file__).parents[3] / "shared" / "protocol" / "hcnetsdk.md"
SIZES = {name: int(size) for name, size in re.findall(r"^SIZE\((\w+), (\d+)\)", CHECKS.read_text(), re.MULTILINE)}
FIELDS = re.findall(r"^FIELD\((\w+), (\w+), (\d+), (\d+)\)", CHECKS.read_text(), re.MULTILINE)
WINDOWS = {"NET_DVR_PREVIEWINFO_WINDOWS": 288, "NET_DVR_VOD_PARA_WINDOWS": 168}


def layout(name: str) -> Any:
    return getattr(hcnetsdk_layouts, name)


@pytest.mark.parametrize("name", SIZES)
def test_a_structure_has_the_size_and_the_fields_of_the_table(name: str) -> None:
    found = layout(name)
    fields = {field: (int(offset), int(size)) for structure, field, offset, size in FIELDS if structure == name}

    assert ctypes.sizeof(found) == SIZES[name]
    assert fields
    assert {field: (getattr(found, field).offset, getattr(found, field).size) for field, _ in found._fields_} == fields


def test_every_structure_of_the_driver_is_in_the_table() -> None:
    ours = {name for name in vars(hcnetsdk_layouts) if name.startswith("NET_")}

    assert ours - set(WINDOWS) == set(SIZES)


@pytest.mark.parametrize("name", WINDOWS)
def test_windows_differs_by_the_handle_of_a_window(name: str) -> None:
    assert ctypes.sizeof(layout(name)) == WINDOWS[name]


@pytest.mark.skipif(not REFERENCE.exists(), reason="the reference is not beside this checkout")
def test_the_table_is_that_of_the_reference() -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    listed = re.search(r"Size list for a test: `(.*?)`", text)
    assert listed is not None
    sizes = dict(pair.split("=") for pair in listed[1].split(", "))
    rows = []
    for part in text.split("\n#### ")[1:]:
        name = part.split("`")[1]
        rows += [
            (name, row[2], row[0], row[1])
            for row in re.findall(r"^\| (\d+) \| (\d+) \| [^|]+ \| (\w+) \|", part, re.MULTILINE)
        ]

    assert {name: int(size) for name, size in sizes.items()} == SIZES
    assert rows == [field for field in FIELDS if field[0] != "NET_DVR_SETUPALARM_PARAM_V50"]


def test_a_structure_is_not_read_from_fewer_bytes_than_it_has() -> None:
    with pytest.raises(BadAnswer, match="23 bytes where 24 are expected"):
        hcnetsdk_layouts.view(hcnetsdk_layouts.NET_DVR_TIME, bytes(23))

    assert hcnetsdk_layouts.view(hcnetsdk_layouts.NET_DVR_TIME, b"\xea\x07" + bytes(40)).dwYear == 2026
