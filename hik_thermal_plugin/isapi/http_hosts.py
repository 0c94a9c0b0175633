"""The hosts a camera pushes to, by GET and by GET, change, PUT, read back (isapi.md 6.9). Only on request, and only our own slot or a free one."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from nvr_hooks import BadAnswer, CameraError, DeviceError, Unsupported

from ..wire.http_hosts import (
    PATH,
    Destination,
    HostSlot,
    SlotChange,
    SlotEdit,
    as_it_is,
    others_unchanged,
    point,
    read_slots,
    release,
)
from .client import IsapiClient

CAPABILITIES = f"{PATH}/capabilities"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostsChange:
    """What was, or would be, changed in one slot."""

    slot: str | None
    """None: there is nothing of ours to remove."""
    changes: tuple[SlotChange, ...] = ()
    applied: bool = False


class HttpHosts:
    """One camera's list of hosts. Thread-safe; one change at a time."""

    def __init__(self, client: IsapiClient) -> None:
        self._client = client
        self._camera = client.camera
        self._changing = threading.Lock()

    def slots(self, deadline: float) -> tuple[HostSlot, ...]:
        """Return the slots; raise Unsupported when the device has no listening mode."""
        return self._parsed(self._list(deadline))

    def set_up(self, wanted: Destination, *, dry_run: bool, deadline: float) -> HostsChange:
        """Let our slot, else the first free one, lead to `wanted`; `dry_run` only tells.

        Raises DeviceError when all slots belong to others, and when the device answers OK and does otherwise; then the list is put back.
        """
        with self._changing, self._client.conversation():
            document = self._list(deadline)
            slots = self._parsed(document)
            ours = [slot for slot in slots if slot.leads_to(wanted)]
            free = [slot for slot in slots if slot.free]
            if not ours and not free:
                used = ", ".join(f"{slot.id}: {slot.host}" for slot in slots) or "there are none"
                raise DeviceError(
                    f"{self._camera}: all its slots for hosts belong to others ({used})", camera=self._camera
                )
            slot = (ours or free)[0].id
            try:
                edit = point(document, slot, wanted, self._capabilities(deadline))
            except Unsupported as error:
                raise Unsupported(f"{self._camera}: {error}", camera=self._camera) from error
            return self._change(document, slot, edit, dry_run=dry_run, deadline=deadline)

    def remove(self, wanted: Destination, *, dry_run: bool, deadline: float) -> HostsChange:
        """Free our slot, where there is one."""
        with self._changing, self._client.conversation():
            document = self._list(deadline)
            ours = [slot for slot in self._parsed(document) if slot.leads_to(wanted)]
            if not ours:
                return HostsChange(slot=None, applied=not dry_run)
            slot = ours[0].id
            return self._change(document, slot, release(document, slot), dry_run=dry_run, deadline=deadline)

    def _change(self, before: bytes, slot: str, edit: SlotEdit, *, dry_run: bool, deadline: float) -> HostsChange:
        if edit.changes and not dry_run:
            self._put(slot, edit, deadline)
            after = self._client.get(PATH, deadline=deadline)
            held = read_slots(after) == read_slots(edit.whole)
            if not held or not others_unchanged(before, after, slot):
                left = self._put_back(before, slot, after, deadline)
                raise DeviceError(
                    f"{self._camera}: PUT {PATH} answered OK, but the camera holds another list of hosts; {left}",
                    camera=self._camera,
                )
        return HostsChange(slot=slot, changes=edit.changes, applied=not dry_run)

    def _put(self, slot: str, edit: SlotEdit, deadline: float) -> None:
        """Write the slot alone, so that no other can be touched (its password is in no answer); the whole list where that is unknown."""
        try:
            self._client.put(f"{PATH}/{slot}", edit.single, deadline=deadline)
        except Unsupported:
            self._client.put(PATH, edit.whole, deadline=deadline)

    def _put_back(self, before: bytes, slot: str, after: bytes, deadline: float) -> str:
        if after == before:
            return "nothing has changed"
        try:
            if others_unchanged(before, after, slot):
                self._put(slot, as_it_is(before, slot), deadline)
            else:
                self._client.put(PATH, before, deadline=deadline)
        except CameraError as error:
            return f"and the former one could not be put back: {error}"
        return "the former one is put back"

    def _list(self, deadline: float) -> bytes:
        try:
            return self._client.get(PATH, deadline=deadline)
        except Unsupported as error:
            raise Unsupported(
                f"{self._camera}: has no listening mode: it knows no {PATH}; its alarms come by arming",
                camera=self._camera,
            ) from error

    def _capabilities(self, deadline: float) -> bytes | None:
        """Return what the slots may say; some firmware has the list and not this."""
        try:
            return self._client.get(CAPABILITIES, deadline=deadline)
        except (Unsupported, DeviceError, BadAnswer):
            return None

    def _parsed(self, document: bytes) -> tuple[HostSlot, ...]:
        try:
            return read_slots(document)
        except BadAnswer as error:
            raise BadAnswer(
                f"{self._camera}: GET {PATH} answered {error}", camera=self._camera, data=error.data
            ) from error
