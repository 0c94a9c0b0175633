"""Recordings of one camera over ISAPI: found, brought home, and the disks they lie on (guide 5, 6; isapi.md 5).

A search asks page after page. What devices get wrong there, and what is done:

    form refused (badXmlContent …)        the next form; the one that worked is kept for the device
    position ignored, pages repeat        the other spelling of the element, then a new search from the last start on
    MORE for ever                         a page without anything new is the end
    results twice, out of order           each once, sorted by time
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo

from nvr_hooks import BadAnswer, Busy, CameraError, Disk, RecordedFile

from ..wire.archive import (
    PAGE,
    SEARCH_FORMS,
    SearchForm,
    SearchPage,
    ambiguous,
    parse_search,
    search_digits,
    search_request,
)
from ..wire.device import parse_storage
from .client import XML, IsapiClient
from .connection import Connection
from .faults import Answer, fault_of, verdict_in
from .transfer import DownloadForms, Transfer

SEARCH = "/ISAPI/ContentMgmt/search"
STORAGE = "/ISAPI/ContentMgmt/Storage"
MOST_PAGES = 5_000
"""Of one search: a week of the busiest recorder has a fifth of it."""
STRETCH = timedelta(days=7)
"""Longer spans are searched for in several searches, so that what is found can be sorted before it is handed on."""
PATIENCE = 120.0
"""Seconds to wait for another search: one of 5,000 results takes a slow device half a minute."""
STALE_PAGES = 3
"""Pages in a row without anything new after which a device that still says MORE is not believed."""
LONGEST_STRETCH = timedelta(days=366)
"""Where nothing was recorded the next search looks twice as far."""
BUSY_SECONDS = 1.0
BUSY_TRIES = 5
_WORDING = frozenset({"badxmlcontent", "badxmlformat", "badparameters", "messageparameterslack", "invalidcontent"})
"""What a device says of a form that it does not know."""
_log = logging.getLogger(__name__)

_Key = tuple[int, datetime, datetime, str | None]


class DeviceArchive:
    """Thread-safe: searches of one device go one after the other, as devices allow one at a time (isapi.md 5.1)."""

    def __init__(self, client: IsapiClient) -> None:
        self._client = client
        self._camera = client.camera
        self._searching = threading.Lock()
        self._forms: list[SearchForm] = list(SEARCH_FORMS)
        """Best first; the one that worked last stands in front."""
        self._paged: bool | None = None
        """Whether the device heeds the position; None: not known."""
        self._respelt = False
        self._download_forms = DownloadForms()

    def search(self, track: int, start: datetime, end: datetime, zone: tzinfo | None) -> Iterator[RecordedFile]:
        """Yield what was recorded between two times, in time order, each once; `zone`: the device takes times for its own, in this zone.

        Raises Busy when another search is under way for too long, or what the device says is wrong.
        """
        seen: set[_Key] = set()
        begin, stretch = start, STRETCH
        while begin < end:
            until = end if end - begin <= stretch else begin + stretch
            if not self._searching.acquire(timeout=PATIENCE):
                raise Busy(f"{self._camera}: another search of its recordings is under way", camera=self._camera)
            try:
                found = self._stretch(track, begin, until, zone, seen)
            finally:
                self._searching.release()
            yield from sorted(found, key=lambda file: (file.start, file.end, file.name or ""))
            begin, stretch = until, STRETCH if found else min(2 * stretch, LONGEST_STRETCH)

    def transfer(self, file: RecordedFile) -> Transfer:
        """Return the transfer of one recording, which is not begun yet."""
        return Transfer(self._client, self._download_forms, file)

    def storage(self, deadline: float) -> tuple[Disk, ...]:
        """Return disks and network shares (isapi.md 5.4)."""
        body = self._client.get(STORAGE, deadline=deadline)
        try:
            return parse_storage(body)
        except BadAnswer as error:
            text = f"{self._camera}: GET {STORAGE} answered {error}"
            raise BadAnswer(text, camera=self._camera, data=error.data) from error

    def _stretch(
        self, track: int, start: datetime, end: datetime, zone: tzinfo | None, seen: set[_Key]
    ) -> list[RecordedFile]:
        """Return what is new between two times, in any order."""
        found: list[RecordedFile] = []
        begin, position, search_id, stale = start, 0, _new_id(), 0
        widened = ambiguous(start, end, zone)
        with self._client.conversation() as connection:
            for _ in range(MOST_PAGES):
                page = self._page(connection, search_id, track, begin, end, zone, position)
                new = {_key(file): file for file in page.files if _key(file) not in seen}
                seen.update(new)
                fresh = list(new.values())
                found += fresh if not widened else [file for file in fresh if file.start <= end and file.end >= start]
                if position and fresh:
                    self._paged = True
                if page.status != "more" or not page.items:
                    return found
                if fresh and self._paged is not False:
                    position += page.items
                    continue
                if position and self._paged is None and self._respelled():
                    continue  # the same page once more, asked for by the other name
                stale = 0 if fresh else stale + 1
                if stale > STALE_PAGES or (not fresh and (self._paged or (not position and page.items < PAGE))):
                    return found  # it says MORE for ever
                if self._paged is None:
                    self._paged = False
                    _log.info("%s: its search ignores the position: the rest is asked for by time", self._camera)
                last = max((file.start for file in page.files), default=begin)
                if last <= begin and not position:
                    last = begin + timedelta(seconds=1)  # more recordings begin in one second than a page holds
                begin, position, search_id = max(last, begin), 0, _new_id()
                if begin >= end:
                    return found
        raise BadAnswer(f"{self._camera}: a search that does not end after {MOST_PAGES} pages", camera=self._camera)

    def _respelled(self) -> bool:
        """Take the other spelling of the position, where it has not been tried; return whether that is so."""
        if self._respelt:
            return False
        self._respelt = True
        form = self._forms[0]
        right = form.position == "searchResultPosition"
        self._forms.insert(0, form._replace(position="searchResultPostion" if right else "searchResultPosition"))
        return True

    def _page(
        self,
        connection: Connection,
        search_id: str,
        track: int,
        start: datetime,
        end: datetime,
        zone: tzinfo | None,
        position: int,
    ) -> SearchPage:
        first, last = search_digits(start, end, zone)
        refusal: CameraError | None = None
        for form in list(self._forms):
            answer = self._ask(connection, search_request(form, search_id, track, first, last, position))
            fault = fault_of(self._camera, f"POST {SEARCH}", answer)
            if fault is None:
                if form is not self._forms[0]:
                    self._forms.remove(form)
                    self._forms.insert(0, form)
                try:
                    return parse_search(answer.body, self._camera, track, zone)
                except BadAnswer as error:
                    text = f"{self._camera}: POST {SEARCH} answered {error}"
                    raise BadAnswer(text, camera=self._camera, data=error.data) from error
            if not _is_wording(answer):
                raise fault
            refusal = refusal or fault
        assert refusal is not None
        raise refusal

    def _ask(self, connection: Connection, body: bytes) -> Answer:
        """Send a search; where the device is busy, with somebody else's perhaps, ask again a few times."""
        for again in range(BUSY_TRIES):
            answer = connection.exchange("POST", SEARCH, body=body, content_type=XML, timeout=self._client.timeout)
            busy = isinstance(fault_of(self._camera, f"POST {SEARCH}", answer), Busy)
            if not busy or again == BUSY_TRIES - 1 or self._client.wait(BUSY_SECONDS):
                break
        return answer


def _is_wording(answer: Answer) -> bool:
    verdict = verdict_in(answer.body)
    if verdict is None:
        return answer.status == 400
    return (verdict.sub_status or "").lower() in _WORDING


def _new_id() -> str:
    """Return what devices take for the id of a search: nothing but a GUID, in capitals (isapi.md 5.1)."""
    return str(uuid.uuid4()).upper()


def _key(file: RecordedFile) -> _Key:
    return file.track, file.start, file.end, file.name
