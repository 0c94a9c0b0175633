"""Coded pictures out of MPEG program streams (ISO/IEC 13818-1 2.5): what the vendor's library delivers live and played back.

It comes in fragments of any size, after a private header of 40 bytes (hcnetsdk.md 7.7). Packets need not begin where pictures do: a picture
ends where the next one begins, and a packet's time is that of the first picture that begins in it. Sound and private streams are passed
over. What is no start code is skipped to the next one and counted.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

from nvr_hooks import BadAnswer, Unsupported

from .nal_units import NalPicture
from .video import CodedFrame

MAX_PICTURE = 16 * 1024 * 1024
Codec = Literal["h264", "hevc"]
_TYPES: dict[int, Codec] = {0x1B: "h264", 0x24: "hevc"}
"""stream_type (ISO/IEC 13818-1 table 2-34) -> codec."""
_START = b"\0\0\1"
_PACK, _MAP, _END = 0xBA, 0xBC, 0xB9
_VIDEO = range(0xE0, 0xF0)
_WRAP = 1 << 33
_MAP_HEAD = 10
_USUAL_STEP = 3600
_LEADING = {"h264": frozenset({6, 7, 8, 9}), "hevc": frozenset({32, 33, 34, 35, 39})}
"""Units that stand before a picture: after one they begin the next."""


class ProgramStreamReader:
    """Pictures of the video in one program stream. `damaged` counts pictures that could not be read, `skipped` places without a start code."""

    def __init__(self) -> None:
        self.skipped = 0
        self._buffer = bytearray()
        self._video = _Video()
        self._in_step = True

    @property
    def damaged(self) -> int:
        """Tell how many pictures were incomplete or unreadable."""
        return self._video.damaged

    def feed(self, data: bytes) -> list[CodedFrame]:
        """Return the pictures that are whole with these bytes; raise BadAnswer for one that never ends, Unsupported for another codec."""
        self._buffer += data
        found: list[CodedFrame] = []
        at = 0
        while (after := self._unit(at, found)) is not None:
            at = after
        del self._buffer[:at]
        return found

    def close(self) -> list[CodedFrame]:
        """Return the last picture: nothing follows that would end it."""
        found: list[CodedFrame] = []
        self._video.close(found)
        return found

    def _unit(self, at: int, found: list[CodedFrame]) -> int | None:
        """Read what begins at `at`; return where the next begins, None when more bytes are needed."""
        buffer = self._buffer
        if len(buffer) - at < 4:
            return None
        if not buffer.startswith(_START, at) or buffer[at + 3] < _END:
            return self._resynchronise(at)
        self._in_step = True
        code = buffer[at + 3]
        if code == _END:
            self._video.close(found)
            return at + 4
        if code == _PACK:
            if len(buffer) - at < 14:
                return None
            end = at + 14 + (buffer[at + 13] & 7) if buffer[at + 4] >> 6 == 1 else at + 12  # MPEG-1 has a shorter one
            return end if end <= len(buffer) else None
        end = at + 6 + int.from_bytes(buffer[at + 4 : at + 6], "big")
        if len(buffer) < end:
            return None
        if code == _MAP:
            self._learn(bytes(buffer[at:end]))
        elif code in _VIDEO:
            self._packet(bytes(buffer[at + 6 : end]), found)
        return end

    def _resynchronise(self, at: int) -> int | None:
        if self._in_step:
            self.skipped += 1
            self._in_step = False
        start = self._buffer.find(_START, at + 1)
        if start >= 0:
            return start
        return max(at, len(self._buffer) - 2) if len(self._buffer) - at > 4 else None

    def _learn(self, unit: bytes) -> None:
        """Read the codec of the first video stream in a map of the streams."""
        end = len(unit) - 4
        at = _MAP_HEAD + int.from_bytes(unit[8:10], "big") + 2
        while at + 4 <= end:
            kind, stream = unit[at], unit[at + 1]
            if stream in _VIDEO:
                if kind not in _TYPES:
                    raise Unsupported(f"video of stream type {kind:#04x}")
                self._video.use(_TYPES[kind])
                return
            at += 4 + int.from_bytes(unit[at + 2 : at + 4], "big")

    def _packet(self, body: bytes, found: list[CodedFrame]) -> None:
        if len(body) < 3 or body[0] >> 6 != 2:
            self._video.damaged += 1
            return
        stamp = None
        if body[1] & 0x80 and len(body) >= 8:
            stamp = (body[3] >> 1 & 7) << 30 | body[4] << 22 | body[5] >> 1 << 15 | body[6] << 7 | body[7] >> 1
        self._video.feed(body[3 + body[2] :], stamp, found)


class _Video:
    """The elementary stream: units one after the other, wherever the packets are cut."""

    def __init__(self) -> None:
        self.damaged = 0
        self._codec: Codec | None = None
        self._picture: NalPicture | None = None
        self._buffer = bytearray()
        self._gone = 0
        """Bytes that stood before the buffer."""
        self._searched = 0
        self._open = False
        """Whether the buffer begins with a unit's start code."""
        self._stamps: deque[tuple[int, int]] = deque()
        """Where in the stream a packet with a time began."""
        self._stamp: int | None = None
        self._stamped = 0
        """The time that the last stamp stands for."""
        self._time: int | None = None
        self._step = _USUAL_STEP

    def use(self, codec: Codec) -> None:
        """Read units as those of this codec."""
        if codec != self._codec:
            self._codec = codec
            self._picture = NalPicture(codec)

    def feed(self, data: bytes, stamp: int | None, found: list[CodedFrame]) -> None:
        """Take what one packet brings."""
        if stamp is not None:
            self._stamps.append((self._gone + len(self._buffer), stamp))
        buffer = self._buffer
        buffer += data
        while True:
            at = buffer.find(_START, max(self._searched, 3 if self._open else 0))
            if at < 0 or len(buffer) - at < 6:  # the kind of unit and its first bits are needed
                self._searched = max(0, len(buffer) - 2) if at < 0 else at
                break
            if self._open:
                self._add(bytes(buffer[3:at]))
            self._gone += at
            del buffer[:at]
            self._open, self._searched = True, 3
            self._begins(bytes(buffer[3:6]), found)
        if len(buffer) > MAX_PICTURE or (self._picture is not None and self._picture.size > MAX_PICTURE):
            raise BadAnswer(f"a picture of more than {MAX_PICTURE} bytes")

    def close(self, found: list[CodedFrame]) -> None:
        """End the last picture."""
        if self._open:
            self._add(bytes(self._buffer[3:]))
        self._gone += len(self._buffer)
        self._buffer.clear()
        self._open, self._searched = False, 0
        self._end(found)

    def _begins(self, start: bytes, found: list[CodedFrame]) -> None:
        """See whether the unit that starts so begins a picture."""
        if self._codec is None:
            self._guess(start)
        codec, picture = self._codec, self._picture
        if codec is None or picture is None:
            return
        kind = start[0] >> 1 & 63 if codec == "hevc" else start[0] & 31
        slices = kind < 32 if codec == "hevc" else 1 <= kind <= 5
        if picture.shown and (kind in _LEADING[codec] or (slices and not picture.begins_late(start))):
            self._end(found)
        if not picture.size:
            self._clock()

    def _clock(self) -> None:
        """Set the time of the picture that begins here: the packet's, else one step after the one before."""
        stamp = None
        while self._stamps and self._stamps[0][0] <= self._gone:
            stamp = self._stamps.popleft()[1]
        before = self._time
        if stamp is None:
            self._time = None if before is None else before + self._step
            return
        if before is None or self._stamp is None:
            self._time = 0
        else:
            ahead = (stamp - self._stamp) % _WRAP
            self._time = self._stamped + (ahead - _WRAP if ahead >= _WRAP // 2 else ahead)
        self._stamp, self._stamped = stamp, self._time

    def _add(self, unit: bytes) -> None:
        unit = unit.rstrip(b"\0")
        if self._picture is not None and unit:
            self._picture.add(unit)

    def _end(self, found: list[CodedFrame]) -> None:
        if self._picture is None:
            return
        shown = self._picture.shown
        taken = self._picture.take()
        if taken is not None and self._time is not None and self._codec is not None:
            data, key, headers, reordered = taken
            found.append(CodedFrame(data, self._time, key, self._codec, headers, reordered))
        elif shown:
            self.damaged += 1

    def _guess(self, start: bytes) -> None:
        """Tell the codec of a stream without a map by its first parameter set."""
        if start[0] & 0x1F == 7 and start[0] >> 5:
            self.use("h264")
        elif start[0] >> 1 & 63 == 32:
            self.use("hevc")
