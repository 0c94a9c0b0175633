"""The bridge at work: cameras in, broker out, and a clock for what happens by itself.

Threads: the sinks run in the threads of the cameras' sources and publish from there; one thread keeps the connection (mqtt), one writes
the store, one is the clock here, and up to four do commands.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from nvr_hooks import (
    CameraError,
    CameraInfo,
    ConfigError,
    Event,
    Health,
    Mistake,
    NvrError,
    Subscription,
    Unsupported,
    measurement_json,
    now,
    rfc3339,
)

from .actions import TEST_TYPE, measure, new_test_alarm, take_snapshot
from .announcements import Announcements
from .claims import FORGET_SECONDS, Claims
from .clearing import Clearing
from .clock import Clock
from .commands import Commands
from .entities import says
from .feed import Feed
from .levels import kept_level
from .messages import Document, Message, Topics, clashes, encode, segment
from .mqtt import Link, Pauses
from .outbox import Outbox
from .recordings import Recordings
from .settings import KEY, Settings
from .store import Store

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS: Final = 30.0
LOOK_SECONDS: Final = 5.0
"""How often cameras are looked for: a reload may have brought new ones."""
HEALTH_SECONDS: Final = 60.0
DISKS_SECONDS: Final = 3600.0
"""How often a camera's disks are looked at while its connection lasts: one that was bad may be well again."""
CLOSE_SECONDS: Final = 3.2
"""Hosts close consumers before cameras, and have 5 s for both."""
_STATUS_SECONDS: Final = 1.0
_CLOSERS: Final = 16


