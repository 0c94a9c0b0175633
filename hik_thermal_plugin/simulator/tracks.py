"""The tracks of a session while they play: video, sound, metadata, each sending RTP packets on its channel of the connection."""

from __future__ import annotations

import asyncio
import secrets
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing

from . import rtp
from .film import Gop
from .profiles import Profile

VIDEO, AUDIO, METADATA = 1, 2, 3
"""Numbers of tracks, as in `trackID=3` (rtsp.md 1.2)."""
VIDEO_TYPE, AUDIO_TYPE = 96, 8
CLOCK, AUDIO_CLOCK = 90_000, 8_000
_AUDIO_SECONDS = 0.02
_SILENCE = b"\xd5" * round(AUDIO_CLOCK * _AUDIO_SECONDS)
_REPORT_SECONDS = 5.0
_BACK = 0.1
"""Seconds that timestamps go back where the profile lets them."""
_BACK_EVERY = 2
_ENDLESS = b"<Target><x>0</x></Target>\n" * 55
_ENDLESS_SECONDS, _ENDLESS_PACKETS = 0.01, 10
_GARBAGE = b"\x00\x13garbage RTP\r\n"

MAX_LATE = 1024 * 1024
"""Bytes that a client may leave unread before it misses frames."""

Write = Callable[[bytes], None]


class Track(ABC):
    """What all tracks share: sequence, timestamps, sender reports. `channel` is the interleaved one of the data."""

    def __init__(self, profile: Profile, write: Write, channel: int, payload_type: int, clock: int) -> None:
        self.playing = asyncio.Event()
        self.source = secrets.randbits(32)
        self.sequence = secrets.randbits(16)
        self.timestamp = secrets.randbits(32)
        self._profile = profile
        self._write = write
        self._channel = channel
        self._payload_type = payload_type
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._packets = self._octets = 0
        self._reported = float("-inf")
        self._task: asyncio.Task[None] | None = None

    def play(self) -> None:
        """Send from now on, or go on."""
        self.playing.set()
        if self._task is None:
            self._task = self._loop.create_task(self._run())

    def pause(self) -> None:
        """Send nothing until `play`."""
        self.playing.clear()

    def stop(self) -> None:
        """End for good."""
        if self._task:
            self._task.cancel()

    def say_goodbye(self) -> None:
        """Tell over RTCP that the track has ended."""
        self._write(rtp.interleaved(self._channel + 1, rtp.goodbye(self.source)))

    @abstractmethod
    async def _run(self) -> None: ...

    def _packet(self, timestamp: int, payload: bytes, *, marker: bool) -> bytes:
        packet = rtp.packet(self._payload_type, self.sequence, timestamp, self.source, payload, marker=marker)
        self.sequence += 1
        self._packets += 1
        self._octets += len(payload)
        return rtp.interleaved(self._channel, packet)

    def _report(self, timestamp: int) -> bytes:
        """A sender report, when one is due."""
        now = self._loop.time()
        if now - self._reported < _REPORT_SECONDS:
            return b""
        self._reported = now
        return rtp.interleaved(
            self._channel + 1, rtp.sender_report(self.source, timestamp, self._packets, self._octets)
        )


class VideoTrack(Track):
    """Frames in time; `groups` yields groups of pictures, and how many frames of each are wanted. `ended` is called after the last."""

    def __init__(
        self,
        profile: Profile,
        write: Write,
        channel: int,
        *,
        groups: AsyncGenerator[tuple[Gop, int]],
        fps: int,
        unsent: Callable[[], int],
        ended: Callable[[], None],
    ) -> None:
        super().__init__(profile, write, channel, VIDEO_TYPE, CLOCK)
        self._groups = groups
        self._fps = fps
        self._unsent = unsent
        self._ended = ended

    async def _run(self) -> None:
        step, start, seconds = CLOCK // self._fps, self.timestamp, 0
        due = float("-inf")
        async with aclosing(self._groups) as groups:
            async for group, wanted in groups:
                if self._profile.timestamps_back and seconds % _BACK_EVERY == _BACK_EVERY - 1:
                    start -= round(_BACK * CLOCK)
                for frame in group:
                    if frame.shown < wanted:
                        due = await self._moment(due) + 1 / self._fps
                        self._send(frame.payloads, start + frame.shown * step)
                start += wanted * step
                seconds += 1
        self._ended()

    async def _moment(self, due: float) -> float:
        """Wait until a frame is due and the track plays; when that was, or would have been."""
        await asyncio.sleep(due - self._loop.time())
        if not self.playing.is_set():
            await self.playing.wait()
        # When encoding was late, or after a pause, go on from here instead of hurrying.
        return due if due > self._loop.time() - 1.0 else self._loop.time()

    def _send(self, payloads: tuple[bytes, ...], timestamp: int) -> None:
        self.timestamp = timestamp
        if self._unsent() > MAX_LATE:  # as cameras do: the client misses frames, and sees that by the sequence
            self.sequence += len(payloads)
            return
        last = len(payloads) - 1
        packets = [self._packet(timestamp, payload, marker=place == last) for place, payload in enumerate(payloads)]
        if self._profile.garbage:
            packets.insert(0, _GARBAGE)
        self._write(self._report(timestamp) + b"".join(packets))


