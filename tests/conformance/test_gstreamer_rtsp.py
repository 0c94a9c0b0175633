"""The metadata client on an RTSP server nobody here wrote: GStreamer's, with its own SDP, control addresses, Digest and time-outs."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from nvr_hooks import ConnectionChanged, Event, FireAlarm, FireTarget, OtherMetadata, Refused, TemperatureReading

from hik_thermal_plugin.isapi.metadata_stream import MetadataStream
from hik_thermal_plugin.isapi.rtsp_session import RtspEndpoint
from hik_thermal_plugin.login import LoginBudget

pytestmark = pytest.mark.integration

PYTHON = Path("/usr/bin/python3")  # Debian's own: the bindings are for no other
SERVER = Path(__file__).with_name("gstreamer_server.py")
PACKAGES = (
    "gir1.2-gst-rtsp-server-1.0 gstreamer1.0-rtsp gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad "
    "gstreamer1.0-plugins-ugly python3-gi"
)
NEEDS = (
    "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import Gst; Gst.init(None); "
    "exit(not Gst.ElementFactory.find('x264enc'))"
)
TARGET = """<Target><ruleID>{rule}</ruleID><RegionList><Region><Point><x>{rule}</x><y>7</y></Point></Region></RegionList><PropertyList>
<Property><description>tempValue</description><value>{value}</value></Property>
<Property><description>tempUnit</description><value>centigrade</value></Property>
<Property><description>tempProperty</description><value>highest</value></Property></PropertyList></Target>
"""
DOCUMENT = """<?xml version="1.0" encoding="UTF-8"?>
<Metadata version="2.0" xmlns="http://www.isapi.org/ver20/XMLSchema"><type>activityTarget</type><subType>{}</subType>
<time>2026-01-01T00:00:00Z</time><TargetDetection><TargetList>{}</TargetList></TargetDetection></Metadata>"""


class Server:
    """GStreamer's server in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._orders = process.stdin
        self.port: int = json.loads(process.stdout.readline())["port"]

    def send(self, document: str, timestamp: int, size: int = 1400) -> None:
        """Send a document on the metadata track."""
        self._orders.write(json.dumps({"document": document, "timestamp": timestamp, "size": size}) + "\n")
        self._orders.flush()


@pytest.fixture
def serve(secret: str, tmp_path: Path) -> Iterator[Callable[[str], Server]]:
    """Return a function that starts a server whose metadata track has this encoding name."""
    if not PYTHON.exists() or subprocess.run([PYTHON, "-c", NEEDS], capture_output=True, check=False).returncode:
        pytest.skip(f"GStreamer's RTSP server is not installed: apt-get install {PACKAGES}")
    processes: list[subprocess.Popen[str]] = []

    def start(encoding: str) -> Server:
        with (tmp_path / "gstreamer.log").open("w") as log:
            process = subprocess.Popen(
                [PYTHON, SERVER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={
                    "PATH": os.defpath,
                    "RTSP_PASSWORD": secret,
                    "RTSP_ENCODING": encoding,
                    "XDG_CACHE_HOME": str(tmp_path),
                },
            )
        processes.append(process)
        return Server(process)

    yield start
    for process in processes:
        process.communicate(timeout=20)
        assert process.returncode == 0, (tmp_path / "gstreamer.log").read_text()


@contextmanager
def playing(stream: MetadataStream) -> Iterator[Generator[Event, None, None]]:
    with closing(stream.events()) as events:
        assert isinstance(next(events), ConnectionChanged)
        yield events


def endpoint(server: Server, password: str) -> RtspEndpoint:
    return RtspEndpoint(camera="kiln", host="127.0.0.1", port=server.port, username="admin", password=password)


def test_temperatures_and_fires_arrive_over_gstreamer(
    serve: Callable[[str], Server], secret: str, tmp_path: Path
) -> None:
    server = serve("ISAPI.METADATA")
    budget = LoginBudget("admin", secret, tmp_path / "state")
    stream = MetadataStream(endpoint(server, secret), budget, stream_ids=[201], channel=2)
    with playing(stream) as events:
        for number in range(5):
            rules = "".join(TARGET.format(rule=rule, value=number + rule / 10) for rule in range(1, 10))
            server.send(
                DOCUMENT.format("thermometry", rules), timestamp=number * 3600, size=(1400, 100, 333, 5000, 60)[number]
            )
            for rule in range(1, 10):
                event = next(events)
                assert isinstance(event, TemperatureReading)
                assert (event.rule, event.highest_celsius) == (rule, pytest.approx(number + rule / 10))
                assert event.highest_at == (rule / 1000, 0.007)
        server.send(DOCUMENT.format("fireDetection", TARGET.format(rule=1, value=400)), timestamp=99_999)
        assert isinstance(next(events), FireTarget)
        assert isinstance(next(events), FireAlarm)
    assert (stream.counters.undecodable, stream.counters.framing_errors) == (0, 0)
    assert budget.proven


def test_a_silent_track_is_kept_alive(
    serve: Callable[[str], Server], secret: str, tmp_path: Path, wait_for: Callable[..., None]
) -> None:
    server = serve("VND.ONVIF.METADATA")
    budget = LoginBudget("admin", secret, tmp_path / "state")
    stream = MetadataStream(endpoint(server, secret), budget, stream_ids=[201], longest_silence=0.05)
    told: list[Event] = []
    reader = threading.Thread(target=lambda: told.extend(stream.events()))
    reader.start()
    wait_for(lambda: stream.counters.documents >= 3, what="three signs of life answered")
    onvif = '<tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema"/>'
    server.send(onvif, timestamp=1)
    wait_for(lambda: stream.counters.unknown, what="the document")
    stream.interrupt()
    reader.join(5)
    assert not reader.is_alive()
    online, document = told
    assert isinstance(online, ConnectionChanged)
    assert isinstance(document, OtherMetadata)
    assert (document.format, document.raw) == ("onvif", onvif.encode())


def test_a_wrong_password_is_refused_once(serve: Callable[[str], Server], tmp_path: Path) -> None:
    server = serve("ISAPI.METADATA")
    budget = LoginBudget("admin", "guess", tmp_path / "state")
    stream = MetadataStream(endpoint(server, "guess"), budget, stream_ids=[201])
    with pytest.raises(Refused, match="wrong password"):
        list(stream.events())
    assert not budget.proven
