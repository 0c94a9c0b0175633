"""Searching what is stored: `POST /ISAPI/ContentMgmt/search` (isapi.md 5.1, 5.2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs
from xml.etree import ElementTree

from .device import Device
from .documents import encode, root_of
from .http import Reply, Request
from .markup import Element, element
from .profiles import PSIA
from .recordings import Kind, Recording, Recordings, read_time, write_time
from .refusals import BAD_PARAMETERS, BAD_XML_CONTENT, BAD_XML_FORMAT, INVALID_CHANNEL, Refused

_GUID = re.compile(r"\{?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?", re.IGNORECASE)
_NOBODY = "{0000000000-0000-0000-0000-000000000000}"
_DESCRIPTORS: dict[str, frozenset[Kind]] = {
    "cmr": frozenset({"timing"}),
    "motion": frozenset({"motion"}),
    "alarm": frozenset({"alarm"}),
    "edr": frozenset({"motion", "alarm"}),
    "alarmandmotion": frozenset({"motion", "alarm"}),
    "allevent": frozenset({"motion", "alarm"}),
}
_ALL: frozenset[Kind] = frozenset({"timing", "motion", "alarm"})
_TYPES: dict[str, dict[Kind, str]] = {
    "usual": {"timing": "timing", "motion": "motion", "alarm": "ALARM"},
    "upper": {"timing": "AllEvent", "motion": "MOTION", "alarm": "ALARM"},
}
_NOT_IN_ADDRESSES = re.compile(r"[\x00-\x20&#%+\x7f]")
_BARE_AMPERSAND = re.compile(rb"&(?!(?:[a-zA-Z]+|#\d+|#x[0-9a-fA-F]+);)")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a search asks for."""

    identity: str
    tracks: tuple[int, ...]
    start: datetime
    end: datetime
    most: int
    position: int
    kinds: frozenset[Kind]


def read_body(body: bytes) -> ElementTree.Element:
    """The root of a request's document; `&` need not be escaped (pyHik 0.4.8 does not). Raises Refused."""
    try:
        return ElementTree.fromstring(_BARE_AMPERSAND.sub(b"&amp;", body.strip()))
    except ElementTree.ParseError:
        raise Refused(BAD_XML_FORMAT) from None


