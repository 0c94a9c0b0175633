"""What Home Assistant is told of a camera: one device discovery payload (Home Assistant 2024.12 and later), made of values alone.

What is gone stays in the payload as its platform alone: leaving a component out would not remove its entity.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from nvr_hooks import CameraInfo

from .entities import components
from .messages import Document, Message, Topics, encode, segment
from .settings import HomeAssistantSettings
from .shown import Shown

MOST_GONE: Final = 200
"""Components of one camera that are told as gone."""
_AVAILABLE: Final = "{{ 'online' if value == 'online' else 'offline' }}"


def birth_topic(settings: HomeAssistantSettings) -> str:
    """Return where Home Assistant says `online` after it has started."""
    return f"{settings.prefix}/status"


def is_known(info: CameraInfo) -> bool:
    """Tell whether a camera has said who it is: before that there is nothing to announce."""
    return any((info.serial, info.model, info.firmware, info.channels))


def identity(info: CameraInfo, prefix: str) -> str:
    """Return the id of a camera's device: by its serial number, so that the camera may be renamed; by its name if it has told none."""
    return f"{segment(prefix)}_{segment(info.serial or info.name)}"


def discovery_topic(settings: HomeAssistantSettings, node: str) -> str:
    """Return where a device is announced."""
    return f"{settings.prefix}/device/{node}/config"


def discovery(
    info: CameraInfo,
    shown: Shown,
    topics: Topics,
    settings: HomeAssistantSettings,
    *,
    node: str,
    before: bytes = b"",
) -> Message:
    """Announce a camera as device `node`. `before` is the payload it had last: what is gone since is told."""
    found = components(info, shown, topics, settings)
    gone = {key: platform for key, platform in _told(before).items() if key not in found}
    document = {
        "device": _device(info, node),
        "origin": _known({"name": "hik-thermal-plugin", "sw_version": _version()}),
        "availability": [
            {"topic": topics.state},
            {"topic": topics.camera_state_topic(info.name), "value_template": _AVAILABLE},
        ],
        "availability_mode": "all",
        "components": {
            **{key: {**component, "unique_id": f"{node}_{key}"} for key, component in found.items()},
            **{key: {"platform": gone[key]} for key in list(gone)[-MOST_GONE:]},
        },
    }
    return Message(discovery_topic(settings, node), encode(document), 1, True)


def _device(info: CameraInfo, node: str) -> Document:
    return _known(
        {
            "identifiers": [node],
            "name": info.name,
            "manufacturer": info.manufacturer,
            "model": info.model,
            "sw_version": info.firmware,
            "serial_number": info.serial,
            # anything else would make Home Assistant refuse the whole device
            "configuration_url": info.url if info.url.startswith(("http://", "https://")) else None,
        }
    )


def _told(payload: bytes) -> dict[str, str]:
    """Return key -> platform of what a payload told, as there or as gone; what is gone longest comes first."""
    if not payload:
        return {}
    parts = json.loads(payload)["components"]
    return {key: parts[key]["platform"] for key in sorted(parts, key=lambda key: "unique_id" in parts[key])}


def _known(document: Mapping[str, Any]) -> Document:
    return {key: value for key, value in document.items() if value is not None}


@cache
def _version() -> str | None:
    try:
        return version("hik-thermal-plugin")
    except PackageNotFoundError:
        return None
