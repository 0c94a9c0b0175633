"""An MQTT 3.1.1 broker as a process of its own: `python amqtt_broker.py PORT`, says `ready`, runs until it is killed.

Not in the process of the tests: amqtt leaves a socket open when a client goes while it shuts down.
"""

from __future__ import annotations

import asyncio
import logging
import sys

from amqtt.broker import Broker


async def serve(port: int) -> None:
    """Run for ever."""
    logging.disable(logging.CRITICAL)
    listener = {"type": "tcp", "bind": f"127.0.0.1:{port}", "max_connections": 0}
    anonymous = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    broker = Broker({"listeners": {"default": listener}, "plugins": anonymous})
    await broker.start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
