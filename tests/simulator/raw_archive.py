"""What a client of the archive writes and reads, made by hand from the facts (isapi.md 5)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

from lxml import etree
from raw_http import Answer, RawClient

from hik_thermal_plugin.simulator import MODELS, Stored
from hik_thermal_plugin.simulator.models import Stream

SEARCH = "/ISAPI/ContentMgmt/search"
DOWNLOAD = "/ISAPI/ContentMgmt/download"
GUID = "C77384AD-66A0-0001-E7C2-1151F04F90B0"
START = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)
SMALL = Stream(codec="H.264", width=320, height=240, kilobits=512)
MODEL = replace(MODELS["bullet"], channels=(replace(MODELS["bullet"].channels[0], streams=(SMALL, SMALL)),))
"""A thermal camera whose video is quickly encoded: 64,000 bytes a second."""
RATE = 64_000
HEADER = 40


def minutes(count: int) -> list[Stored]:
    """Recordings of ten seconds, one a minute."""
    return [
        Stored(start=START + timedelta(minutes=place), end=START + timedelta(minutes=place, seconds=10))
        for place in range(count)
    ]


@dataclass(frozen=True)
class Found:
    """One result of a search."""

    track: str
    start: str
    end: str
    content: str
    codec: str
    uri: str
    lock: str | None
    kind: str

    @property
    def name(self) -> str:
        return self.uri.partition("name=")[2].partition("&")[0]

    @property
    def size(self) -> int:
        return int(self.uri.partition("size=")[2])


@dataclass(frozen=True)
class Page:
    """The answer to a search."""

    status: str | None
    count: int
    total: str | None
    found: list[Found]


def search_body(
    *,
    track: int = 101,
    start: str = "2026-11-20T00:00:00Z",
    end: str = "2026-11-20T23:59:59Z",
    most: int = 40,
    position: str = "<searchResultPostion>0</searchResultPostion>",
    identity: str = GUID,
    tracks: str = "trackIDList",
    root: str = "<CMSearchDescription>",
    declaration: str = '<?xml version="1.0" encoding="utf-8"?>',
    kind: str = "",
) -> bytes:
    """The form with the widest support, or what is given."""
    metadata = (
        f"<metadataList><metadataDescriptor>//recordType.meta.std-cgi.com{kind}</metadataDescriptor></metadataList>"
    )
    span = f"<timeSpan><startTime>{start}</startTime><endTime>{end}</endTime></timeSpan>"
    return (
        f"{declaration}{root}<searchID>{identity}</searchID><{tracks}><trackID>{track}</trackID></{tracks}>"
        f"<timeSpanList>{span}</timeSpanList><maxResults>{most}</maxResults>{position}{metadata}</CMSearchDescription>"
    ).encode()


def at(position: int, name: str = "Postion") -> str:
    """Where the next page is to begin."""
    return f"<searchResult{name}>{position}</searchResult{name}>"


def read_page(answer: Answer) -> Page:
    """Read an answer that is a page of results."""
    assert answer.status == 200, answer
    root = etree.fromstring(answer.body.strip())
    assert etree.QName(root).localname == "CMSearchResult"

    def text(node: Any, name: str) -> Any:
        found = next(node.iter(f"{{*}}{name}"), None)
        return None if found is None else found.text

    names = (
        "trackID",
        "startTime",
        "endTime",
        "contentType",
        "codecType",
        "playbackURI",
        "lockStatus",
        "metadataDescriptor",
    )
    items = [Found(*(text(item, name) for name in names)) for item in root.iter("{*}searchMatchItem")]
    return Page(text(root, "responseStatusStrg"), int(text(root, "numOfMatches")), text(root, "totalMatches"), items)


def search(client: RawClient, target: str = SEARCH, **wanted: Any) -> Page:
    """One page of a search."""
    return read_page(client.get(target, method="POST", body=search_body(**wanted)))


def refusal(answer: Answer) -> tuple[int, str | None]:
    """How the device said no."""
    return answer.status, etree.fromstring(answer.body).findtext("{*}subStatusCode")


def download_body(
    uri: str, root: str = '<downloadRequest version="1.0" xmlns="http://www.isapi.org/ver20/XMLSchema">'
) -> bytes:
    """The request for a file."""
    return f"{root}<playbackURI>{escape(uri)}</playbackURI></downloadRequest>".encode()


def download(client: RawClient, uri: str, method: str = "GET", **form: Any) -> Answer:
    """Fetch a file."""
    return client.get(DOWNLOAD, method=method, body=download_body(uri, **form))
