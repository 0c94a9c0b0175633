"""GStreamer's RTSP server with live video behind Digest, on 127.0.0.1: whatever RTSP_LAUNCH makes.

A program of its own for Debian's python3, which alone has GStreamer's bindings. The password comes in the environment (RTSP_PASSWORD).
Prints `{"port": …}`; ends with stdin.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

PATH = "/Streaming/Channels/201"


def main() -> None:
    Gst.init(None)
    loop = GLib.MainLoop()
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(os.environ["RTSP_LAUNCH"])
    factory.set_protocols(GstRtsp.RTSPLowerTrans.TCP)
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

    def ended(stdin: Any, condition: Any) -> bool:
        loop.quit()
        return False

    GLib.io_add_watch(sys.stdin, GLib.PRIORITY_DEFAULT, GLib.IOCondition.IN | GLib.IOCondition.HUP, ended)
    loop.run()


main()
