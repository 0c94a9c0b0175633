"""Recordings on a device: what is asked for them, what it answers, and how their bytes begin (isapi.md 5).

Firmware disagrees about nearly every element of a search, so a search has several forms, the most widely understood first, and the caller
keeps the one that worked. The digits of a time are UTC to some devices and their own wall clock to others, with the same `Z` behind them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal, NamedTuple
from urllib.parse import unquote
from xml.sax.saxutils import escape

from nvr_hooks import BadAnswer, RecordedFile

from .times import read_time
from .xml import Element, descendants, integer, local_name, open_document, read_integer, text

PAGE = 40
"""Results asked for at once: what the vendor's own web pages ask for (isapi.md 5.1)."""
MOST_NAME = 200
_SCHEMA = "http://www.isapi.org/ver20/XMLSchema"
_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>'
_ALL_TYPES = "//recordType.meta.std-cgi.com"
_PACK = b"\0\0\1\xba"
_LOCKED = {"lock": True, "locked": True, "true": True, "unlock": False, "unlocked": False, "false": False}
_KINDS = {"cmr": "timing"}
_BLANKS = re.compile(r"\s+")
_ITEM = re.compile(r"[?&;](name|size|starttime|endtime)=([^&;]*)", re.IGNORECASE)
_BASIC_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)[Tt](\d\d)(\d\d)(\d\d)(.*)", re.DOTALL)

Status = Literal["complete", "more", "nothing"]


class SearchForm(NamedTuple):
    """One way to word a search."""

    position: Literal["searchResultPostion", "searchResultPosition"] = "searchResultPostion"
    """The vendor's misspelling is what most firmware reads."""
    tracks: Literal["trackIDList", "trackList"] = "trackIDList"
    root: str = ""
    """Attributes of the root."""
    declared: bool = True
    metadata: bool = True


SEARCH_FORMS = (
    SearchForm(),
    SearchForm(position="searchResultPosition"),
    SearchForm(root=f' version="1.0" xmlns="{_SCHEMA}"'),
    SearchForm(metadata=False),
    SearchForm(declared=False),
    SearchForm(tracks="trackList", declared=False),
    SearchForm(tracks="trackList", position="searchResultPosition", declared=False, metadata=False),
)
"""Best first (isapi.md 5.1, table of variants)."""


class DownloadForm(NamedTuple):
    """One way to ask for a file."""

    method: Literal["GET", "POST"]
    root: str


DOWNLOAD_FORMS = (
    DownloadForm("GET", f' version="1.0" xmlns="{_SCHEMA}"'),
    DownloadForm("POST", f' version="1.0" xmlns="{_SCHEMA}"'),
    DownloadForm("GET", ""),
    DownloadForm("POST", ' version="1.0"'),
)
"""Best first (isapi.md 5.3)."""


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One answer to a search."""

    status: Status
    files: tuple[RecordedFile, ...]
    items: int
    """How many items there were, readable or not: the next page begins so many further on."""
    total: int | None = None


def search_request(form: SearchForm, search_id: str, track: int, start: str, end: str, position: int) -> bytes:
    """Return a search in one of SEARCH_FORMS; times as search_digits() writes them, `search_id` is the same for all pages of one search."""
    metadata = f"<metadataList><metadataDescriptor>{_ALL_TYPES}</metadataDescriptor></metadataList>"
    return (
        f"{_DECLARATION if form.declared else ''}<CMSearchDescription{form.root}>"
        f"<searchID>{escape(search_id)}</searchID>"
        f"<{form.tracks}><trackID>{track}</trackID></{form.tracks}>"
        f"<timeSpanList><timeSpan><startTime>{start}</startTime><endTime>{end}</endTime></timeSpan></timeSpanList>"
        f"<maxResults>{PAGE}</maxResults><{form.position}>{position}</{form.position}>"
        f"{metadata if form.metadata else ''}</CMSearchDescription>"
    ).encode()


def search_digits(start: datetime, end: datetime, zone: tzinfo | None) -> tuple[str, str]:
    """Write a span for a device that takes digits for UTC, or for the wall clock of `zone`; begun seconds count.

    Where the wall clock changes near the span its digits are ambiguous: then the span is widened to hold all that may be meant.
    """
    up = timedelta(microseconds=-end.microsecond % 1_000_000)
    first, last = start.astimezone(UTC).replace(tzinfo=None), (end + up).astimezone(UTC).replace(tzinfo=None)
    offsets = _offsets(start, end, zone)
    return tuple(f"{moment:%Y-%m-%dT%H:%M:%S}Z" for moment in (first + min(offsets), last + max(offsets)))  # type: ignore[return-value]


def ambiguous(start: datetime, end: datetime, zone: tzinfo | None) -> bool:
    """Tell whether search_digits() has to widen this span: what is found is then to be compared with it."""
    return len(set(_offsets(start, end, zone))) > 1


def parse_search(body: bytes, camera: str, track: int, zone: tzinfo | None) -> SearchPage:
    """Read CMSearchResult; times are UTC, or of `zone` where the device means its own clock. Raises BadAnswer if it is none.

    Items whose times cannot be read are left out, and counted in `items`. Seen forms: fields in groups, or all on one level; no list at
    all; responseStatusString beside responseStatusStrg; a status that is missing (then the page is the last one, if it has nothing).
    """
    root = open_document(body)
    if local_name(root) != "CMSearchResult":
        raise BadAnswer(f"{local_name(root)} instead of CMSearchResult", data=body)
    items = descendants(root, "searchMatchItem")
    found = [_file(item, camera, track, zone) for item in items]
    word = (text(root, "responseStatusStrg") or text(root, "responseStatusString") or "").upper()
    status: Status = "more" if word == "MORE" or (not word and items) else "complete"
    if "NO MATCH" in word or not items:
        status = "nothing"
    return SearchPage(
        status, tuple(file for file in found if file is not None), len(items), integer(root, "totalMatches")
    )


def download_request(form: DownloadForm, uri: str) -> bytes:
    """Return what asks for a file by the device's own words for it, which are passed on as they were (isapi.md 5.3)."""
    return f"<downloadRequest{form.root}><playbackURI>{escape(uri)}</playbackURI></downloadRequest>".encode()


