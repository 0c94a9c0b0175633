"""What keeps messages from the broker: is it there, does it let us in, may we write and listen, has Home Assistant been told?

Asked with a client of its own, so that a running bridge is not disturbed. The only message it sends is an empty one on a topic that
nobody uses, `<prefix>/bridge/doctor`. Only MQTT 5 says that a message was not permitted, so that version is tried first, whatever is
configured; a broker without it is believed.
"""

from __future__ import annotations

import secrets
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

from nvr_hooks import Finding
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.reasoncodes import ReasonCode

from .broker import KEEPALIVE, cause, is_refusal, new_client, untrusted
from .messages import OFFLINE, ONLINE, Topics
from .settings import BridgeSettings

SECONDS: Final = 5.0
_RETAINED_SECONDS: Final = 0.5
"""Longest wait for retained messages after the broker has acknowledged the subscription; it sends them at once."""
_NO_SUCH_VERSION: Final = frozenset({132, 1})


def diagnose(settings: BridgeSettings, seconds: float = SECONDS) -> list[Finding]:
    """Look at the broker for at most so many seconds; worst first."""
    newest = _Inquiry(settings.model_copy(update={"protocol": "5"}), seconds)
    findings = newest.run()
    if newest.too_new:
        return _Inquiry(settings, seconds).run()
    return findings


class _Inquiry:
    """One connection to the broker."""

    def __init__(self, settings: BridgeSettings, seconds: float) -> None:
        self.too_new = False
        """The broker does not speak this version of MQTT, or ended the connection over it."""
        self._settings = settings
        self._topics = Topics(settings.prefix)
        self._deadline = time.monotonic() + seconds
        self._connected: ReasonCode | None = None
        self._lost: ReasonCode | None = None
        self._subscribed: dict[int | None, Sequence[ReasonCode]] = {}
        self._published: dict[int, ReasonCode] = {}
        self._retained: dict[str, bytes] = {}

    def run(self) -> list[Finding]:
        settings = self._settings
        try:
            client = new_client(settings, f"{settings.client_id_used}-doctor-{secrets.token_hex(3)}")
            client.on_connect = self._on_connect
            client.on_disconnect = self._on_disconnect
            client.on_subscribe = self._on_subscribe
            client.on_publish = self._on_publish
            client.on_message = self._on_message
            client.connect(settings.host, settings.port_used, KEEPALIVE)
        except (OSError, ValueError) as error:
            return [_not_reached(settings, error)]
        try:
            return self._ask(client)
        finally:
            client.disconnect()
            if (sock := client.socket()) is not None:
                sock.close()

    def _ask(self, client: Client) -> list[Finding]:
        settings, address = self._settings, self._settings.address
        if not self._wait(client, lambda: self._connected is not None):
            self.too_new = settings.protocol == "5" and self._lost is not None
            return [_found("broker_unreachable", f"the broker {address} does not answer as MQTT")]
        assert self._connected is not None
        if self._connected.is_failure:
            self.too_new = settings.protocol == "5" and self._connected.value in _NO_SUCH_VERSION
            if is_refusal(self._connected):
                user = settings.username or "nobody (no username)"
                what = f"the broker {address} refuses the login of {user} ({self._connected})"
                return [_found("broker_refused", what)]
            return [_found("broker_unreachable", f"the broker {address} does not let us in: {self._connected}")]
        return [*self._written(client), *self._heard(client)]

    def _written(self, client: Client) -> list[Finding]:
        """May we write? An acknowledgement of MQTT 3.1.1 does not say."""
        topic = f"{self._settings.prefix}/bridge/doctor"
        sent = client.publish(topic, b"", qos=1)
        self._wait(client, lambda: sent.mid in self._published)
        answer = self._published.get(sent.mid)
        if answer is None or not answer.is_failure:
            return []
        what = f"the broker {self._settings.address} does not take messages on {topic} ({answer})"
        return [_found("broker_denied", what)]

    def _heard(self, client: Client) -> list[Finding]:
        """Are commands let through, is the bridge there, and does Home Assistant know of it?"""
        topics, home = self._topics, self._settings.home_assistant
        _, commands = client.subscribe(topics.commands, 1)
        asked = [(topics.state, 1), *([(f"{home.prefix}/device/+/config", 1)] if home.discovery else [])]
        _, states = client.subscribe(asked)
        self._wait(client, lambda: {commands, states} <= self._subscribed.keys())
        self._wait(client, self._all_heard, _RETAINED_SECONDS)
        findings = []
        if any(reason.is_failure for reason in self._subscribed.get(commands, ())):
            what = f"the broker {self._settings.address} does not let us subscribe to {topics.commands}"
            findings.append(_found("commands_denied", what))
        state = self._retained.get(topics.state)
        if state == ONLINE and home.discovery and not self._announced():
            what = f"nothing under {home.prefix}/device announces cameras of {self._settings.prefix} to Home Assistant"
            findings.append(_found("not_announced", what))
        if state == OFFLINE:
            what = f"{topics.state} on the broker {self._settings.address} says offline: no bridge is running"
            findings.append(_found("bridge_offline", what))
        return findings

    def _announced(self) -> bool:
        ours = self._topics.state.encode()
        return any(topic != self._topics.state and ours in payload for topic, payload in self._retained.items())

    def _all_heard(self) -> bool:
        return self._topics.state in self._retained and (
            not self._settings.home_assistant.discovery or self._announced()
        )

    def _wait(self, client: Client, condition: Callable[[], bool], seconds: float = SECONDS) -> bool:
        """Serve the connection until the condition holds; False when it does not in time, or the broker ends it."""
        deadline = min(time.monotonic() + seconds, self._deadline)
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0 or self._lost is not None:
                return False
            client.loop(min(left, 0.2))
        return True

    def _on_connect(self, client: Client, data: Any, flags: Any, reason: ReasonCode, properties: Any) -> None:
        self._connected = reason

    def _on_disconnect(self, client: Client, data: Any, flags: Any, reason: ReasonCode, properties: Any) -> None:
        self._lost = reason

    def _on_subscribe(
        self, client: Client, data: Any, mid: int, reasons: Sequence[ReasonCode], properties: Any
    ) -> None:
        self._subscribed[mid] = reasons

    def _on_publish(self, client: Client, data: Any, mid: int, reason: ReasonCode, properties: Any) -> None:
        self._published[mid] = reason

    def _on_message(self, client: Client, data: Any, message: MQTTMessage) -> None:
        self._retained[message.topic] = bytes(message.payload)


