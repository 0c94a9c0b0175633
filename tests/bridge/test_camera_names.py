"""Cameras whose topics would be one are a mistake of the configuration, told before anything runs."""

from __future__ import annotations

import pytest
from nvr_hooks import ConfigError

from hik_thermal_plugin.bridge.plugin import MqttPlugin


@pytest.mark.parametrize(
    ("cameras", "told"),
    [
        ({"Kiln 1": {}, "kiln_1": {}}, "mqtt: the cameras Kiln 1 and kiln_1 would share the topics of kiln_1"),
        ({"bridge": {}}, "mqtt: the camera bridge cannot be called bridge"),
    ],
)
def test_nvr_configure_tells_cameras_that_cannot_have_topics_of_their_own(
    cameras: dict[str, dict[str, str]], told: str
) -> None:
    config = {"mqtt": {"host": "127.0.0.1"}, "hik_thermal": {"cameras": cameras}}
    with pytest.raises(ConfigError) as caught:
        MqttPlugin().nvr_configure(config)
    assert str(caught.value).startswith(told)


def test_without_a_bridge_any_name_will_do() -> None:
    MqttPlugin().nvr_configure({"hik_thermal": {"cameras": {"Kiln 1": {}, "kiln_1": {}}}})
