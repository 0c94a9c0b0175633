"""The archive as the device offers it: search, tracks, download and what it says of them (isapi.md 5)."""

from __future__ import annotations

import time
from collections.abc import Callable

from . import search
from .device import Device
from .documents import encode, root_of
from .downloads import PATH as DOWNLOAD
from .downloads import Downloads
from .http import Reply, Request
from .markup import Element, element
from .models import Channel
from .recordings import PICTURE_TRACK, VIDEO_TRACK, Recordings
from .refusals import BUSY, DISK_ERROR, METHOD_NOT_ALLOWED, NO_DISK, NOT_SUPPORTED, Refused
from .stored_files import StoredFiles

SEARCH = "/ISAPI/ContentMgmt/search"
READING = (SEARCH, DOWNLOAD)
"""Where a POST writes nothing."""


class Archive:
    """Answers what is asked about recordings. `hosts` are the device's own for RTSP and HTTP, with their ports."""

    def __init__(
        self, device: Device, recordings: Recordings, files: StoredFiles, downloads: Downloads, hosts: tuple[str, str]
    ) -> None:
        self._device = device
        self._recordings = recordings
        self._files = files
        self._downloads = downloads
        self._hosts = hosts
        self._searching_until = 0.0
        self._documents: dict[str, Callable[[Device], Element]] = {
            f"{SEARCH}/profile": search_profile,
            "/ISAPI/ContentMgmt/record/tracks": tracks,
            f"{DOWNLOAD}/capabilities": download_capabilities,
        }

    def answer(self, request: Request) -> Reply | None:
        """The reply to a request, None when it is not about the archive. Raises Refused."""
        device, path = self._device, request.path
        if document := self._documents.get(path):
            if request.method != "GET":
                raise Refused(METHOD_NOT_ALLOWED)
            if path.endswith("/capabilities") and not device.profile.capabilities:
                raise Refused(NOT_SUPPORTED)
            return Reply(200, encode(device, document(device)))
        if path == SEARCH:
            return self._search(request)
        if path == DOWNLOAD:
            self._check_disk()
            return self._downloads.answer(request)
        if reply := self._downloads.picture(request):
            self._check_disk()
        return reply

    def _search(self, request: Request) -> Reply:
        if request.method != "POST":
            raise Refused(METHOD_NOT_ALLOWED)
        wanted = search.read_search(self._device, request)
        self._check_disk()
        if time.monotonic() < self._searching_until:
            raise Refused(BUSY)
        self._searching_until = time.monotonic() + self._device.profile.search_seconds
        found = search.find(self._recordings, wanted)
        return search.answer(self._device, wanted, found, self._files.size_of, self._hosts)

    def _check_disk(self) -> None:
        """Refuse to read from a disk that is not there or cannot be read."""
        if self._device.disk == "error":
            raise Refused(DISK_ERROR)
        if self._device.disk not in ("ok", "full"):
            raise Refused(NO_DISK)


def search_profile(device: Device) -> Element:
    """`CMSearchProfile`: the limits of a search, as a recorder was seen to tell them (isapi.md 5.1)."""
    return element(
        "CMSearchProfile",
        element("maxSearchTimespans", 1),
        element("maxSearchTracks", 16),
        element("maxSearchMatchResults", device.profile.most_results),
        element("maxConcurrentSearches", 1),
        **root_of(device),
    )


def tracks(device: Device) -> Element:
    """`TrackList`: video and pictures of each channel; `Enable` may read false on tracks that record (isapi.md 5.1)."""
    listed = [_track(channel, kind) for channel in device.model.channels for kind in (VIDEO_TRACK, PICTURE_TRACK)]
    return element("TrackList", *listed, **root_of(device))


def download_capabilities(device: Device) -> Element:
    """`DownloadAbility`: by name, and on few devices by time (isapi.md 5.3)."""
    return element(
        "DownloadAbility",
        element("isSupportDownloadbyFileName", True),
        element("isSupportDownloadbyTime", device.profile.download_by_time),
        **root_of(device),
    )


def _track(channel: Channel, kind: int) -> Element:
    number = channel.id * 100 + kind
    return element(
        "Track",
        element("id", number),
        element("Channel", number),
        element("Enable", False),
        element("Description", "video" if kind == VIDEO_TRACK else "picture"),
        element("SrcDescriptor", element("SrcChannel", channel.id), element("StreamHint", "video")),
    )
