"""Node-RED and mosquitto, each started once for all tests here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from check import CACHE
from node_red_runtime import Missing, Node, NodeRed, Wire, installed, mosquitto, notifications


@pytest.fixture(scope="module")
def node_red(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeRed]:
    """Return an instance that is empty at its start."""
    try:
        program = installed(CACHE)
    except Missing as err:
        pytest.skip(str(err))
    instance = NodeRed(program, tmp_path_factory.mktemp("node-red") / "user")
    yield instance
    instance.close()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Return the port of a mosquitto."""
    try:
        with mosquitto(tmp_path_factory.mktemp("mosquitto")) as port:
            yield port
    except Missing as err:
        pytest.skip(str(err))


@pytest.fixture
def wire(broker: int) -> Iterator[Wire]:
    """Return a client that hears everything."""
    made = Wire(broker)
    yield made
    made.close()


@pytest.fixture
def notified() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    with notifications() as taken:
        yield taken


@pytest.fixture
def deploy(
    node_red: NodeRed, broker: int, wire: Wire, wait_for: Callable[..., None], tmp_path: Path
) -> Iterator[Callable[..., list[Node]]]:
    """Return `deploy(nodes, taps={"answer": "topic"}, NOTIFY_URL=…)`: what a user does after an import, until the broker is connected.

    The broker's address is entered, environment variables of the tabs are set, and debug nodes named in `taps` send to a topic.
    """

    def go(nodes: list[Node], taps: dict[str, str] | None = None, **environment: str) -> list[Node]:
        born = f"born/{tmp_path.name}/{time.monotonic_ns()}"
        for node in nodes:
            if node["type"] == "mqtt-broker":
                node |= {"broker": "127.0.0.1", "port": str(broker), "birthTopic": born, "birthPayload": "now"}
            for setting in node.get("env", ()):
                setting["value"] = environment.get(setting["name"], setting["value"])
            if node["type"] == "debug" and (topic := (taps or {}).get(node["name"])):
                links = [one["id"] for one in nodes if one["type"] == "mqtt-broker"]
                node |= {"type": "mqtt out", "topic": topic, "qos": "1", "retain": "", "broker": links[0]}
        node_red.deploy(nodes)
        wait_for(lambda: wire.of(born), what=f"Node-RED at the broker: {node_red.log.read_text()[-2000:]}")
        return nodes

    yield go
    node_red.deploy([])


@pytest.fixture
def named() -> Callable[[list[Node], str], Any]:
    """Return `named(nodes, name)`: the node of that name."""
    return lambda nodes, name: next(node for node in nodes if node.get("name") == name)