def named(root: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    """The elements of this name, in any namespace."""
    return (node for node in root.iter() if node.tag.rpartition("}")[2] == name)


def text_of(root: ElementTree.Element, name: str) -> str | None:
    """The text of the first element of this name, in any namespace; None without one."""
    found = next(named(root, name), None)
    return None if found is None else (found.text or "").strip()


def read_search(device: Device, request: Request) -> Wanted:
    """Read a search as this firmware does. Raises Refused."""
    profile, body = device.profile, request.body.strip()
    root = read_body(body)
    if profile.bare_search and (body.startswith(b"<?xml") or b"xmlns" in body):
        raise Refused(BAD_XML_FORMAT)
    if root.tag.rpartition("}")[2] != "CMSearchDescription":
        raise Refused(BAD_XML_CONTENT)
    identity = text_of(root, "searchID") or ""
    lower = profile.search_id == "upper" and identity != identity.upper()
    if profile.search_id != "any" and (lower or not _GUID.fullmatch(identity)):
        raise Refused(BAD_XML_CONTENT)
    tracks = [node.text or "" for listed in named(root, profile.track_list) for node in named(listed, "trackID")]
    if not tracks or not all(track.strip().isdecimal() for track in tracks):
        raise Refused(BAD_XML_CONTENT)
    if any(device.model.channel(int(track) // 100) is None for track in tracks):
        raise Refused(INVALID_CHANNEL)
    # With timeType=STD a recorder takes Z for what it is, in the request alone (isapi.md 5.2).
    query = parse_qs(request.target.partition("?")[2])
    meaning = "utc" if query.get("timeType") == ["STD"] else profile.recording_time
    spans = [
        [read_time(text_of(span, name) or "", meaning, device.zone) for name in ("startTime", "endTime")]
        for span in named(root, "timeSpan")
    ]
    if len(spans) != 1:  # one at a time, as the search profile says
        raise Refused(BAD_PARAMETERS if spans else BAD_XML_CONTENT)
    start, end = spans[0]
    if start is None or end is None:
        raise Refused(BAD_XML_CONTENT)
    if start > end:
        raise Refused(BAD_PARAMETERS)
    return Wanted(
        identity,
        tuple(int(track) for track in tracks),
        start,
        end,
        min(_number(text_of(root, "maxResults"), profile.most_results), profile.most_results),
        _position(profile.position, root),
        _kinds(text_of(root, "metadataDescriptor") or ""),
    )


def find(recordings: Recordings, wanted: Wanted) -> list[Recording]:
    """All that a search asks for, in the order of time; recordings overlap its span and are not cut to it."""
    found = [
        one
        for track in wanted.tracks
        for one in recordings.of_track(track)
        if one.kind in wanted.kinds
        and (
            wanted.start <= one.start <= wanted.end
            if one.is_picture
            else one.start < wanted.end and one.end > wanted.start
        )
    ]
    return sorted(found, key=lambda one: one.start)


def answer(
    device: Device, wanted: Wanted, found: list[Recording], size_of: Callable[[Recording], int], hosts: tuple[str, str]
) -> Reply:
    """One page of what was found; `hosts` are the device's own for RTSP and HTTP."""
    profile, psia = device.profile, device.profile.result_form == "psia"
    first = _first(profile.pages, wanted, len(found))
    page = found[first : first + wanted.most]
    more = first + len(page) < len(found) or profile.pages in ("repeated", "endless")
    items = [_item(device, one, size_of(one), hosts) for one in page]
    matches = element("matchList", *items) if items or profile.empty_match_list else None
    attributes = {"version": "1.0", "xmlns": PSIA} if psia else root_of(device)
    root = element(
        "CMSearchResult",
        element("searchID", "{" + wanted.identity.strip("{}").lower() + "}" if psia else wanted.identity),
        element("responseStatus", True),
        element("numOfMatches", len(items)),
        element(profile.status_word, "NO MATCHES" if not found else "MORE" if more else "OK"),
        element("totalMatches", len(found)) if profile.total_matches else None,
        matches,
        **attributes,
    )
    body = encode(device, root)
    return Reply(
        200, b"\n" + body.removeprefix(profile.prolog.encode()) if psia else body, delay=profile.search_seconds
    )


def _first(pages: str, wanted: Wanted, count: int) -> int:
    """Where a page begins."""
    first = min(wanted.position, count)
    if pages == "overlapping" and 0 < first < count:
        return first - 1
    if pages == "repeated" and first == count:
        return max(count - 1, 0) // wanted.most * wanted.most
    return first


def _item(device: Device, one: Recording, size: int, hosts: tuple[str, str]) -> Element:
    profile, psia = device.profile, device.profile.result_form == "psia"
    channel = device.model.channel(one.channel)
    assert channel is not None, "recordings are of the model's channels"
    start, end = (write_time(moment, profile.recording_time, device.zone) for moment in (one.start, one.end))
    codec = (
        "jpeg" if one.is_picture else "H.264-BP" if channel.streams[0].codec == "H.264" else channel.streams[0].codec
    )
    uri = playback_uri(device, one, size, hosts)
    return element(
        "searchMatchItem",
        element("sourceID", _NOBODY),
        element("trackID", one.track),
        element("timeSpan", element("startTime", start), element("endTime", end)),
        element(
            "mediaSegmentDescriptor",
            element("contentType", "picture" if one.is_picture else "video"),
            element("codecType", codec),
            element("playbackURI", f"\n  {uri} \n" if profile.spaced_uris else uri),
            None if psia else element("lockStatus", "lock" if one.locked else "unlock"),
        ),
        element(
            "metadataMatches",
            element("metadataDescriptor", f"recordType.meta.hikvision.com/{_TYPES[profile.record_types][one.kind]}"),
        ),
    )


def playback_uri(device: Device, one: Recording, size: int, hosts: tuple[str, str]) -> str:
    """The address of a recording; a firmware may name a host and port that are not its own."""
    profile, psia = device.profile, device.profile.result_form == "psia"
    start, end = (
        write_time(moment, profile.recording_time, device.zone, compact=not psia) for moment in (one.start, one.end)
    )
    block = profile.announced_block
    base = f"http://{hosts[1]}/ISAPI" if one.is_picture else f"rtsp://{hosts[0]}"
    path = f"Streaming/tracks/{one.track}{'' if psia else '/'}"
    name = _NOT_IN_ADDRESSES.sub(lambda found: f"%{ord(found[0]):02X}", one.name)
    return f"{base}/{path}?starttime={start}&endtime={end}&name={name}&size={-(-size // block) * block}"


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isdecimal() and int(text) else otherwise


def _position(heard: str, root: ElementTree.Element) -> int:
    names = {"both": ("Postion", "Position"), "misspelt": ("Postion",), "spelt": ("Position",)}.get(heard, ())
    given = (text_of(root, f"searchResult{name}") for name in names)
    return next((int(text) for text in given if text and text.isdecimal()), 0)


def _kinds(descriptor: str) -> frozenset[Kind]:
    return _DESCRIPTORS.get(descriptor.rpartition("/")[2].lower(), _ALL)
