"""The asynchronous edge: in order, never losing silently, over when the camera or the reader is."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from nvr_hooks import Event, MotionAlarm, NvrError, SnapshotOptions, TemperatureReading, Unreachable, Unsupported
from nvr_hooks.aio import BUFFER, Events, Overflow, call, listen, watch
from nvr_hooks.loading import Plugins
from nvr_hooks.testing import FakeCamera, FakeSubscription


@pytest.fixture
def camera() -> FakeCamera:
    return FakeCamera("kiln")


@pytest.fixture
def hook(camera: FakeCamera) -> Any:
    plugins = Plugins()
    plugins.add("fake", camera)
    return plugins.hook


def motion(number: int) -> MotionAlarm:
    return MotionAlarm(camera="kiln", channel=number)


def tell_all(camera: FakeCamera, numbers: range) -> None:
    for number in numbers:
        camera.tell(motion(number))


def in_a_thread(what: Any) -> None:
    thread = threading.Thread(target=what)
    thread.start()
    thread.join()


def test_events_arrive_in_order_from_another_thread(camera: FakeCamera, hook: Any) -> None:
    async def host() -> list[int | None]:
        async with listen(hook, "kiln") as events:
            teller = threading.Thread(target=lambda: tell_all(camera, range(500)))
            teller.start()
            seen = [(await anext(events)).channel for _ in range(500)]
            await asyncio.to_thread(teller.join)
        return seen

    assert asyncio.run(host()) == list(range(500))


def test_watch_brings_readings_and_listen_alarms(camera: FakeCamera, hook: Any) -> None:
    async def host() -> tuple[Event, Event]:
        async with listen(hook, "kiln") as alarms, watch(hook, "kiln") as readings:
            camera.tell_reading(TemperatureReading(camera="kiln", rule=1))
            camera.tell(motion(1))
            return await anext(readings), await anext(alarms)

    assert asyncio.run(host()) == (TemperatureReading(camera="kiln", rule=1), motion(1))


def test_an_overflow_delivers_what_it_has_and_then_raises(camera: FakeCamera, hook: Any) -> None:
    async def host() -> list[int | None]:
        seen = []
        async with listen(hook, "kiln", limit=3) as events:
            in_a_thread(lambda: tell_all(camera, range(5)))
            with pytest.raises(Overflow, match="more than 3 events"):
                async for event in events:
                    seen.append(event.channel)
            in_a_thread(lambda: camera.tell(motion(99)))
            with pytest.raises(Overflow):  # it stays ended: events after a gap would look like all events
                await anext(events)
        return seen

    assert asyncio.run(host()) == [0, 1, 2]


def test_ten_thousand_events_wait_before_anything_is_lost(camera: FakeCamera, hook: Any) -> None:
    async def host() -> int:
        seen = 0
        async with listen(hook, "kiln") as events:
            in_a_thread(lambda: tell_all(camera, range(BUFFER)))
            while seen < BUFFER:
                assert (await anext(events)).channel == seen
                seen += 1
        return seen

    assert asyncio.run(host()) == 10_000


def test_the_last_event_before_the_end_is_not_lost(camera: FakeCamera, hook: Any) -> None:
    async def host() -> list[int | None]:
        seen = []
        async with listen(hook, "kiln") as events:

            def tell_and_end() -> None:
                camera.tell(motion(7))
                camera.listeners[0].end("done")

            in_a_thread(tell_and_end)  # the loop has not run since
            async for event in events:
                seen.append(event.channel)
        return seen

    assert asyncio.run(host()) == [7]


def test_the_end_of_a_waiting_iterator_is_noticed_with_its_error(camera: FakeCamera, hook: Any) -> None:
    async def host() -> None:
        async with listen(hook, "kiln") as events:
            waiting = asyncio.create_task(anext(events))
            await asyncio.sleep(0)
            in_a_thread(lambda: camera.listeners[0].end("failed", Unreachable("kiln: gone", camera="kiln")))
            with pytest.raises(Unreachable, match="kiln: gone"):
                await asyncio.wait_for(waiting, 5)

    asyncio.run(host())


def test_an_unknown_camera_is_an_error_not_an_empty_iterator(hook: Any) -> None:
    async def host() -> None:
        with pytest.raises(NvrError, match="no plugin knows"):
            async with listen(hook, "nobody"):
                pass

    asyncio.run(host())


def test_cancelling_the_reader_closes_the_subscription(camera: FakeCamera, hook: Any) -> None:
    async def read_forever() -> None:
        async with listen(hook, "kiln") as events:
            async for _ in events:
                pass

    async def host() -> None:
        reader = asyncio.create_task(read_forever())
        while not camera.listeners:
            await asyncio.sleep(0.001)
        camera.tell(motion(1))
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader

    asyncio.run(host())
    assert [subscription.state for subscription in camera.listeners] == ["closed"]


def test_cancelling_while_subscribing_leaves_no_subscription_open() -> None:
    may_answer = threading.Event()
    subscription = FakeSubscription(lambda event: None)

    def slow(sink: Any) -> FakeSubscription:
        may_answer.wait(10)
        return subscription

    async def host() -> None:
        async def enter() -> None:
            async with Events(slow):
                pass

        entering = asyncio.create_task(enter())
        await asyncio.sleep(0)
        entering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await entering
        may_answer.set()
        assert await asyncio.to_thread(subscription.wait, 10)

    asyncio.run(host())
    assert subscription.state == "closed"


def test_leaving_the_block_closes_and_later_events_go_nowhere(camera: FakeCamera, hook: Any) -> None:
    async def host() -> None:
        async with listen(hook, "kiln") as events:
            camera.tell(motion(1))
            await anext(events)
        camera.tell(motion(2))
        with pytest.raises(StopAsyncIteration):
            await anext(events)

    asyncio.run(host())
    assert camera.listeners[0].state == "closed"


def test_many_cameras_do_not_use_up_the_threads_for_calls(hook: Any) -> None:
    """A waiting reader holds no worker thread: with forty of them a call is still answered."""

    async def host() -> None:
        readers = [listen(hook, "kiln") for _ in range(40)]
        for reader in readers:
            await reader.__aenter__()
        waiting = [asyncio.create_task(anext(reader)) for reader in readers]
        await asyncio.sleep(0)
        in_use = [thread for thread in threading.enumerate() if thread.name.startswith("asyncio_")]
        busy = threading.Barrier(len(in_use))  # passes only when every worker is free for us
        await asyncio.gather(*(asyncio.to_thread(busy.wait, 5) for _ in in_use))
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        for reader in readers:
            await reader.__aexit__(None, None, None)

    asyncio.run(host())


def test_call_runs_a_hook_in_a_thread_and_raises_its_error(hook: Any) -> None:
    async def host() -> None:
        snapshot = await call(hook.nvr_snapshot, camera="kiln", channel=None, options=SnapshotOptions())
        assert snapshot.data.startswith(b"\xff\xd8")
        with pytest.raises(Unsupported, match="no stream"):
            await call(hook.nvr_snapshot, camera="kiln", channel=None, options=SnapshotOptions(source="stream"))

    asyncio.run(host())


def test_an_event_after_the_loop_has_ended_does_no_harm(camera: FakeCamera, hook: Any) -> None:
    async def host() -> None:
        await listen(hook, "kiln").__aenter__()

    asyncio.run(host())
    camera.tell(motion(1))

    assert camera.listeners[0].sink_errors == 0
