"""A folder of a device's answers: redacted, complete or not there, and a profile of the simulator as it is.

`answers.json` is the index the simulator reads (simulator/captured.py has its form), `README.md` says to people what it is. Pictures are empty,
of temperatures there are the first few; the rest is as the device sent it, with what identifies somebody replaced (wire/redaction.py).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from nvr_hooks import NvrError, WrongUse

from .transport import Answered, Capture, Identity
from .wire.digest import parse_challenges
from .wire.excerpts import cut_binaries, replaced_texts
from .wire.redaction import Redactor

INDEX = "answers.json"
_TYPES = {".xml": 'application/xml; charset="UTF-8"', ".json": "application/json"}
"""What the simulator takes an answer for without being told."""
_REALM = re.compile(r'(realm=")([^"]*)(")')
_NONCE = re.compile(r'((?:nonce|opaque)=")([^"]*)(")')
_README = """# Answers of a {model}

{manufacturer}{model}, firmware {firmware}: {count} answers, written by `hik-thermal capture`, which wrote nothing to the camera.

Serial numbers, MAC, IP and mail addresses, names, users, passwords, telephone numbers and coordinates are replaced, the same one by the same
replacement everywhere; pictures are empty, and of temperature matrices only the first values are there. Look through the files before you give
them away: they are text, but for those that end in .bin and .rtp.

To use it: `hik-thermal simulate --profile DIR`, or `Simulator(profile="DIR")` in a test.
"""


def check_target(target: Path) -> None:
    """Raise WrongUse for a folder that cannot be made: there is one, or no place for one."""
    if target.exists() or target.is_symlink():
        raise WrongUse(f"{target} is there already: nothing is written over")
    if not target.absolute().parent.is_dir():
        raise WrongUse(f"cannot write {target}: its folder is not there")


def write_capture(capture: Capture, identity: Identity, target: Path) -> Path:
    """Write the redacted folder; it appears whole or not at all. Raises WrongUse or NvrError when it cannot be written."""
    check_target(target)
    files = dict(_files(capture, identity))
    try:
        made = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.absolute().parent))
    except OSError as err:
        raise WrongUse(f"cannot write {target}: {err.strerror}") from err
    try:
        for name, data in files.items():
            with (made / name).open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        made.chmod(0o755)
        check_target(target)
        made.rename(target)
    except OSError as err:
        raise NvrError(f"cannot write {target}: {err.strerror}") from err
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return target


def _files(capture: Capture, identity: Identity) -> Iterator[tuple[str, bytes]]:
    redactor = Redactor(host=capture.host, username=capture.username, secrets=(capture.password,))
    for answer in capture.answers:
        if answer.kind != "packets":
            redactor.learn(answer.body)
    for answer in capture.answers:
        if answer.kind == "packets":
            redactor.learn(_payloads(answer.body))
    documents, streams = list[dict[str, Any]](), list[dict[str, Any]]()
    names: set[str] = set()
    playback = None
    for answer in capture.answers:
        if answer.kind == "playback":
            playback = json.loads(redactor.redact(answer.body))
            continue
        body, more = _redacted(answer, redactor)
        name = _name(answer, body, names)
        entry = {"path": redactor.redact(answer.target.encode()).decode(), "file": name, **more}
        if answer.status != 200:
            entry["status"] = answer.status
        if answer.kind in ("description", "packets"):
            streams.append(entry)
        else:
            if answer.content_type != _TYPES.get(Path(name).suffix):
                entry["content_type"] = answer.content_type
            documents.append(entry)
        yield name, body
    index = {
        "profile": _profile(capture.challenges),
        "model": _model(identity),
        "challenges": [_without_nonce(word) for word in capture.challenges],
        "answers": documents,
        "rtsp": streams,
        "playback": playback,
    }
    yield INDEX, (json.dumps(index, indent=1, ensure_ascii=False) + "\n").encode()
    text = _README.format(
        model=identity.model or "camera",
        manufacturer=f"{identity.manufacturer} " if identity.manufacturer else "",
        firmware=identity.firmware or "unknown",
        count=len(documents) + len(streams),
    )
    yield "README.md", redactor.redact(text.encode())


def _redacted(answer: Answered, redactor: Redactor) -> tuple[bytes, Mapping[str, Any]]:
    match answer.kind:
        case "stream":
            return replaced_texts(answer.body, redactor.redact), {"stream": True}
        case "frame":
            cut = cut_binaries(replaced_texts(answer.body, redactor.redact, pictures=True))
            return cut.data, {"left_out": [list(place) for place in cut.left_out]}
        case "packets":
            return _in_packets(answer.body, redactor.redact_in_place), {"packets": True}
    if answer.body.startswith(b"\xff\xd8\xff"):
        return b"", {}
    return redactor.redact(answer.body), {}


def _packets(data: bytes) -> Iterator[bytes]:
    at = 0
    while at + 2 <= len(data):
        (length,) = struct.unpack_from(">H", data, at)
        yield data[at + 2 : at + 2 + length]
        at += 2 + length


def _head(packet: bytes) -> int:
    """Return where an RTP packet's payload begins, its extension left in."""
    return min(12 + 4 * (packet[0] & 15), len(packet)) if packet else 0


