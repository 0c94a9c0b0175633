"""The smallest host: load the installed plugins, hand them a configuration, run until SIGTERM or Ctrl-C.

    python examples/minimal_host.py config.yaml

It knows no camera and no broker: with this package's plugins installed, alarms arrive on MQTT all the same."""

import logging
import signal
import sys
import threading
from pathlib import Path

import yaml
from nvr_hooks import ConfigError
from nvr_hooks.loading import load_plugins


def main(path: str) -> int:
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    hook = load_plugins().hook
    try:
        hook.nvr_configure(config=yaml.safe_load(Path(path).read_text(encoding="utf-8")))
        hook.nvr_start(hooks=hook)
        for camera in (camera for cameras in hook.nvr_cameras() for camera in cameras):
            sys.stdout.write(f"{camera.name} {camera.url}\n")
        sys.stdout.flush()
        stopping.wait()
    except ConfigError as err:
        sys.stderr.write(f"{err}\n")
        return 2
    finally:
        hook.nvr_close()
    return 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    sys.exit(main(sys.argv[1]))
