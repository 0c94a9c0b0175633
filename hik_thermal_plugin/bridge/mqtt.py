"""The connection to the broker: paho-mqtt, driven by a thread of ours.

paho brings a thread of its own, but it waits with `select`, which cannot see file descriptors from 1024 on (a host with a thousand
cameras has more), sleeps through a close, and makes the thread that publishes hand its packet to another one. So one thread here
connects, waits with `poll`, reads and reconnects, and whoever publishes writes to the socket itself, under one lock.

Three kinds of messages go out:

- *levels*, retained: the newest of each topic is kept and sent again after every reconnect;
- *events*, from the outbox, in order, forgotten when the broker acknowledged them;
- *once*, worth nothing later: heartbeats, answers to commands.

At most `WINDOW` are on the wire at a time, paho's own limit: what waits longer waits here, where newer levels replace older ones.
"""

from __future__ import annotations

import logging
import random
import select
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from nvr_hooks import Health, now
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.reasoncodes import ReasonCode

from .broker import KEEPALIVE, UNTRUSTED, WINDOW, Attempt, cause, new_client
from .messages import OFFLINE, ONLINE, Message, Topics
from .outbox import Item, Outbox
from .retained import Retained
from .settings import BridgeSettings

log = logging.getLogger(__name__)

ANSWER_SECONDS: Final = 10.0
_MOST_ONCE: Final = 256
_SETTLED: Final = 10.0
"""Seconds a connection has to last before the next loss is a new one: two clients with one id kick each other out for ever."""
_MOST_TOLD: Final = 1000
_HEADER: Final = 16
"""Bytes of an MQTT packet besides topic and payload, at most."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds between two attempts to connect."""

    first: float = 1.0
    longest: float = 60.0
    refused: float = 60.0
    """After the broker refused the login: trying faster only fills its log."""