def _payloads(data: bytes) -> bytes:
    return b"".join(packet[_head(packet) :] for packet in _packets(data))


def _in_packets(data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Change the text that the packets carry together, which may be cut anywhere, and put it back in the same pieces."""
    changed, at, out = change(_payloads(data)), 0, list[bytes]()
    for packet in _packets(data):
        head = _head(packet)
        piece = changed[at : at + len(packet) - head]
        at += len(piece)
        out.append(struct.pack(">H", len(packet)) + packet[:head] + piece)
    return b"".join(out)


def _name(answer: Answered, body: bytes, taken: set[str]) -> str:
    path = answer.target.partition("?")[0].removeprefix("/ISAPI/").strip("/")
    stem = re.sub(r"[^\w-]+", "_", path)
    match answer.kind:
        case "description":
            stem, suffix = f"rtsp_{re.sub(r'[^a-zA-Z0-9-]+', '_', answer.target.strip('/'))}", ".sdp"
        case "packets":
            stem, suffix = f"rtsp_{re.sub(r'[^a-zA-Z0-9-]+', '_', answer.target.strip('/'))}", ".rtp"
        case "stream" | "frame":
            suffix = ".bin"
        case _:
            start = body.lstrip()[:1]
            suffix = (
                ".xml"
                if start == b"<" and b"<html" not in body[:256].lower()
                else ".json"
                if start in (b"{", b"[")
                else ".txt"
            )
    name, number = f"{stem}{suffix}", 2
    while name.lower() in taken:
        name, number = f"{stem}-{number}{suffix}", number + 1
    taken.add(name.lower())
    return name


def _model(identity: Identity) -> Literal["bispectrum", "bullet"]:
    """Return the simulated camera that what is not in the folder is answered by."""
    return "bullet" if identity.thermal_channel == 1 and len(identity.channels or ()) <= 1 else "bispectrum"


def _profile(challenges: tuple[str, ...]) -> str:
    """Return the simulator's profile that logs in as the device does."""
    offered = parse_challenges(challenges)
    digests = [item for item in offered if item.scheme == "digest"]
    hashes = {item.hash for item in digests}
    if offered and not digests:
        return "basic"
    if hashes == {"SHA-256"}:
        return "sha256"
    if "SHA-256" in hashes:
        return "sha256_and_md5"
    if len(offered) > len(digests):
        return "two_schemes"
    if any('domain="::"' in word for word in challenges):
        return "nvr_login"
    return "no_qop" if digests and not any(item.qop for item in digests) else "plain"


def _without_nonce(challenge: str) -> str:
    """Return a challenge with zeros for what is the device's own, or of the moment."""
    text = _NONCE.sub(lambda match: match[1] + re.sub(r"\w", "0", match[2]) + match[3], challenge)
    return _REALM.sub(lambda match: match[1] + _realm(match[2]) + match[3], text)


def _realm(word: str) -> str:
    return (
        re.sub(r"[0-9A-Fa-f]", "0", word)
        if "(" not in word
        else re.sub(r"\(\w*\)", lambda m: "(" + "0" * (len(m[0]) - 2) + ")", word)
    )
