"""The asynchronous edge: hooks as awaitables, events as an async iterator. For hosts that live in asyncio."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Literal, Self

from .errors import NvrError
from .events import Event
from .handles import Sink, Subscription

BUFFER = 10_000
END_NOTICED_WITHIN = 0.25
"""Seconds. A handle has no callback for its end, and a thread waiting per camera would use up the loop's few worker threads."""


class Overflow(NvrError):
    """The reader was too slow: events were lost from here on."""


async def call(hook: Callable[..., Any], /, **arguments: Any) -> Any:
    """Call one hook in a thread and await its answer: `await call(plugins.hook.nvr_snapshot, camera="kiln", …)`."""
    return await asyncio.to_thread(hook, **arguments)


class Events:
    """Events of one camera as an async iterator, for `async with` and `async for`.

    Buffers up to `limit` events; when the reader falls further behind, the iterator delivers what it has and then raises Overflow:
    never silently. Ends when the subscription ends by itself, with its error if it has one.
    """

    def __init__(self, subscribe: Callable[[Sink], Subscription | None], *, limit: int = BUFFER) -> None:
        self._subscribe = subscribe
        self._limit = limit
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Event()
        self._buffer: deque[Event] = deque()
        self._state: Literal["open", "overflow", "closed"] = "open"
        self._subscription: Subscription | None = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        opening = asyncio.ensure_future(asyncio.to_thread(self._subscribe, self._take))
        try:
            self._subscription = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_late)
            raise
        if self._subscription is None:
            raise NvrError("no plugin knows this camera")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._state = "closed"
        self._news.set()
        if self._subscription is not None:
            await asyncio.to_thread(self._subscription.close)

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        while not self._buffer:
            if self._state == "overflow":
                raise Overflow(f"more than {self._limit} events were waiting; some are lost")
            if self._subscription is None or self._subscription.state != "running":
                await asyncio.sleep(0)  # what the sink took before the end is still on its way through the loop
                if self._buffer:
                    break
                if self._subscription is not None and self._subscription.error is not None:
                    raise self._subscription.error
                raise StopAsyncIteration
            self._news.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), END_NOTICED_WITHIN)
        return self._buffer.popleft()

    def _take(self, event: Event) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._put, event)

    def _put(self, event: Event) -> None:
        if self._state == "open":
            if len(self._buffer) < self._limit:
                self._buffer.append(event)
            else:
                self._state = "overflow"
        self._news.set()


def _close_late(opening: asyncio.Future[Subscription | None]) -> None:
    if not opening.cancelled() and opening.exception() is None and (subscription := opening.result()) is not None:
        opening.get_loop().run_in_executor(None, subscription.close)


def listen(hook: Any, camera: str, *, limit: int = BUFFER) -> Events:
    """Return the alarms of a camera: `async with listen(plugins.hook, "kiln") as events: async for event in events: …`."""
    return Events(lambda sink: hook.nvr_listen(camera=camera, sink=sink), limit=limit)


def watch(hook: Any, camera: str, *, limit: int = BUFFER) -> Events:
    """Return the temperature readings and fire targets of a camera."""
    return Events(lambda sink: hook.nvr_watch(camera=camera, sink=sink), limit=limit)
