"""A host with one camera in a process of its own, to be killed: `python crash_host.py PORT PREFIX FOLDER WHEN`.

Tells a fire, says its id once it is written down (WHEN `acknowledged`: and the broker has it), and burns until it is killed.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from bridge_stage import Host
from nvr_hooks import ConnectionChanged, FireAlarm, Target


def burn(port: int, prefix: str, folder: Path, acknowledged: bool) -> None:
    """Burn for ever."""
    host = Host(port, folder, prefix)
    camera = host.add("kiln")
    host.start()
    bridge = host.mqtt._bridge
    assert bridge is not None
    while acknowledged and not bridge._link.online:
        time.sleep(0.005)
    camera.tell(ConnectionChanged(camera="kiln", state="online"))
    alarm = FireAlarm(camera="kiln", channel=2, raw_type="fireDetection", targets=(Target(id=1, celsius=80.0),))
    camera.tell(alarm)
    if acknowledged:
        assert bridge._link.drain(20)
    assert bridge._store.flush(20)
    print(alarm.id, flush=True)
    while True:
        time.sleep(0.1)
        camera.tell(
            FireAlarm(camera="kiln", channel=2, raw_type="fireDetection", targets=(Target(id=1, celsius=80.0),))
        )


if __name__ == "__main__":
    burn(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4] == "acknowledged")
