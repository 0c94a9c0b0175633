"""Frigate's HTTP API, as far as events need it, on its internal port (5000) and its authenticated one (8971).

What is known of it (Frigate 0.18; the code is the documentation):

- Creating an event answers before the event is stored: to end it at once may answer 404.
- An event with `duration` null is open until it is ended. Frigate dates it from the request. When Frigate starts it ends what was open.
- Creating and ending need the role admin. Port 5000 has it without a login; on 8971 a login answers a token as a cookie, which is
  taken as a Bearer too. It runs out, so a 401 asks for a new login once.
- Frigate limits refused logins, and a request with an `Origin` needs a header against forgery: none is sent.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import httpx
from nvr_hooks import NvrError

from .settings import FrigateSettings

CONNECT_SECONDS: Final = 3.0
"""A connection being made cannot be interrupted, so it has less time than a request."""
_GATEWAY: Final = (502, 503, 504)
_MOST_WORDS: Final = 200


class Away(NvrError):
    """No answer: Frigate is not there, or not ready. `unsure`: the request may have been done all the same."""

    def __init__(self, message: str, *, unsure: bool = False) -> None:
        super().__init__(message)
        self.unsure = unsure


class NotAllowed(NvrError):
    """Frigate lets nobody in, or not this user: the owner has to change something."""


class NotThere(NvrError):
    """Frigate knows no such camera, or no such event."""


class Rejected(NvrError):
    """Frigate does not take the request as it is."""


class Failing(NvrError):
    """Frigate failed, or answered what is no answer of Frigate's."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What Frigate says of an event."""

    id: str
    ended: bool
    sub_label: str | None


