"""What an RTSP address leads to: a channel live, or what is stored of it (rtsp.md 1.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

from .device import Device
from .models import Channel
from .recordings import Cut, Recordings, read_time
from .rtsp import path_of

_LIVE = re.compile(r"(/isapi)?/streaming/channels/(\d{1,4})(?:/av_stream)?", re.IGNORECASE)
_OLD = re.compile(r"/h264/ch(\d{1,2})/(main|sub)/av_stream", re.IGNORECASE)
_STORED = re.compile(r"(/isapi)?/streaming/tracks/(\d{1,4})", re.IGNORECASE)


class Answered(Exception):
    """A request that is answered with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True)
class Presentation:
    """A stream of a channel, live (`cuts` None) or cuts of its recordings."""

    channel: Channel
    place: int
    over_isapi: bool
    cuts: tuple[Cut, ...] | None = None


def find(device: Device, recordings: Recordings, url: str) -> Presentation:
    """Find what a URL leads to; unknown parts of its query are ignored. Raises Answered where it leads nowhere."""
    path = path_of(url)
    query = {name.lower(): values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    if query.get("transportmode", "unicast") != "unicast":
        raise Answered(461)
    if old := _OLD.fullmatch(path):
        return _stream(device, int(old[1]), 0 if old[2].lower() == "main" else 1, over_isapi=False)
    live, stored = _LIVE.fullmatch(path), _STORED.fullmatch(path)
    found = live or stored
    if found is None or (found[1] and not device.profile.isapi_paths):
        raise Answered(404)
    number = int(found[2])
    shown = _stream(device, number // 100, number % 100 - 1, over_isapi=bool(found[1]))
    if live:
        return shown
    return Presentation(shown.channel, 0, shown.over_isapi, _cuts(device, recordings, number, query, shown.over_isapi))


def base_of(url: str) -> tuple[str, str]:
    """The Content-Base of a URL, without credentials and track, and its query with the question mark."""
    parts = urlsplit(url)
    return f"rtsp://{parts.netloc.rpartition('@')[2]}{path_of(url)}/", f"?{parts.query}" if parts.query else ""


def _stream(device: Device, number: int, place: int, *, over_isapi: bool) -> Presentation:
    channel = device.model.channel(number)
    if channel is None or not 0 <= place < len(channel.streams):
        raise Answered(404)
    return Presentation(channel, place, over_isapi)


def _cuts(
    device: Device, recordings: Recordings, track: int, query: dict[str, str], over_isapi: bool
) -> tuple[Cut, ...]:
    profile = device.profile
    if device.disk not in ("ok", "full"):
        raise Answered(404)
    times: dict[str, datetime | None] = dict.fromkeys(("starttime", "endtime"))
    for name in times:
        if name in query:
            times[name] = read_time(query[name], profile.recording_time, device.zone)
            if times[name] is None:
                raise Answered(400)
    # Below /ISAPI the start is not heard (rtsp.md 1.1), and some devices do not hear the end.
    start = None if over_isapi else times["starttime"]
    end = None if profile.endtime_ignored else times["endtime"]
    cuts = recordings.between(track, start, end, query.get("name"))
    if not cuts:
        raise Answered(404)
    return tuple(cuts)
