"""The command `test-alarm`: does an alarm of this camera arrive at the broker, and how long does it take?

It works through the running service: the command goes to its bridge over the broker, the bridge takes a test alarm the way of a real
one, and what arrives at a subscriber is looked at here.
"""

# Annotations are looked at by typer, so they are objects here and no strings.

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from nvr_hooks import NvrError, Refused, Unreachable, WrongUse, new_id
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.reasoncodes import ReasonCode

from .actions import TEST_TYPE
from .broker import KEEPALIVE, connection_error, new_client
from .messages import OFFLINE, Topics
from .settings import BridgeSettings, Settings

SECONDS: Final = 10.0
_RETAINED_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """A test alarm that came back."""

    channel: int
    event_id: str
    topic: str
    seconds: float
    """From sending the command to having the event."""


def nvr_commands(cli: Any, settings: Callable[[], Settings | None]) -> None:
    """Add `test-alarm` to a command line; `settings` tells the configured ones when the command runs."""
    import typer

    @cli.command("test-alarm")  # type: ignore[untyped-decorator]
    def test_alarm(
        ctx: typer.Context, camera: Annotated[str, typer.Argument(help="Name of the camera in the configuration.")]
    ) -> None:
        """Send a test alarm through the running service and wait until it comes back over the broker."""
        session = ctx.obj
        configured = settings()
        if configured is None:
            raise WrongUse("the configuration has no section mqtt: there is no broker to test")
        name = session.camera(camera).name
        options = session.options
        arrival = Trial(configured.bridge, name, options.channel, options.timeout or SECONDS).run()
        if options.json:
            typer.echo(
                json.dumps(
                    {
                        "ok": True,
                        "camera": name,
                        "channel": arrival.channel,
                        "event_id": arrival.event_id,
                        "topic": arrival.topic,
                        "milliseconds": round(arrival.seconds * 1000, 1),
                    },
                    ensure_ascii=False,
                )
            )
        else:
            took = f"{arrival.seconds * 1000:.0f} ms"
            typer.echo(f"{name}: the test alarm came back in {took} from {configured.bridge.address}, {arrival.topic}")


