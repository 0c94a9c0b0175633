"""JPEG pictures of the scene: heat in false colour, and what the visible channel sees."""

from __future__ import annotations

import io
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .models import Channel, Rule
from .scene import Scene

_ANCHORS = ((0, 0, 16), (52, 0, 110), (140, 20, 140), (214, 64, 70), (248, 132, 20), (255, 208, 70), (255, 255, 240))


class Lens:
    """Takes JPEG pictures of a scene; a picture is drawn again only when the scene or the second has changed."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._taken: dict[tuple[int, int, int], tuple[tuple[int, str, bool], bytes]] = {}

    def take(self, channel: Channel, size: tuple[int, int], at: datetime) -> bytes:
        """Take a picture of `size` (width, height) pixels of a channel, with its name and the time in it."""
        key = (channel.id, *size)
        state = (self._scene.version, at.strftime("%Y-%m-%d %H:%M:%S"), self._scene.frozen)
        taken = self._taken.get(key)
        if taken is None or taken[0] != state:
            image = self.still(channel, size)
            draw = ImageDraw.Draw(image)
            draw.text((8, 6), state[1], fill="white")
            draw.text((size[0] - 80, size[1] - 18), channel.name.encode("ascii", "replace").decode(), fill="white")
            taken = (state, jpeg(image))
            self._taken[key] = taken
        return taken[1]

    def still(self, channel: Channel, size: tuple[int, int]) -> Image.Image:
        """Draw what a channel sees, without name and time."""
        return _thermal(self._scene, size) if channel.thermal else _visible(self._scene, size)


def jpeg(image: Image.Image) -> bytes:
    """Encode a picture as the camera does."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def with_comment(jpeg: bytes, comment: bytes) -> bytes:
    """Put a comment segment after the start marker; the picture stays a valid JPEG."""
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]


def _palette() -> NDArray[np.uint8]:
    steps = np.linspace(0, len(_ANCHORS) - 1, 256)
    columns = [np.interp(steps, range(len(_ANCHORS)), [anchor[part] for anchor in _ANCHORS]) for part in range(3)]
    return np.stack(columns, axis=1).astype(np.uint8)


_PALETTE = _palette()


def _thermal(scene: Scene, size: tuple[int, int]) -> Image.Image:
    matrix = scene.matrix()
    low, high = float(matrix.min()), float(matrix.max())
    scaled = ((matrix - low) * (255.0 / max(high - low, 1e-3))).astype(np.uint8)
    image = Image.fromarray(_PALETTE[scaled]).resize(size, Image.Resampling.BILINEAR)
    draw = ImageDraw.Draw(image)
    for rule in scene.rules.values():
        _outline(draw, rule, size)
    (x, y), celsius = scene.hottest()
    left, top = x * size[0], y * size[1]
    draw.line((left - 6, top, left + 6, top), fill="white")
    draw.line((left, top - 6, left, top + 6), fill="white")
    draw.text((8, size[1] - 18), f"max {celsius:.1f} C", fill="white")
    return image


def _visible(scene: Scene, size: tuple[int, int]) -> Image.Image:
    width, height = size
    shade = np.linspace(150, 60, height, dtype=np.float32)[:, None, None] * np.array((0.9, 1.0, 1.1), np.float32)
    image = Image.fromarray(np.broadcast_to(shade, (height, width, 3)).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for rule in scene.rules.values():
        _outline(draw, rule, size, fill="#5b6068")
    if scene.seen_smoke:
        x, y = scene.seen_smoke[0] * width, scene.seen_smoke[1] * height
        draw.ellipse((x - width * 0.05, y - height * 0.2, x + width * 0.05, y), fill="#a8a8a8")
    for fire in scene.seen_fires.values():
        left, top, wide, high = fire.box
        base = (top + high) * height
        tip = (fire.x * width, top * height)
        draw.polygon([(left * width, base), tip, ((left + wide) * width, base)], fill="#ff8c1a")
    return image


def _outline(draw: ImageDraw.ImageDraw, rule: Rule, size: tuple[int, int], fill: str | None = None) -> None:
    points = [(x * size[0], y * size[1]) for x, y in rule.points]
    match rule.calibration:
        case "point":
            (x, y) = points[0]
            draw.ellipse((x - 3, y - 3, x + 3, y + 3), outline="white")
        case "line":
            draw.line(points, fill="white")
        case "region":
            draw.polygon(points, outline="white", fill=fill)
