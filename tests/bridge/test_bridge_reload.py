"""Another broker, prefix or user while running: the cameras stay connected, and no alarm falls between the two bridges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from bridge_stage import Amqtt, Ear, Host, Wait
from nvr_hooks import FireAlarm

from hik_thermal_plugin.bridge.bridge import Bridge


def test_an_alarm_between_two_bridges_is_delivered_by_the_second(
    host: Host,
    broker: Amqtt,
    listen: Callable[..., Ear],
    ear: Ear,
    wait_for: Wait,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    camera = host.cameras["kiln"]
    closing: Callable[..., None] = Bridge.close

    def close(bridge: Bridge, *arguments: Any) -> None:
        closing(bridge, *arguments)
        if between:
            assert any(item.state == "running" for item in camera.listeners), "the camera would disconnect"
            camera.tell(between.pop())

    between: list[FireAlarm] = []
    monkeypatch.setattr(Bridge, "close", close)
    host.start()
    ear.expect("bridge/state", lambda value: value == "online")
    other = listen(broker.port, prefix=f"{ear.prefix}/other")
    host.config["mqtt"] = {**host.config["mqtt"], "prefix": f"{ear.prefix}/other"}
    between.append(FireAlarm(camera="kiln", channel=2, raw_type="fireDetection", celsius=181.0))
    host.hook.nvr_configure(config=host.config)

    assert other.expect("kiln/2/event/fire")["celsius"] == 181.0
    assert len([item for item in camera.listeners if item.state == "running"]) == 1
