"""Log in over HTTP as these devices want it, and never more often than the login budget allows. No socket here: httpx sends what is yielded.

What httpx's own DigestAuth lacks (docs/decisions/0003-digest-of-our-own-inside-httpx.md): several schemes in one header, a challenge per
path because a nonce may be bound to one, SHA-256 beside MD5, a bound on what is read of a 401, and above all the question whether it is
the password or the permission:

    request -> 401 challenge -> request with credentials -> 401 refused
      -> device information with credentials   401: wrong password, the budget blocks     200: the password is right
      -> request with credentials              401: NoPermission, remembered for the path

Facts: isapi.md 1.3 (challenges), 1.4 (userCheck in the body of a 401), 1.5 (lock-out).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass

import httpx
from nvr_hooks import NoPermission, Refused

from ..login import Attempt, LoginBudget
from ..wire.digest import Challenge, authorization, best_challenge, parse_challenges
from ..wire.status import parse_user_check
from .faults import Answer, fault_of, verdict_in

IDENTITY = "/ISAPI/System/deviceInfo"
"""What every user may read: answers whether it is the password or a permission that is missing."""
FRESH = 60.0
"""Seconds after its last use in which a nonce is used again without asking; how long devices keep one is not documented."""
_MAX_BODY = 64 * 1024  # of a 401 or of anything else that is only looked at
_STALE_TRIES = 3
_PATHS = 64

Flow = Generator[httpx.Request, httpx.Response, httpx.Response]


@dataclass(slots=True)
class _Known:
    challenge: Challenge
    count: int
    used: float


class DeviceAuth(httpx.Auth):
    """The login of one camera, shared by all its requests. Thread-safe.

    A request may bring, in its extensions, `deadline` (monotonic seconds) and `cancelled` (a function that ends the wait for a permit).
    """

    def __init__(
        self,
        camera: str,
        username: str,
        password: str,
        budget: LoginBudget,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._camera = camera
        self._username = username
        self._password = password
        self._budget = budget
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}
        self._denied: dict[str, float] = {}
        self._reuse = True

    def forget(self) -> None:
        """A connection was lost: the device may have restarted, so ask for new challenges and prove the password anew."""
        self._budget.doubt()
        with self._lock:
            self._known.clear()

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Yield what is to be sent until the last response is the answer; raise AuthBlocked, NoPermission, Refused or Busy."""
        self._budget.check(self._camera)
        path = request.url.path
        self._raise_if_denied(path)
        known = self._take(path)
        response = yield from self._log_in(request, known)
        if not _is_refusal(response):
            return
        self._budget.check(self._camera)
        if path == IDENTITY and known is None:
            return  # every user may read it and the challenge was fresh: asking again would only bring the lock nearer
        yield from self._prove(request)
        if known is not None:
            # The password is right and the nonce was too old, without the word stale: each time could count towards the device's lock.
            self._reuse = False
        response = yield from self._log_in(request, proved=True)
        if _is_refusal(response):
            self._budget.check(self._camera)
            with self._lock:
                self._denied[path] = self._clock() + self._budget.auth_retry_seconds
            raise self._no_permission(path)

    def _log_in(
        self, request: httpx.Request, known: tuple[Challenge, int] | None = None, *, proved: bool = False
    ) -> Flow:
        """Send the request with credentials and return the answer, a refusal included; `proved`: they are right, count nothing."""
        path = request.url.path
        if known is None:
            first = _without_credentials(request)
            response = yield _timed(first)
            if response.status_code != 401:
                return (yield _timed(request)) if first is not request else response
            locked, seconds = _lock_in(_look_at(response))
            if locked:  # it says so before credentials are sent: then they are not
                with self._permit(request) as attempt:
                    attempt.refused(seconds, locked=True)
                self._budget.check(self._camera)
            known = self._challenge(response), 1
        challenge, count = known
        for _ in range(_STALE_TRIES):
            with self._permit(request) as attempt:
                ask_first = attempt.last and not proved and path != IDENTITY
                if not ask_first:
                    request.headers.encoding = "utf-8"  # httpx takes ASCII for granted where it saw nothing else
                    request.headers["Authorization"] = self._answer_to(challenge, request, count)
                    response = yield _timed(request)
                    self._judge(attempt, response, proved=proved)
            if ask_first:
                yield from self._prove(request)
                proved = True
                continue
            if not _is_refusal(response):
                self._keep(path, challenge, count)
                break
            if (again := _stale(response)) is None:
                break
            challenge, count = again, 1
        return response

    def _prove(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Return when the password is right, found out with something every user may read; raise what is wrong otherwise."""
        what = f"GET {IDENTITY}"
        ask = httpx.Request(
            "GET", request.url.join(IDENTITY), headers=_plain_headers(request), extensions=request.extensions
        )
        response = yield from self._log_in(ask)
        self._budget.check(self._camera)
        answer = Answer(response.status_code, response.headers, "", _look_at(response))
        if (fault := fault_of(self._camera, what, answer)) is not None:
            raise fault

    def _permit(self, request: httpx.Request) -> Attempt:
        left = request.extensions.get("deadline", time.monotonic() + 10.0) - time.monotonic()
        cancelled = request.extensions.get("cancelled", lambda: False)
        return self._budget.attempt(self._camera, timeout=left, cancelled=cancelled)

    def _judge(self, attempt: Attempt, response: httpx.Response, *, proved: bool) -> None:
        """Tell the budget what the device thinks of the credentials; where it says neither yes nor no the permit goes back unused."""
        if response.is_success:
            attempt.accepted()
        elif _is_refusal(response) and _stale(response) is None:
            body = _look_at(response)
            locked, seconds = _lock_in(body)
            if locked or _one_left(body) or not proved:
                attempt.refused(seconds, locked=locked or _one_left(body))

    def _challenge(self, response: httpx.Response) -> Challenge:
        offered = _challenges(response)
        if (best := best_challenge(offered)) is None:
            schemes = ", ".join(challenge.scheme for challenge in offered) or "none"
            raise Refused(
                f"{self._camera}: the device offers no way to log in that is known here (offered: {schemes})",
                camera=self._camera,
            )
        return best

    def _answer_to(self, challenge: Challenge, request: httpx.Request, count: int) -> str:
        target = request.url.raw_path.decode("ascii")
        return authorization(challenge, self._username, self._password, request.method, target, count)

    def _take(self, path: str) -> tuple[Challenge, int] | None:
        """Return the challenge that was answered on this path not long ago, and how often it is answered with this."""
        with self._lock:
            known = self._known.get(path)
            if known is None or not self._reuse or self._clock() - known.used > FRESH:
                return None
            known.count += 1
            return known.challenge, known.count

    def _keep(self, path: str, challenge: Challenge, count: int) -> None:
        with self._lock:
            known = self._known.pop(path, None)
            if known is not None and known.challenge is challenge:
                count = max(count, known.count)
            self._known[path] = _Known(challenge, count, self._clock())
            while len(self._known) > _PATHS:
                del self._known[next(iter(self._known))]

    def _raise_if_denied(self, path: str) -> None:
        with self._lock:
            until = self._denied.get(path)
            if until is None:
                return
            if self._clock() >= until:
                del self._denied[path]
                return
        raise self._no_permission(path)

    def _no_permission(self, path: str) -> NoPermission:
        text = f"{self._camera}: {path} answered 401 although the login is right: this user may not use it"
        return NoPermission(text, camera=self._camera)


class _Bounded(httpx.SyncByteStream):
    """A body that ends where looking at it stops to be worth while, or where it is lost."""

    def __init__(self, stream: httpx.SyncByteStream) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        with suppress(httpx.HTTPError):
            for data in self._stream:
                size += len(data)
                if size > _MAX_BODY:
                    return
                yield data

    def close(self) -> None:
        self._stream.close()


def _look_at(response: httpx.Response) -> bytes:
    """Read the body, or what there is of it; it must be drained before the next request on the connection."""
    if not response.is_stream_consumed and isinstance(response.stream, httpx.SyncByteStream):
        response.stream = _Bounded(response.stream)
    return response.read()


def _challenges(response: httpx.Response) -> list[Challenge]:
    return parse_challenges(response.headers.get_list("www-authenticate"))


def _is_refusal(response: httpx.Response) -> bool:
    """Tell whether the credentials were refused: mostly 401, but some say it with 403 (isapi.md 1.5), which mostly says "not supported"."""
    if response.status_code != 403:
        return response.status_code == 401
    verdict = verdict_in(_look_at(response))
    return verdict is not None and verdict.meaning in ("wrong_login", "locked")


def _stale(response: httpx.Response) -> Challenge | None:
    """Return the new challenge of a device that says that only the nonce was too old."""
    best = best_challenge(_challenges(response))
    return best if best is not None and best.stale else None


def _lock_in(body: bytes) -> tuple[bool, float | None]:
    """Read in the body of a refusal whether the account is locked, and for how many seconds."""
    verdict, check = verdict_in(body), parse_user_check(body)
    locked = (verdict is not None and verdict.meaning == "locked") or (check is not None and bool(check.locked))
    return locked, check.unlock_seconds if locked and check is not None else None


def _one_left(body: bytes) -> bool:
    """Tell whether the next refusal locks the account for everybody, the people at its web page included."""
    check = parse_user_check(body)
    return check is not None and check.tries_left is not None and check.tries_left <= 1


def _plain_headers(request: httpx.Request) -> list[tuple[str, str]]:
    dropped = ("authorization", "content-length", "content-type", "transfer-encoding")
    return [(name, value) for name, value in request.headers.items() if name not in dropped]


def _without_credentials(request: httpx.Request) -> httpx.Request:
    """Return what to ask for a challenge with: the request itself, or its like without a body.

    A device may refuse a body before it has read it, and close (isapi.md 1.3).
    """
    request.headers.pop("Authorization", None)
    if request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers:
        return request
    return httpx.Request(request.method, request.url, headers=_plain_headers(request), extensions=request.extensions)


def _timed(request: httpx.Request) -> httpx.Request:
    """Give every step of the flow what is left until the request's deadline."""
    if (deadline := request.extensions.get("deadline")) is not None:
        left = max(0.01, deadline - time.monotonic())
        before = request.extensions.get("timeout", {})
        timeout = {name: min(left, before.get(name) or left) for name in ("connect", "read", "write", "pool")}
        request.extensions = {**request.extensions, "timeout": timeout}
    return request
