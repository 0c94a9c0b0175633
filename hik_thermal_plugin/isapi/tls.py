"""Whether a camera's certificate is trusted, and the TLS contexts that check it: one for all cameras with the same setting.

Devices come with a self-signed certificate (isapi.md 1.1), so verifying needs that certificate as `ca`, or its `fingerprint`.
"""

from __future__ import annotations

import hashlib
import hmac
import ssl
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from nvr_hooks import WrongUse


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How to check the certificate of one camera; by default against the system's authorities."""

    ca: Path | None = None
    """PEM file with the camera's own certificate, or its issuer's."""
    fingerprint: str | None = None
    """SHA-256 of the certificate in hexadecimal, colons allowed: exactly this one is trusted, whatever name or issuer it has."""
    verify: bool = True
    """False trusts any certificate: whoever stands between can read along."""

    def matches(self, certificate: bytes | None) -> bool:
        """Tell whether the certificate (DER) is the one of the fingerprint; True where none is set."""
        if self.fingerprint is None:
            return True
        wanted = self.fingerprint.replace(":", "").strip().lower()
        return certificate is not None and hmac.compare_digest(hashlib.sha256(certificate).hexdigest(), wanted)


def context_for(tls: Tls, *, secure: bool) -> ssl.SSLContext:
    """Return the context of the setting, made at its first use: one with the system's authorities takes 10 ms and a megabyte.

    Plain http (`secure` false) gets an empty one, because httpx insists on having one. Raises WrongUse for an unreadable `ca`.
    """
    if not secure:
        return _bare()
    if tls.fingerprint is not None or not tls.verify:
        return _unverified()
    if tls.ca is None:
        return _system()
    try:
        changed = tls.ca.stat().st_mtime_ns
        return _with_ca(str(tls.ca), changed)
    except (OSError, ssl.SSLError) as error:
        raise WrongUse(f"cannot read certificates from {tls.ca}: {error.strerror or error}") from error


@lru_cache(maxsize=1)
def _bare() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@lru_cache(maxsize=1)
def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@lru_cache(maxsize=1)
def _system() -> ssl.SSLContext:
    return ssl.create_default_context()


@lru_cache(maxsize=256)
def _with_ca(path: str, _changed: int) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=path)
    # The camera's own certificate as anchor, and without the extensions that Python >= 3.13 asks of an authority.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
