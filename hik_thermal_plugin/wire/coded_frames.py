"""Coded pictures out of RTP packets, whatever they are coded in: where one ends, what is missing, and how time goes on.

A picture ends with the marker bit, or where the timestamp changes. A picture with a packet missing is dropped and counted: half of one
harms every player. There are encoders that set the marker on every slice or packet; once one shows itself, only the timestamp counts.
"""

from __future__ import annotations

from typing import Protocol

from nvr_hooks import BadAnswer

from .jpeg_pictures import JpegPicture
from .nal_units import NalPicture
from .rtp import RtpPacket, SequenceCheck
from .video import CLOCK, CodedFrame, VideoTrack

MAX_PICTURE = 16 * 1024 * 1024
_WRAP = 1 << 32


class Picture(Protocol):
    """One picture while its packets come in."""

    size: int

    @property
    def shown(self) -> bool:
        """Whether anything of the picture itself is there."""

    @property
    def unfinished(self) -> bool:
        """Whether more must follow before the picture can end."""

    def add(self, payload: bytes) -> bool:
        """Take one packet's payload; False when it cannot be used."""

    def begins_late(self, payload: bytes) -> bool:
        """Tell whether the payload is a later part of a picture, not its first."""

    def take(self) -> tuple[bytes, bool, bytes, int | None] | None:
        """Return data, key, headers and reordering of the picture and begin the next; None when there is no whole one."""

    def clear(self) -> None:
        """Throw away what is there of the picture."""


class FrameReader:
    """Pictures of one track on one connection.

    `damaged` counts pictures that were dropped because something of them was missing or broken.
    """

    def __init__(self, track: VideoTrack) -> None:
        self.damaged = 0
        self.foreign = 0
        """Packets of another payload type."""
        self.sequence = SequenceCheck()
        self._payload_type = track.payload_type
        self._codec = track.codec
        self._clock_rate = track.clock_rate
        self._picture: Picture
        match track.codec:
            case "h264" | "hevc" as codec:
                self._picture = NalPicture(codec, track.headers)
            case "mpeg4":
                self._picture = _Mpeg4Picture(b"".join(track.headers))
            case "mjpeg":
                self._picture = JpegPicture()
        self._timestamp: int | None = None
        self._time = 0
        self._last: int | None = None
        self._broken = False
        self._by_timestamp = False
        self._marked = False

    def feed(self, packet: RtpPacket) -> list[CodedFrame]:
        """Return the pictures that are whole with this packet; raise BadAnswer for one that never ends."""
        if packet.payload_type != self._payload_type:
            self.foreign += 1
            return []
        place = self.sequence.place(packet)
        if place == "late":
            return []
        found: list[CodedFrame] = []
        picture = self._picture
        if packet.timestamp != self._timestamp:
            if picture.size and place != "gap":
                self._end(found)
            elif picture.size:
                self._drop()  # whether its last packet is among the missing ones, nobody knows
            self._begin(packet.timestamp)
            self._broken = place == "gap" and picture.begins_late(packet.payload)
        elif place == "gap":
            self._broken = True
        elif self._last == self._time and not picture.shown and picture.begins_late(packet.payload):
            self._by_timestamp = True
            self._broken = True  # its first part is already gone
        if not picture.add(packet.payload):
            self._broken = True
        if picture.size > MAX_PICTURE:
            raise BadAnswer(f"a picture of more than {MAX_PICTURE} bytes")
        self._marked = self._marked or packet.marker
        if packet.marker and not self._by_timestamp and (picture.shown or self._broken):
            if picture.unfinished and not self._broken:
                self._by_timestamp = True
            else:
                self._end(found)
        return found

    def close(self) -> list[CodedFrame]:
        """Return the picture that the device's last packet has ended, where no marker was to say so."""
        found: list[CodedFrame] = []
        if self._picture.size and (self._by_timestamp or not self._marked) and not self._picture.unfinished:
            self._end(found)
        return found

    def _begin(self, timestamp: int) -> None:
        if self._timestamp is not None:
            step = (timestamp - self._timestamp) % _WRAP
            self._time += step - _WRAP if step >= _WRAP // 2 else step
        self._timestamp = timestamp

    def _end(self, found: list[CodedFrame]) -> None:
        if self._broken:
            self._drop()
            return
        self._last = self._time
        shown = self._picture.shown
        taken = self._picture.take()
        if taken is not None:
            data, key, headers, reordered = taken
            time = self._time * CLOCK // self._clock_rate
            found.append(CodedFrame(data, time, key, self._codec, headers, reordered))
        elif shown:
            self.damaged += 1

    def _drop(self) -> None:
        self.damaged += 1
        self._picture.clear()
        self._last = self._time
        self._broken = False


class _Mpeg4Picture:
    """A picture of MPEG-4 part 2 (RFC 6416): payloads follow one another."""

    def __init__(self, configuration: bytes) -> None:
        self.size = 0
        self._configuration = configuration
        self._pieces: list[bytes] = []

    @property
    def shown(self) -> bool:
        return bool(self._pieces)

    @property
    def unfinished(self) -> bool:
        return False

    def add(self, payload: bytes) -> bool:
        self.size += len(payload)
        self._pieces.append(payload)
        return True

    def begins_late(self, payload: bytes) -> bool:
        return not payload.startswith(b"\0\0\1")

    def take(self) -> tuple[bytes, bool, bytes, int | None] | None:
        data = b"".join(self._pieces)
        self.clear()
        at = data.find(b"\0\0\1\xb6")
        if at < 0 or at + 4 >= len(data):
            return None
        key = data[at + 4] >> 6 == 0  # an I-VOP (ISO 14496-2 6.3.5)
        if key and not data.startswith(b"\0\0\1\xb0"):
            data = self._configuration + data
        return data, key, self._configuration if key else b"", 0

    def clear(self) -> None:
        self._pieces = []
        self.size = 0
