"""What commands do: `snapshot`, `measure` and `test_alarm`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeVar

from nvr_hooks import (
    CameraInfo,
    LineAt,
    Measurement,
    MeasureOptions,
    OtherAlarm,
    PointAt,
    RegionAt,
    Snapshot,
    SnapshotOptions,
    Target,
    Unsupported,
    Where,
    WrongUse,
    now,
)
from nvr_hooks.mistakes import mistakes_from_pydantic
from pydantic import BaseModel, ConfigDict, Field, ValidationError

TEST_TYPE: Final = "test"
"""Kind of a test alarm: never that of a real one."""


class Arguments(BaseModel):
    """What a command takes; nothing beyond it."""

    model_config = ConfigDict(extra="forbid")


_Model = TypeVar("_Model", bound=Arguments)


class _SnapshotArguments(Arguments):
    source: Literal["auto", "picture", "stream"] = "auto"
    format: Literal["jpeg", "bmp"] = "jpeg"
    overlay: bool = False


_Share = Annotated[float, Field(ge=0, le=1)]
_Point = tuple[_Share, _Share]


class _MeasureArguments(Arguments):
    point: _Point | None = None
    line: tuple[_Point, _Point] | None = None
    region: Annotated[tuple[_Point, ...], Field(min_length=3, max_length=100)] | None = None
    emissivity: Annotated[float, Field(ge=0.01, le=1)] | None = None
    distance_m: Annotated[float, Field(gt=0)] | None = None
    reflected_celsius: float | None = None

    def where(self) -> Where:
        match self.point, self.line, self.region:
            case point, None, None if point is not None:
                return PointAt(at=point)
            case None, line, None if line is not None:
                return LineAt(start=line[0], end=line[1])
            case None, None, region if region is not None:
                return RegionAt(points=region)
            case None, None, None:
                return PointAt(at=(0.5, 0.5))
        raise WrongUse("expected one of point [x, y], line [[x, y], [x, y]], region [[x, y], …]")


def take_snapshot(hooks: Any, info: CameraInfo, channel: int, arguments: Mapping[str, Any]) -> Snapshot:
    """Take a picture as the arguments want it; raise NvrError when they are wrong or the camera gives none."""
    wanted = checked(_SnapshotArguments, arguments)
    options = SnapshotOptions(source=wanted.source, format=wanted.format, overlay=wanted.overlay)
    shot = hooks.nvr_snapshot(camera=info.name, channel=channel, options=options)
    if not isinstance(shot, Snapshot):
        raise Unsupported(f"{info.name}: no plugin takes pictures of it", camera=info.name)
    return shot


def measure(hooks: Any, info: CameraInfo, channel: int, arguments: Mapping[str, Any]) -> Measurement:
    """Measure where the arguments say, by default at the centre; raise NvrError when they are wrong or the camera cannot."""
    wanted = checked(_MeasureArguments, arguments)
    options = MeasureOptions(
        emissivity=wanted.emissivity, distance_m=wanted.distance_m, reflected_celsius=wanted.reflected_celsius
    )
    found = hooks.nvr_measure(camera=info.name, channel=channel, where=wanted.where(), options=options)
    if not isinstance(found, Measurement):
        raise Unsupported(f"{info.name}: no plugin measures with it", camera=info.name)
    return found


def new_test_alarm(info: CameraInfo, channel: int, arguments: Mapping[str, Any]) -> OtherAlarm:
    """Return an alarm that says of itself that it is a test; its source is always connected, so it is released when quiet."""
    checked(Arguments, arguments)
    at = now()
    # A place of its own makes it a life cycle of its own: a repeat of the test before it would be no event.
    place = Target(id=int(at.timestamp() * 1_000_000))
    return OtherAlarm(
        camera=info.name,
        channel=channel,
        raw_type=TEST_TYPE,
        source="virtual",
        at=at,
        targets=(place,),
        description="test alarm",
    )


def checked(model: type[_Model], arguments: Mapping[str, Any]) -> _Model:
    """Return the arguments as a command wants them; raise WrongUse with every mistake."""
    try:
        return model.model_validate(dict(arguments))
    except ValidationError as err:
        mistakes = mistakes_from_pydantic(err.errors(include_url=False), model.model_json_schema())
        raise WrongUse("; ".join(map(str, mistakes))) from err
