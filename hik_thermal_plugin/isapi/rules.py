"""The measuring and alarm rules of a device, by GET and by GET, change, PUT (isapi.md 8, 8.1, 8.2).

Writing happens in the order of `wire.rules.SECTIONS` and is read back. When the device refuses half way, or answers OK and holds something
else, everything that was written is put back as it was, in the same order: the unit first, in which the rest is counted.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from nvr_hooks import (
    BadAnswer,
    Busy,
    CameraError,
    DeviceError,
    NoPermission,
    NvrError,
    RuleChange,
    Unsupported,
    WrongUse,
)

from ..wire.rule_checks import check_rules
from ..wire.rules import PATHS, SECTIONS, Edit, Section, edit_document, parse_rules, sections_of, unit_of
from ..wire.units import Unit
from .channels import ThermalChannels
from .client import IsapiClient
from .faults import verdict_in

PRESET = 1
"""The scene of a camera that does not move; which one a moving camera looks at is not asked."""
SCENE = "/ISAPI/Thermal/channels/{channel}/thermometry/{preset}"
"""Where older firmware has the regions (ThermometryScene)."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a camera measures now."""

    whole: bool = False
    """The whole picture: normal mode, without rules."""
    regions: Mapping[int, Mapping[str, object]] = field(default_factory=dict)
    """The enabled rules, as `regions` of the rules document."""
    unit: str | None = None
    """The unit temperatures are told in, or the device's word where it is none we know; None: not asked, or not said."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document of the device, and where it stands."""

    path: str
    body: bytes = field(repr=False)


