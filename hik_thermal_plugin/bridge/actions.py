"""What commands do: `snapshot` and `test_alarm`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeVar

from nvr_hooks import CameraInfo, OtherAlarm, Snapshot, SnapshotOptions, Unsupported, WrongUse, now
from nvr_hooks.mistakes import mistakes_from_pydantic
from pydantic import BaseModel, ConfigDict, ValidationError

TEST_TYPE: Final = "test"
"""Kind of a test alarm: never that of a real one."""


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


_Model = TypeVar("_Model", bound=_Arguments)


class _SnapshotArguments(_Arguments):
    source: Literal["auto", "picture", "stream"] = "auto"
    format: Literal["jpeg", "bmp"] = "jpeg"
    overlay: bool = False


def take_snapshot(hooks: Any, info: CameraInfo, channel: int, arguments: Mapping[str, Any]) -> Snapshot:
    """Take a picture as the arguments want it; raise NvrError when they are wrong or the camera gives none."""
    wanted = _checked(_SnapshotArguments, arguments)
    options = SnapshotOptions(source=wanted.source, format=wanted.format, overlay=wanted.overlay)
    shot = hooks.nvr_snapshot(camera=info.name, channel=channel, options=options)
    if not isinstance(shot, Snapshot):
        raise Unsupported(f"{info.name}: no plugin takes pictures of it", camera=info.name)
    return shot


def new_test_alarm(info: CameraInfo, channel: int, arguments: Mapping[str, Any]) -> OtherAlarm:
    """Return an alarm that says of itself that it is a test; its source is always connected, so it is released when quiet."""
    _checked(_Arguments, arguments)
    return OtherAlarm(
        camera=info.name, channel=channel, raw_type=TEST_TYPE, source="virtual", at=now(), description="test alarm"
    )


def _checked(model: type[_Model], arguments: Mapping[str, Any]) -> _Model:
    try:
        return model.model_validate(dict(arguments))
    except ValidationError as err:
        mistakes = mistakes_from_pydantic(err.errors(include_url=False), model.model_json_schema())
        raise WrongUse("; ".join(map(str, mistakes))) from err
