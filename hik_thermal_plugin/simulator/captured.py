"""A folder of a device's answers as a profile: what was captured is answered, what is put in its place too, the simulator answers the rest.

The folder holds `answers.json`: `{"profile": NAME, "model": NAME, "answers": [{"path": "/ISAPI/System/deviceInfo", "file": "deviceInfo.xml"}, …],
"rtsp": [{"path": "/Streaming/Channels/201", "file": "201.sdp"}, …]}`. `profile` (default `plain`) names the settings for login and alerts, `model`
(default `bispectrum`) the camera that answers the rest.

An answer may also have `method` (GET), `status` (200) and `content_type` (by the file's ending); a path with a query is answered to that very target
only. `stream`: true is the beginning of an endless answer: it is sent at once, then the simulator's own alarms and heartbeats follow in the same
frame; real-time temperatures are sent again and again. `left_out`: [[place, bytes], …] says where bytes of the file are missing: they are made
up of those before. Under `rtsp` stand answers to DESCRIBE, and with `packets`: true RTP packets of the metadata track, each behind its length in two
bytes, sent once it plays. `playback`: {"utc": STATUS, "local": STATUS, "ended_by": ANNOUNCE, BYE, close or silence} says how a recording answered
that was asked for in UTC and in the device's own time; without a 200 there are no recordings.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field, replace
from email.message import Message
from pathlib import Path
from typing import Any

from .models import MODELS
from .profiles import PLAIN, PROFILES, Profile

INDEX = "answers.json"
_CONTENT_TYPES = {".json": "application/json", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".sdp": "application/sdp"}
_XML = 'application/xml; charset="UTF-8"'
_KNOWN = {"path", "file", "method", "status", "content_type", "stream", "left_out", "packets"}
_ENDS: dict[Any, Any] = {"ANNOUNCE": "announce", "BYE": "bye", "close": "close", "silence": "silence"}
_PATTERN = 16
"""Bytes that are repeated where bytes were left out: whole temperatures of any size."""
_ALERT_STREAM = "/ISAPI/Event/notification/alertStream"


@dataclass(frozen=True, slots=True)
class Answer:
    """One captured answer; a stream is the beginning of one."""

    status: int
    content_type: str
    body: bytes
    stream: bool = False


Answers = dict[tuple[str, str], Answer]
"""Answers by method and target."""


@dataclass(frozen=True, slots=True)
class Captured:
    """What a folder holds; empty without one."""

    profile: Profile = PLAIN
    model: str | None = None
    answers: Answers = field(default_factory=dict)
    described: dict[str, Answer] = field(default_factory=dict)
    """Answers to DESCRIBE by path in lower case."""
    packets: dict[str, tuple[bytes, ...]] = field(default_factory=dict)
    """RTP packets of the metadata track, the same way."""
    recordings: bool = True
    """Whether there were any."""

    def answer(self, method: str, target: str) -> Answer | None:
        """Find the answer to a request: to the very target, else to its path."""
        return self.answers.get((method, target)) or self.answers.get((method, target.partition("?")[0]))

    def take(self, target: str, body: bytes) -> bool:
        """Answer with what was written from now on; whether there was a captured document in its place."""
        before = self.answer("GET", target)
        if before is None or before.stream or before.status != 200:
            return False
        key = ("GET", target)
        self.answers[key if key in self.answers else ("GET", target.partition("?")[0])] = replace(before, body=body)
        return True


def read_answers(folder: Path) -> Captured:
    """Read a folder of captured answers. Raises ValueError for one that is not as described above."""
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"profile: {folder / INDEX}: {error.strerror or error}") from error
    except ValueError as error:
        raise ValueError(f"profile: {folder / INDEX}: not JSON: {error}") from error
    if not isinstance(index, dict) or not isinstance(index.get("answers"), list):
        raise ValueError(f"profile: {folder / INDEX}: expected an object with a list of answers")  # noqa: TRY004
    name, model = index.get("profile", "plain"), index.get("model")
    if name not in PROFILES:
        raise ValueError(f"profile: {folder / INDEX}: profile: expected one of {', '.join(PROFILES)}, got {name!r}")
    if model is not None and model not in MODELS:
        raise ValueError(f"profile: {folder / INDEX}: model: expected one of {', '.join(MODELS)}, got {model!r}")
    answers = dict(_answer(folder, entry, f"answers[{place}]") for place, entry in enumerate(index["answers"]))
    described: dict[str, Answer] = {}
    packets: dict[str, tuple[bytes, ...]] = {}
    for place, entry in enumerate(index.get("rtsp", ())):
        (_, path), answer = _answer(folder, entry, f"rtsp[{place}]")
        if entry.get("packets"):
            packets[path.lower()] = _packets(answer.body)
        else:
            described[path.lower()] = answer
    stream = answers.get(("GET", _ALERT_STREAM))
    profile = PROFILES[name] if stream is None or not stream.stream else _framed(PROFILES[name], stream.content_type)
    playback = index.get("playback")
    if isinstance(playback, dict):
        profile = replace(
            profile,
            recording_time="utc" if playback.get("utc") == 200 or playback.get("local") != 200 else "local",
            playback_end=_ENDS.get(playback.get("ended_by"), profile.playback_end),
        )
    there = not isinstance(playback, dict) or 200 in (playback.get("utc"), playback.get("local"))
    return Captured(profile, model, answers, described, packets, there)


def _answer(folder: Path, entry: Any, place: str) -> tuple[tuple[str, str], Answer]:
    where = f"profile: {folder / INDEX}: {place}"
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
    body = _filled(body, entry.get("left_out", ()), f"{where}: left_out")
    found = Answer(status, kind, body, bool(entry.get("stream", False)))
    return (str(entry.get("method", "GET")), str(entry["path"])), found


def _filled(body: bytes, left_out: Any, where: str) -> bytes:
    """Put bytes where some were left out."""
    out, at = [], 0
    for item in left_out:
        match item:
            case [int(place), int(count)] if at <= place <= len(body) and count >= 0:
                pattern = body[max(at, place - _PATTERN) : place] or b"\0"
                out += [body[at:place], (pattern * (count // len(pattern) + 1))[:count]]
                at = place
            case _:
                raise ValueError(f"{where}: expected places in the file and numbers of bytes, got {item!r}")
    return b"".join([*out, body[at:]])


def _packets(data: bytes) -> tuple[bytes, ...]:
    found, at = [], 0
    while at + 2 <= len(data):
        (length,) = struct.unpack_from(">H", data, at)
        found.append(data[at + 2 : at + 2 + length])
        at += 2 + length
    return tuple(found)


def _framed(profile: Profile, content_type: str) -> Profile:
    """The profile whose own parts fit into the captured stream."""
    said = Message()
    said["content-type"] = content_type
    named = said.get_param("boundary")
    boundary = named.removeprefix("--") if isinstance(named, str) else "boundary"
    return replace(
        profile,
        media_type=content_type.partition(";")[0].strip() or profile.media_type,
        boundary=boundary,
        boundary_header=content_type.partition("boundary=")[2] or None,
    )
