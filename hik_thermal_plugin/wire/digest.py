"""Answer the login challenges of HTTP and RTSP alike: Digest with MD5 and SHA-256, Basic where nothing else is offered (isapi.md 1.3, RFC 7616).

Devices quote what the RFC does not (`stale="FALSE"`, `algorithm="MD5"`), put two schemes into one header, and leave qop out on RTSP.
A nonce may be bound to the path it was given for, so the caller keeps a challenge per path and counts `nc` per nonce.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from nvr_hooks import WrongUse

Scheme = Literal["digest", "basic"]

_MAX = 16 * 1024
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105
_PARAMETER = re.compile(rf'({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))', re.DOTALL)
_SCHEME = re.compile(rf"({_TOKEN})(?=[\s,]|\Z)")
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|\Z))")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_HASHES: dict[str, Callable[[bytes], str]] = {
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
}
_STRENGTH = {"SHA-256": 3, "MD5": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """One way to log in that a device offers."""

    scheme: str
    """In lower case."""
    realm: str = ""
    nonce: str = field(default="", repr=False)
    opaque: str | None = field(default=None, repr=False)
    algorithm: str | None = None
    """As the device wrote it; None when it named none, which means MD5."""
    qop: tuple[str, ...] = ()
    """In lower case; empty as on RTSP."""
    stale: bool = False
    """The password was right, the nonce is too old: try again once, it is no refusal."""

    @property
    def hash(self) -> str | None:
        """Name the algorithm as RFC 7616 spells it, also for `SHA256`; None for one that is not known here."""
        word = (self.algorithm or "MD5").upper().replace("SHA256", "SHA-256")
        return word if word in _HASHES else None


def parse_challenges(values: Iterable[str]) -> list[Challenge]:
    """Read every challenge in the values of all WWW-Authenticate headers, several in one value included; nonsense is passed over."""
    found: list[Challenge] = []
    for value in values:
        scheme, parameters = "", dict[str, str]()
        for name, content in _items(value[:_MAX]):
            if content is not None:
                parameters.setdefault(name.lower(), content)
                continue
            if scheme:
                found.append(_challenge(scheme, parameters))
            scheme, parameters = name, {}
        if scheme:
            found.append(_challenge(scheme, parameters))
    return found


def best_challenge(challenges: Iterable[Challenge]) -> Challenge | None:
    """Choose SHA-256 before MD5 before Basic; None when nothing offered can be answered."""
    ranked = [(_strength(challenge), challenge) for challenge in challenges]
    best = max(ranked, key=lambda pair: pair[0], default=None)
    return best[1] if best is not None and best[0] > 0 else None


def authorization(
    challenge: Challenge, username: str, password: str, method: str, uri: str, nc: int = 1, cnonce: str | None = None
) -> str:
    """Return the value of the Authorization header that answers a challenge of `best_challenge`.

    `uri` is the request target exactly as sent, query included; `nc` counts the requests with this nonce from 1.
    """
    if challenge.scheme == "basic":
        return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
    if not _strength(challenge):
        raise WrongUse(f"{challenge.scheme} {challenge.algorithm or ''} cannot be answered")
    hashed = _HASHES[challenge.hash or "MD5"]
    secret = hashed(f"{username}:{challenge.realm}:{password}".encode())
    request = hashed(f"{method}:{uri}".encode())
    items = [
        f"username={_quoted(username)}",
        f"realm={_quoted(challenge.realm)}",
        f"nonce={_quoted(challenge.nonce)}",
        f"uri={_quoted(uri)}",
    ]
    if challenge.algorithm is not None:
        items.append(f"algorithm={challenge.hash}")
    if challenge.qop:
        cnonce = os.urandom(8).hex() if cnonce is None else cnonce
        count = f"{nc:08x}"
        response = hashed(f"{secret}:{challenge.nonce}:{count}:{cnonce}:auth:{request}".encode())
        items += ["qop=auth", f"nc={count}", f"cnonce={_quoted(cnonce)}"]
    else:
        response = hashed(f"{secret}:{challenge.nonce}:{request}".encode())
    items.append(f'response="{response}"')
    if challenge.opaque is not None:
        items.append(f"opaque={_quoted(challenge.opaque)}")
    return "Digest " + ", ".join(items)


def _items(value: str) -> Iterable[tuple[str, str | None]]:
    """Yield (parameter, value) and (scheme, None) in order."""
    at, after_scheme = 0, False
    while at < len(value):
        if value[at] in " \t\r\n,":
            at += 1
        elif after_scheme and (match := _TOKEN68.match(value, at)) and "=" not in match[0].rstrip("="):
            at, after_scheme = match.end(), False  # a token68, as Negotiate has; it says nothing to us
        elif match := _PARAMETER.match(value, at):
            quoted = match[2]
            yield match[1], match[3] if quoted is None else _ESCAPED.sub(r"\1", quoted)
            at, after_scheme = match.end(), False
        elif match := _SCHEME.match(value, at):
            yield match[1], None
            at, after_scheme = match.end(), True
        else:
            at += 1


def _challenge(scheme: str, parameters: dict[str, str]) -> Challenge:
    return Challenge(
        scheme=scheme.lower(),
        realm=parameters.get("realm", ""),
        nonce=parameters.get("nonce", ""),
        opaque=parameters.get("opaque"),
        algorithm=parameters.get("algorithm") or None,
        qop=tuple(word for word in re.split(r"[\s,]+", parameters.get("qop", "").lower()) if word),
        stale=parameters.get("stale", "").strip().lower() == "true",
    )


def _strength(challenge: Challenge) -> int:
    if challenge.scheme == "basic":
        return 1
    if challenge.scheme != "digest" or not challenge.nonce or (challenge.qop and "auth" not in challenge.qop):
        return 0
    return _STRENGTH.get(challenge.hash or "", 0)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
