"""The fixtures of the bridge: brokers, hosts with a fake camera, and ears that listen."""

from bridge_stage import (  # noqa: F401 - fixtures are found by their names here
    broker,
    ear,
    host,
    listen,
    make_host,
    mosquitto,
    own_broker,
    prefix,
    quick_reconnects,
)
