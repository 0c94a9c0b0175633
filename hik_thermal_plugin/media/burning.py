"""Moving video with the overlay burned in: decoded, drawn into, and coded again. The one place where video is not left as it is."""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from typing import Any

import av
import av.codec
import av.error
from nvr_hooks import Unsupported

from .overlay import Overlay, check_pillow, drawn
from .pictures import CLOCK, Picture

HOLD_SECONDS = 0.25
"""How long a picture waits before it is drawn into: what the camera measured in it arrives a little later."""
_TIME = Fraction(1, CLOCK)
_ENCODER = "libx264"


class Burned:
    """Pictures with an overlay (recorder.Change). Used by one thread. Raises Unsupported where Pillow or an H.264 encoder is missing."""

    def __init__(self, camera: str, overlay: Overlay) -> None:
        check_pillow(camera)
        if _ENCODER not in av.codec.codecs_available:
            raise Unsupported(
                f"{camera}: recording with an overlay needs a media library with {_ENCODER}", camera=camera
            )
        self._overlay = overlay
        self._decoder: Any = None
        self._encoder: Any = None
        self._starts = True
        self._times: dict[int, tuple[float, bool]] = {}
        self._shown: dict[int, float] = {}
        self._waiting: deque[tuple[float, bool, Any]] = deque()

    def change(self, picture: Picture) -> list[Picture]:
        """Take a picture and return those whose overlay is certain; one that cannot be decoded is left out."""
        if self._decoder is None:
            self._decoder = av.CodecContext.create(picture.codec, "r")
            self._decoder.thread_count = 1
        packet = av.Packet(picture.data)
        packet.pts, packet.dts, packet.time_base = picture.pts, picture.dts, _TIME
        self._times[picture.pts] = (picture.time, picture.key)
        try:
            self._decoded(self._decoder.decode(packet))
        except av.error.FFmpegError:
            self._times.pop(picture.pts, None)
        return self._drawn_until(picture.time - HOLD_SECONDS)

    def rest(self) -> list[Picture]:
        """Return what is left; the next picture begins a new stream."""
        if self._decoder is None:
            return []
        try:
            self._decoded(self._decoder.decode(None))
        except av.error.FFmpegError:
            self._times.clear()
        found = self._drawn_until(None)
        if self._encoder is not None:
            found += self._coded(self._encoder.encode(None))
        self.close()
        return found

    def close(self) -> None:
        """Let go of decoder and encoder."""
        self._decoder = self._encoder = None
        self._starts = True
        self._times.clear()
        self._shown.clear()
        self._waiting.clear()

    def _decoded(self, frames: list[Any]) -> None:
        for frame in frames:
            time, key = self._times.pop(frame.pts, (None, False))
            if time is not None:
                self._waiting.append((time, key, frame))

    def _drawn_until(self, until: float | None) -> list[Picture]:
        found: list[Picture] = []
        while self._waiting and (until is None or self._waiting[0][0] <= until):
            time, key, frame = self._waiting.popleft()
            found += self._drawn(time, key, frame)
        return found

    def _drawn(self, time: float, key: bool, frame: Any) -> list[Picture]:
        if self._encoder is None:
            self._encoder = _encoder(frame)
        encoder = self._encoder
        changed = drawn(frame, self._overlay.marks(time)).reformat(encoder.width, encoder.height, "yuv420p")
        changed.pts, changed.time_base = frame.pts, _TIME
        # Key pictures stay where they were: recordings are cut there.
        changed.pict_type = 1 if key else 0
        self._shown[frame.pts] = time
        return self._coded(encoder.encode(changed))

    def _coded(self, packets: list[Any]) -> list[Picture]:
        found = []
        for packet in packets:
            time = self._shown.pop(packet.pts)
            found.append(Picture(bytes(packet), packet.is_keyframe, packet.pts, packet.dts, time, "h264", self._starts))
            self._starts = False
        return found


def _encoder(frame: Any) -> Any:
    encoder: Any = av.CodecContext.create(_ENCODER, "w")
    encoder.width, encoder.height, encoder.pix_fmt = frame.width // 2 * 2, frame.height // 2 * 2, "yuv420p"
    encoder.time_base = _TIME
    encoder.framerate = Fraction(25, 1)
    encoder.thread_count = 1
    encoder.options = {
        "preset": "veryfast",
        "tune": "zerolatency",
        "crf": "20",
        # No picture waits for another one, so that every one leaves with the time it came with.
        "x264-params": "repeat-headers=1:annexb=1:keyint=250:scenecut=0:sliced-threads=0:log-level=none",
    }
    return encoder
