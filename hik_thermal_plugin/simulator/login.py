"""Logging in to the device: Digest and Basic as these devices do them, and the lock after too many refusals.

Facts: isapi.md 1.3 (challenges), 1.4 (userCheck), 1.5 (lock-out).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from .profiles import Profile

_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]*))')
_ALGORITHMS = {"MD5": "md5", "SHA-256": "sha256"}
_NONCES_KEPT = 4096


class Verdict(Enum):
    """What became of a request's credentials."""

    ACCEPTED = auto()
    MISSING = auto()  # no credentials: a challenge, no refusal
    STALE = auto()  # right password, but the nonce is old or unknown
    ELSEWHERE = auto()  # right password, but the nonce was issued for another path
    REFUSED = auto()
    LOCKED = auto()  # with credentials, right or wrong, while the account is locked
    MISSING_LOCKED = auto()  # no credentials, while the account is locked


@dataclass(slots=True)
class _Nonce:
    issued: float
    path: str
    uses: int = 0


class Login:
    """Checks credentials, counts what it accepted and refused, and locks. `clock` gives monotonic seconds.

    After `attempts` refusals in a row nothing is accepted for `seconds`.
    """

    def __init__(
        self,
        *,
        username: str,
        password: str,
        realm: str,
        profile: Profile,
        attempts: int,
        seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self.accepted = 0
        self.refused = 0
        self.lock_seconds = seconds
        self._username = username
        self._password = password
        self._realm = realm
        self._profile = profile
        self._attempts = attempts
        self._clock = clock
        self._failures = 0
        self._locked_until = -math.inf
        self._nonces: OrderedDict[str, _Nonce] = OrderedDict()

    @property
    def locked_for(self) -> float:
        """Seconds until the lock ends, 0 when there is none."""
        return max(0.0, self._locked_until - self._clock())

    @property
    def attempts_left(self) -> int:
        """How many more refusals lock the account."""
        return 0 if self.locked_for else self._attempts - self._failures

    def lock(self, seconds: float | None = None) -> None:
        """Lock the account now."""
        self._locked_until = self._clock() + (self.lock_seconds if seconds is None else seconds)
        self._failures = 0

    def restart(self) -> None:
        """Forget nonces, refusals and the lock, as a reboot does (isapi.md 1.5)."""
        self._nonces.clear()
        self._failures = 0
        self._locked_until = -math.inf

    def check(self, method: str, target: str, authorization: str | None, place: str | None = None) -> Verdict:
        """Judge one request and count it. A nonce belongs to `place`, the path of the target unless another is given."""
        locked = self.locked_for > 0
        if not authorization:
            return Verdict.MISSING_LOCKED if locked else Verdict.MISSING
        scheme, _, rest = authorization.partition(" ")
        basic = scheme.lower() == "basic"
        given = dict(_parameters(rest))
        right = self._basic_right(rest) if basic else scheme.lower() == "digest" and self._right(given, method, target)
        if locked:
            self.refused += 1
            return Verdict.LOCKED
        if not right:
            self.refused += 1
            self._failures += 1
            if self._failures >= self._attempts:
                self.lock()
                return Verdict.LOCKED
            return Verdict.REFUSED
        if not basic and (verdict := self._use(given.get("nonce", ""), place or target.partition("?")[0])):
            return verdict
        self._failures = 0
        self.accepted += 1
        return Verdict.ACCEPTED

    def challenges(self, path: str, *, stale: bool, rtsp: bool = False) -> list[str]:
        """The values of the WWW-Authenticate headers for a 401 on `path`; those over RTSP have no qop and no NVR form."""
        realm, said = self._realm, "TRUE" if stale else "FALSE"
        if self._profile.scheme == "basic":
            return [f'Basic realm="{realm}"']
        nonce = self._issue(path, 16 if rtsp else 24)
        first = "" if rtsp else 'qop="auth", '
        plain = f'Digest {first}realm="{realm}", nonce="{nonce}", stale="{said}"'
        match self._profile.scheme:
            case "sha256":
                return [plain.replace(", stale=", ', algorithm="SHA-256", stale=')]
            case "sha256_and_md5":
                strong = plain.replace(", stale=", ', algorithm="SHA-256", stale=')
                return [strong, plain.replace(nonce, self._issue(path)) + ', algorithm="MD5"']
            case "digest_and_basic":
                return [f'{plain}, Basic realm="{realm}"']
            case "nvr" if not rtsp:
                return [
                    f'Digest realm="{realm}", domain="::", qop="auth", nonce="{nonce}", opaque="", '
                    f'algorithm="MD5", stale="{said}"'
                ]
            case "no_qop":
                return [f'Digest realm="{realm}", nonce="{nonce}", stale="{said}"']
            case _:
                return [plain]

    def _issue(self, path: str, size: int = 24) -> str:
        nonce = secrets.token_hex(size)
        if self._profile.scheme == "nvr":
            nonce = f"{nonce}:{int(self._clock() * 1000)}"
        self._nonces[nonce] = _Nonce(self._clock(), path)
        while len(self._nonces) > _NONCES_KEPT:
            self._nonces.popitem(last=False)
        return nonce

    def _use(self, nonce: str, path: str) -> Verdict | None:
        """Use a nonce once; the verdict if it cannot be used."""
        profile, known = self._profile, self._nonces.get(nonce)
        if known is None:
            return Verdict.STALE
        if profile.nonce_bound_to_path and known.path != path:
            return Verdict.ELSEWHERE
        known.uses += 1
        if profile.nonce_seconds is not None and self._clock() - known.issued > profile.nonce_seconds:
            return Verdict.STALE
        if profile.nonce_uses is not None and known.uses > profile.nonce_uses:
            return Verdict.STALE
        return None

    def _basic_right(self, rest: str) -> bool:
        if self._profile.scheme not in ("basic", "digest_and_basic"):
            return False
        try:
            given = base64.b64decode(rest.strip(), validate=True)
        except binascii.Error:
            return False
        return secrets.compare_digest(given, f"{self._username}:{self._password}".encode())

    def _right(self, given: dict[str, str], method: str, target: str) -> bool:
        algorithm = given.get("algorithm", "MD5").upper()
        offered = {"sha256": {"SHA-256"}, "sha256_and_md5": {"SHA-256", "MD5"}, "basic": set[str]()}
        if algorithm not in offered.get(self._profile.scheme, {"MD5"}):
            return False
        # The digest must be over the exact request target, query included (isapi.md 1.3).
        if given.get("username") != self._username or given.get("uri") != target:
            return False

        def digest(text: str) -> str:
            return hashlib.new(_ALGORITHMS[algorithm], text.encode()).hexdigest()

        secret = digest(f"{self._username}:{self._realm}:{self._password}")
        request = digest(f"{method}:{target}")
        middle = [given.get("nonce", "")]
        if given.get("qop"):
            middle += [given.get("nc", ""), given.get("cnonce", ""), given["qop"]]
        expected = digest(":".join([secret, *middle, request]))
        return secrets.compare_digest(expected.encode(), given.get("response", "").encode())


def _parameters(text: str) -> list[tuple[str, str]]:
    return [
        (found[1].lower(), re.sub(r"\\(.)", r"\1", found[2]) if found[2] is not None else found[3])
        for found in _PARAMETER.finditer(text)
    ]
