"""GStreamer's RTSP server with live H.264 and a metadata track of payload type 107 behind Digest, on 127.0.0.1.

A program of its own for Debian's python3, which alone has GStreamer's bindings. The password comes in the environment (RTSP_PASSWORD).
Prints `{"port": …}`; each line on stdin, `{"document": …, "size": …, "timestamp": …}`, goes out on the metadata track, cut into packets with
the marker on the last; ends with stdin.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

PATH = "/ISAPI/Streaming/channels/201"
LAUNCH = (
    "( videotestsrc is-live=true ! video/x-raw,width=384,height=288,framerate=25/1 ! x264enc tune=zerolatency speed-preset=ultrafast "
    "! rtph264pay name=pay0 pt=96 appsrc name=pay1 is-live=true format=time do-timestamp=true "
    "caps=application/x-rtp,media=application,payload=107,clock-rate=90000,encoding-name={} )"
)


class Metadata:
    """The metadata track of the media that is playing."""

    def __init__(self) -> None:
        self.source: Any = None
        self.sequence = 65_530

    def configured(self, factory: Any, media: Any) -> None:
        self.source = media.get_element().get_by_name_recurse_up("pay1")
        self.send(b"\0", 1, 0)  # without a first packet there is no SDP; padding says nothing

    def send(self, document: bytes, size: int, timestamp: int) -> None:
        pieces = [document[at : at + size] for at in range(0, len(document), size)]
        for index, piece in enumerate(pieces):
            second = 107 | (0x80 if index == len(pieces) - 1 else 0)
            header = struct.pack(">BBHII", 0x80, second, self.sequence & 0xFFFF, timestamp, 0xC0FFEE)
            self.sequence += 1
            self.source.emit("push-buffer", Gst.Buffer.new_wrapped(header + piece))


def main() -> None:
    Gst.init(None)
    metadata, loop = Metadata(), GLib.MainLoop()
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(LAUNCH.format(os.environ["RTSP_ENCODING"]))
    factory.set_protocols(GstRtsp.RTSPLowerTrans.TCP)
    factory.connect("media-configure", metadata.configured)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_role("user")
    for what in ("media.factory.access", "media.factory.construct"):
        permissions.add_permission_for_role("user", what, True)
    factory.set_permissions(permissions)
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    auth.add_digest("admin", os.environ["RTSP_PASSWORD"], token)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    server.set_auth(auth)
    server.get_mount_points().add_factory(PATH, factory)
    server.attach(None)
    print(json.dumps({"port": server.get_bound_port()}), flush=True)

    def read(stdin: Any, condition: Any) -> bool:
        line = sys.stdin.readline()
        if not line:
            loop.quit()
            return False
        order = json.loads(line)
        metadata.send(order["document"].encode(), order["size"], order["timestamp"])
        return True

    GLib.io_add_watch(sys.stdin, GLib.PRIORITY_DEFAULT, GLib.IOCondition.IN | GLib.IOCondition.HUP, read)
    loop.run()


main()
