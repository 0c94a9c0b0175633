"""Commands over MQTT: `…/<command>/set` in, `…/<command>/result` out, worked off by a small pool of threads.

A command is JSON, or empty, or `PRESS`, which stands for its defaults. Its `id` comes back in the answer; the same id again is answered
from memory and not done twice. What is retained is ignored: it was meant for somebody long ago.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from queue import Empty, Full, Queue
from typing import Any, Final

from nvr_hooks import CameraInfo, NvrError, WrongUse, new_id

from .messages import PRESS, Document, Message, Request, Topics

log = logging.getLogger(__name__)

WORKERS: Final = 4
_WAITING: Final = 64
_REMEMBERED: Final = 256
_LONGEST_ID: Final = 128
_IDLE_SECONDS: Final = 10.0

Handler = Callable[[CameraInfo, int, Mapping[str, Any]], Document]
"""Does a command for a camera and channel with the arguments given; answers what belongs into the result, or raises NvrError."""
_Name = tuple[str, str, str, str]


class Commands:
    """The commands of one bridge. `camera` finds a camera by its part of a topic, `answer` publishes."""

    def __init__(
        self,
        topics: Topics,
        handlers: Mapping[str, Handler],
        camera: Callable[[str], CameraInfo | None],
        answer: Callable[[Message], None],
    ) -> None:
        self._topics = topics
        self._handlers = dict(handlers)
        self._camera = camera
        self._answer = answer
        self._jobs: Queue[Callable[[], None]] = Queue(_WAITING)
        self._answers: OrderedDict[_Name, Document | None] = OrderedDict()
        self._lock = threading.Lock()
        self._workers: set[threading.Thread] = set()
        self._idle = 0
        self._stop = threading.Event()

    def take(self, topic: str, payload: bytes, retained: bool) -> bool:
        """Take a message if it is a command; return whether it was one. Returns at once."""
        request = self._topics.request(topic)
        if request is None:
            return False
        if retained:
            log.debug("a retained command is ignored: %s", topic)
            return True
        info = self._camera(request.camera)
        if info is None:
            return True  # another bridge's camera
        try:
            arguments = _arguments(payload)
        except WrongUse as err:
            self._say(request, new_id(), {"ok": False, "error": str(err)})
            return True
        identity = str(arguments.pop("id", None) or new_id())[:_LONGEST_ID]
        name = (request.camera, request.channel, request.command, identity)
        with self._lock:
            known = name in self._answers
            before = self._answers.get(name)
            if not known:
                self._answers[name] = None
                while len(self._answers) > _REMEMBERED:
                    self._answers.popitem(last=False)
        if known:
            if before is not None:
                self._say(request, identity, before)
            return True
        if not self.run(lambda: self._do(request, name, info, arguments)):
            self._settle(request, name, {"ok": False, "error": "too many commands at once: try again later"})
        return True

    def run(self, job: Callable[[], None], *, spare: bool = False) -> bool:
        """Do something that takes its time in the pool; return False when there is no room. `spare`: only if half of it is idle."""
        if self._stop.is_set() or (spare and (self._jobs.qsize() or len(self._workers) - self._idle > WORKERS // 2)):
            return False
        try:
            self._jobs.put_nowait(job)
        except Full:
            return False
        with self._lock:
            if self._idle < self._jobs.qsize() and len(self._workers) < WORKERS:
                worker = threading.Thread(target=self._work, name="mqtt-command", daemon=True)
                self._workers.add(worker)
                worker.start()
        return True

    def close(self, timeout: float) -> None:
        """End the pool; a command still at work has this many seconds to finish."""
        self._stop.set()
        with self._lock:
            workers = list(self._workers)
        for _ in workers:
            try:
                self._jobs.put_nowait(lambda: None)
            except Full:
                break
        for worker in workers:
            worker.join(timeout / len(workers))

    def _work(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                self._idle += 1
            try:
                job = self._jobs.get(timeout=_IDLE_SECONDS)
            except Empty:
                job = None
            with self._lock:
                self._idle -= 1
                if job is None and self._jobs.empty():
                    break
            if job is not None and not self._stop.is_set():
                try:
                    job()
                except Exception:
                    log.exception("a task of the bridge failed")
        with self._lock:
            self._workers.discard(threading.current_thread())

    def _do(self, request: Request, name: _Name, info: CameraInfo, arguments: Document) -> None:
        try:
            done = self._handler(request.command)(info, _channel(info, request.channel), arguments)
            answer = {"ok": True, "error": None, **done}
        except NvrError as err:
            answer = {"ok": False, "error": str(err)}
        except Exception as err:
            log.exception("%s: the command %s failed", info.name, request.command)
            answer = {"ok": False, "error": f"failed: {type(err).__name__}"}
        self._settle(request, name, answer)

    def _handler(self, command: str) -> Handler:
        if command not in self._handlers:
            raise WrongUse(f"no such command; known are {', '.join(sorted(self._handlers))}")
        return self._handlers[command]

    def _settle(self, request: Request, name: _Name, answer: Document) -> None:
        with self._lock:
            if name in self._answers:
                self._answers[name] = answer
        self._say(request, name[-1], answer)

    def _say(self, request: Request, identity: str, answer: Document) -> None:
        self._answer(self._topics.result(request, {"id": identity, **answer}))


def _arguments(payload: bytes) -> Document:
    text = payload.decode("utf-8", "replace").strip()
    if text in ("", PRESS):
        return {}
    try:
        arguments = json.loads(text)
    except (ValueError, RecursionError) as err:
        raise WrongUse(f"expected JSON, nothing, or {PRESS}: {err}") from err
    if not isinstance(arguments, dict):
        raise WrongUse(f"expected a JSON object, nothing, or {PRESS}")
    return arguments


def _channel(info: CameraInfo, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 1000):
        raise WrongUse(f"{info.name}: expected the number of a channel in the topic, got {text}")
    channel = int(text)
    known = [known.id for known in info.channels or ()]
    if known and channel not in known:
        raise WrongUse(f"{info.name}: has no channel {channel}; there are {', '.join(map(str, known))}")
    return channel