_MEANINGS: dict[str, tuple[Literal["error", "warning", "info"], str, str]] = {
    "broker_untrusted": (
        "error",
        "the password is not sent to a broker whose certificate is not trusted",
        "give the authority that signed it as mqtt: {tls: {ca: FILE}}, and the name that stands in it as host",
    ),
    "broker_unreachable": (
        "error",
        "nothing reaches MQTT while the broker does not answer; alarms wait until it does",
        "check that the broker runs, host, port and tls under mqtt, and the firewall",
    ),
    "broker_refused": (
        "error",
        "nothing reaches MQTT without a login; alarms wait until there is one",
        "correct username and password under mqtt, or give this user a password in the broker",
    ),
    "broker_denied": (
        "error",
        "what the broker does not take is lost to everybody who listens there",
        "let the user write below the prefix: docs/mqtt.md has the lines of an access list",
    ),
    "commands_denied": (
        "warning",
        "snapshot, measure, record and test_alarm do not arrive",
        "let the user read the topics that end in /set: docs/mqtt.md has the lines of an access list",
    ),
    "not_announced": (
        "warning",
        "Home Assistant makes no entities of cameras that nobody announces",
        "let the user write below Home Assistant's prefix, and see that mqtt: {home_assistant: {prefix: …}} is Home Assistant's own",
    ),
    "bridge_offline": (
        "info",
        "nothing is handed on to MQTT while it is not running",
        "start `hik-thermal run`",
    ),
}


def _found(code: str, what: str) -> Finding:
    severity, why, mend = _MEANINGS[code]
    return Finding(camera="", severity=severity, code=code, what=what, why=why, mend=mend)


def _not_reached(settings: BridgeSettings, error: Exception) -> Finding:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _found(
            "broker_untrusted",
            f"the certificate of the broker {settings.address} is not trusted ({untrusted(error)})",
        )
    return _found("broker_unreachable", f"the broker {settings.address} cannot be reached: {cause(error)}")
