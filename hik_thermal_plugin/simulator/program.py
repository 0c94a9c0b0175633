"""The simulator as a program: one ready line on stdout, then it runs until SIGTERM or SIGINT."""

from __future__ import annotations

import json
import signal
import threading
from typing import Any

from .simulator import Simulator


def serve(**options: Any) -> None:
    """Run a `Simulator` with these options until SIGTERM or SIGINT; the main thread only.

    Prints one line of JSON when all ports are open (`Simulator.ready`). Raises ValueError for wrong options, OSError
    for a port in use, both before the ready line.
    """
    ended = threading.Event()
    handlers = {number: signal.signal(number, lambda *_: ended.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with Simulator(**options) as simulator:
            print(json.dumps(simulator.ready), flush=True)
            ended.wait()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
