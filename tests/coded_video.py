"""Video for tests: encoded here, cut into RTP packets here, by none of the code that reads it."""

from __future__ import annotations

import base64
import itertools
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from typing import Literal

import av
import numpy as np
from numpy.typing import NDArray

Codec = Literal["h264", "hevc"]
TICKS = 3600
"""Of a picture at 25 pictures a second, in RTP's 1/90000 s."""
_ENCODERS = {"h264": ("libx264", "x264-params"), "hevc": ("libx265", "x265-params")}


@dataclass(frozen=True)
class Unit:
    """One coded picture, in the order it is sent."""

    data: bytes
    """With start codes."""
    shown: int
    """Its number in the order pictures are shown."""
    key: bool


@dataclass(frozen=True)
class Video:
    """Coded pictures and what they look like."""

    codec: Codec
    units: tuple[Unit, ...]
    width: int
    height: int
    drawn: tuple[NDArray[np.uint8], ...] = field(repr=False, compare=False)
    """The pictures before coding, in the order they are shown."""

    @property
    def sets(self) -> list[bytes]:
        """Return the parameter sets of the first picture."""
        kinds = (7, 8) if self.codec == "h264" else (32, 33, 34)
        return [unit for unit in nal_units(self.units[0].data) if kind_of(self.codec, unit) in kinds]

    def decoded(self) -> list[NDArray[np.uint8]]:
        """Return what a decoder makes of all pictures, in the order they are shown."""
        return decode(self.codec, [unit.data for unit in self.units])


