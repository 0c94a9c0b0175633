"""Files of video that is not coded again: MP4 in fragments, Matroska, MPEG program stream.

What is written survives a kill up to the last fragment: MP4 writes one for each key picture, the others are read as far as they go
(rtsp.md 5), Matroska's clusters being a second long. The media library never opens a network connection here: it gets pictures and writes files.
"""

from __future__ import annotations

import io
import os
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av
import av.error
from nvr_hooks import BadAnswer, NvrError, Unsupported

from .mpeg_ps import STREAM_TYPES, ProgramStream
from .pictures import CLOCK, Picture

_TIME = Fraction(1, CLOCK)
_RAW = {"h264": "h264", "hevc": "hevc", "mpeg4": "m4v", "mjpeg": "mjpeg"}
_MUXERS = {
    "mp4": ("mp4", {"movflags": "frag_keyframe+empty_moov+default_base_moof"}),
    "mkv": ("matroska", {"cluster_time_limit": "1000"}),
}


class Muxer(Protocol):
    """One file of pictures as they are."""

    def write(self, picture: Picture) -> None:
        """Write one picture; raise OSError where it cannot be written."""

    def close(self) -> None:
        """Write what belongs to the end and close the file; raises OSError where that fails."""


def check_container(container: str, camera: str) -> None:
    """Raise Unsupported, with the reason, for a container that is not written here."""
    if container == "3gp":
        raise Unsupported(
            f"{camera}: 3gp is a container that only the vendor's library writes (guide 4.3.2); mp4, mkv and ps are written here",
            camera=camera,
        )
    if container not in ("ps", *_MUXERS):
        raise Unsupported(f"{camera}: no container {container}; there are mp4, mkv and ps", camera=camera)


def check_codec(codec: str, camera: str) -> None:
    """Raise Unsupported for video that a program stream has no place for."""
    if codec not in STREAM_TYPES:
        raise Unsupported(
            f"{camera}: a program stream has no place for video coded as {codec}; mp4 and mkv have", camera=camera
        )


def open_file(path: Path, container: str, first: Picture, camera: str, *, survives: bool = True) -> Muxer:
    """Return a muxer that writes over `path`; `first` must be a key picture, and tells the parameters of all.

    `survives`: after an error the file ends with the last whole picture; without it there is less work, for what can be made again. Raises
    Unsupported for a codec the container has no place for, BadAnswer for a picture that cannot be read, OSError.
    """
    if container == "ps":
        check_codec(first.codec, camera)
        return _ProgramFile(path, first)
    return _LibraryFile(path, container, first, camera, survives=survives)


class _ProgramFile:
    def __init__(self, path: Path, first: Picture) -> None:
        self._file = path.open("wb", buffering=0)
        self._whole = 0
        self._stream = ProgramStream(self._send, first)

    def write(self, picture: Picture) -> None:
        self._stream.write(picture)

    def close(self) -> None:
        with self._file:
            self._stream.close()

    def _send(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            self._file.truncate(self._whole)  # half a picture harms more than it shows
            raise
        self._whole += len(data)


class _LibraryFile:
    def __init__(self, path: Path, container: str, first: Picture, camera: str, *, survives: bool) -> None:
        self._camera = camera
        self._survives = survives
        self._whole = 0
        self._start = first.dts
        self._last = -1
        name, options = _MUXERS[container]
        self._path = path
        self._file = _File(path)
        if survives:
            options = {**options, "flush_packets": "1"}
        try:
            self._output: Any = av.open(self._file, "w", format=name, options=options)
        except BaseException:
            self._file.close()
            raise
        try:
            self._stream = self._add(first)
        except BaseException:
            with suppress(av.error.FFmpegError, OSError):
                self._output.close()
            self._file.close()
            raise

    def write(self, picture: Picture) -> None:
        packet = av.Packet(picture.data)
        packet.time_base = _TIME
        # Where parameters change within a recording that is played back, the order of its pictures begins anew.
        dts = max(picture.dts - self._start, self._last + 1)
        self._last = dts
        packet.pts, packet.dts = max(picture.pts - self._start, dts), dts
        packet.is_keyframe = picture.key
        packet.stream = self._stream
        try:
            self._output.mux(packet)
            self._check()
        except (av.error.FFmpegError, OSError) as error:
            with suppress(av.error.FFmpegError, OSError):
                self._output.close()
            self._shorten()
            raise self._failure(error) from error
        self._whole = self._file.size

    def close(self) -> None:
        try:
            self._output.close()
            self._check()
        except (av.error.FFmpegError, OSError) as error:
            self._shorten()
            raise self._failure(error) from error
        finally:
            self._file.close()

    def _check(self) -> None:
        if self._file.error is not None:
            raise self._file.error

    def _shorten(self) -> None:
        if self._survives:
            os.truncate(self._path, self._whole)  # half a fragment harms more than it shows

    def _add(self, first: Picture) -> Any:
        """Return a stream for pictures like the first, whose parameters are read from it."""
        try:
            with av.open(io.BytesIO(first.data), format=_RAW[first.codec]) as probe:
                template = probe.streams.video[0]
                if not template.width:
                    raise BadAnswer(f"{self._camera}: a key picture without parameters", camera=self._camera)
                return self._output.add_stream_from_template(template)
        except (av.error.FFmpegError, IndexError) as error:
            raise BadAnswer(
                f"{self._camera}: a key picture that cannot be read ({type(error).__name__})",
                camera=self._camera,
                data=first.data[:64],
            ) from error

    def _failure(self, error: av.error.FFmpegError | OSError) -> Exception:
        if isinstance(error, OSError) and error.errno:
            return OSError(error.errno, error.strerror)
        return NvrError(f"{self._camera}: the picture cannot be written: {error.strerror or type(error).__name__}")


class _File:
    """A file for the library, which keeps bytes back and forgets what became of them: `error` is why some could not be written.

    `size` is how long the file is.
    """

    def __init__(self, path: Path) -> None:
        self.error: OSError | None = None
        self.size = 0
        self._file = path.open("wb", buffering=0)
        self.seek, self.tell, self.close = self._file.seek, self._file.tell, self._file.close

    def write(self, data: bytes) -> int:
        """Write all of it."""
        rest = memoryview(data)
        try:
            while rest and self.error is None:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            self.error = error
        self.size = max(self.size, self._file.tell())
        return len(data)
