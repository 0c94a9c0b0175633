"""What a camera measures, drawn into its picture: regions, names, temperatures, fires (guide 8.1 and 8.2, step 7). Needs Pillow.

Hosts that draw themselves get the same as values: regions and points are 0…1 from the top left, on every event.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from nvr_hooks import Alarm, Event, FireTarget, Point, TemperatureReading, Unsupported

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

READING_SECONDS = 5.0
"""How long a temperature is shown after it was told; a camera tells it at least once a second."""
FIRE_SECONDS = 3.0
TOGETHER = 0.1
"""Seconds a document may arrive after the picture it belongs to."""
_HISTORY = 256
_COLOURS = {"reading": (255, 255, 255), "fire": (255, 72, 40)}
_BLACK = (0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One thing to draw."""

    kind: Literal["reading", "fire"]
    region: tuple[Point, ...] = ()
    spot: Point | None = None
    """The hottest point."""
    text: str = ""
    spot_text: str = ""


def check_pillow(camera: str) -> None:
    """Raise Unsupported, naming the extra, where Pillow is missing."""
    try:
        import PIL.ImageDraw  # noqa: F401
    except ImportError:
        raise Unsupported(
            f"{camera}: drawing into pictures needs Pillow: pip install 'hik-thermal-plugin[overlay]'", camera=camera
        ) from None


def marks_of(event: Event) -> list[Mark]:
    """Return what an event has to draw: a reading, a fire, the targets of an alarm."""
    match event:
        case TemperatureReading(status=status) if status != "ended":
            return [_of_reading(event)]
        case FireTarget():
            return [_of_fire(event.region, event.hottest, "fire", event.celsius, event.distance_m)]
        case Alarm():
            return [
                _of_fire(target.region, target.hottest, event.kind.replace("_", " "), target.celsius, target.distance_m)
                for target in event.targets
                if target.region or target.hottest
            ]
    return []


