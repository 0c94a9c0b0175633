"""How a client for the broker of the settings is set up, and what the broker's answers mean."""

from __future__ import annotations

import logging
import socket
import ssl
from contextlib import suppress
from typing import Any, Final

from nvr_hooks import Refused, Unreachable, now
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from .settings import BridgeSettings

log = logging.getLogger(__name__)

WINDOW: Final = 20
"""Messages on the wire without an acknowledgement: paho's default, and what mosquitto takes from one client at a time."""
KEEPALIVE: Final = 20
"""Seconds: a broker tells the will after one and a half of it, and we notice a dead broker after two."""
CONNECT_SECONDS: Final = 2.5
_REFUSED: Final = frozenset({134, 135, 138, 140})
"""Reason codes, MQTT 3.1.1's translated by paho: bad user name or password, not authorized, banned, bad authentication method."""
_RETAIN_NOT_SUPPORTED: Final = 154
_UNSPECIFIED: Final = 128
UNTRUSTED: Final = "its certificate is not trusted"
_DATES: Final = (9, 10)
"""X509_V_ERR_CERT_NOT_YET_VALID and …_HAS_EXPIRED."""


def new_client(settings: BridgeSettings, client_id: str) -> Client:
    """Return a client that is set up but not connected; raise OSError or ValueError when the TLS files are of no use."""
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=MQTTProtocolVersion.MQTTv5 if settings.protocol == "5" else MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False,
    )
    client.connect_timeout = CONNECT_SECONDS
    client.max_inflight_messages_set(WINDOW)
    client.on_socket_open = _without_delay
    if settings.username is not None:
        client.username_pw_set(settings.username, settings.password.reveal() if settings.password else None)
    if settings.tls is not None:
        context = ssl.create_default_context(cafile=None if settings.tls.ca is None else str(settings.tls.ca))
        if settings.tls.ca is not None:
            # Python 3.13 became strict: authorities people make for themselves seldom name their key usage. The same on every Python.
            context.verify_flags = (context.verify_flags & ~ssl.VERIFY_X509_STRICT) | ssl.VERIFY_X509_PARTIAL_CHAIN
        if settings.tls.cert is not None and settings.tls.key is not None:
            context.load_cert_chain(str(settings.tls.cert), str(settings.tls.key))
        if not settings.tls.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        context.sslsocket_class = _ClosedOnFailure
        client.tls_set_context(context)
    return client


class Attempt:
    """What the broker answered to one attempt to connect."""

    def __init__(self, client: Client) -> None:
        self.accepted = False
        self.refused = False
        self.announced = False
        """Whether those who wait for the connection were told; set by its owner."""
        self.reason = ""
        self.window = WINDOW
        self.largest: int | None = None
        """Bytes of the largest packet the broker takes; None: it did not say, which only MQTT 5 can."""
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe

    def _on_connect(self, client: Client, data: Any, flags: Any, reason: ReasonCode, properties: Any) -> None:
        self.accepted = not reason.is_failure
        self.refused = is_refusal(reason)
        self.reason = "" if self.accepted else str(reason)
        if reason.value == _RETAIN_NOT_SUPPORTED:  # MQTT 3.1.1 has no word for it: the broker just ends the connection
            self.reason += ": set mqtt.retain to false"
        self.window = min(WINDOW, getattr(properties, "ReceiveMaximum", WINDOW))
        self.largest = getattr(properties, "MaximumPacketSize", None)

    def _on_disconnect(self, client: Client, data: Any, flags: Any, reason: ReasonCode, properties: Any) -> None:
        if reason.value != _UNSPECIFIED:  # which is how paho calls a connection that just ended
            self.reason = self.reason or str(reason)

    def _on_subscribe(self, client: Client, data: Any, mid: int, reasons: list[ReasonCode], properties: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            log.warning("the broker does not let us subscribe (%s): commands will not arrive", reasons[0])


def is_refusal(reason: ReasonCode) -> bool:
    """Tell whether the broker refused the login, so that asking again soon is of no use."""
    return reason.value in _REFUSED


def connection_error(settings: BridgeSettings, reason: ReasonCode | Exception) -> Unreachable | Refused:
    """Return the error that says what a broker's answer, or its silence, means for the user."""
    if isinstance(reason, ReasonCode) and is_refusal(reason):
        user = settings.username or "nobody (no username)"
        return Refused(f"the broker {settings.address} refuses the login of {user} ({reason})")
    why = cause(reason) if isinstance(reason, Exception) else reason
    return Unreachable(f"the broker {settings.address} cannot be reached: {why}")


def cause(error: Exception) -> str:
    """Tell why a connection was not made, without the number of the system's error."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{UNTRUSTED}: {untrusted(error)}"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def untrusted(error: ssl.SSLCertVerificationError) -> str:
    """Tell why a certificate is not trusted; of its dates, by which clock."""
    clock = f" by this machine's clock, {now():%Y-%m-%d}" if error.verify_code in _DATES else ""
    return f"{error.verify_message}{clock}"


class _ClosedOnFailure(ssl.SSLSocket):
    """paho leaves a connection open whose handshake failed."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def _without_delay(client: Client, data: Any, sock: Any) -> None:
    """Send each message at once: with Nagle's algorithm the second waits for the first one's acknowledgement."""
    with suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
