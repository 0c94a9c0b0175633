"""One measurement by hand (guide 9.2): by the device where it measures points, else from a radiometric frame."""

from __future__ import annotations

import math

from nvr_hooks import (
    DeviceError,
    LineAt,
    Measurement,
    MeasureOptions,
    Point,
    PointAt,
    RegionAt,
    Unsupported,
    Where,
    WrongUse,
    now,
)

from .transport import CameraTransport

_RANGES = {"emissivity": (0.01, 1.0), "distance_m": (0.0, 10_000.0), "reflected_celsius": (-273.15, 5_000.0)}


def check(where: Where, options: MeasureOptions) -> None:
    """Raise WrongUse for places outside the picture, regions that are none, and properties no surface has; asks nobody."""
    points = _outline(where)
    for x, y in points:
        if not (0 <= x <= 1 and 0 <= y <= 1):
            raise WrongUse(f"the point ({x:g}, {y:g}) is not in the picture: coordinates are 0…1 from the top left")
    if isinstance(where, RegionAt) and len(points) < 3:
        raise WrongUse(f"a region has three corners or more, this one {len(points)}")
    for name, (low, high) in _RANGES.items():
        value = getattr(options, name)
        if value is not None and not (math.isfinite(value) and low <= value <= high):
            raise WrongUse(f"{name} is expected from {low:g} to {high:g}, got {value:g}")


def measure(
    transport: CameraTransport,
    camera: str,
    channel: int,
    where: Where,
    options: MeasureOptions,
    deadline: float,
    *,
    clicks: bool = True,
) -> Measurement:
    """Measure now: by the device where the transport can; a point by a click unless `clicks` is false or there are options; else in a frame.

    `celsius` is the value of a point; of lines and regions there are highest, lowest and average, with their places.
    Raises Unsupported when the device gives no frames either, or does not take one of the options.
    """
    refused: Unsupported | None = None
    try:
        if (found := transport.manual(channel, where, options, deadline)) is not None:
            return found
    except Unsupported as error:
        refused = error
    if clicks and isinstance(where, PointAt) and options == MeasureOptions():
        at = now()
        try:
            celsius = transport.click(channel, where.at, deadline)
        except DeviceError:
            celsius = None
        if celsius is not None:
            return Measurement(camera=camera, channel=channel, where=where, celsius=celsius, taken_at=at, way="device")
    from .radiometry import measure as over

    try:
        frame = transport.recent_frame(channel, options, deadline)
    except Unsupported as error:
        if refused is not None:
            raise Unsupported(f"{camera}: cannot measure by hand: {refused}; {error}", camera=camera) from error
        if options != MeasureOptions():
            raise
        raise Unsupported(f"{camera}: cannot measure by hand: {error}", camera=camera) from error
    values = over(frame.matrix, where)
    point = isinstance(where, PointAt)
    return Measurement(
        camera=camera,
        channel=channel,
        where=where,
        celsius=values.average_celsius if point else None,
        highest_celsius=None if point else values.highest_celsius,
        lowest_celsius=None if point else values.lowest_celsius,
        average_celsius=None if point else values.average_celsius,
        highest_at=None if point else values.highest_at,
        lowest_at=None if point else values.lowest_at,
        taken_at=frame.taken_at,
        way="frame",
        frame_age_seconds=max(0.0, (now() - frame.taken_at).total_seconds()),
        frozen=frame.frozen,
    )


def _outline(where: Where) -> tuple[Point, ...]:
    match where:
        case PointAt(at=at):
            return (at,)
        case LineAt(start=start, end=end):
            return (start, end)
    return where.points
