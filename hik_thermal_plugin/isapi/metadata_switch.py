"""Switch metadata on in the camera: the one thing about metadata that is written to it, and only when somebody asked for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress

from nvr_hooks import BadAnswer, CameraError, Unsupported

from ..wire.metadata_switch import BY_HAND, THERMAL_TYPES, MetadataSwitch, switch_on
from .client import IsapiClient

PATH = "/ISAPI/Streaming/channels/{}/metadata"


def switch_on_metadata(client: IsapiClient, ids: Sequence[int], types: Iterable[str] = THERMAL_TYPES) -> MetadataSwitch:
    """GET the configuration, PUT it back with the wanted types switched on, and return what was changed: nothing where all was on.

    `ids` are tried in order: some firmware wants the channel (2), some the stream (201). Raises Unsupported when the device has no such
    document or one that is not understood, and whatever a request raises; then nothing was written.
    """
    types = tuple(types)
    with client.conversation():
        path, document = _document(client, ids)
        capabilities: bytes | None = None
        with suppress(CameraError):  # only some need it, and some do not have it
            capabilities = client.request("GET", f"{path}/capabilities").body
        try:
            switch = switch_on(document, types, capabilities)
        except (Unsupported, BadAnswer) as error:
            raise type(error)(f"{client.camera}: GET {path}: {error}", camera=client.camera) from error
        if switch.body is not None:
            client.request("PUT", path, body=switch.body, content_type='application/xml; charset="UTF-8"')
        return switch


def _document(client: IsapiClient, ids: Sequence[int]) -> tuple[str, bytes]:
    last: Unsupported | None = None
    for number in ids:
        path = PATH.format(number)
        try:
            return path, client.request("GET", path).body
        except Unsupported as error:
            last = error
    raise Unsupported(
        f"{client.camera}: metadata cannot be configured over ISAPI: {BY_HAND}", camera=client.camera
    ) from last