class AudioTrack(Track):
    """Silence in A-law."""

    def __init__(self, profile: Profile, write: Write, channel: int) -> None:
        super().__init__(profile, write, channel, AUDIO_TYPE, AUDIO_CLOCK)

    async def _run(self) -> None:
        due = self._loop.time()
        while True:
            await self.playing.wait()
            self._write(self._report(self.timestamp) + self._packet(self.timestamp, _SILENCE, marker=False))
            self.timestamp += len(_SILENCE)
            due = max(due + _AUDIO_SECONDS, self._loop.time() - 1.0)
            await asyncio.sleep(max(0.0, due - self._loop.time()))


class MetadataTrack(Track):
    """Documents once a second, and at once on `look`. `documents` gives those of now; none while there is nothing to tell."""

    def __init__(
        self, profile: Profile, write: Write, channel: int, *, documents: Callable[[], Iterable[bytes]], period: float
    ) -> None:
        super().__init__(profile, write, channel, profile.metadata_payload_type, CLOCK)
        self._documents = documents
        self._period = period
        self._begun = self._loop.time()
        self._base = self.timestamp
        self._told = 0

    def look(self) -> None:
        """Tell how things are now."""
        if self.playing.is_set() and not self._profile.endless_metadata:
            self._tell()

    async def _run(self) -> None:
        if self._profile.endless_metadata:
            await self._run_endlessly()
        while True:
            await self.playing.wait()
            self._tell()
            await asyncio.sleep(self._period)

    async def _run_endlessly(self) -> None:
        self._write(self._packet(self._base, b"<Metadata>", marker=False))
        while True:
            await self.playing.wait()
            packets = [self._packet(self._base, _ENDLESS, marker=False) for _ in range(_ENDLESS_PACKETS)]
            self._write(b"".join(packets))
            await asyncio.sleep(_ENDLESS_SECONDS)

    def _tell(self) -> None:
        for document in self._documents():
            self.timestamp = self._base + round((self._loop.time() - self._begun) * CLOCK) + self._told
            self._told += 1  # two documents of one moment must not share a timestamp
            self._write(self._report(self.timestamp) + b"".join(self._cut(document)))

    def _cut(self, document: bytes) -> list[bytes]:
        """The packets of a document, with what the profile does to them."""
        profile = self._profile
        payloads = [document[at : at + rtp.MTU] for at in range(0, len(document), rtp.MTU)]
        markers = {
            "last": [False] * (len(payloads) - 1) + [True],
            "never": [False] * len(payloads),
            "always": [True] * len(payloads),
        }[profile.metadata_marker]
        packets = [
            self._packet(self.timestamp, payload, marker=marker)
            for payload, marker in zip(payloads, markers, strict=True)
        ]
        if self._told % 2 == 0 and len(packets) > 1:
            if profile.metadata_loss == "lost":
                del packets[1]
            elif profile.metadata_loss == "reordered":
                packets[0], packets[1] = packets[1], packets[0]
        if profile.foreign_packets:
            other = rtp.packet(108, self._told, self.timestamp, self.source, b"\x01\x02\x03", marker=True)
            packets = [part for packet in packets for part in (rtp.interleaved(self._channel, other), packet)]
        return [_GARBAGE, *packets] if profile.garbage else packets


class CapturedTrack(Track):
    """Packets of a real device's metadata track, sent once as they came, then nothing."""

    def __init__(self, profile: Profile, write: Write, channel: int, packets: Iterable[bytes]) -> None:
        super().__init__(profile, write, channel, 0, CLOCK)
        self._captured = tuple(packets)

    async def _run(self) -> None:
        await self.playing.wait()
        self._write(b"".join(rtp.interleaved(self._channel, packet) for packet in self._captured))