def media_form(start: bytes) -> str | None:
    """Tell what a file is by how it begins: ps, mp4, jpeg; None for what is neither video nor picture.

    A program stream may come behind a header of the vendor's, `IMKH`, or of unknown length (isapi.md 5.3).
    """
    if start.startswith((b"IMKH", _PACK)) or _PACK in start[:65536]:
        return "ps"
    if start[4:8] == b"ftyp":
        return "mp4"
    return "jpeg" if start.startswith(b"\xff\xd8\xff") else None


def document_start(start: bytes) -> bool:
    """Tell whether bytes begin like a document, which no recording does: XML, JSON or HTML, whatever their header says."""
    return start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"<", b"{", b"[")


def _file(item: Element, camera: str, track: int, zone: tzinfo | None) -> RecordedFile | None:
    said: dict[str, str] = {}
    for element in item.iter():  # in groups or on one level: no name has two meanings
        if words := element.text:
            name = element.tag
            said.setdefault(name[name.find("}") + 1 :], words)
    uri = _BLANKS.sub("", said.get("playbackURI", ""))
    named = {name.lower(): value for name, value in _ITEM.findall(uri)}
    start = read_recorded_time(said.get("startTime", "").strip() or named.get("starttime", ""), zone)
    end = read_recorded_time(said.get("endTime", "").strip() or named.get("endtime", ""), zone)
    if start is None or end is None:
        return None
    begun, ended = start.astimezone(UTC), end.astimezone(UTC)  # times of one zone would be compared by the wall clock
    if ended < begun:
        ended = max(begun, end.replace(fold=1).astimezone(UTC))  # in the hour that the wall clock shows twice
    number = read_integer(said.get("trackID", "").strip()) or track
    word = said.get("metadataDescriptor", "").rpartition("/")[2].strip().lower()
    size = named.get("size", "")
    return RecordedFile(
        camera=camera,
        channel=number // 100 or None,
        track=number,
        start=begun,
        end=ended,
        name=unquote(named.get("name", ""))[:MOST_NAME] or None,
        size=int(size) if size.isascii() and size.isdigit() and len(size) < 16 else None,
        kind=_KINDS.get(word, word) or None,
        locked=_LOCKED.get(said.get("lockStatus", "").strip().lower()),
        playback_uri=uri or None,
    )


def read_recorded_time(word: str, zone: tzinfo | None) -> datetime | None:
    """Read a time of a recording: its `Z` may stand behind digits of the device's own clock, `zone`; another offset is meant as it is."""
    word = word.strip()
    if len(word) > 64:
        return None
    if (basic := _BASIC_TIME.fullmatch(word)) is not None:
        word = "{}-{}-{}T{}:{}:{}{}".format(*basic.groups())
    return read_time(word.rstrip("Zz"), UTC if zone is None else zone)


def _offsets(start: datetime, end: datetime, zone: tzinfo | None) -> list[timedelta]:
    """Return how far the wall clock is ahead of UTC at the span's ends, and shortly before and behind it."""
    if zone is None:
        return [timedelta()]
    near = timedelta(hours=3)
    moments = [start - near, start, end, end + near]
    middle, step = start, timedelta(days=30)
    while (middle := middle + step) < end:
        moments.append(middle)
    return [moment.astimezone(zone).utcoffset() or timedelta() for moment in moments]


__all__ = [
    "DOWNLOAD_FORMS",
    "PAGE",
    "SEARCH_FORMS",
    "DownloadForm",
    "SearchForm",
    "SearchPage",
    "ambiguous",
    "document_start",
    "download_request",
    "media_form",
    "parse_search",
    "read_recorded_time",
    "search_digits",
    "search_request",
]
