"""What a camera's RTSP server would send: live video, metadata, recordings; described, and not played (rtsp.md 1)."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from urllib.parse import urlsplit

from nvr_hooks import (
    BadAnswer,
    Busy,
    CameraError,
    DeviceError,
    Finding,
    NoPermission,
    Refused,
    Unreachable,
    Unsupported,
    now,
)

from ..transport import Identity, TemperatureSource
from ..wire.sdp import MetadataTrack, SessionDescription, metadata_track, parse_sdp
from ..wire.urls import live_url, playback_url, rewritten
from ..wire.video import video_track
from .auth import IDENTITY
from .client import IsapiClient
from .findings import finding_of, found
from .metadata_stream import PATHS as METADATA_PATHS
from .rtsp_session import RtspEndpoint, RtspSession

_LAST_DAY = timedelta(days=1)


class Notes:
    """What a look at a camera has shown so far."""

    def __init__(self, camera: str) -> None:
        self.findings: list[Finding] = []
        self.facts: dict[str, str] = {}
        self.offers: dict[TemperatureSource, bool] = {}
        self._camera = camera

    def find(self, code: str, what: str) -> None:
        """Note that something is wrong."""
        self.findings.append(found(self._camera, code, what))


class VideoExamination:
    """One look at one camera's RTSP server."""

    def __init__(self, client: IsapiClient, identity: Identity, channel: int, port: int, notes: Notes) -> None:
        self._client = client
        self._camera = client.camera
        self._identity = identity
        self._channel = channel
        self._host = urlsplit(client.url).hostname or ""
        self._rtsp_port = port
        self._notes = notes

    def run(self, *, metadata_wanted: bool) -> None:
        """Ask the RTSP server what it would send; nothing is played."""
        client = self._client
        endpoint = RtspEndpoint(
            camera=self._camera,
            host=self._host,
            port=self._rtsp_port,
            username=client.username,
            password=client.password,
            timeout=client.timeout,
        )
        channel = self._channel

        def prove() -> None:
            client.get(IDENTITY)

        try:
            with RtspSession(endpoint, client.budget, prove=prove) as session:
                description = self._describe(session, live_url(self._host, self._rtsp_port, channel))
                codec = video_track(description).codec
                self._notes.facts["live video"] = {"h264": "H.264", "h265": "H.265", "hevc": "H.265"}.get(codec, codec)
                self._metadata(session, channel, metadata_track(description), wanted=metadata_wanted)
                self._recordings(session, channel)
        except NoPermission as error:
            self._notes.find("rtsp_denied", str(error))
        except Unreachable as error:
            self._notes.find("rtsp_unreachable", str(error))
        except Busy as error:
            limit = self._identity.most_connections
            self._notes.find("rtsp_no_room", f"{error}" + (f" (it takes {limit} users at a time)" if limit else ""))
        except Refused as error:
            self._notes.findings.append(finding_of(self._camera, error))
        except CameraError as error:
            self._notes.find("rtsp_bad", str(error))

    def _describe(self, session: RtspSession, url: str) -> SessionDescription:
        reply = session.ask(session.connection.describe(url))
        if (fault := session.fault(f"DESCRIBE {url}", reply)) is not None:
            raise fault
        return parse_sdp(reply.body)

    def _metadata(self, session: RtspSession, channel: int, track: MetadataTrack | None, *, wanted: bool) -> None:
        """Look for the track under the other address, and beside the other channels' video (rtsp.md 1.1, 8)."""
        others = (found.id for found in self._identity.channels or () if found.id != channel)
        for number in (channel, *others):
            if track is not None:
                break
            with suppress(Unsupported, DeviceError, BadAnswer):
                url = rewritten(METADATA_PATHS[0].format(number * 100 + 1), self._host, self._rtsp_port)
                track = metadata_track(self._describe(session, url))
        if track is None:
            self._notes.facts["metadata"] = "switched off"
        elif track.onvif:
            self._notes.facts["metadata"] = "in ONVIF's format, which tells no temperatures"
        else:
            self._notes.facts["metadata"] = "answers"
            self._notes.offers["metadata"] = True
        if wanted and (track is None or track.onvif):
            self._notes.find("metadata_off", f"metadata is wanted, and is {self._notes.facts['metadata']}")

    def _recordings(self, session: RtspSession, channel: int) -> None:
        """Ask for a playback of the last day, without playing it."""
        end = now()
        url = playback_url(self._host, self._rtsp_port, channel * 100 + 1, end - _LAST_DAY, end)
        try:
            video_track(self._describe(session, url))
        except Busy:
            self._notes.facts["recordings"] = "others play them back now, and there is no room for one more"
        except (Unsupported, DeviceError, BadAnswer):
            self._notes.facts["recordings"] = "none of the last day can be played back"
        else:
            self._notes.facts["recordings"] = "answer"