class FrigateApi:
    """One Frigate. Used by one thread; `interrupt` may be called by any."""

    def __init__(self, settings: FrigateSettings) -> None:
        self._settings = settings
        self._url = f"{settings.url}/api"
        self._token: str | None = None
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._interrupted = False
        timeout = httpx.Timeout(settings.timeout, connect=min(settings.timeout, CONNECT_SECONDS))
        trust = _trust(settings) if str(settings.url).startswith("https:") else False
        self._client = httpx.Client(timeout=timeout, verify=trust, trust_env=False, follow_redirects=False)

    def create(self, camera: str, label: str, body: Mapping[str, Any]) -> str:
        """Create an event and return its id."""
        path = f"events/{quote(camera, safe='')}/{quote(label, safe='')}/create"
        answer = self._ask("POST", path, json=body)
        event_id = answer.get("event_id")
        if answer.get("success") is not True or not isinstance(event_id, str) or not event_id:
            raise Failing(f"Frigate answered without the id of the event: {_words(str(answer))}")
        return event_id

    def end(self, event_id: str, end_time: float | None) -> None:
        """End an event, now or at a time (seconds since 1970)."""
        self._ask(
            "PUT", f"events/{quote(event_id, safe='')}/end", json={} if end_time is None else {"end_time": end_time}
        )

    def look(self, event_id: str) -> Standing:
        """Look at an event."""
        return _standing(self._ask("GET", f"events/{quote(event_id, safe='')}"))

    def events(self, camera: str, label: str, after: float, *, only_open: bool) -> list[Standing]:
        """Return the events of a camera and label that began after a time (seconds since 1970)."""
        query: dict[str, Any] = {"cameras": camera, "labels": label, "after": after, "limit": 50}
        if only_open:
            query["in_progress"] = 1
        found = self._ask("GET", "events", params=query, wanted=list)
        return [_standing(item) for item in found if isinstance(item, dict) and isinstance(item.get("id"), str)]

    def interrupt(self) -> None:
        """End what is being asked, and everything asked later."""
        self._interrupted = True
        with self._lock:
            sockets = list(self._sockets)
        for sock in sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # closing the client would leave a blocked reader blocked

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    # -- requests ------------------------------------------------------------------------------------------------------

    def _ask(self, method: str, path: str, *, wanted: type = dict, **options: Any) -> Any:
        login = self._settings.username is not None
        if login and self._token is None:
            self._log_in()
        response = self._send(method, path, **options)
        if response.status_code == 401 and login:  # the token ran out, or Frigate has a new secret
            self._log_in()
            response = self._send(method, path, **options)
        return self._answer(method, path, response, wanted)

    def _log_in(self) -> None:
        assert self._settings.username is not None
        assert self._settings.password is not None
        self._token = None
        credentials = {"user": self._settings.username, "password": self._settings.password.reveal()}
        response = self._send("POST", "login", json=credentials)
        if response.status_code in (400, 401, 403, 422):
            raise NotAllowed(f"Frigate refuses the login of {self._settings.username}: {_said(response)}")
        if response.status_code == 429:
            raise NotAllowed("Frigate takes no more logins for a while: too many were refused")
        if response.status_code >= 300:
            self._answer("POST", "login", response, dict)
        # The cookie's name is a setting of Frigate's; a proxy in between may have cookies too, and none is as long.
        cookies = [cookie.value or "" for cookie in response.cookies.jar]
        token = max((value for value in cookies if value.isascii() and value.isprintable()), key=len, default=None)
        if not token:
            raise Failing("Frigate answered the login without a token: does the address lead to Frigate's port 8971?")
        self._token = token

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        sent = False

        def trace(name: str, info: Mapping[str, Any]) -> None:
            nonlocal sent
            if name in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
                self._hold(info["return_value"].get_extra_info("socket"))
            sent = sent or name.endswith(".send_request_headers.complete")

        headers = {} if self._token is None else {"Authorization": f"Bearer {self._token}"}
        self._client.cookies.clear()  # the token goes as a Bearer; whatever else a proxy sets is not sent back
        if self._interrupted:
            raise Away("the plugin is closing")
        try:
            return self._client.request(
                method, f"{self._url}/{path}", headers=headers, extensions={"trace": trace}, **options
            )
        except (httpx.HTTPError, OSError) as err:
            why = "no answer in time" if isinstance(err, httpx.TimeoutException) else str(err) or type(err).__name__
            raise Away(f"{method} {self._url}/{path}: {why}", unsure=sent) from err

    def _answer(self, method: str, path: str, response: httpx.Response, wanted: type) -> Any:
        status = response.status_code
        told = f"{method} {self._url}/{path} answered {status}"
        if status == 401:
            raise NotAllowed(f"{told}: this port wants a login, set frigate.username and frigate.password")
        if status == 403:
            raise NotAllowed(f"{told}: the user needs the role admin ({_said(response)})")
        if status in _GATEWAY:
            raise Away(f"{told}: Frigate is starting or gone", unsure=True)
        if status >= 500:
            raise Failing(f"{told}: {_said(response)}")
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if status < 300 and isinstance(answer, wanted):
            return answer
        if status == 404 and (isinstance(answer, str) or (isinstance(answer, dict) and "message" in answer)):
            raise NotThere(f"{told}: {_said(response)}")
        if status in (400, 422):
            raise Rejected(f"{told}: {_said(response)}")
        raise Failing(f"{told}, which is no answer of Frigate's: {_said(response)}")

    def _hold(self, sock: Any) -> None:
        with self._lock:
            self._sockets = {held for held in self._sockets if held.fileno() != -1}
            if isinstance(sock, socket.socket):
                self._sockets.add(sock)
        if self._interrupted:
            self.interrupt()


def _trust(settings: FrigateSettings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=None if settings.tls.ca is None else str(settings.tls.ca))
    if settings.tls.ca is not None:
        # Authorities people make for themselves seldom name their key usage; Python 3.13 became strict.
        context.verify_flags = (context.verify_flags & ~ssl.VERIFY_X509_STRICT) | ssl.VERIFY_X509_PARTIAL_CHAIN
    context.check_hostname = settings.tls.verify and settings.tls.check_name
    if not settings.tls.verify:
        context.verify_mode = ssl.CERT_NONE
    return context


def _standing(item: Mapping[str, Any]) -> Standing:
    label = item.get("sub_label")
    if isinstance(label, list):  # with its score, where Frigate gave one
        label = label[0] if label else None
    return Standing(str(item.get("id")), item.get("end_time") is not None, label if isinstance(label, str) else None)


def _said(response: httpx.Response) -> str:
    """Return Frigate's own words: `message`, or FastAPI's `detail`, or the beginning of whatever it is."""
    with suppress(ValueError):
        answer = response.json()
        if isinstance(answer, dict):
            return _words(str(answer.get("message") or answer.get("detail") or answer))
    return _words(response.text)


def _words(text: str) -> str:
    return " ".join(text.split())[:_MOST_WORDS] or "nothing"
