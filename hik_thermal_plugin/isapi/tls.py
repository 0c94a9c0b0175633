"""Whether a camera's certificate is trusted, and the TLS contexts that check it: one for all cameras with the same setting.

Devices come with a self-signed certificate (isapi.md 1.1), so verifying needs that certificate as `ca`, or its `fingerprint`.
"""

from __future__ import annotations

import hashlib
import hmac
import ssl
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from nvr_hooks import WrongUse

TlsVersion = Literal["1.0", "1.1", "1.2", "1.3"]
_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How to check the certificate of one camera; by default against the system's authorities."""

    ca: Path | None = None
    """PEM file with the camera's own certificate, or its issuer's."""
    fingerprint: str | None = None
    """SHA-256 of the certificate in hexadecimal, colons allowed: exactly this one is trusted, whatever name or issuer it has."""
    verify: bool = True
    """False trusts any certificate: whoever stands between can read along."""
    minimum: TlsVersion = "1.2"
    """The oldest version that is spoken; these cameras speak 1.2 (isapi.md 1.1)."""

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
        return _unverified(tls.minimum)
    if tls.ca is None:
        return _system(tls.minimum)
    try:
        changed = tls.ca.stat().st_mtime_ns
        return _with_ca(str(tls.ca), changed, tls.minimum)
    except (OSError, ssl.SSLError) as error:
        raise WrongUse(f"cannot read certificates from {tls.ca}: {error.strerror or error}") from error


@lru_cache(maxsize=1)
def _bare() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@lru_cache(maxsize=4)
def _unverified(minimum: TlsVersion) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return _at_least(context, minimum)


@lru_cache(maxsize=4)
def _system(minimum: TlsVersion) -> ssl.SSLContext:
    return _at_least(ssl.create_default_context(), minimum)


@lru_cache(maxsize=256)
def _with_ca(path: str, _changed: int, minimum: TlsVersion) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=path)
    # The camera's own certificate as anchor, and without the extensions that Python >= 3.13 asks of an authority.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return _at_least(context, minimum)


def server_context(certificate: Path, key: Path | None, minimum: TlsVersion) -> ssl.SSLContext:
    """Return the context of our own port; raises OSError or ssl.SSLError for files that cannot be read or do not fit."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key, password=_no_password)
    return _at_least(context, minimum)


def _at_least(context: ssl.SSLContext, minimum: TlsVersion) -> ssl.SSLContext:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the older ones: the owner has asked for them
        context.minimum_version = _VERSIONS[minimum]
    if minimum in ("1.0", "1.1"):
        context.set_ciphers("DEFAULT:@SECLEVEL=0")  # OpenSSL 3 speaks them at no other level
    return context


def _no_password() -> str:
    raise ValueError("the key is locked with a password, which nobody is there to type")
