"""docs/hosts/home-assistant.md works as it stands: its access list and automations, its dashboard, and the picture it shows.

HIK_THERMAL_PICTURES=1 .venv/bin/pytest -n 0 tests/service/test_home_assistant_page.py -k picture   writes the picture anew.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import browser
import pytest
from doc_blocks import ROOT, blocks_of
from hass import HomeAssistant
from PIL import Image

pytestmark = pytest.mark.integration
PAGE = ROOT / "docs" / "hosts" / "home-assistant.md"
PICTURE = PAGE.with_suffix(".png")
WRITE = "HIK_THERMAL_PICTURES"
SIZE = (1120, 960)
LARGEST = 150_000
ANNOUNCED = {"home_assistant": {"discovery": True}, "release_after": 2}


def block(start: str) -> str:
    """Return the block of the page that begins so."""
    return next(block.text for block in blocks_of(PAGE) if block.text.startswith(start))


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """Return a folder with an authority and a certificate for 127.0.0.1 that it signed."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path / "tls"
    folder.mkdir()
    (folder / "server.ext").write_text("subjectAltName=IP:127.0.0.1")
    key = ["-newkey", "rsa:2048", "-nodes"]
    signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "server.ext"]
    for arguments in (
        ["req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=test authority"],
        ["req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=server"],
        ["x509", "-req", "-in", "server.csr", *signed, "-out", "server.crt"],
    ):
        subprocess.run([program, *arguments], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def guarded(mosquitto: Callable[..., Any], authority: Path, tmp_path: Path, secret: str) -> Any:
    """Return a broker with the page's access list and settings, a user for each side, and TLS."""
    program = shutil.which("mosquitto_passwd")
    if program is None:
        pytest.skip("mosquitto_passwd is not installed")
    passwords, acl = tmp_path / "passwords", tmp_path / "acl"
    passwords.touch()
    for user in ("hik-thermal", "homeassistant"):
        subprocess.run([program, "-b", str(passwords), user, secret], check=True, capture_output=True)
    acl.write_text(block("# /etc/mosquitto/acl"))
    settings = block("# /etc/mosquitto/conf.d/users.conf")
    lines = settings.replace("/etc/mosquitto/passwords", str(passwords)).replace("/etc/mosquitto/acl", str(acl))
    names = {"cafile": "ca.crt", "certfile": "server.crt", "keyfile": "server.key"}
    return mosquitto(
        *(f"{name} {authority / file}" for name, file in names.items()),
        *(line for line in lines.splitlines() if not line.startswith(("#", "set_tcp"))),
    )


def test_users_an_access_list_and_tls(
    home_assistant: HomeAssistant, service: Any, guarded: Any, authority: Path, hik_simulator: Any, secret: str,
) -> None:  # fmt: skip
    camera = hik_simulator(password=secret, heartbeat=1.0)
    home_assistant.configure(
        more=block("automation:"), port=guarded.port, username="homeassistant", password=secret,
        certificate=(authority / "ca.crt").read_text(), tls_insecure=False,
    )  # fmt: skip
    service.broker = guarded.port
    login = {"username": "hik-thermal", "password": "${env:KILN_PASSWORD}"}
    service.configure({"kiln": {"url": camera.http}}, **ANNOUNCED, **login, tls={"ca": str(authority / "ca.crt")})
    service.start()
    home_assistant.start()
    home_assistant.expect("binary_sensor.kiln_fire", "off")
    camera.apply([{"fire": {"x": 0.5, "y": 0.5, "celsius": 350, "distance_m": 40}}])
    home_assistant.expect("binary_sensor.kiln_fire", "on")
    home_assistant.until(lambda: home_assistant.attributes("automation.fire_in_the_kiln")["last_triggered"])
    home_assistant.press("button.kiln_take_a_snapshot")
    home_assistant.until(lambda: home_assistant.picture("camera.kiln_thermal_picture").startswith(b"\xff\xd8"))

    listener = (shutil.which("mosquitto_pub") or "mosquitto_pub", "-p", str(guarded.port), "-h", "127.0.0.1")
    told = (*listener, "--cafile", str(authority / "ca.crt"), "-u", "homeassistant", "-P", secret, "-q", "1")
    subprocess.run([*told, "-t", "hik_thermal/kiln/2/alarm/fire", "-m", '{"active": false}'], check=True)
    home_assistant.press("button.kiln_send_a_test_alarm")
    home_assistant.expect("binary_sensor.kiln_test_alarm", "on")
    assert home_assistant.state("binary_sensor.kiln_fire") == "on", "only the bridge tells levels"
    service.stop()
    home_assistant.expect("binary_sensor.kiln_fire", "unavailable")
    assert home_assistant.complaints() == []


def test_the_dashboard_is_the_picture_of_the_page(
    home_assistant: HomeAssistant, service: Any, broker: int, hik_simulator: Any, secret: str, tmp_path: Path,
) -> None:  # fmt: skip
    if browser.program() is None:
        pytest.skip("chromium is not installed")
    camera = hik_simulator(password=secret, heartbeat=1.0)
    home_assistant.configure(dashboard=block("title: Kiln"), port=broker)
    service.configure({"kiln": {"url": camera.http}}, **ANNOUNCED)
    service.start()
    home_assistant.start()
    home_assistant.expect("binary_sensor.kiln_fire", "off")
    camera.apply(
        [
            {"temperature": {"rule": 1, "celsius": 62.0}},
            {"fire": {"x": 0.3, "y": 0.4, "celsius": 350, "distance_m": 40}},
        ]
    )
    home_assistant.press("button.kiln_take_a_snapshot")
    home_assistant.press("button.kiln_measure")
    home_assistant.until(lambda: home_assistant.picture("camera.kiln_thermal_picture").startswith(b"\xff\xd8"))
    home_assistant.until(lambda: home_assistant.picture("image.kiln_fire_picture").startswith(b"\xff\xd8"))
    home_assistant.until(lambda: float(home_assistant.state("sensor.kiln_kiln_highest") or 0) > 60)

    with browser.Browser(tmp_path / "chromium", *SIZE) as tab:
        tab.open(f"http://127.0.0.1:{home_assistant.port}/lovelace/0", before=logged_in(home_assistant))
        seen = tab.wait_for("Unsafe", "Pre-alarm", "Motor, difference", "Measured", pictures=2)
        data = small(tab.picture())
    assert "not available" not in seen
    assert "Unavailable" not in seen
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.size == SIZE
        assert len(picture.convert("RGB").getcolors(1 << 24) or ()) > 50, "it shows something"
    assert len(data) < LARGEST
    if os.environ.get(WRITE):
        PICTURE.write_bytes(data)


def logged_in(home_assistant: HomeAssistant) -> str:
    """Return the script that lets Home Assistant's page find a login."""
    origin = f"http://127.0.0.1:{home_assistant.port}"
    tokens = {
        **home_assistant.tokens(),
        "hassUrl": origin,
        "clientId": f"{origin}/",
        "expires": (time.time() + 1500) * 1000,
    }
    return f"localStorage.setItem('hassTokens', {json.dumps(json.dumps(tokens))})"


def small(data: bytes) -> bytes:
    """Return a PNG of the same picture with 128 colours."""
    target = io.BytesIO()
    with Image.open(io.BytesIO(data)) as picture:
        picture.convert("RGB").quantize(128).save(target, "PNG", optimize=True)
    return target.getvalue()


def test_the_page_shows_a_picture_of_that_size() -> None:
    assert re.search(r"!\[[^\]]+\]\(home-assistant\.png\)", PAGE.read_text(encoding="utf-8"))
    with Image.open(PICTURE) as picture:
        assert picture.size == SIZE
    assert PICTURE.stat().st_size < LARGEST
