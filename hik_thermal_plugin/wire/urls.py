"""Stream addresses: built from the configured address, or rewritten to it, because devices name ports and hosts that are not theirs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from urllib.parse import quote, urlsplit, urlunsplit

STREAMS = {"main": 1, "sub": 2, "third": 3}
"""Profile name -> last two digits of the stream id (isapi.md 2)."""
_CREDENTIALS = re.compile(
    r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s'\"<>]*@"
)  # up to the last @: a password may hold an unescaped / or @
_SECRET_PARAMETER = re.compile(r"(?i)\b((?:password|passwd|pwd|auth|token|secret)=)[^\s&'\"<>]+")


def stream_id(channel: int, profile: str) -> int | None:
    """Return the device's id of a stream: channel x 100 + 1 (main), 2 (sub) or 3 (third); None for any other profile name."""
    number = STREAMS.get(profile)
    return None if number is None else channel * 100 + number


def live_url(host: str, port: int, channel: int, profile: str = "main") -> str:
    """Return the RTSP address of a live stream, without credentials.

    main, sub and third are streams of their own; any other name is handed on to the device with the main stream's path,
    the way devices themselves name their ONVIF profiles (rtsp.md 1.1). A `profile` of digits alone is taken for a stream id.
    """
    if profile.isascii() and profile.isdigit():
        number, query = int(profile), ""
    else:
        known = stream_id(channel, profile)
        number, query = (
            known or channel * 100 + 1,
            "" if known else f"transportmode=unicast&profile={quote(profile, safe='')}",
        )
    return urlunsplit(("rtsp", _place(host, port), f"/Streaming/Channels/{number}", query, ""))


def playback_url(host: str, port: int, track: int, start: datetime, end: datetime, zone: tzinfo | None = None) -> str:
    """Return the RTSP address of a recording by time (guide 5.3.1), without credentials; a track is channel x 100 + 1.

    The times are written in UTC, or as the wall clock of `zone` where a recorder takes the digits for its own time and ignores the Z
    (isapi.md 5.2). Begun seconds count: start is rounded down, end up.
    """
    times = [
        f"{moment.astimezone(UTC if zone is None else zone):%Y%m%dT%H%M%S}Z"
        for moment in (start, end + timedelta(microseconds=-end.microsecond % 1_000_000))
    ]
    query = f"starttime={times[0]}&endtime={times[1]}"
    return urlunsplit(("rtsp", _place(host, port), f"/Streaming/tracks/{track}", query, ""))


def rewritten(uri: str, host: str, port: int, scheme: str = "rtsp") -> str:
    """Return a device's URI with the configured scheme, host and port; path and query stay, blanks and credentials go.

    A recorder named its own address and its HTTP port in a playback URI (isapi.md 4), with line ends inside (isapi.md 5.1).
    """
    plain = re.sub(r"\s+", "", uri)
    try:
        parts = urlsplit(plain)
    except ValueError:
        parts = urlsplit(re.sub(r"^[^/]*//[^/?#]*", "", plain))
    path = parts.path if parts.path.startswith("/") else "/" + parts.path
    return urlunsplit((scheme, _place(host, port), path, parts.query, parts.fragment))


def redacted(text: str) -> str:
    """Return a text for people: user and password of every URL in it, and secrets in queries, are `***`."""
    return _SECRET_PARAMETER.sub(r"\1***", _CREDENTIALS.sub(r"\1***@", text))


def _place(host: str, port: int) -> str:
    name = host.strip("[]")
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