class Bridge:
    """Everything the plugin does between `start` and `close`."""

    def __init__(self, settings: Settings, hooks: Any, *, pauses: Pauses | None = None) -> None:
        self.settings = settings
        self._hooks = hooks
        self._topics = Topics(settings.bridge.prefix)
        self._feeds: dict[str, Feed] = {}
        self._subscriptions: dict[str, list[Subscription]] = {}
        self._unheard: set[str] = set()
        self._kept: dict[str, dict[str, Document]] = {}
        self._looking = threading.Lock()
        self._clock = Clock(self._do)
        bridge = settings.bridge
        self._store = Store(settings.outbox_path, self._status_soon)
        self._outbox = Outbox(
            self._store, max_age=bridge.outbox.max_age, max_size=bridge.outbox.max_size, on_change=self._status_soon
        )
        self._claims = Claims(self._topics, self._store)
        self._home_assistant = Announcements(
            bridge,
            self._topics,
            self._store,
            self._clock,
            publish=lambda message: self._link.level(message),
            again=lambda wanted: self._link.again(wanted),
        )
        self._clearing = Clearing(self._claims, self._store, self._home_assistant, self.clear)
        self._link = Link(
            bridge,
            self._outbox,
            subscriptions=(self._topics.commands, self._topics.alarms, *self._home_assistant.subscriptions),
            on_message=self._message,
            on_online=self._online,
            pauses=pauses or Pauses(),
        )
        self._recordings = Recordings(hooks, settings.recordings_path, bridge.recordings.max_size)
        self._commands = Commands(
            self._topics,
            {
                "snapshot": self._snapshot,
                "measure": self._measure,
                "record": self._recordings.make,
                "test_alarm": self._test_alarm,
            },
            self._camera,
            self._link.once,
        )

    def start(self) -> None:
        """Take up what was kept, subscribe to every camera, connect; raise ConfigError when two cameras share their topics."""
        infos = self._infos()
        if problems := clashes(infos):
            raise ConfigError([Mistake(KEY, problem) for problem in problems])
        self._store.open()
        self._outbox.load()
        self._claims.start()
        self._home_assistant.start(segment(name) for name in infos)
        self._clearing.all_but({segment(name) for name in infos})
        for name, (text, _) in self._store.area("level").items():
            camera, _, level = name.partition("/")
            self._kept.setdefault(camera, {})[level] = kept_level(text)
        self._link.level(self._topics.outbox(self._outbox.status()))
        self._look(infos)
        self._link.start()
        self._clock.after("cameras", LOOK_SECONDS)
        self._clock.after("heartbeat", HEARTBEAT_SECONDS)
        self._clock.start()

    def close(self, timeout: float = CLOSE_SECONDS) -> None:
        """Say that everything is unknown from now on, deliver, say offline, end every thread."""
        deadline = time.monotonic() + timeout
        self._clock.close(0.3)
        for feed in list(self._feeds.values()):
            feed.close()
        closers = self._close_subscriptions()
        self._recordings.close()
        self._commands.close(0.3)
        self._link.close(deadline - time.monotonic() - 0.5)
        self._store.close(max(deadline - time.monotonic() - 0.1, 0.3))
        for thread in closers:
            thread.join(max(deadline - time.monotonic(), 0.05))

    def look_again(self) -> None:
        """Look for new cameras soon: the configuration may have changed."""
        self._clock.after("cameras", 0.0)

    def health(self) -> Health:
        """Tell how the way to the broker does. Waits for whoever is at work: what hangs is not healthy."""
        for feed in list(self._feeds.values()):
            feed.pause()
        return self._link.health()

    def take(self, event: Event) -> None:
        """Take an event of a camera that somebody else listened to."""
        if feed := self._feeds.get(event.camera):
            feed.take(event)

    def happened(self, camera: str, events: Sequence[tuple[Message, str]], saved: Mapping[str, Document]) -> None:
        """Deliver changes at least once, and keep what is so since. A kill in between would leave an alarm nobody ends, or an end of none."""
        rows = {f"{segment(camera)}/{name}": encode(document).decode() for name, document in saved.items()}
        with self._store.together():
            for message, kind in events:
                self._outbox.take(message, kind)
            for name, row in rows.items():
                self._store.put("level", name, row)
        if events:
            self._link.pump()

    def level(self, message: Message) -> None:
        """Make this the state of its topic, and remember that the topic is ours."""
        if (place := self._claims.claim(message.topic)) is not None:
            self._clock.after(f"rules/{place}", FORGET_SECONDS)
        self._home_assistant.saw(message)
        self._link.level(message)

    def clear(self, topic: str) -> None:
        """Take the state of a topic away."""
        self._claims.leave(topic)
        self._home_assistant.gone(topic)
        self._link.clear(topic)

    def exchanged(self, camera: str) -> None:
        """Clear what another device under this name has told."""
        self._clearing.channels_of(camera)

    def is_behind(self, camera: str) -> bool:
        """Tell whether its alarms' subscription has some for us; one that does not tell has none."""
        return any(getattr(item, "waiting", 0) for item in self._subscriptions.get(camera, ())[:1])

    def wake(self, camera: str, at: float) -> None:
        """Call the camera's `tick` then."""
        self._clock.at(f"levels/{camera}", at)

    def doubt(self, camera: str) -> None:
        """Find out whether a camera whose alarms have become quiet is still heard."""
        self._clock.after(f"doubt/{camera}", 0.0)

    def changed(self, camera: str, state: str) -> None:
        """Ask for the health of a camera whose source changed; see whether it is still configured."""
        self._clock.after(f"health/{camera}", 0.0)
        if state == "removed":
            self.look_again()

    def online(self, camera: str) -> None:
        """Ask a camera that can be asked now for its disks."""
        self._clock.after(f"disks/{camera}", 0.0)

    def _do(self, what: str) -> None:
        task, _, camera = what.partition("/")
        match task:
            case "levels" if feed := self._feeds.get(camera):
                feed.tick()
            case "health" if feed := self._feeds.get(camera):
                feed.healthy(self._health(feed.name))
                self._clock.after(what, HEALTH_SECONDS)
            case "doubt" if feed := self._feeds.get(camera):
                feed.heard(self._health(camera))
            case "cameras":
                self._clock.after(what, LOOK_SECONDS)
                self._commands.run(self._look_around)  # to subscribe may take as long as a camera's timeout
            case "disks":
                if not self._commands.run(lambda: self._ask_disks(camera), spare=True):
                    self._clock.after(what, _STATUS_SECONDS)
            case "heartbeat":
                self._clock.after(what, HEARTBEAT_SECONDS)
                self._link.once(self._topics.heartbeat(rfc3339(now()) or ""))
                self._outbox.shrink()
                self._link.level(self._topics.outbox(self._outbox.status()))
            case "status":
                self._link.level(self._topics.outbox(self._outbox.status()))
            case "adopted":
                self._link.unsubscribe(self._topics.alarms)
            case "rules":
                for topic in self._claims.unheard(camera):
                    self.clear(topic)
            case "announce" if feed := self._feed(camera):
                for channel, kind in says(feed.info):
                    feed.adopt(channel, kind)
                self._home_assistant.announce(feed.info)
            case "repeat":
                self._home_assistant.repeat(camera)
            case "heirs":
                self._home_assistant.without_heirs()

    def _status_soon(self) -> None:
        self._clock.after("status", _STATUS_SECONDS)

    def _look_around(self) -> None:
        if self._looking.acquire(blocking=False):
            try:
                self._look(self._infos())
            finally:
                self._looking.release()

    def _infos(self) -> dict[str, CameraInfo]:
        return {info.name: info for infos in self._hooks.nvr_cameras() for info in infos or ()}

    def _look(self, infos: Mapping[str, CameraInfo]) -> None:
        """Take up new cameras, let removed ones go, subscribe where a subscription ended."""
        for name in set(self._feeds) - set(infos):
            self._remove(name)
        taken = {segment(name): name for name in self._feeds}
        for name, info in infos.items():
            if name in self._feeds:
                self._feeds[name].describe(info)
            elif clashes([name]) or segment(name) in taken:
                self._complain(name, "its topics belong to another camera: rename it")
                continue
            else:
                taken[segment(name)] = name
                self._add(info)
            self._subscribe(self._feeds[name])

    def _add(self, info: CameraInfo) -> None:
        feed = Feed(info, self._topics, self, self.settings.bridge.release_after)
        self._feeds[info.name] = feed
        feed.start(self._kept.pop(segment(info.name), {}))
        log.info("%s: on MQTT under %s/%s", info.name, self._topics.prefix, segment(info.name))

    def _subscribe(self, feed: Feed) -> None:
        held = [item for item in self._subscriptions.get(feed.name, ()) if item.state == "running"]
        if held or self._clock.closing:
            return
        try:
            listening = self._hooks.nvr_listen(camera=feed.name, sink=feed.take)
        except NvrError as err:
            self._complain(feed.name, f"its alarms cannot be listened to: {err}")
            listening = None
        else:
            if listening is None:
                self._complain(feed.name, "no plugin listens to its alarms")
        try:
            watching = self._hooks.nvr_watch(camera=feed.name, sink=feed.take)
        except Unsupported as err:
            log.debug("%s: no temperatures: %s", feed.name, err)
            watching = None
        except NvrError as err:
            self._complain(feed.name, f"its temperatures cannot be watched: {err}")
            watching = None
        self._subscriptions[feed.name] = [item for item in (listening, watching) if item is not None]
        if self._clock.closing:
            for item in self._subscriptions.pop(feed.name):
                item.close()
        if listening is not None:
            self._unheard.discard(feed.name)
        self._clock.after(f"health/{feed.name}", 0.0)

    def _complain(self, camera: str, problem: str) -> None:
        if camera not in self._unheard:
            self._unheard.add(camera)
            log.warning("%s: %s", camera, problem)

    def _remove(self, name: str) -> None:
        feed = self._feeds.pop(name)
        feed.close()
        self._home_assistant.remove(segment(name))
        for subscription in self._subscriptions.pop(name, ()):
            subscription.close()
        self._clearing.all_but({segment(other) for other in self._feeds})
        log.info("%s: no longer configured, its topics are cleared", name)

    def _health(self, camera: str) -> Sequence[Health]:
        try:
            return self._hooks.nvr_health(camera=camera) or ()
        except CameraError as err:
            log.debug("%s: no health: %s", camera, err)
            return ()

    def _ask_disks(self, camera: str) -> None:
        try:
            disks = self._hooks.nvr_storage(camera=camera)
        except NvrError as err:
            log.debug("%s: storage is not known: %s", camera, err)
        else:
            if disks is not None and (feed := self._feeds.get(camera)):
                feed.store(disks)
        if camera in self._feeds:
            self._clock.after(f"disks/{camera}", DISKS_SECONDS)

    def _close_subscriptions(self) -> list[threading.Thread]:
        """Close side by side: each may take as long as its camera's connection takes to end."""
        left = [item for items in self._subscriptions.values() for item in items]

        def close() -> None:
            while left:
                try:
                    left.pop().close()
                except IndexError:
                    return
                except Exception:
                    log.exception("a subscription could not be closed")

        names = range(min(_CLOSERS, len(left)))
        threads = [threading.Thread(target=close, name=f"mqtt-close-{number}", daemon=True) for number in names]
        for thread in threads:
            thread.start()
        return threads

    def _online(self) -> None:
        self._link.once(self._topics.heartbeat(rfc3339(now()) or ""))
        self._clock.after("status", _STATUS_SECONDS)
        self._clock.after("adopted", HEARTBEAT_SECONDS)

    def _message(self, topic: str, payload: bytes, retained: bool) -> None:
        if self._commands.take(topic, payload, retained) or self._home_assistant.born(topic, payload):
            return
        if retained and payload and (told := self._topics.told_alarm(topic)):
            camera, channel, kind = told
            if feed := self._feed(camera):
                feed.adopt(channel, kind)

    def _feed(self, place: str) -> Feed | None:
        return next((feed for feed in list(self._feeds.values()) if segment(feed.name) == place), None)

    def _camera(self, place: str) -> CameraInfo | None:
        feed = self._feed(place)
        return None if feed is None else feed.info

    def _snapshot(self, info: CameraInfo, channel: int, arguments: Mapping[str, Any]) -> Document:
        """Take a picture, show it on `picture/snapshot`, tell about it."""
        shot = take_snapshot(self._hooks, info, channel, arguments)
        message = self._topics.snapshot(info.name, channel, shot.data)
        self.level(message)
        return {
            "bytes": len(shot.data),
            "content_type": shot.content_type,
            "taken_at": rfc3339(shot.taken_at),
            "source": shot.source,
            "topic": message.topic,
        }

    def _measure(self, info: CameraInfo, channel: int, arguments: Mapping[str, Any]) -> Document:
        """Measure where the arguments say; the answer holds the values, all in °C."""
        return measurement_json(measure(self._hooks, info, channel, arguments))

    def _test_alarm(self, info: CameraInfo, channel: int, arguments: Mapping[str, Any]) -> Document:
        """Let a test alarm take the way of a real one, from the sink on."""
        alarm = new_test_alarm(info, channel, arguments)
        self._feeds[info.name].take(alarm)
        return {"event_id": alarm.id, "topic": self._topics.event_topic(info.name, channel, TEST_TYPE)}
