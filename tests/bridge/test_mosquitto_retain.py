"""The bridge on a mosquitto that refuses retained messages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from bridge_stage import Ear, Host, Mosquitto, Wait
from nvr_hooks import FireAlarm

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_a_broker_that_refuses_retained_messages(
    mosquitto: Callable[..., Mosquitto], make_host: Callable[..., Host], listen: Callable[..., Ear], protocol: str
) -> None:
    broker = mosquitto("allow_anonymous true", "retain_available false")
    host = make_host(broker.port, retain=False, protocol=protocol)
    host.add("kiln")
    ear = listen(broker.port)
    host.start()
    ear.expect("kiln/state")
    host.cameras["kiln"].tell(FireAlarm(camera="kiln", channel=2, raw_type="fireDetection"))
    ear.expect_active("kiln/2/alarm/fire", True)
    assert {retained for _, _, retained in ear.heard} == {False}
    assert ear.payloads("bridge/state") == [b"online"], "the connection stood"


def test_mqtt_5_names_what_the_broker_lacks(
    mosquitto: Callable[..., Mosquitto],
    make_host: Callable[..., Host],
    wait_for: Wait,
    caplog: pytest.LogCaptureFixture,
) -> None:
    broker = mosquitto("allow_anonymous true", "retain_available false")
    host = make_host(broker.port, protocol="5")
    host.add("kiln")
    host.start()
    wait_for(lambda: "set mqtt.retain to false" in caplog.text)
