"""What Frigate refuses in a configuration, as its own models were seen to do (Frigate 0.18): hand-written, as far as our part of it goes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

KEYS: dict[str, set[str]] = {
    "": {
        "version", "mqtt", "cameras", "go2rtc", "detectors", "model", "record", "snapshots", "detect", "objects", "motion",
        "birdseye", "ffmpeg", "auth", "tls", "ui", "environment_vars", "logger", "database", "review", "live",
    },
    "cameras.*": {
        "enabled", "friendly_name", "ffmpeg", "detect", "record", "snapshots", "objects", "motion", "zones", "live", "mqtt",
        "ui", "onvif", "birdseye", "audio", "review", "best_image_timeout", "type", "webui_url", "timestamp_style",
    },
    "cameras.*.ffmpeg": {
        "path", "global_args", "hwaccel_args", "input_args", "output_args", "retry_interval", "apple_compatibility", "inputs",
    },
    "cameras.*.detect": {
        "enabled", "width", "height", "fps", "min_initialized", "max_disappeared", "stationary", "annotation_offset",
    },
}  # fmt: skip
INPUT = {"path", "roles", "global_args", "hwaccel_args", "input_args"}
ROLES = {"detect", "record", "audio"}
VARIABLES = {"FRIGATE_KILN_USER": "u", "FRIGATE_KILN_PASSWORD": "p", "FRIGATE_OTHER": "x"}


def refusals(document: Mapping[str, Any], variables: Mapping[str, str] = VARIABLES) -> list[str]:
    """Return what is refused, each with its place."""
    return list(_refusals(document, variables))


def _refusals(document: Mapping[str, Any], variables: Mapping[str, str]) -> Iterator[str]:
    yield from (f"{key}: extra_forbidden" for key in document.keys() - KEYS[""])
    for name, addresses in (document.get("go2rtc") or {}).get("streams", {}).items():
        for address in [addresses] if isinstance(addresses, str) else addresses:
            yield from _variable(f"go2rtc.streams.{name}", address, variables)
    for name, camera in (document.get("cameras") or {}).items():
        path = f"cameras.{name}"
        if not re.fullmatch(r"[a-zA-Z0-9_-]+", name):
            yield f"{path}: name"
        yield from (f"{path}.{key}: extra_forbidden" for key in camera.keys() - KEYS["cameras.*"])
        for part in ("ffmpeg", "detect"):
            known = KEYS[f"cameras.*.{part}"]
            yield from (f"{path}.{part}.{key}: extra_forbidden" for key in (camera.get(part) or {}).keys() - known)
        for key, value in (camera.get("detect") or {}).items():
            if key in ("width", "height", "fps") and (not isinstance(value, int) or value < 1):
                yield f"{path}.detect.{key}: {value!r}"
        yield from _inputs(f"{path}.ffmpeg.inputs", (camera.get("ffmpeg") or {}).get("inputs"), document, variables)


def _inputs(path: str, inputs: Any, document: Mapping[str, Any], variables: Mapping[str, str]) -> Iterator[str]:
    if not inputs:
        yield f"{path}: missing"
        return
    roles = [role for item in inputs for role in item["roles"]]
    if len(roles) != len(set(roles)):
        yield f"{path}: Each input role may only be used once."
    if "detect" not in roles:
        yield f"{path}: The detect role is required."
    yield from (f"{path}: no role {role}" for role in set(roles) - ROLES)
    for item in inputs:
        yield from (f"{path}.{key}: extra_forbidden" for key in item.keys() - INPUT)
        yield from _variable(path, item["path"], variables)
        inside = re.fullmatch(r"rtsp://127\.0\.0\.1:8554/(.+)", item["path"])
        if inside and inside[1] not in document["go2rtc"]["streams"]:
            yield f"{path}: go2rtc has no stream {inside[1]}"


def _variable(path: str, text: str, variables: Mapping[str, str]) -> Iterator[str]:
    try:
        text.format(**variables)
    except (KeyError, ValueError, IndexError) as err:
        yield f"{path}: variable {err}"
