"""What people use today, in a process of its own: pyHik for the stream, paho for MQTT. `… field_client PORT BROKER COUNT`.

Publishes an empty message on `field/<number of the camera>` for each alarm pyHik tells of.
"""

from __future__ import annotations

import json
import sys

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from pyhik.hikvision import HikCamera  # type: ignore[import-not-found]  # in an environment of its own


def main() -> None:
    """Run until stdin ends."""
    port, broker, count = (int(argument) for argument in sys.argv[1:4])
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", broker)
    client.loop_start()
    cameras = []
    for number in range(count):
        camera = HikCamera("http://127.0.0.1", port, "admin", "x")

        def told(message: object, number: int = number) -> None:
            client.publish(f"field/{number}", b"", qos=1)

        camera.add_update_callback(told, f"{camera.get_id}.Motion.2")
        camera.start_stream()
        cameras.append(camera)
    print(json.dumps({"cameras": len(cameras)}), flush=True)
    sys.stdin.read()
    for camera in cameras:
        camera.disconnect()
    client.loop_stop()


if __name__ == "__main__":
    main()
