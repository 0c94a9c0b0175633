"""What the tests of RTSP sources share: documents, streams to a scripted camera, and reading them in a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from nvr_hooks import CameraError, ConnectionChanged, Event
from rtsp_camera import RtspCamera

from hik_thermal_plugin.isapi.metadata_stream import MetadataStream
from hik_thermal_plugin.isapi.rtsp_session import RtspEndpoint
from hik_thermal_plugin.login import LoginBudget

READING = b"""<?xml version="1.0" encoding="UTF-8"?>
<Metadata version="2.0"><type>activityTarget</type><subType>thermometry</subType><time>2026-01-01T00:00:00Z</time>
<TargetDetection><TargetList><Target><ruleID>1</ruleID><PropertyList>
<Property><description>tempValue</description><value>40</value></Property>
<Property><description>tempUnit</description><value>centigrade</value></Property>
<Property><description>tempProperty</description><value>highest</value></Property>
</PropertyList></Target></TargetList></TargetDetection></Metadata>
"""
FIRE = READING.replace(b"thermometry", b"fireDetection").replace(b">40<", b">400<")
ONVIF = b'<tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema"><tt:Event/></tt:MetadataStream>'

Make = Callable[..., MetadataStream]


def maker(camera: RtspCamera, folder: Path, secret: str) -> Make:
    """Return a function that makes a stream to the camera; streams with one password share its login budget."""
    budgets: dict[str, LoginBudget] = {}

    def make(
        *, password: str = secret, username: str = "admin", timeout: float = 5.0, port: int = 0, **more: Any
    ) -> MetadataStream:
        budget = budgets.setdefault(password, LoginBudget("admin@192.0.2.64", password, folder))
        endpoint = RtspEndpoint(
            camera="kiln",
            host="127.0.0.1",
            port=port or camera.port,
            username=username,
            password=password,
            timeout=timeout,
        )
        return MetadataStream(endpoint, budget, stream_ids=(201,), channel=2, **more)

    return make


@contextmanager
def online(stream: MetadataStream) -> Iterator[Generator[Event, None, None]]:
    """Play, and end with the block."""
    with closing(stream.events()) as events:
        assert next(events) == ConnectionChanged(camera="kiln", source="metadata", state="online")
        yield events


def lost(stream: MetadataStream, kind: type[CameraError]) -> CameraError:
    """Read until the error and return it."""
    with pytest.raises(kind) as caught:
        list(stream.events())
    assert type(caught.value) is kind
    assert caught.value.camera == "kiln"
    assert str(caught.value).startswith("kiln: ")
    return caught.value


class Reader:
    """Read a stream in a thread."""

    def __init__(self, stream: MetadataStream) -> None:
        self._error: CameraError | None = None
        self._stream = stream
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        try:
            for _ in self._stream.events():
                pass
        except CameraError as error:
            self._error = error

    def end(self, seconds: float = 10.0) -> CameraError | None:
        self._thread.join(seconds)
        assert not self._thread.is_alive()
        return self._error
