"""Pictures that come with alarms, as parts after their document (isapi.md 6.2, 6.6)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from nvr_hooks import Alarm, AlarmPicture, Source, now

from .parts import Part

_TYPES = {"image/pjpeg": "image/jpeg", "image/jpg": "image/jpeg"}
_SIGNATURES = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"))
_VIEWS: tuple[tuple[str, Literal["thermal", "visible"]], ...] = (
    ("thermal", "thermal"),
    ("thermography", "thermal"),
    ("visible", "visible"),
    ("optical", "visible"),
)


def read_picture(
    part: Part,
    alarm: Alarm | None,
    *,
    camera: str = "",
    source: Source = "alert_stream",
    received_at: datetime | None = None,
) -> AlarmPicture | None:
    """Return a binary part as a picture of the alarm it followed; None when it is none, by content type or first bytes."""
    kind = part.content_type
    if not kind.startswith("image/"):
        kind = "" if part.text else next((name for start, name in _SIGNATURES if part.body.startswith(start)), "")
        if not kind:
            return None
    said = f"{part.name or ''} {part.filename or ''} {part.headers.get('content-id', '')}".lower()
    return AlarmPicture(
        camera=camera,
        channel=None if alarm is None else alarm.channel,
        at=None if alarm is None else alarm.at,
        received_at=received_at or now(),
        source=source,
        alarm_id=None if alarm is None else alarm.id,
        kind=None if alarm is None else alarm.kind,
        content_type=_TYPES.get(kind, kind),
        view=next((view for word, view in _VIEWS if word in said), None),
        name=part.filename or part.name,
        length=len(part.body),
        data=part.body,
    )