class DeviceRules:
    """One camera's rules. Thread-safe; one change at a time."""

    def __init__(self, client: IsapiClient, channels: ThermalChannels) -> None:
        self._client = client
        self._camera = client.camera
        self._channels = channels
        self._changing = threading.Lock()

    def read(self, channel: int, deadline: float) -> dict[str, object]:
        """Return the rules document; sections that the device, or this user, does not have are left out.

        Raises CameraError when it has none at all, or does not tell the unit its limits are in.
        """
        found: dict[Section, bytes] = {}
        first: CameraError | None = None
        with self._client.conversation():
            for section in SECTIONS:
                try:
                    found[section] = self.fetch(section, channel, deadline).body
                except (Unsupported, NoPermission, DeviceError) as error:
                    first = first or error
                    if section == "basic" and isinstance(error, DeviceError):
                        raise
                    if not isinstance(error, Unsupported):
                        _log.warning("%s: rules without %s: %s", self._camera, section, error)
        if not found and first is not None:
            raise first
        return parse_rules(found, camera=self._camera)

    def measured(self, channel: int, deadline: float, *, with_unit: bool = False) -> Measured | None:
        """Return what the camera measures; None when it does not tell. Without `with_unit` the unit is not asked for."""
        unit = self._optional("basic", channel, deadline).get("unit") if with_unit else None
        mode = self._optional("mode", channel, deadline).get("mode")
        found = {} if mode == "normal" else self._optional("regions", channel, deadline)
        regions = found.get("regions", {})
        if (mode is None and not found) or not isinstance(regions, dict):
            return None
        whole = mode == "normal" or (mode is None and not regions)
        return Measured(whole=whole, regions=regions, unit=unit if isinstance(unit, str) else None)

    def fetch(self, section: Section, channel: int, deadline: float) -> Fetched:
        """Return one of the device's documents."""

        def question(number: int) -> Fetched:
            path = PATHS[section].format(channel=number, preset=PRESET)
            try:
                return Fetched(path, self._client.get(path, deadline=deadline))
            except Unsupported:
                if section != "regions":
                    raise
            path = SCENE.format(channel=number, preset=PRESET)
            return Fetched(path, self._client.get(path, deadline=deadline))

        return self._channels.ask("config", section, channel, question)

    def put(self, path: str, body: bytes, deadline: float) -> None:
        """Write one of the device's documents."""
        verdict = verdict_in(self._client.put(path, body, deadline=deadline).body)
        if verdict is not None and verdict.meaning == "reboot":
            _log.warning("%s: PUT %s takes effect after a restart of the camera", self._camera, path)

    @contextmanager
    def alone(self, deadline: float) -> Iterator[None]:
        """Keep others from writing inside the block; raise Busy when that takes too long."""
        if not self._changing.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise Busy(f"{self._camera}: its settings are being written already", camera=self._camera)
        try:
            yield
        finally:
            self._changing.release()

    def change(
        self, channel: int, wanted: Mapping[str, object], *, dry_run: bool, deadline: float
    ) -> tuple[RuleChange, ...]:
        """Make the device's documents say what `wanted` says, and return what differed; `dry_run` only tells.

        Reading ends at `deadline`, writing may take as long as one request more, and so may putting back.
        Raises WrongUse with every mistake in `wanted`, Unsupported for what the device has no place for, and what a refused request
        raises, with a word on whether everything is as it was.
        """
        if not isinstance(wanted, Mapping):
            raise WrongUse(f"{self._camera}: rules are a mapping with the keys of `rules get`")
        with self.alone(deadline), self._client.conversation():
            sections = sections_of(wanted)
            fetched = {section: self.fetch(section, channel, deadline) for section in sections}
            unit = self._unit(fetched.get("basic"), sections, channel, deadline)
            edits = self._edits(fetched, wanted, unit)
            changes = tuple(change for edit in edits.values() for change in edit.changes)
            if changes and not dry_run:
                self._write(channel, fetched, edits, wanted, unit)
        return changes

    def _edits(
        self, fetched: Mapping[Section, Fetched], wanted: Mapping[str, object], unit: Unit
    ) -> dict[Section, Edit]:
        """Edit every document in memory, so that whatever is wrong shows before anything is sent."""
        unknown = {key: value for key, value in wanted.items() if not sections_of({key: value})}
        mistakes = [f"{self._camera}: {mistake}" for mistake in check_rules(unknown)]
        edits: dict[Section, Edit] = {}
        for section, found in fetched.items():
            try:
                edits[section] = edit_document(section, found.body, wanted, unit=unit, camera=self._camera)
            except WrongUse as error:
                mistakes.append(str(error))
        if mistakes:
            raise WrongUse("\n".join(mistakes))
        return edits

    def _write(
        self,
        channel: int,
        before: Mapping[Section, Fetched],
        edits: Mapping[Section, Edit],
        wanted: Mapping[str, object],
        unit: Unit,
    ) -> None:
        deadline = time.monotonic() + self._client.timeout
        after = unit_of(edits["basic"].document) if "basic" in edits else unit
        written: list[Fetched] = []
        try:
            for section, edit in edits.items():
                if not edit.changes:
                    continue
                path, document = before[section].path, edit.document
                if after != unit and section not in ("mode", "basic"):
                    # The camera has converted its limits by itself: what it holds now is what is to be changed.
                    found = self.fetch(section, channel, deadline).body
                    document = edit_document(section, found, wanted, unit=after, camera=self._camera).document
                written.append(before[section])
                self.put(path, document, deadline)
            self._read_back(channel, edits, wanted, after, deadline)
        except NvrError as error:
            left = self._put_back(written)
            word = f"; and could not be put back: {left}" if left else "; everything is put back as it was"
            if left:
                _log.error("%s: rules are half written: %s", self._camera, left)
            kind = type(error) if isinstance(error, CameraError) else DeviceError
            raise kind(f"{error}{word}", camera=self._camera) from error

    def _read_back(
        self, channel: int, edits: Mapping[Section, Edit], wanted: Mapping[str, object], unit: Unit, deadline: float
    ) -> None:
        for section, edit in edits.items():
            if not edit.changes:
                continue
            found = self.fetch(section, channel, deadline)
            left = edit_document(section, found.body, wanted, unit=unit, camera=self._camera).changes
            if left:
                words = ", ".join(f"{change.path} is {change.before!r} and not {change.after!r}" for change in left)
                raise DeviceError(f"{self._camera}: PUT {found.path} answered OK, but {words}", camera=self._camera)

    def _put_back(self, written: list[Fetched]) -> str:
        """Write the old documents where the device holds others; return what it did not take, for people."""
        deadline = time.monotonic() + self._client.timeout
        left = []
        for old in written:
            try:
                if self._client.get(old.path, deadline=deadline) != old.body:
                    self.put(old.path, old.body, deadline)
            except CameraError as error:
                left.append(f"{old.path} ({error})")
        return ", ".join(left)

    def _unit(self, basic: Fetched | None, sections: tuple[Section, ...], channel: int, deadline: float) -> Unit:
        """Return the unit limits are in; only a device without `basic` has none to tell."""
        if basic is None:
            if not {"alarm_rules", "regions", "pixel_to_pixel"} & set(sections):
                return "celsius"
            try:
                basic = self.fetch("basic", channel, deadline)
            except Unsupported:
                return "celsius"
        return unit_of(basic.body)

    def _optional(self, section: Section, channel: int, deadline: float) -> Mapping[str, object]:
        """Return what a section says, as in the rules document; nothing when device or user does not have it."""
        try:
            document = self.fetch(section, channel, deadline).body
            found = parse_rules({section: document}, camera=self._camera)
        except (Unsupported, NoPermission, DeviceError, BadAnswer) as error:
            _log.debug("%s: %s", self._camera, error)
            return {}
        inner = found.get("basic")
        return inner if section == "basic" and isinstance(inner, dict) else found