class Trial:
    """One test alarm, there and back. `channel`: a number, `visible`, or anything else for the thermal one."""

    def __init__(self, settings: BridgeSettings, camera: str, channel: int | str | None, timeout: float) -> None:
        self._settings = settings
        self._topics = Topics(settings.prefix)
        self._camera = camera
        self._channel = channel
        self._timeout = timeout
        self._deadline = 0.0
        self._connected: ReasonCode | None = None
        self._subscribed: list[ReasonCode] | None = None
        self._lost: ReasonCode | None = None
        self._messages: dict[str, bytes] = {}
        self._events: dict[str, str] = {}

    def run(self) -> Arrival:
        """Send the alarm and wait for it; raise Unreachable when nobody answers, Refused when the broker lets nobody in."""
        self._deadline = time.monotonic() + self._timeout
        client = new_client(self._settings, f"{self._settings.client_id_used}-cli-{secrets.token_hex(3)}")
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.connect_timeout = min(client.connect_timeout, self._timeout)
        try:
            client.connect(self._settings.host, self._settings.port_used, KEEPALIVE)
        except (OSError, ValueError) as err:
            raise connection_error(self._settings, err) from err
        try:
            return self._there_and_back(client)
        finally:
            client.disconnect()
            if (sock := client.socket()) is not None:
                sock.close()

    def _there_and_back(self, client: Client) -> Arrival:
        address, prefix = self._settings.address, self._settings.prefix
        if not self._wait(client, lambda: self._connected is not None, self._timeout):
            raise Unreachable(f"the broker {address} does not answer")
        if self._connected is not None and self._connected.is_failure:
            raise connection_error(self._settings, self._connected)
        state, info = self._topics.state, self._topics.info_topic(self._camera)
        answers = self._topics.result_topic(self._camera, "+", "test_alarm")
        events = self._topics.event_topic(self._camera, "+", TEST_TYPE)
        client.subscribe([(topic, 1) for topic in (state, info, answers, events)])
        if not self._wait(client, lambda: self._subscribed is not None, self._timeout):
            raise Unreachable(f"the broker {address} does not answer")
        if any(reason.is_failure for reason in self._subscribed or ()):
            raise Refused(f"the broker {address} does not let this user subscribe to {prefix}/#")
        self._wait(client, lambda: {state, info} <= self._messages.keys(), _RETAINED_SECONDS)
        if state not in self._messages:
            raise Unreachable(
                f"no service ever spoke under {prefix} on the broker {address}: is `hik-thermal run` running?"
            )
        if self._messages[state] == OFFLINE:
            raise Unreachable(f"the service is offline, says {state} on the broker {address}: start `hik-thermal run`")
        if not self._messages.get(info):
            raise Unreachable(f"the running service does not know {self._camera}: was it configured after the start?")
        return self._send(client, self._number(self._messages[info]))

    def _send(self, client: Client, channel: int) -> Arrival:
        identity = new_id()
        topic = self._topics.command_topic(self._camera, channel, "test_alarm")
        answer = self._topics.result_topic(self._camera, channel, "test_alarm")
        self._messages.pop(answer, None)
        start = time.monotonic()
        client.publish(topic, json.dumps({"id": identity}), qos=1)

        def answered() -> dict[str, Any] | None:
            result = _json(self._messages.get(answer, b""))
            return result if result.get("id") == identity else None

        def arrived() -> bool:
            result = answered()
            return result is not None and (not result.get("ok") or result.get("event_id") in self._events)

        if not self._wait(client, arrived, self._timeout):
            what = "the answer came, but the alarm did not" if answered() else "nobody answered"
            raise Unreachable(
                f"{self._camera}: {what} within {self._timeout:g} s on the broker {self._settings.address}"
            )
        seconds = time.monotonic() - start
        result = answered() or {}
        if not result.get("ok"):
            raise NvrError(f"{self._camera}: the service could not send a test alarm: {result.get('error')}")
        return Arrival(channel, result["event_id"], self._events[result["event_id"]], seconds)

    def _number(self, info: bytes) -> int:
        """Return the channel meant, as the running service knows its camera."""
        if isinstance(self._channel, int):
            return self._channel
        known = _json(info)
        if self._channel == "visible":
            for channel in known.get("channels") or ():
                if channel.get("thermal") is False:
                    return int(channel["id"])
            raise WrongUse(f"{self._camera}: the service knows no visible channel of it")
        return int(known.get("thermal_channel") or 1)

    def _wait(self, client: Client, condition: Callable[[], bool], seconds: float) -> bool:
        """Serve the connection until the condition holds; raise Unreachable when the broker ends it."""
        deadline = min(time.monotonic() + seconds, self._deadline)
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            client.loop(min(left, 0.2))
            if self._lost is not None and not condition():
                raise Unreachable(f"the broker {self._settings.address} ended the connection: {self._lost}")
        return True

    def _on_connect(self, client: Client, data: Any, flags: Any, reason: ReasonCode, properties: Any) -> None:
        self._connected = reason

    def _on_disconnect(self, client: Client, data: Any, flags: Any, reason: ReasonCode, properties: Any) -> None:
        self._lost = reason

    def _on_subscribe(self, client: Client, data: Any, mid: int, reasons: list[ReasonCode], properties: Any) -> None:
        self._subscribed = reasons

    def _on_message(self, client: Client, data: Any, message: MQTTMessage) -> None:
        payload = bytes(message.payload)
        if message.topic.endswith(f"/event/{TEST_TYPE}"):
            self._events[str(_json(payload).get("id"))] = message.topic
        else:
            self._messages[message.topic] = payload


def _json(payload: bytes) -> dict[str, Any]:
    try:
        found = json.loads(payload)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
