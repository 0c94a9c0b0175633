"""Session descriptions (RFC 2327) as cameras write them in answer to DESCRIBE: which tracks there are and how to address them.

Tolerant on purpose: unknown lines, broken lines (`c=IN c=IN IP4 0.0.0.0` from a recorder) and missing rtpmaps occur in real devices
(rtsp.md 1.2). Only what a client acts on is kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from nvr_hooks import BadAnswer

METADATA_PAYLOAD_TYPE = 0x6B
"""107, the payload type the guide names (8.1, step 6)."""
METADATA_ENCODINGS = ("isapi.metadata", "vnd.onvif.metadata")
"""The first is the vendor's own format, the second ONVIF's on the same payload type."""
MAX_DESCRIPTION = 256 * 1024
MAX_MEDIAS = 64

_LINE = re.compile(r"[a-z]=")
_UNSENDABLE = re.compile(r"[\x00-\x20\x7f]")


@dataclass(frozen=True, slots=True)
class Media:
    """One track."""

    kind: str
    """video, audio, application … in lower case."""
    payload_types: tuple[int, ...] = ()
    encodings: Mapping[int, str] = field(default_factory=dict)
    """Payload type -> name and clock rate as in rtpmap: `isapi.metadata/90000`."""
    parameters: Mapping[int, str] = field(default_factory=dict)
    """Payload type -> fmtp."""
    control: str | None = None

    def encoding(self, payload_type: int) -> str | None:
        """Return the encoding name in lower case without clock rate; None when the device named none."""
        name = self.encodings.get(payload_type)
        return None if name is None else name.partition("/")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """What DESCRIBE answered."""

    medias: tuple[Media, ...]
    control: str | None = None
    """The aggregate's control; `*` or None stand for the base itself."""


@dataclass(frozen=True, slots=True)
class MetadataTrack:
    """The track that carries metadata documents."""

    media: Media
    payload_type: int
    onvif: bool = False
    """The device announces ONVIF's format instead of its own: change the message format on the device."""


def parse_sdp(body: bytes) -> SessionDescription:
    """Read a session description; raise BadAnswer when it is none or beyond every measure."""
    if len(body) > MAX_DESCRIPTION:
        raise BadAnswer(f"a session description of {len(body)} bytes (at most {MAX_DESCRIPTION})", data=body[:200])
    lines = [line.strip() for line in body.decode("utf-8", "replace").replace("\r", "\n").split("\n")]
    lines = [line for line in lines if _LINE.match(line)]
    if not lines:
        raise BadAnswer("not a session description", data=body[:200])
    session_control = None
    medias: list[_Draft] = []
    for line in lines:
        name, value = line[0], line[2:].strip()
        if name == "m":
            if len(medias) == MAX_MEDIAS:
                raise BadAnswer(f"a session description with more than {MAX_MEDIAS} tracks", data=body[:200])
            medias.append(_Draft(value))
        elif name == "a" and medias:
            medias[-1].attribute(value)
        elif name == "a" and value.startswith("control:"):
            session_control = value[8:].strip()
    return SessionDescription(tuple(draft.media() for draft in medias), session_control)


def metadata_track(description: SessionDescription) -> MetadataTrack | None:
    """Return the track to SETUP for metadata; None when the device offers none (metadata is switched off there).

    Found by media type and payload type or by rtpmap name, never by position or track number (rtsp.md 1.2).
    """
    for wanted in METADATA_ENCODINGS:
        for media in description.medias:
            for number in media.payload_types:
                if media.encoding(number) == wanted:
                    return MetadataTrack(media, number, onvif=wanted != METADATA_ENCODINGS[0])
    for media in description.medias:
        if media.kind == "application" and METADATA_PAYLOAD_TYPE in media.payload_types:
            return MetadataTrack(media, METADATA_PAYLOAD_TYPE)
    return None


def control_url(base: str, control: str | None) -> str:
    """Return the address to send a request to: `base` is Content-Base, else the address asked.

    An absolute control is taken untouched, query and all. A relative one is appended to the base as other clients do (RFC 1808
    resolution would cut the last segment of a base without a closing slash, which cameras send and do not mean).
    """
    if not control or control == "*":
        return base
    if _UNSENDABLE.search(control):
        raise BadAnswer("a control address with blanks or control characters", data=control.encode()[:200])
    if "://" in control:
        return control
    if control.startswith("?"):
        return base + control
    return base.rstrip("/") + "/" + control.lstrip("/")


class _Draft:
    """A track while its lines come in."""

    def __init__(self, value: str) -> None:
        words = value.split()
        self.kind = words[0].lower() if words else ""
        self.payload_types = tuple(number for word in words[3:] if (number := _number(word)) is not None)
        self.encodings: dict[int, str] = {}
        self.parameters: dict[int, str] = {}
        self.control: str | None = None

    def attribute(self, value: str) -> None:
        name, _, rest = value.partition(":")
        if name == "control":
            self.control = rest.strip()
        elif name in ("rtpmap", "fmtp"):
            word, _, text = rest.strip().partition(" ")
            if (number := _number(word)) is not None:
                (self.encodings if name == "rtpmap" else self.parameters)[number] = text.strip()

    def media(self) -> Media:
        return Media(self.kind, self.payload_types, self.encodings, self.parameters, self.control)


def _number(word: str) -> int | None:
    """Return a payload type; RTP has seven bits for it."""
    return int(word) if word.isascii() and word.isdigit() and len(word) <= 3 and int(word) < 128 else None
