"""What an earlier version wrote into its state folder, and the configuration it ran with, still hold (the outbox: bridge/test_upgrade.py)."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from nvr_hooks import AuthBlocked
from nvr_hooks.loading import load_plugins

from hik_thermal_plugin.frigate.journal import Journal
from hik_thermal_plugin.heard import HeardTimes
from hik_thermal_plugin.host import settings
from hik_thermal_plugin.host.app import Host
from hik_thermal_plugin.isapi.push_source import push_path
from hik_thermal_plugin.login import LoginBudget

CONFIG = """
state_dir: {state}
mqtt: {{host: 127.0.0.1, port: 1883, prefix: site, release_after: 10, outbox: {{max_age: 7d, max_size: 32MB}}}}
metrics: {{bind: 0.0.0.0, port: 9108, temperatures: true}}
log: {{format: json}}
alarm_recorder: {{directory: {state}/alarms, pre_roll: 5, seconds: 30}}
frigate: {{url: "http://127.0.0.1:5000"}}
hik_thermal:
  listener: {{bind: 127.0.0.1, port: 8089}}
  cameras:
    kiln: {{url: "http://192.0.2.10", username: admin, password: x, sources: [alert_stream, push, metadata, poll], timeout: 5}}
"""


def test_the_configuration_of_an_earlier_version_has_no_mistakes(tmp_path: Path) -> None:
    host = Host(load_plugins())
    try:
        host.configure(settings.parse(CONFIG.format(state=tmp_path)))
        assert [info.name for info in host.cameras()] == ["kiln"]
    finally:
        host.close()


def test_refusals_that_an_earlier_version_counted_still_block(tmp_path: Path, secret: str) -> None:
    salt = "00112233445566778899aabbccddeeff"
    digest = hashlib.scrypt(secret.encode(), salt=bytes.fromhex(salt), n=2**14, r=8, p=1, dklen=32).hex()
    refused = {digest: {"refusals": 2, "blocked_at": 1000.0, "seconds": 1800.0}}  # nothing of who has locked what
    name = hashlib.sha256(b"admin@http://192.0.2.10").hexdigest()[:24]
    (tmp_path / f"login-{name}.json").write_text(
        json.dumps({"salt": salt, "pending": False, "refused": refused, "suspect": False})
    )
    budget = LoginBudget("admin@http://192.0.2.10", secret, tmp_path, clock=lambda: 1500.0)
    with pytest.raises(AuthBlocked):
        budget.check("kiln")


def test_a_camera_goes_on_to_push_to_its_path(tmp_path: Path) -> None:
    name = hashlib.sha256(b"kiln").hexdigest()[:24]
    (tmp_path / f"push-{name}.path").write_text("0123456789abcdef0123456789abcdef\n")
    assert push_path(tmp_path, "kiln") == "/hik-thermal/0123456789abcdef0123456789abcdef"


def test_when_cameras_were_heard_is_known(tmp_path: Path) -> None:
    (tmp_path / "heard.json").write_text('{"kiln": "2026-01-31T12:00:00+00:00", "yard": 7}')
    heard = HeardTimes(tmp_path / "heard.json", dict)
    assert {name: at.isoformat() for name, at in heard.start().items()} == {"kiln": "2026-01-31T12:00:00+00:00"}
    heard.close()


def test_events_that_are_open_in_frigate_are_known(tmp_path: Path) -> None:
    draft: dict[str, Any] = {
        "camera": "kiln", "label": "fire", "sub_label": "Fire 300 °C", "score": 0.9,
        "boxes": [[0.1, 0.1, 0.2, 0.2]],
    }  # fmt: skip
    row = {
        "id": "a", "draft": draft, "began": "2026-01-31T12:00:00.000Z", "event_id": "1769860800.0-abcdef", "over": None,
        "late": False, "ended_by_itself": False, "unsure": False,
    }  # fmt: skip
    (tmp_path / "frigate.json").write_text(json.dumps([row]))
    (entry,) = Journal(tmp_path / "frigate.json").load()
    assert (entry.id, entry.event_id, entry.draft.label) == ("a", "1769860800.0-abcdef", "fire")
