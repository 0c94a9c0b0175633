"""Coded pictures of a camera over RTSP: live (guide 4.3.1) or played back from its recordings (guide 5.3). Satisfies transport.VideoSource.

The bytes go from the socket through wire/ into pictures without a media library: it ends at once when told to, hears ANNOUNCE and BYE, keeps
a silent session alive, takes the login permit like everybody else, and no address with a password is handed to anybody
(docs/decisions/0008-video-over-our-own-rtsp.md).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Sequence
from urllib.parse import urlsplit

from nvr_hooks import BadAnswer, CameraError

from ..login import LoginBudget
from ..wire.coded_frames import FrameReader
from ..wire.rtp import parse_rtp
from ..wire.sdp import Media, SessionDescription
from ..wire.urls import redacted
from ..wire.video import CodedFrame, VideoTrack, video_track
from .auth import IDENTITY
from .client import IsapiClient
from .rtsp_session import RtspEndpoint
from .rtsp_track import RtspTrack

LIVE_MUTE = 30.0
"""Seconds without a picture after which live video is begun anew; the slowest frame rate of a camera is one in 16 s."""
PLAYBACK_MUTE = 8.0
"""Seconds without a picture after which a recording is taken for ended: not every camera says that it is (rtsp.md 1.3)."""
_SHOWN = 60
_log = logging.getLogger(__name__)


def camera_video(client: IsapiClient, port: int, urls: Sequence[str], *, playback: bool = False) -> VideoStream:
    """Return one connection to the RTSP server of a camera that is known over HTTP; the first of `urls` that has video is used."""

    def prove() -> None:
        client.get(IDENTITY)

    endpoint = RtspEndpoint(
        camera=client.camera,
        host=urlsplit(client.url).hostname or "",
        port=port,
        username=client.username,
        password=client.password,
        timeout=client.timeout,
    )
    return VideoStream(endpoint, client.budget, urls, playback=playback, prove=prove, first_time=client.first_time)


class VideoStream:
    """One connection. `playback`: the device's end of it is the end of the recording; else it is a loss.

    `first_time` tells once per text that it is the first time, for what is reported once per camera. `prove` see RtspSession.
    """

    def __init__(
        self,
        endpoint: RtspEndpoint,
        budget: LoginBudget,
        urls: Sequence[str],
        *,
        playback: bool = False,
        prove: Callable[[], None] | None = None,
        first_time: Callable[[str], bool] = lambda text: True,
        mute_after: float | None = None,
        longest_silence: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._camera = endpoint.camera
        self._urls = urls
        self._playback = playback
        self._first_time = first_time
        self._what = "playback" if playback else "live video"
        self._broken_packets = 0
        self._track = RtspTrack(
            endpoint,
            budget,
            self._what,
            prove=prove,
            mute_after=mute_after or (PLAYBACK_MUTE if playback else LIVE_MUTE),
            announce_ends=playback,
            longest_silence=longest_silence,
            clock=clock,
        )
        self.counters = self._track.counters
        """What was counted; `documents` are whole pictures and signs of life."""

    @property
    def ending(self) -> str:
        """Return how a recording ended, for people; empty while it goes on."""
        return self._track.ending

    @property
    def fell_silent(self) -> bool:
        """Return whether a recording only ceased, without a word."""
        return self._track.fell_silent

    def frames(self) -> Generator[CodedFrame, None, None]:
        """Connect and yield pictures in the order they are sent.

        Ends after interrupt(), and where a recording ends. Raises Unreachable when live video is lost or a recording breaks off,
        Unsupported for a stream without video we know, Busy (453) where the device has no room for one more, Refused, NoPermission or
        AuthBlocked as it says, BadAnswer for what is no RTSP or a picture without an end.
        """
        track = self._track
        try:
            found = track.play(self._urls, _choose)
            if found.audio and self._first_time("audio"):
                _log.warning(
                    "%s: the sound of its video (%s) is left out: only the picture is recorded",
                    self._camera,
                    found.audio,
                )
            yield from self._follow(found)
            if not track.ended and not self._playback:
                raise track.lost(track.ending)
        except BadAnswer as error:
            text = str(error) if error.camera else f"{self._camera}: {self._what}: {error}"
            raise BadAnswer(text, camera=self._camera, data=error.data) from error
        except CameraError:
            if not track.ended:
                raise
        finally:
            track.close()

    def interrupt(self) -> None:
        """End frames() from any thread, at once; also before it began."""
        self._track.interrupt()

    def _follow(self, found: VideoTrack) -> Generator[CodedFrame, None, None]:
        reader, counters, track = FrameReader(found), self.counters, self._track
        for data in track.packets():
            try:
                packet = parse_rtp(data)
            except BadAnswer as error:
                self._broken_packets += 1
                if self._first_time(f"{self._what} packet"):
                    _log.warning("%s: %s: a packet is passed over (%s)", self._camera, self._what, error)
                continue
            for frame in reader.feed(packet):
                counters.documents += 1
                yield frame
            if packet.marker:
                counters.undecodable = reader.damaged
                counters.framing_errors = track.session.connection.resyncs + self._broken_packets
        yield from reader.close()

    def __repr__(self) -> str:
        return f"<VideoStream {self._camera} {redacted(self._urls[0])}>"


def _choose(description: SessionDescription) -> tuple[Media, VideoTrack]:
    found = video_track(description)
    return found.media, found
