"""The films of a device: what its channels show now, and what they showed when they recorded.

A film is encoded group by group when somebody first wants it, in a thread of its own, and kept.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor

from PIL import Image

from . import film
from .device import Device
from .film import Format, Gop
from .models import Channel
from .pictures import Lens
from .recordings import Cut
from .scene import Scene

LIVE_GROUPS = 2
"""Seconds after which live video begins again."""
RECORDED_GROUPS = 60
"""Seconds of a recording after which its frame numbers begin again."""
_KEPT = 64


class Film:
    """One still picture, as groups of frames by number."""

    def __init__(self, picture: Image.Image, form: Format, workers: ThreadPoolExecutor) -> None:
        self._picture = picture
        self._form = form
        self._workers = workers
        self._loop = asyncio.get_running_loop()
        self._groups: OrderedDict[int, asyncio.Future[Gop]] = OrderedDict()

    def prepare(self, number: int) -> asyncio.Future[Gop]:
        """Let a group be encoded, if it is not yet."""
        found = self._groups.get(number)
        if found is None or found.cancelled():
            found = self._loop.run_in_executor(self._workers, film.encode, self._picture, self._form, number)
            self._groups[number] = found
        self._groups.move_to_end(number)
        while len(self._groups) > _KEPT:
            self._groups.popitem(last=False)
        return found

    async def group(self, number: int) -> Gop:
        """The group; one viewer that leaves does not take it from the others."""
        return await asyncio.shield(self.prepare(number))


class Films:
    """All films of a device; nothing is drawn or encoded before it is wanted."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._workers = ThreadPoolExecutor(1, thread_name_prefix="hik-simulator-film")
        self._loop = asyncio.get_running_loop()
        self._live: dict[tuple[int, int], tuple[int, Film]] = {}
        self._recorded: dict[int, Film] = {}
        width, height = device.profile.matrix or device.model.matrix
        self.past = Lens(Scene((height, width), device.model.rules, lambda: 0.0))

    def form(self, channel: Channel, place: int) -> Format:
        """How a stream of a channel is encoded."""
        stream = channel.streams[place]
        b_frames = 2 if self._device.profile.b_frames else 0
        return Format(stream.codec, stream.width, stream.height, stream.frames_per_second, b_frames)

    async def parameter_sets(self, form: Format) -> tuple[bytes, ...]:
        """The parameter sets of a format."""
        return await self._loop.run_in_executor(self._workers, film.parameter_sets, form)

    async def live(self, channel: Channel, place: int) -> AsyncGenerator[tuple[Gop, int]]:
        """What a stream shows from now on, a change of the scene with the next group: groups, and how many frames of each."""
        number = 0
        while True:
            now = self._present(channel, place)
            group = await now.group(number)
            number = (number + 1) % LIVE_GROUPS
            now.prepare(number)
            yield group, len(group)

    def recorded(self, channel: Channel) -> Film:
        """What all recordings of a channel show, by the second after their start, `RECORDED_GROUPS` of them in a circle."""
        found = self._recorded.get(channel.id)
        if found is None:
            form = self.form(channel, 0)
            found = Film(self.past.still(channel, (form.width, form.height)), form, self._workers)
            self._recorded[channel.id] = found
        return found

    async def played(self, channel: Channel, cuts: list[Cut]) -> AsyncGenerator[tuple[Gop, int]]:
        """What recordings show, from the key frame before each cut on: groups, and how many frames of each are wanted."""
        shown, form = self.recorded(channel), self.form(channel, 0)
        for cut in cuts:
            for second in range(cut.first, cut.last + 1):
                frames = form.fps if second < cut.last else round(cut.rest * form.fps)
                if frames:
                    group = await shown.group(second % RECORDED_GROUPS)
                    if second < cut.last:
                        shown.prepare((second + 1) % RECORDED_GROUPS)
                    yield group, frames

    def close(self) -> None:
        """Encode nothing more; what is being encoded is waited for."""
        self._workers.shutdown(cancel_futures=True)

    def _present(self, channel: Channel, place: int) -> Film:
        version = self._device.scene.seen_version
        known = self._live.get((channel.id, place))
        if known is None or known[0] != version:
            form = self.form(channel, place)
            picture = self._device.lens.still(channel, (form.width, form.height))
            known = (version, Film(picture, form, self._workers))
            self._live[channel.id, place] = known
        return known[1]