@cache
def video(
    codec: Codec = "h264",
    *,
    pictures: int = 50,
    between_keys: int = 25,
    b_pictures: int = 0,
    width: int = 192,
    height: int = 144,
    silent_about_order: bool = False,
) -> Video:
    """Encode a bright bar that moves to the right, 4 points a picture. `silent_about_order` takes the reordering out of the SPS."""
    name, parameters = _ENCODERS[codec]
    encoder = av.CodecContext.create(name, "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, 25), Fraction(25, 1)
    encoder.thread_count = 1
    encoder.options = {
        "preset": "veryfast",
        parameters: f"scenecut=0:keyint={between_keys}:min-keyint={between_keys}:repeat-headers=1:annexb=1:log-level=none"
        f":bframes={b_pictures}:b-adapt=0:threads=1",
    }
    drawn = [drawn_picture(number, width, height) for number in range(pictures)]
    packets: list[av.Packet] = []
    for number, picture in enumerate(drawn):
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts = number
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    units = tuple(
        Unit(
            _without_order(bytes(packet)) if silent_about_order else bytes(packet),
            int(packet.pts or 0),
            packet.is_keyframe,
        )
        for packet in packets
    )
    return Video(codec, units, width, height, tuple(drawn))


def drawn_picture(number: int, width: int, height: int) -> NDArray[np.uint8]:
    """Return one picture, height x width x 3."""
    picture = np.full((height, width, 3), 32, np.uint8)
    at = number * 4 % (width - 16)
    picture[:, at : at + 16] = (250, 200, 120)
    return picture


def decode(codec: str, data: Iterable[bytes]) -> list[NDArray[np.uint8]]:
    """Return the pictures a decoder makes of coded ones."""
    decoder = av.CodecContext.create(codec, "r")
    frames = list(itertools.chain.from_iterable(decoder.decode(av.Packet(piece)) for piece in data))
    return [frame.to_ndarray(format="rgb24") for frame in [*frames, *decoder.decode(None)]]


def nal_units(data: bytes) -> list[bytes]:
    """Return the units between start codes."""
    pieces = data.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")
    return [piece for piece in pieces if piece]


def kind_of(codec: str, unit: bytes) -> int:
    """Return the type of a unit."""
    return unit[0] & 31 if codec == "h264" else unit[0] >> 1 & 63


def payloads(codec: Codec, units: Sequence[bytes], size: int = 1400, together: int = 0) -> list[bytes]:
    """Return RTP payloads of one picture: units alone, in fragments, or the first `together` of them in one packet."""
    found: list[bytes] = []
    if together:
        several = b"".join(len(unit).to_bytes(2, "big") + unit for unit in units[:together])
        found.append((bytes([units[0][0] & 0x60 | 24]) if codec == "h264" else b"\x60\x01") + several)
    for unit in units[together:]:
        if len(unit) <= size:
            found.append(unit)
        elif codec == "h264":
            found += _fragments(unit[1:], size - 2, bytes([unit[0] & 0xE0 | 28]), unit[0] & 31)
        else:
            found += _fragments(unit[2:], size - 3, bytes([unit[0] & 0x81 | 49 << 1, unit[1]]), unit[0] >> 1 & 63)
    return found


def _fragments(body: bytes, size: int, indicator: bytes, kind: int) -> list[bytes]:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    last = len(pieces) - 1
    return [
        indicator + bytes([(0x80 if index == 0 else 0) | (0x40 if index == last else 0) | kind]) + piece
        for index, piece in enumerate(pieces)
    ]


class Packetizer:
    """RTP packets of one track, with running numbers."""

    def __init__(
        self, codec: Codec = "h264", *, payload_type: int = 96, sequence: int = 65_500, start: int = 4_294_000_000
    ) -> None:
        self.codec = codec
        self.payload_type = payload_type
        self.sequence = sequence
        self.start = start
        """Timestamp of the first picture: both counters wrap soon."""

    def picture(
        self, unit: Unit, *, size: int = 1400, together: int = 0, ticks: int | None = None, marker: str = "last"
    ) -> list[bytes]:
        """Return the packets of one picture; `marker`: last, never or always."""
        pieces = payloads(self.codec, nal_units(unit.data), size, together)
        timestamp = self.start + (unit.shown * TICKS if ticks is None else ticks)
        return [
            self.packet(piece, timestamp, {"last": index == len(pieces) - 1, "never": False, "always": True}[marker])
            for index, piece in enumerate(pieces)
        ]

    def packet(self, payload: bytes, timestamp: int, marker: bool) -> bytes:
        """Return one packet."""
        self.sequence += 1
        second = self.payload_type | (0x80 if marker else 0)
        return struct.pack(">BBHII", 0x80, second, self.sequence & 0xFFFF, timestamp & 0xFFFFFFFF, 0xC0FFEE) + payload


def media_lines(what: Video, *, sets: bool = True, payload_type: int = 96) -> str:
    """Return the video track as a session description has it."""
    name = {"h264": "H264", "hevc": "H265"}[what.codec]
    text = f"m=video 0 RTP/AVP {payload_type}\na=control:trackID=1\na=rtpmap:{payload_type} {name}/90000\n"
    if sets:
        coded = [base64.b64encode(unit).decode() for unit in what.sets]
        if what.codec == "h264":
            told = f"profile-level-id=420029; packetization-mode=1; sprop-parameter-sets={','.join(coded)}"
        else:
            told = "; ".join(f"sprop-{name}={text}" for name, text in zip(("vps", "sps", "pps"), coded, strict=True))
        text += f"a=fmtp:{payload_type} {told}\n"
    return text


def _without_order(data: bytes) -> bytes:
    """Return a picture whose H.264 parameter set ends before it says how pictures are reordered."""
    units = nal_units(data)
    return b"".join(b"\0\0\0\1" + (_shortened(unit) if unit[0] & 31 == 7 else unit) for unit in units)


def _shortened(unit: bytes) -> bytes:
    """Clear the flag `bitstream_restriction` and what follows it; x264 writes it as the last thing of its usability information."""
    bits = "".join(f"{byte:08b}" for byte in unit.replace(b"\0\0\3", b"\0\0")).rstrip("0")[:-1]  # without the stop bit
    # 1 (restriction) 1 (motion vectors) 1 1 (ue 0, 0), ue 11 or so twice, ue reorder, ue buffering
    for end in range(len(bits), len(bits) - 40, -1):
        head = bits[: end - 1] + "0"
        if bits[end - 1] == "1" and _restriction(bits[end:]):
            padded = head + "1" + "0" * (-(len(head) + 1) % 8)
            body = bytes(int(padded[at : at + 8], 2) for at in range(0, len(padded), 8))
            return body.replace(b"\0\0\0", b"\0\0\3\0").replace(b"\0\0\1", b"\0\0\3\1").replace(b"\0\0\2", b"\0\0\3\2")
    raise AssertionError("no bitstream restriction found")


def _restriction(bits: str) -> bool:
    """Tell whether the bits are one flag and six Exp-Golomb numbers, the fifth being the reordering."""
    at = 1
    for _ in range(6):
        zeros = len(bits[at:]) - len(bits[at:].lstrip("0"))
        at += 2 * zeros + 1
    return at == len(bits) and bits[:1] == "1"
