"""The bytes of what is stored: how many there are, and any part of them, made when somebody reads it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import UTC

from . import program_stream
from .device import Device
from .films import RECORDED_GROUPS, Films
from .models import Channel
from .pictures import jpeg, with_comment
from .program_stream import Pattern
from .recordings import Recording

_LEAST = 40_000
"""Bytes that a second has at least, whatever the bit rate of its stream."""
_PRIVATE = b"\x00\x2a" + b"private to the maker".ljust(62, b"\0")
_ENCRYPTED = bytes(byte * 167 + 91 & 0xFF for byte in range(256))


@dataclass(frozen=True, slots=True)
class Portion:
    """Seconds of a recording, `last` not included."""

    recording: Recording
    first: int
    last: int


def whole(recording: Recording) -> list[Portion]:
    """All that a recording has now."""
    return [Portion(recording, 0, recording.seconds)]


class StoredFiles:
    """Files of recordings: MPEG program streams of the same pictures that RTSP plays back."""

    def __init__(self, device: Device, films: Films) -> None:
        self._device = device
        self._films = films
        self._patterns: dict[tuple[int, int, int], Pattern] = {}
        self._pictures: dict[int, bytes] = {}

    def size(self, portions: Sequence[Portion]) -> int:
        """How many bytes portions of video have as one file."""
        (channel,) = {portion.recording.channel for portion in portions}
        seconds = sum(portion.last - portion.first for portion in portions)
        return len(self._header(self._channel(channel))) + seconds * self._rate(self._channel(channel))

    def size_of(self, recording: Recording) -> int:
        """How many bytes a recording has, video or picture."""
        return len(self.picture(recording)) if recording.is_picture else self.size(whole(recording))

    async def read(self, portions: Sequence[Portion], first: int = 0) -> AsyncGenerator[bytes]:
        """The bytes from `first` on, a second of video at a time, the first one with the header."""
        channel = self._channel(portions[0].recording.channel)
        header, rate = self._header(channel), self._rate(channel)
        before, skipped = header[first:], max(first - len(header), 0)
        for portion in portions:
            for second in range(portion.first, portion.last):
                if skipped < rate:
                    data = await self._second(channel, portion.recording, second)
                    yield self._shown(before + data[skipped:])
                    before = b""
                skipped = max(skipped - rate, 0)

    def picture(self, recording: Recording) -> bytes:
        """The picture of a recording's first moment."""
        channel = self._channel(recording.channel)
        taken = self._pictures.get(channel.id)
        if taken is None:
            main = channel.streams[0]
            taken = self._pictures[channel.id] = jpeg(self._films.past.still(channel, (main.width, main.height)))
        return with_comment(taken, recording.name.encode())

    async def _second(self, channel: Channel, recording: Recording, second: int) -> bytes:
        number, form = second % RECORDED_GROUPS, self._films.form(channel, 0)
        wanted = round(recording.share(second) * form.fps)
        key = (channel.id, number, wanted)
        found = self._patterns.get(key)
        if found is None:
            film = self._films.recorded(channel)
            group = await film.group(number)
            private = _PRIVATE if self._device.profile.private_streams else b""
            film.prepare((number + 1) % RECORDED_GROUPS)
            found = program_stream.pattern(group, form, self._rate(channel), wanted, private)
            if wanted == form.fps:
                self._patterns[key] = found
        # The clock of the stream is the time of day: files that follow each other fit together.
        begin = recording.start.astimezone(UTC)
        day = begin.replace(hour=0, minute=0, second=0, microsecond=0)
        return program_stream.at(found, int(((begin - day).total_seconds() + second) * program_stream.CLOCK))

    def _shown(self, data: bytes) -> bytes:
        """What leaves the device; a firmware may hand out what is on an encrypted card as it is (isapi.md 5.4)."""
        return data.translate(_ENCRYPTED) if self._device.profile.encryption == "scrambled" else data

    def _header(self, channel: Channel) -> bytes:
        return program_stream.media_header(channel.streams[0].codec) if self._device.profile.media_header else b""

    def _rate(self, channel: Channel) -> int:
        return max(channel.streams[0].kilobits * 125, _LEAST)

    def _channel(self, number: int) -> Channel:
        found = self._device.model.channel(number)
        assert found is not None, "recordings are of the model's channels"
        return found
