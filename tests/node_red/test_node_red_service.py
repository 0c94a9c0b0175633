"""From the simulated camera to Node-RED and back, with the service and the flows a user has; and the picture of the page."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from node_red_runtime import Node, NodeRed, Wire
from picture import PICTURE, SIZE, photograph
from PIL import Image

pytestmark = pytest.mark.integration
Wait = Callable[..., None]
FUNCTION = (253, 208, 162)
"""The colour of a function node."""
LISTENER = (216, 191, 216)
LARGEST = 150_000


@pytest.fixture
def kiln(hik_simulator: Any, secret: str) -> Any:
    return hik_simulator(password=secret, heartbeat=1.0)


@pytest.fixture
def ask(tmp_path: Path, broker: int, kiln: Any, secret: str, wait_for: Wait) -> Iterator[Callable[..., str]]:
    """Return `ask("node-red", "flow")`: what a command says, beside the running service."""
    camera = {"url": kiln.http, "username": kiln.username, "password": "${env:KILN_PASSWORD}", "timeout": 5}
    config = {
        "state_dir": str(tmp_path / "state"),
        "mqtt": {"host": "127.0.0.1", "port": broker, "prefix": "site", "release_after": 2},
        "hik_thermal": {"cameras": {"kiln": camera}},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    program = str(Path(sys.executable).with_name("hik-thermal"))
    environ = {**os.environ, "KILN_PASSWORD": secret}

    def go(*arguments: str) -> str:
        command = [program, *arguments, "-c", str(tmp_path / "config.yaml")]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    with (tmp_path / "log").open("wb") as log:
        service = subprocess.Popen(
            [program, "run", "-c", str(tmp_path / "config.yaml")],
            env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    yield go
    service.terminate()
    service.wait(10)
    assert secret not in (tmp_path / "log").read_text()


def test_a_fire_is_notified_sounds_the_siren_and_is_measured(
    ask: Callable[..., str],
    deploy: Callable[..., list[Node]],
    node_red: NodeRed,
    wire: Wire,
    notified: tuple[str, list[tuple[dict[str, str], bytes]]],
    kiln: Any,
    wait_for: Wait,
    named: Callable[[list[Node], str], Node],
) -> None:
    url, taken = notified
    wait_for(lambda: wire.of("site/kiln/state")[-1:] == [b"online"])
    text = ask("node-red", "flow")
    assert "site/kiln/2/temperature/+" in text
    settings = {"NOTIFY_URL": url, "KINDS": "fire,temperature,test", "PICTURE_SECONDS": "1", "SETTLE_SECONDS": "0.2"}
    nodes = deploy(json.loads(text), taps={"answer": "tap/answer"}, **settings)
    assert {node["type"] for node in nodes} - node_red.core_types() == set()
    ask("test-alarm", "kiln")
    wait_for(lambda: taken)
    assert taken[0][1] == b"alarm"

    kiln.apply([{"fire": {"x": 0.5, "y": 0.5, "celsius": 350, "distance_m": 12}}])
    wait_for(lambda: [body for headers, body in taken if headers.get("Content-Type") == "image/jpeg"])
    [picture] = [body for headers, body in taken if headers.get("Content-Type") == "image/jpeg"][:1]
    with Image.open(io.BytesIO(picture)) as image:
        assert image.format == "JPEG"

    kiln.apply([{"temperature": {"rule": 1, "celsius": 120}}])
    wait_for(lambda: wire.of("siren/set")[-1:] == [b"ON"])

    node_red.press(named(nodes, "kiln: centre")["id"])
    wait_for(lambda: wire.of("tap/answer"))
    assert wire.of("tap/answer")[0]["celsius"] == pytest.approx(350, abs=1)

    kiln.apply([{"extinguish": {}}, {"temperature": {"rule": 1, "celsius": 20}}])
    wait_for(lambda: wire.of("siren/set")[-1:] == [b"OFF"])


def test_the_picture_of_the_page_is_the_flow_in_the_editor(
    node_red: NodeRed, tmp_path: Path, deploy: Callable[..., list[Node]]
) -> None:
    nodes = deploy(json.loads((Path(__file__).parents[2] / "integrations/node-red/notification.json").read_text()))
    try:
        photograph(node_red.url, nodes[0]["id"], tmp_path / "now.png")
    except FileNotFoundError as err:
        pytest.skip(str(err))
    for path in (PICTURE, tmp_path / "now.png"):
        assert path.stat().st_size < LARGEST
        with Image.open(path) as image:
            assert image.size == SIZE
            colours = {colour: count for count, colour in image.convert("RGB").getcolors(1 << 24) or ()}
        assert colours.get(FUNCTION, 0) > 1000, path
        assert colours.get(LISTENER, 0) > 1000, path
