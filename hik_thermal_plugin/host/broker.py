"""A small MQTT broker inside the demo, with a subscriber that hands on all it carries. Not for production: MQTT 3.1.1 and no persistence."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from amqtt.broker import Broker
from amqtt.client import MQTTClient
from amqtt.errors import AMQTTError
from nvr_hooks import NvrError

START_SECONDS = 10.0
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Message:
    """One message as a subscriber of everything got it."""

    topic: str
    payload: bytes = field(repr=False)


class EmbeddedBroker:
    """A broker on a free port of 127.0.0.1, in a thread of its own, as a context manager; `sink` gets every message there."""

    def __init__(self, sink: Callable[[Message], None]) -> None:
        self._sink = sink
        self._ready: Future[int] = Future()
        self._ask_to_stop: Callable[[], object] = lambda: None
        self._thread = threading.Thread(target=self._run, name="demo-broker")
        self.port = 0

    def __enter__(self) -> Self:
        for name in ("amqtt", "transitions"):
            logging.getLogger(name).setLevel(
                logging.CRITICAL
            )  # each connection of the demo would be told, at level INFO and above
        self._thread.start()
        try:
            self.port = self._ready.result(START_SECONDS)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ask_to_stop()
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as err:  # noqa: BLE001 - told to the one who waits for the start
            if self._ready.done():
                logging.getLogger(__name__).warning("the demo's broker ended: %s: %s", type(err).__name__, err)
            else:
                self._ready.set_exception(NvrError(f"the demo's broker did not start: {err}"))

    async def _serve(self) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._ask_to_stop = lambda: loop.is_closed() or loop.call_soon_threadsafe(stop.set)
        broker, port = await _started()
        try:
            client = MQTTClient(client_id="demo-view", config={"auto_reconnect": False, "keep_alive": 60})
            await client.connect(f"mqtt://127.0.0.1:{port}")
            await client.subscribe([("#", 1)])
            reading = asyncio.create_task(self._read(client))
            self._ready.set_result(port)
            await stop.wait()
            reading.cancel()
            with suppress(asyncio.CancelledError, AMQTTError):
                await reading
            await client.disconnect()
        finally:
            await broker.shutdown()

    async def _read(self, client: MQTTClient) -> None:
        while (message := await client.deliver_message()) is not None:
            self._sink(Message(message.topic, bytes(message.data)))


async def _started() -> tuple[Broker, int]:
    """Start on a free port; somebody else may take it between looking and binding, then try the next."""
    for left in reversed(range(_TRIES)):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        broker = Broker(
            {
                "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}", "max_connections": 0}},
                "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
            }
        )
        try:
            await broker.start()
        except AMQTTError:
            if not left:
                raise
        else:
            return broker, port
    raise AssertionError
