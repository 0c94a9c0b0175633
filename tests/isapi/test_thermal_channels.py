"""Under which channel number a device is asked about temperatures."""

from __future__ import annotations

import pytest
from nvr_hooks import Unsupported

from hik_thermal_plugin.isapi.channels import ThermalChannels


def test_a_channel_that_answered_is_asked_first_from_then_on() -> None:
    channels = ThermalChannels("kiln")
    channels.thermal = 1
    assert channels.to_try("data", "realtime", 1) == (1, 2)

    def only_two(number: int) -> int:
        if number != 2:
            raise Unsupported("no")
        return number

    assert channels.ask("data", "realtime", 1, only_two) == 2
    assert channels.to_try("data", "realtime", 1) == (2, 1)
    assert channels.to_try("data", "poll", 1) == (2, 1)
    assert channels.to_try("config", "basic", 1) == (1, 2)


def test_a_channel_that_is_not_the_thermal_one_stands_for_itself() -> None:
    channels = ThermalChannels("kiln", config=1)
    channels.thermal = 2
    assert channels.to_try("config", "basic", 2) == (1, 2)
    assert channels.to_try("config", "basic", 3) == (3,)
    asked: list[int] = []
    with pytest.raises(Unsupported, match="no 3"):
        channels.ask("data", "frame", 3, lambda number: asked.append(number) or _refuse(number))
    assert asked == [3]


def _refuse(number: int) -> None:
    raise Unsupported(f"no {number}")
