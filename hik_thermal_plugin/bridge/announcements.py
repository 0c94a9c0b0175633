"""Announces cameras to Home Assistant: notes what they show on our topics, tells it when that changed, and repeats it.

Home Assistant takes up an entity some time after it has heard of it, loses updates that come while it does, and says `online` only after
its start. So a change is told once it has settled, and told again with all states of the camera when the entity has had time to listen.
What was announced is kept over restarts: otherwise nobody would take away what has gone meanwhile.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from nvr_hooks import CameraInfo

from .clock import Clock
from .homeassistant import birth_topic, discovery, discovery_topic, identity, is_known
from .messages import Message, Topics, encode, segment
from .settings import BridgeSettings
from .shown import Shown
from .store import Store

log = logging.getLogger(__name__)

SETTLE_SECONDS: Final = 1.0
LISTENING_SECONDS: Final = 4.0
"""After this time an entity that was announced hears its state, whether or not the broker retains it."""
HEIR_SECONDS: Final = 15.0
"""A camera that is gone is taken away after this time, unless one with its serial number, but another name, has come."""
_AREA: Final = "home_assistant"


@dataclass(slots=True)
class _Camera:
    shown: Shown = field(default_factory=Shown)
    node: str | None = None
    topic: str | None = None
    payload: bytes = b""

    def inherit(self, other: _Camera) -> None:
        """Take what the same device has shown under another name, and what was announced of it."""
        self.shown.add(other.shown)
        self.payload = other.payload


class Announcements:
    """Thread-safe. `publish` makes a message the state of its topic, `again` sends those states again whose topic it is asked for."""

    def __init__(
        self,
        settings: BridgeSettings,
        topics: Topics,
        store: Store,
        clock: Clock,
        publish: Callable[[Message], None],
        again: Callable[[Callable[[str], bool]], None],
    ) -> None:
        self._settings = settings.home_assistant
        self._prefix = settings.prefix
        self._topics = topics
        self._store = store
        self._clock = clock
        self._publish = publish
        self._again = again
        self._lock = threading.Lock()
        self._cameras: dict[str, _Camera] = {}
        self._left: dict[str, _Camera] = {}
        """Those that are gone and may come back under another name, by the name they had."""

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """Return what has to be heard."""
        return (birth_topic(self._settings),) if self._settings.discovery else ()

    def start(self, cameras: Iterable[str]) -> None:
        """Take up what an earlier life announced; take away what is not wanted any more. Cameras by their part of a topic."""
        known = set(cameras)
        for camera, (text, payload) in self._store.area(_AREA).items():
            found = _restored(text, payload)
            if found.topic is None:
                self._store.drop(_AREA, camera)
                continue
            stays = found.node is not None and found.topic == discovery_topic(self._settings, found.node)
            if not (self._settings.discovery and stays):
                self._take_away(camera, found.topic)
            elif camera in known:
                self._cameras[camera] = found
                self._publish(Message(found.topic, payload, 1, True))
            else:
                self._leave(camera, found)

    def saw(self, message: Message) -> None:
        """Take a message that is about to go out: what it shows gets an entity."""
        if self._settings.discovery and (change := self._change(message)) is not None:
            camera, show = change
            with self._lock:
                fresh = show(self._cameras.setdefault(camera, _Camera()).shown)
            if fresh:
                self.soon(camera)

    def gone(self, topic: str) -> None:
        """Take word that a topic is cleared."""
        match self._topics.parts(topic):
            case [camera, channel, "temperature", rule] if camera in self._cameras:
                with self._lock:
                    removed = self._cameras[camera].shown.rules.pop(f"{channel}/{rule}", None)
                if removed is not None:
                    self.soon(camera)

    def soon(self, camera: str) -> None:
        """Announce a camera when what it shows has settled."""
        if self._settings.discovery:
            self._clock.after(f"announce/{camera}", SETTLE_SECONDS)

    def announce(self, info: CameraInfo) -> None:
        """Announce a camera, if it has said who it is and anything is new."""
        name = segment(info.name)
        with self._lock:  # until it is published: a camera that is removed meanwhile must not come back
            camera = self._cameras.get(name)
            if camera is None or not is_known(info):
                return
            before, payload = camera.topic, camera.payload
            camera.node = self._node(name, info)
            for other in [other for other, left in self._left.items() if left.node == camera.node]:
                camera.inherit(self._left.pop(other))
                self._store.drop(_AREA, other)
                payload = camera.payload
            message = discovery(info, camera.shown, self._topics, self._settings, node=camera.node, before=payload)
            camera.topic, camera.payload = message.topic, message.payload
            row = {"node": camera.node, "topic": camera.topic, "shown": camera.shown.plain()}
            self._store.put(_AREA, name, encode(row).decode(), message.payload)
            if before not in (None, message.topic):
                self._publish(self._topics.clear(str(before)))
            self._publish(message)
        if (message.topic, message.payload) != (before, payload):
            log.info("%s: announced to Home Assistant", info.name)
            self._clock.after(f"repeat/{name}", LISTENING_SECONDS)

    def repeat(self, camera: str) -> None:
        """Send a camera's announcement and states again, but no pictures: they would look like new ones. Without a name send everything."""
        if not camera:
            self._again(lambda _: True)
            return
        topic = self._cameras[camera].topic if camera in self._cameras else None
        mine = f"{self._prefix}/{camera}/"
        self._again(
            lambda told: told in (topic, self._topics.state) or (told.startswith(mine) and "/picture/" not in told)
        )

    def born(self, topic: str, payload: bytes) -> bool:
        """Take a message of Home Assistant itself; return whether it was one. Once it has started it gets everything again."""
        if topic not in self.subscriptions:
            return False
        if payload == b"online":
            log.info("Home Assistant is there: cameras are announced again")
            announced = {camera.topic for camera in list(self._cameras.values())}
            self._again(lambda told: told in announced)
            self._clock.after("repeat", LISTENING_SECONDS)
        return True

    def remove(self, camera: str) -> None:
        """Take a camera away that is no longer configured."""
        with self._lock:
            found = self._cameras.pop(camera, None)
            if found is not None and found.topic is not None:
                self._leave(camera, found)

    def exchanged(self, camera: str) -> None:
        """Take a camera away at once: another device answers under its name, and is announced when it has shown something."""
        with self._lock:
            found = self._cameras.pop(camera, None)
            if found is not None and found.topic is not None:
                self._take_away(camera, found.topic)

    def without_heirs(self) -> None:
        """Take away the cameras that are gone and did not come back under another name."""
        with self._lock:
            for camera, left in self._left.items():
                self._take_away(camera, str(left.topic))
            self._left.clear()

    def _leave(self, camera: str, found: _Camera) -> None:
        self._left[camera] = found
        self._clock.after("heirs", HEIR_SECONDS)

    def _take_away(self, camera: str, topic: str) -> None:
        self._store.drop(_AREA, camera)
        self._publish(self._topics.clear(topic))

    def _change(self, message: Message) -> tuple[str, Callable[[Shown], bool]] | None:
        """Return which camera a message belongs to and what to do with what it shows; None when it shows nothing."""
        match self._topics.parts(message.topic):
            case [camera, channel, "temperature", rule] if message.payload:
                document = json.loads(message.payload)
                return camera, lambda shown: shown.see_rule(f"{channel}/{rule}", document)
            case [camera, channel, "alarm", kind] if message.payload:
                return camera, lambda shown: shown.see_kind(f"{channel}/{kind}")
            case [camera, channel, "picture", kind, *view] if kind != "snapshot":
                return camera, lambda shown: shown.see_picture("/".join((channel, kind, *view)))
            case [camera, "info"]:
                return camera, lambda _: True
        return None

    def _node(self, name: str, info: CameraInfo) -> str:
        """Return the id of a camera's device. Two entries for one device are two: the second has its name in its id."""
        alone = identity(info, self._prefix)
        shared = f"{alone}_{name}"
        if self._cameras[name].node in (alone, shared):
            return str(self._cameras[name].node)
        taken = {camera.node for other, camera in self._cameras.items() if other != name}
        return shared if alone in taken else alone


def _restored(text: str, payload: bytes) -> _Camera:
    """Return a camera as it was kept, an empty one when it was not kept by us."""
    try:
        row: Mapping[str, Any] = json.loads(text)
        json.loads(payload)["components"].items()
        return _Camera(Shown.restored(row["shown"]), str(row["node"]), str(row["topic"]), payload)
    except (AttributeError, KeyError, TypeError, ValueError):
        return _Camera()
