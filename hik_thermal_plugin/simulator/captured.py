"""A folder of a device's answers as a profile: what was captured is answered, the simulator answers the rest.

The folder holds `answers.json`: `{"profile": NAME, "answers": [{"path": "/ISAPI/System/deviceInfo", "file": "deviceInfo.xml"}, …]}`.
`profile` (default `plain`) names the settings for login and alerts. An answer may also have `method` (GET), `status` (200) and
`content_type` (by the file's ending); a path with a query is answered to that very target only.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .profiles import PROFILES, Profile

INDEX = "answers.json"
_CONTENT_TYPES = {".json": "application/json", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}
_XML = 'application/xml; charset="UTF-8"'
_KNOWN = {"path", "file", "method", "status", "content_type"}


@dataclass(frozen=True, slots=True)
class Answer:
    """One captured answer."""

    status: int
    content_type: str
    body: bytes


Answers = dict[tuple[str, str], Answer]
"""Answers by method and target."""


def read_answers(folder: Path) -> tuple[Profile, Answers]:
    """Read a folder of captured answers. Raises ValueError for one that is not as described above."""
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"profile: {folder / INDEX}: {error.strerror or error}") from error
    except ValueError as error:
        raise ValueError(f"profile: {folder / INDEX}: not JSON: {error}") from error
    if not isinstance(index, dict) or not isinstance(index.get("answers"), list):
        raise ValueError(f"profile: {folder / INDEX}: expected an object with a list of answers")  # noqa: TRY004
    name = index.get("profile", "plain")
    if name not in PROFILES:
        raise ValueError(f"profile: {folder / INDEX}: profile: expected one of {', '.join(PROFILES)}, got {name!r}")
    return PROFILES[name], dict(_answer(folder, entry, place) for place, entry in enumerate(index["answers"]))


def _answer(folder: Path, entry: Any, place: int) -> tuple[tuple[str, str], Answer]:
    where = f"profile: {folder / INDEX}: answers[{place}]"
    if not isinstance(entry, dict) or not {"path", "file"} <= entry.keys() <= _KNOWN:
        raise ValueError(
            f"{where}: expected an object with path and file, and nothing besides {', '.join(sorted(_KNOWN))}"
        )
    path = folder / str(entry["file"])
    try:
        body = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{where}: {path}: {error.strerror or error}") from error
    status = entry.get("status", 200)
    if not isinstance(status, int) or not 100 <= status <= 599:
        raise ValueError(f"{where}: status: expected a number from 100 to 599, got {status!r}")
    kind = str(entry.get("content_type", _CONTENT_TYPES.get(path.suffix.lower(), _XML)))
    return (str(entry.get("method", "GET")), str(entry["path"])), Answer(status, kind, body)