class Overlay:
    """What is to be drawn at which time. `take` is a sink; events of other channels are left out. Thread-safe."""

    def __init__(self, channel: int | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._channel = channel
        self._clock = clock
        self._changed = threading.Condition()
        self._told: deque[tuple[float, Event]] = deque(maxlen=_HISTORY)

    def take(self, event: Event) -> None:
        """Take one event of the camera."""
        if not isinstance(event, TemperatureReading | FireTarget):
            return
        if None not in (event.channel, self._channel) and event.channel != self._channel:
            return
        with self._changed:
            self._told.append((self._clock(), event))
            self._changed.notify_all()

    def wait(self, timeout: float) -> bool:
        """Wait until there is something to draw; return whether there is."""
        with self._changed:
            return self._changed.wait_for(lambda: bool(self._told), timeout)

    def marks(self, at: float) -> list[Mark]:
        """Return what was known at a time (monotonic seconds), the newest of each rule and the fires of the newest document."""
        with self._changed:
            told = [(then, event) for then, event in self._told if then <= at + TOGETHER]
        readings: dict[tuple[object, ...], TemperatureReading] = {}
        fires: list[FireTarget] = []
        for then, event in told:
            match event:
                case TemperatureReading() if then >= at - READING_SECONDS:
                    readings[event.rule, event.preset] = event
                case FireTarget() if then >= at - FIRE_SECONDS:
                    fires = [fire for fire in fires if fire.at == event.at] + [event]
        return [mark for event in (*readings.values(), *fires) for mark in marks_of(event)]


def drawn(frame: Any, marks: Sequence[Mark]) -> Any:
    """Return a frame (av.VideoFrame) with the marks drawn in; itself where there are none."""
    if not marks:
        return frame
    import av
    from PIL import ImageDraw

    picture: Image.Image = frame.to_image()
    draw = ImageDraw.Draw(picture)
    _draw(draw, picture.size, marks)
    library: Any = av.VideoFrame
    return library.from_image(picture)


def number(value: float) -> str:
    """Write a number as JSON has it, without what floating point adds."""
    return f"{value:g}"


def _of_reading(reading: TemperatureReading) -> Mark:
    name = reading.rule_name or ("" if reading.rule is None else f"rule {reading.rule}")
    parts = [
        (word, value)
        for word, value in (
            ("", reading.point_celsius),
            ("max ", reading.highest_celsius),
            ("min ", reading.lowest_celsius),
            ("avg ", reading.average_celsius),
        )
        if value is not None
    ]
    words = [f"{word}{number(value)} °C" for word, value in parts]
    if reading.difference_kelvin is not None and not words:
        words.append(f"difference {number(reading.difference_kelvin)} K")
    hottest = reading.highest_celsius
    shown = reading.highest_at is not None and hottest is not None and len(reading.region) > 1
    return Mark(
        kind="reading",
        region=reading.region,
        spot=reading.highest_at,
        text="\n".join(filter(None, [name, "  ".join(words)])),
        spot_text=f"{number(hottest)} °C" if shown and hottest is not None else "",
    )


def _of_fire(
    region: tuple[Point, ...], spot: Point | None, word: str, celsius: float | None, distance_m: float | None
) -> Mark:
    words = [word]
    if celsius is not None:
        words.append(f"{number(celsius)} °C")
    if distance_m is not None:
        words.append(f"{number(distance_m)} m")
    return Mark(kind="fire", region=region, spot=spot, text="\n".join(filter(None, [words[0], "  ".join(words[1:])])))


def _draw(draw: ImageDraw.ImageDraw, size: tuple[int, int], marks: Iterable[Mark]) -> None:
    from PIL import ImageFont

    width, height = size
    letters = max(11, height // 32)
    font = ImageFont.load_default(letters)
    line = max(1, height // 360)
    # Fires last: nothing is drawn over them.
    for mark in sorted(marks, key=lambda mark: mark.kind == "fire"):
        colour = _COLOURS[mark.kind]
        points = [(x * width, y * height) for x, y in mark.region]
        for shade, wide in ((_BLACK, line + 2), (colour, line)):
            if len(points) > 2:
                draw.line([*points, points[0]], fill=shade, width=wide)
            elif len(points) == 2:
                draw.line(points, fill=shade, width=wide)
        spot = mark.spot or (mark.region[0] if len(mark.region) == 1 else None)
        if spot is not None:
            _cross(draw, (spot[0] * width, spot[1] * height), colour, letters // 2, line)
        anchor = _corner(points) if points else (spot[0] * width, spot[1] * height) if spot is not None else None
        if anchor is not None:
            lines = mark.text.split("\n")
            for above, line_of_text in enumerate(reversed(lines), 1):
                top = anchor[1] - above * (letters + 2) - 2
                if anchor[1] < len(lines) * (letters + 2) + 2:  # no room above: inside
                    top = anchor[1] + (len(lines) - above) * (letters + 2) + 2
                _write(draw, font, letters, size, (anchor[0] + 1, top), line_of_text, colour)
        if mark.spot_text and spot is not None:
            _write(
                draw,
                font,
                letters,
                size,
                (spot[0] * width + letters // 2, spot[1] * height + 2),
                mark.spot_text,
                colour,
            )


def _corner(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return min(x for x, _ in points), min(y for _, y in points)


def _cross(
    draw: ImageDraw.ImageDraw, at: tuple[float, float], colour: tuple[int, int, int], arm: int, line: int
) -> None:
    x, y = at
    for shade, wide in ((_BLACK, line + 2), (colour, line)):
        draw.line((x - arm, y, x + arm, y), fill=shade, width=wide)
        draw.line((x, y - arm, x, y + arm), fill=shade, width=wide)


def _write(
    draw: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    letters: int,
    size: tuple[int, int],
    at: tuple[float, float],
    text: str,
    colour: tuple[int, int, int],
) -> None:
    """Write a text where it is wanted, pushed into the picture."""
    left = min(at[0], size[0] - draw.textlength(text, font=font) - 2)
    top = min(max(at[1], 1.0), size[1] - letters - 4)
    draw.text((max(left, 1.0), top), text, fill=colour, font=font, stroke_width=1, stroke_fill=_BLACK)
