"""The cameras that can be simulated: channels, streams, detector, and the thermometry rules they leave the factory with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Quantity = Literal["highest", "lowest", "average", "difference"]
"""What a rule compares: of an area `difference` is its highest minus its lowest temperature."""
Condition = Literal["above", "below"]
Point = tuple[float, float]
"""Horizontal and vertical place in the picture, 0…1 from the top left corner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One video stream of a channel; its id is the channel's number x 100 + its place (isapi.md 2)."""

    codec: str
    width: int
    height: int
    kilobits: int
    mode: Literal["VBR", "CBR"] = "VBR"
    frames_per_second: int = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A video input; streams in the order main, sub."""

    id: int
    name: str
    thermal: bool
    streams: tuple[Stream, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A thermometry rule: where it measures, and the pre-alarm and alarm thresholds in °C (None: not configured)."""

    id: int
    name: str
    calibration: Literal["point", "line", "region"]
    points: tuple[Point, ...]
    quantity: Quantity = "highest"
    condition: Condition = "above"
    pre_alarm: float | None = None
    alarm: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What one kind of camera is. `matrix` is the detector's (width, height) in pixels."""

    name: str
    device_model: str
    device_type: str
    firmware: str
    build: str
    channels: tuple[Channel, ...]
    matrix: tuple[int, int] = (256, 192)
    rules: tuple[Rule, ...] = ()
    pan_tilt: bool = False
    smoke_detection: bool = False
    inputs: int = 1

    @property
    def thermal(self) -> Channel:
        """The thermal channel."""
        return next(channel for channel in self.channels if channel.thermal)

    def channel(self, number: int) -> Channel | None:
        """Find a channel by its number."""
        return next((channel for channel in self.channels if channel.id == number), None)


_RULES = (
    Rule(
        id=1,
        name="Kiln",
        calibration="region",
        points=((0.08, 0.12), (0.28, 0.12), (0.28, 0.36), (0.08, 0.35)),
        pre_alarm=60.0,
        alarm=80.0,
    ),
    Rule(
        id=2,
        name="Motor",
        calibration="region",
        points=((0.68, 0.14), (0.9, 0.14), (0.92, 0.4), (0.68, 0.38)),
        pre_alarm=70.0,
        alarm=90.0,
    ),
    Rule(id=3, name="Shaft", calibration="line", points=((0.62, 0.72), (0.92, 0.8)), pre_alarm=65.0, alarm=85.0),
    Rule(id=4, name="Bearing", calibration="point", points=((0.18, 0.78),), pre_alarm=60.0, alarm=75.0),
    Rule(
        id=5,
        name="Cold room",
        calibration="region",
        points=((0.4, 0.84), (0.56, 0.84), (0.56, 0.95), (0.4, 0.95)),
        quantity="lowest",
        condition="below",
        pre_alarm=5.0,
        alarm=0.0,
    ),
)

_VISIBLE = Channel(
    id=1,
    name="Camera 01",
    thermal=False,
    streams=(
        Stream(codec="H.265", width=1920, height=1080, kilobits=3072),
        Stream(codec="H.264", width=704, height=576, kilobits=1024),
    ),
)


def _thermal(number: int) -> Channel:
    return Channel(
        id=number,
        name=f"Camera {number:02}",
        thermal=True,
        streams=(
            Stream(codec="H.264", width=640, height=512, kilobits=2048, mode="CBR"),
            Stream(codec="H.264", width=320, height=240, kilobits=512),
        ),
    )


MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        Model(
            name="bispectrum",
            device_model="DS-2TD1228-2-QA",
            device_type="IPCamera",
            firmware="V5.5.98",
            build="build 240726",
            channels=(_VISIBLE, _thermal(2)),
            rules=_RULES,
        ),
        Model(
            name="bullet",
            device_model="DS-2TD2137-7-PY",
            device_type="IPCamera",
            firmware="V5.5.42",
            build="build 210907",
            channels=(_thermal(1),),
            matrix=(384, 288),
            rules=_RULES,
        ),
        Model(
            name="positioning",
            device_model="DS-2TD4228-10-W",
            device_type="IPDome",
            firmware="V5.5.74",
            build="build 230112",
            channels=(_VISIBLE, _thermal(2)),
            rules=_RULES,
            pan_tilt=True,
            smoke_detection=True,
        ),
    )
}
"""The models by name: `bispectrum` and `positioning` see visible light on channel 1 and heat on 2, `bullet` heat on 1."""
