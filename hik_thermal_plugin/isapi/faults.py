"""What went wrong with a request, in the words of nvr_hooks.errors: the one place that knows httpx's errors and the device's error codes.

Facts: isapi.md 1.6 (error body, codes), 1.5 (lock-out).
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import httpx
from nvr_hooks import (
    BadAnswer,
    Busy,
    CameraError,
    DeviceError,
    NoPermission,
    Refused,
    Unreachable,
    Unsupported,
    WrongUse,
    now,
)

from ..wire.status import Meaning, ResponseStatus, parse_response_status

E = TypeVar("E", bound=CameraError)
_ERRORS: dict[Meaning, type[CameraError]] = {
    "busy": Busy,
    "device_error": DeviceError,
    "bad_request": DeviceError,
    "unsupported": Unsupported,
    "no_permission": NoPermission,
    "wrong_login": Refused,
    "locked": Refused,
    "not_activated": Refused,
}
_NO_ROOM, _NO_ROOM_CODE = "maxsessionuserlink", 0x4000000B
_SHOWN = 80
_DATES = (9, 10)  # X509_V_ERR_CERT_NOT_YET_VALID and …_HAS_EXPIRED


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer of a device."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    content_type: str
    """Media type in lower case, without parameters; empty when the device gave none. Devices err in it (isapi.md 1.1)."""
    body: bytes = field(repr=False)


def verdict_in(body: bytes) -> ResponseStatus | None:
    """Return the device's own verdict when the body is one, in XML or JSON; other documents are not even opened."""
    start = body[:2048]
    return parse_response_status(body) if b"ResponseStatus" in start or b'"statusCode"' in start else None


def is_html(body: bytes) -> bool:
    """Tell whether the body is a page of the web server: never an answer of ISAPI."""
    start = body[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html"))


def fault_of(camera: str, what: str, answer: Answer) -> CameraError | None:
    """Return what is wrong with an answer, or None; also of 200 with an error inside. `what` is the request, for people."""
    verdict = verdict_in(answer.body)
    if 200 <= answer.status < 300 and (verdict is None or verdict.ok):
        if not is_html(answer.body):
            return None
        text = f"{camera}: {what} answered with a web page instead of a document: is this the camera's address?"
        return coded(BadAnswer(text, camera=camera, data=answer.body[:_SHOWN]), "not_isapi")
    text = f"{camera}: {what} answered {answer.status}"
    if verdict is not None and not verdict.ok:
        full = (verdict.sub_status or "").lower() == _NO_ROOM or verdict.error_code == _NO_ROOM_CODE
        code = "no_room" if full else "not_activated" if verdict.meaning == "not_activated" else ""
        return coded(_ERRORS[verdict.meaning](f"{text} ({verdict})", camera=camera), code)
    match answer.status:
        case 401 | 407:
            return Refused(f"{text} (wrong user or password?)", camera=camera)
        case 403:
            return NoPermission(f"{text} without a reason: this user may not use it?", camera=camera)
        case 404 | 405 | 410 | 501:
            return Unsupported(f"{text}: the device does not know it", camera=camera)
        case 408 | 429 | 502 | 503 | 504:
            return Busy(text, camera=camera)
        case status if status >= 400:
            return DeviceError(text, camera=camera)
        case status if status >= 300:
            # Not followed: credentials go to the configured address alone.
            place = _place(answer.headers.get("location", ""))
            return BadAnswer(f"{text} and points to {place}: give the camera's final address as its url", camera=camera)
    return BadAnswer(text, camera=camera, data=answer.body[:_SHOWN])


def _place(location: str) -> str:
    """Name the target of a redirection without what may be secret in it."""
    try:
        url = httpx.URL(location)
    except httpx.InvalidURL:
        return "another place"
    return f"{url.scheme}://{url.host}" if url.host else (url.path or "another place")


@contextmanager
def translated(camera: str, what: str) -> Iterator[None]:
    """Turn httpx's and the network's errors into ours, with the camera, the request and the cause in plain words."""
    try:
        yield
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
        raise WrongUse(f"{camera}: {what} cannot be sent: {error}") from error
    except httpx.PoolTimeout as error:
        raise Busy(f"{camera}: {what}: another request is still under way", camera=camera) from error
    except httpx.RemoteProtocolError as error:
        if "complete message body" in str(error):
            text = f"{camera}: {what}: the device closed the connection in the middle of its answer"
            raise coded(Unreachable(text, camera=camera), "cut_off") from error
        if "disconnected" in str(error) or "closed" in str(error):
            raise Unreachable(f"{camera}: {what}: the device closed the connection", camera=camera) from error
        raise BadAnswer(f"{camera}: {what} answered something that is not HTTP: {error}", camera=camera) from error
    except (httpx.DecodingError, httpx.StreamError) as error:
        raise BadAnswer(f"{camera}: {what} answered with a body that cannot be unpacked", camera=camera) from error
    except (httpx.HTTPError, OSError) as error:
        raise coded(Unreachable(f"{camera}: {what}: {cause_of(error)}", camera=camera), _code_of(error)) from error


def coded(error: E, code: str) -> E:
    """Give an error the code of the finding it stands for, where its class alone does not tell."""
    error.code = code
    return error


def _code_of(error: BaseException) -> str:
    if any(isinstance(link, ssl.SSLCertVerificationError) for link in _chain(error)):
        return "untrusted"
    return "no_answer" if isinstance(error, httpx.ReadTimeout) else ""


def cause_of(error: BaseException) -> str:
    """Say in plain words why a connection failed."""
    chain = _chain(error)
    for link in reversed(chain):
        match link:
            case ssl.SSLCertVerificationError(verify_code=code, verify_message=why) if code in _DATES:
                return (
                    f"its certificate is not trusted ({why} by this machine's clock, {now():%Y-%m-%d}): where the clock is "
                    "right, renew it in the camera, or trust exactly this one as tls: {fingerprint: …}"
                )
            case ssl.SSLCertVerificationError(verify_message=why):
                return (
                    f"its certificate is not trusted ({why}): give the camera's certificate as tls: {{ca: FILE}}, "
                    "or its SHA-256 as tls: {fingerprint: …}"
                )
            case ssl.SSLError(reason=why):
                return f"TLS failed ({why or 'closed'}): is this an https port?"
            case socket.gaierror():
                return "its name is not known to the name servers"
    match error:
        case httpx.ConnectTimeout():
            return "no connection in time"
        case httpx.TimeoutException() | TimeoutError():
            return "no answer in time"
    for link in reversed(chain):
        if isinstance(link, OSError) and link.strerror:
            return link.strerror.lower()
    return "the connection was lost"


def _chain(error: BaseException) -> list[BaseException]:
    """Return an error and what led to it."""
    chain = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and len(chain) < 8:
        chain.append(cause)
    return chain