class Link:
    """The way to the broker. Thread-safe; the two callbacks come from its thread and may publish."""

    def __init__(
        self,
        settings: BridgeSettings,
        outbox: Outbox,
        *,
        subscriptions: Sequence[str] = (),
        on_message: Callable[[str, bytes, bool], None] = lambda topic, payload, retained: None,
        on_online: Callable[[], None] = lambda: None,
        pauses: Pauses = Pauses(),
    ) -> None:
        self._settings = settings
        self._topics = Topics(settings.prefix)
        self._outbox = outbox
        self._subscriptions = list(subscriptions)
        self._on_message = on_message
        self._on_online = on_online
        self._pauses = pauses
        self._lock = threading.Condition(threading.RLock())
        self._client: Client | None = None
        """The client while it is connected and accepted."""
        self._flight: dict[int, Item | Message] = {}
        self._retained = Retained()
        self._once: deque[Message] = deque(maxlen=_MOST_ONCE)
        self._events_turn = True
        self._window = WINDOW
        self._largest: int | None = None
        self._since = 0.0
        self._unwanted: set[str] = set()
        self._inbox: deque[MQTTMessage] = deque()
        self._stop = threading.Event()
        self._said_offline = False
        self._wakes: tuple[socket.socket, socket.socket] | None = None
        self._thread = threading.Thread(target=self._run, name="mqtt-link", daemon=True)
        self._told: set[str] = set()
        self._changed_at = now()
        self._losses = 0
        self._last_trouble: str | None = None

    @property
    def online(self) -> bool:
        """Tell whether the broker accepted us and the connection stands."""
        return self._client is not None

    def health(self) -> Health:
        """Tell how the connection does; `events` and `delays` are of those the broker has acknowledged."""
        with self._lock:
            delays = self._outbox.delays
            return Health(
                camera="",
                source="mqtt",
                state="online" if self.online else "error" if "refused" in self._told else "offline",
                since=self._changed_at,
                events=sum(delays.counts),
                reconnects=self._losses,
                dropped=self._outbox.status()["dropped"]["total"],
                last_error=self._last_trouble,
                delays=delays,
            )

    def start(self) -> None:
        """Begin to connect, and go on for ever."""
        self.level(self._topics.bridge_state(ONLINE))
        self._wakes = socket.socketpair()
        for end in self._wakes:
            end.setblocking(False)
        self._thread.start()

    def level(self, message: Message) -> None:
        """Make this the present state of its topic: sent now, or when there is a connection, and again after every reconnect."""
        with self._lock:
            if self._retained.put(message):
                self._pump()

    def clear(self, topic: str) -> None:
        """Take a retained message away from the broker."""
        self.level(self._topics.clear(topic))

    def again(self, wanted: Callable[[str], bool]) -> None:
        """Send the levels again whose topic is wanted: somebody may have come who does not know them."""
        with self._lock:
            self._retained.again(wanted)
            self._pump()

    def once(self, message: Message) -> None:
        """Send a message if there is a connection."""
        with self._lock:
            if self._client is not None:
                self._once.append(message)
                self._pump()

    def pump(self) -> None:
        """Send what the outbox has taken."""
        with self._lock:
            self._pump()

    def unsubscribe(self, subscription: str) -> None:
        """Have no more messages of a subscription, after reconnects neither."""
        with self._lock:
            if subscription not in self._subscriptions:
                return
            self._subscriptions.remove(subscription)
            if self._client is not None:
                self._client.unsubscribe(subscription)
                self._wake()

    def drain(self, timeout: float) -> bool:
        """Wait until the broker has everything; return whether that is so. Ends at once without a connection. Seconds."""
        with self._lock:
            self._lock.wait_for(lambda: self._client is None or self._nothing_left(), max(timeout, 0))
            return self._client is not None and self._nothing_left()

    def close(self, timeout: float = 3.0) -> bool:
        """Deliver what can be delivered, say offline, disconnect; return whether the thread has ended. Seconds."""
        deadline = time.monotonic() + timeout
        self.drain(timeout - 1.0)
        self.level(self._topics.bridge_state(OFFLINE))
        self._said_offline = self.drain(min(1.0, deadline - time.monotonic() - 0.3))
        self._stop.set()
        self._wake()
        if self._thread.ident is not None:
            self._thread.join(max(deadline - time.monotonic(), 0.1))
        ended = not self._thread.is_alive()
        if ended and self._wakes is not None:
            for end in self._wakes:
                end.close()
        return ended

    # -- the thread ----------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        attempt = 0
        while not self._stop.is_set():
            try:
                was_online, refused, reason = self._connection()
            except Exception as err:  # a bug must not end the bridge
                log.exception("the connection to the broker %s failed", self._settings.address)
                was_online, refused, reason = False, False, repr(err)
            if self._stop.is_set():
                break
            settled = was_online and time.monotonic() - self._since > _SETTLED
            attempt = 1 if settled else attempt + 1
            if was_online and attempt > 3:
                reason += f"; does another bridge with the same prefix, or client, call itself {self._settings.client_id_used}?"
            self._complain(reason, refused=refused)
            pause = (
                self._pauses.refused if refused else min(self._pauses.first * 2 ** (attempt - 1), self._pauses.longest)
            )
            self._stop.wait(pause * random.uniform(0.8, 1.2))  # noqa: S311 - many bridges, one broker coming back

    def _connection(self) -> tuple[bool, bool, str]:
        """Live through one connection; return whether it was accepted, whether the login was refused, and why it ended."""
        try:
            client = new_client(self._settings, self._settings.client_id_used)
            attempt = Attempt(client)
            client.will_set(self._topics.state, OFFLINE, 1, self._settings.retain)
            client.on_message = lambda _client, _data, message: self._inbox.append(message)
            client.on_publish = self._published
            # Without it paho writes in the publishing thread and without a lock.
            client.on_socket_register_write = lambda _client, _data, _socket: None
            client.connect(self._settings.host, self._settings.port_used, KEEPALIVE)
        except (OSError, ValueError) as err:
            return False, False, cause(err)
        try:
            self._serve(client, attempt)
        finally:
            with self._lock:
                self._lost()
                if self._said_offline:
                    client.disconnect()
                    client.loop_write()
                if (sock := client.socket()) is not None:
                    sock.close()  # without a goodbye, so that the broker tells the will
        return attempt.accepted, attempt.refused, attempt.reason or "the connection was lost"

    def _serve(self, client: Client, attempt: Attempt) -> None:
        sock = client.socket()
        if sock is None or self._wakes is None:
            return
        wake = self._wakes[0]
        number = sock.fileno()
        patience = time.monotonic() + ANSWER_SECONDS
        poller = select.poll()
        poller.register(wake, select.POLLIN)
        while not self._stop.is_set():
            with self._lock:
                if client.socket() is None:
                    return
                wanted = select.POLLIN | (select.POLLOUT if client.want_write() else 0)
                buffered = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
            poller.register(number, wanted)
            poller.poll(0 if buffered else 1000 if not attempt.accepted else 5000)
            with suppress(BlockingIOError):
                wake.recv(4096)
            with self._lock:
                if client.socket() is None:
                    return
                client.loop_read()
                client.loop_write()
                client.loop_misc()
                if attempt.accepted and self._client is None and client.socket() is not None:
                    self._accepted(client, attempt)
                self._pump()
            if self.online and not attempt.announced:
                attempt.announced = True
                self._on_online()
            self._hand_out()
            if not attempt.accepted and time.monotonic() > patience:
                attempt.reason = f"no answer within {ANSWER_SECONDS:g} s"
                return

    def _hand_out(self) -> None:
        while self._inbox:
            message = self._inbox.popleft()
            try:
                self._on_message(message.topic, bytes(message.payload), message.retain)
            except Exception:  # nor must one message
                log.exception("a message from the broker %s could not be handled", self._settings.address)

    def _accepted(self, client: Client, attempt: Attempt) -> None:
        """Send everything again: the broker may be another one, or have forgotten."""
        self._window, self._largest = attempt.window, attempt.largest
        self._since = time.monotonic()
        for subscription in self._subscriptions:
            client.subscribe(subscription, 1)
        self._retained.all_again(self._topics.state)  # who reads `online` finds what it stands for
        self._flight.clear()
        self._outbox.rewind()
        self._client = client
        self._told.clear()
        self._changed_at = now()
        waiting = self._outbox.waiting
        log.info("connected to the broker %s; %d events were waiting", self._settings.address, waiting)

    def _lost(self) -> None:
        if self._client is not None:
            self._changed_at = now()
            self._losses += 1
        self._client = None
        self._retained.lost()
        self._flight.clear()
        self._once.clear()
        self._lock.notify_all()

    def _complain(self, reason: str, *, refused: bool) -> None:
        """Log each kind of trouble once until the broker is back: the one that lasts may not be the first. The rest is for who looks closer."""
        kind = "refused" if refused else "untrusted" if reason.startswith(UNTRUSTED) else "away"
        self._last_trouble = reason
        if kind in self._told:
            log.debug("the broker %s: %s", self._settings.address, reason)
        elif refused:
            user = self._settings.username or "nobody (no username)"
            log.error(
                "the broker %s refuses the login of %s (%s): trying again every %g s",
                self._settings.address, user, reason, self._pauses.refused,
            )  # fmt: skip
        else:
            log.warning("the broker %s is away (%s): alarms wait, trying again", self._settings.address, reason)
        self._told.add(kind)

    # -- under the lock ------------------------------------------------------------------------------------------------

    def _pump(self) -> None:
        client = self._client
        if client is None:
            return
        sent = True
        while sent and client.socket() is not None:
            sent = False
            while len(self._flight) < self._window and (entry := self._next()) is not None:
                sent = True
                message = entry.message if isinstance(entry, Item) else entry
                if self._largest and len(message.topic.encode()) + len(message.payload) + _HEADER > self._largest:
                    self._unwelcome(message.topic, f"{len(message.payload)} bytes are more than it allows")
                    self._done(entry)
                    continue
                retain = message.retain and self._settings.retain
                info = client.publish(message.topic, message.payload, message.qos, retain)
                self._flight[info.mid] = entry
            client.loop_write()  # a QoS 0 message leaves the window here
        if client.socket() is None:
            self._client = None
            self._lock.notify_all()
            self._wake()
        elif client.want_write():
            self._wake()
        if self._nothing_left():
            self._lock.notify_all()

    def _next(self) -> Item | Message | None:
        """Return what goes out next: events and levels in turn, so that neither keeps the other waiting."""
        if self._once:
            return self._once.popleft()
        self._events_turn = not self._events_turn
        if not self._events_turn and (item := self._outbox.next()) is not None:
            return item
        return self._retained.next() or (self._outbox.next() if self._events_turn else None)

    def _published(self, client: Client, data: Any, mid: int, reason: ReasonCode, properties: Any) -> None:
        entry = self._flight.pop(mid, None)
        if entry is None:
            return
        if reason.is_failure:
            self._unwelcome(entry.message.topic if isinstance(entry, Item) else entry.topic, str(reason))
        self._done(entry)

    def _done(self, entry: Item | Message) -> None:
        if isinstance(entry, Item):
            self._outbox.done(entry)
        elif entry.retain:
            self._retained.delivered(entry)

    def _unwelcome(self, topic: str, reason: str) -> None:
        if topic not in self._unwanted and len(self._unwanted) < _MOST_TOLD:
            self._unwanted.add(topic)
            log.warning("the broker does not take messages on %s: %s", topic, reason)

    def _nothing_left(self) -> bool:
        return not (self._flight or self._retained.waiting or self._once or self._outbox.waiting)

    def _wake(self) -> None:
        if self._wakes is not None:
            with suppress(OSError):  # full: it wakes anyhow; closed: nobody is left to wake
                self._wakes[1].send(b"\0")
