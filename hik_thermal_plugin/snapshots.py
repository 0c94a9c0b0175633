"""Pictures of a camera: over the picture URL, or from live video where that fails or is wanted; converted and drawn into as asked."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from typing import Any

from nvr_hooks import (
    BadAnswer,
    Busy,
    CameraError,
    DeviceError,
    NoPermission,
    Snapshot,
    SnapshotOptions,
    Unsupported,
    now,
)

from .device import Device
from .video import CameraVideo

OVERLAY_SECONDS = 3.0
"""How long a picture waits for something to draw: cameras tell temperatures about once a second."""
_ELSEWHERE = (Unsupported, Busy, DeviceError, BadAnswer, NoPermission)
"""What may be otherwise over another way; a camera that is away or refuses the login is so over all."""
_log = logging.getLogger(__name__)


def take_snapshot(
    name: str, device: Device, video: CameraVideo, channel: int | None, options: SnapshotOptions
) -> Snapshot:
    """Take one picture (guide 4.3.3); raises what the last way that was tried raised."""
    deadline = device.deadline()
    number, found = device.stream(channel, "main", deadline)
    stream = next((stream.id for stream in (found.streams if found else ()) if stream.profile == "main"), None)
    with ExitStack() as stack:
        overlay = None
        if options.overlay:
            from .media.overlay import Overlay, check_pillow

            check_pillow(name)
            overlay = Overlay(number)
            stack.enter_context(video.watch(overlay.take))
        data, frame, taken_at = None, None, now()
        refused: CameraError | None = None
        if options.source != "stream":
            try:
                data, taken_at = device.transport.snapshot(number, stream or number * 100 + 1, deadline)
            except _ELSEWHERE as error:
                if options.source == "picture":
                    raise
                refused = error
        captured = data is None
        if data is None:
            taken_at = now()
            data = device.transport.player_picture(number, options.format, deadline)
        if data is None:
            frame = _from_video(name, video, number, deadline, refused)
            taken_at = now()
        if overlay is not None and not overlay.wait(min(OVERLAY_SECONDS, max(0.0, deadline - time.monotonic()))):
            _log.info("%s: nothing was measured that could be drawn", name)
        if data is None or overlay is not None or (options.format != "jpeg" and not captured):
            data = _made(name, data, frame, overlay, options)
    return Snapshot(
        camera=name,
        channel=number,
        data=data,
        content_type=f"image/{options.format}",
        taken_at=taken_at,
        source="stream" if captured else "picture",
    )


def _from_video(name: str, video: CameraVideo, channel: int, deadline: float, refused: CameraError | None) -> Any:
    """Return the next key picture of the main stream."""
    from .media.stills import Grab

    if refused is not None:
        _log.info("%s: the picture is taken from live video", refused)
    try:
        stream = video.live(channel, "main", deadline)
        grab = Grab(name)
        stream.attach(grab, timeout=max(0.0, deadline - time.monotonic()))
        try:
            return grab.frame(deadline)
        finally:
            stream.detach(grab)
    except CameraError as error:
        if refused is None:
            raise
        raise type(refused)(f"{refused}; {error}", camera=name) from error


def _made(name: str, data: bytes | None, frame: Any, overlay: Any, options: SnapshotOptions) -> bytes:
    """Return a picture, JPEG or decoded, with the overlay drawn in, in the wanted format."""
    from .media import stills

    if frame is None and data is not None:
        frame = stills.opened(data, name)
    if overlay is not None:
        from .media.overlay import drawn

        frame = drawn(frame, overlay.marks(time.monotonic()))
    return stills.encoded(frame, options.format)
