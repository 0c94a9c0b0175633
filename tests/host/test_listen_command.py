"""listen: which hosts a camera pushes to, and our slot among them."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hik_thermal_plugin.isapi.push_source import push_path
from hik_thermal_plugin.plugin import HikThermal

Listen = Callable[..., Any]


@pytest.fixture
def listen(hik: Any, hik_simulator: Any, secret: str, tmp_path: Path) -> Listen:
    """Return `listen("--set-up", profile=…)`: run the command for a simulated camera."""
    cameras: dict[str, Any] = {}

    def run(*arguments: str, profile: str = "foreign_host", **section: Any) -> Any:
        device = cameras.setdefault(profile, None) or hik_simulator(password=secret, profile=profile)
        cameras[profile] = hik.device = device
        kiln = {"url": device.http, "username": "admin", "password": secret, "sources": ["alert_stream", "push"]}
        driver = {"listener": {"bind": "127.0.0.1", "port": 8089}, "cameras": {"kiln": kiln | section.pop("kiln", {})}}
        hik.more["hik_thermal"] = HikThermal()
        config = {"state_dir": str(tmp_path / "state"), "hik_thermal": driver | section}
        return hik("listen", "kiln", *arguments, config=config)

    run.hik = hik  # type: ignore[attr-defined]
    return run


def writes(listen: Any) -> list[Any]:
    found: list[Any] = listen.hik.device.state()["writes"]
    return found


def test_without_an_option_it_shows_the_slots(listen: Listen) -> None:
    ended = listen()
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == ["slot 1: http://127.0.0.1:9/***", "slot 2: free", "slot 3: free"]
    lines = [json.loads(line) for line in listen("--json").out.splitlines()]
    assert [(line["slot"], line["free"], line["ours"]) for line in lines] == [
        ("1", False, False),
        ("2", True, False),
        ("3", True, False),
    ]


def test_set_up_only_tells_until_it_may_write(listen: Listen, tmp_path: Path) -> None:
    told = listen("--set-up")
    assert told.code == 0
    assert told.out.splitlines() == [
        "slot 2: url: / -> /***",
        "slot 2: ipAddress: 0.0.0.0 -> 127.0.0.1",
        "slot 2: portNo: 80 -> 8089",
    ]
    assert "slot 2 would change; nothing is written without --write" in told.err
    assert writes(listen) == []

    done = listen("--set-up", "--write", "--json")
    assert (json.loads(done.out)["slot"], json.loads(done.out)["applied"]) == ("2", True)
    assert "slot 2 is written" in done.err
    assert [write["path"].rpartition("/")[2] for write in writes(listen)] == ["2"]
    path = push_path(tmp_path / "state", "kiln")
    assert f"<url>{path}</url>" in writes(listen)[0]["body"].replace("ns0:", "")
    assert path not in told.out + done.out + done.err, "whoever knows it can push"

    assert "slot 2: http://127.0.0.1:8089/*** (this one)" in listen().out
    again = listen("--set-up", "--write")
    assert (again.out, again.err.strip()) == ("", "hik-thermal: kiln: slot 2 says so already")


def test_remove_frees_our_slot_and_no_other(listen: Listen) -> None:
    listen("--set-up", "--write")
    assert "nothing is written without --write" in listen("--remove").err
    assert listen("--remove", "--write").code == 0
    assert listen().out.splitlines() == ["slot 1: http://127.0.0.1:9/***", "slot 2: free", "slot 3: free"]
    assert "there is nothing to remove" in listen("--remove", "--write").err


def test_the_address_cameras_are_told(listen: Listen) -> None:
    ended = listen("--set-up", listener={"bind": "0.0.0.0", "port": 8089, "address": "192.0.2.5:9000"})
    assert "ipAddress: 0.0.0.0 -> 192.0.2.5" in ended.out
    assert "portNo: 80 -> 9000" in ended.out
    ended = listen("--set-up", listener={"bind": "0.0.0.0"})
    assert "ipAddress: 0.0.0.0 -> 127.0.0.1" in ended.out, "our own on the way to the camera"


def test_a_command_beside_the_service_that_has_the_port_asks_cameras_all_the_same(listen: Listen) -> None:
    with socket.socket() as service:
        service.bind(("127.0.0.1", 0))
        service.listen()
        config = listen("--json", listener={"bind": "127.0.0.1", "port": service.getsockname()[1]})
        assert config.code == 0
        ended = listen.hik("cameras", "--json")
    assert ended.code == 0
    assert "DS-2TD1228" in ended.out


@pytest.mark.parametrize(
    ("arguments", "options", "code", "text"),
    [
        (["--set-up"], {"profile": "no_listening"}, 5, "has no listening mode"),
        (["--set-up", "--write"], {"profile": "foreign_hosts"}, 1, "all its slots for hosts belong to others"),
        (["--set-up"], {"kiln": {"sources": ["alert_stream"]}}, 2, "its sources do not list push"),
        (
            ["--set-up"],
            {"kiln": {"sources": ["alert_stream"]}, "listener": {}},
            2,
            "hik_thermal.listener.bind is not set",
        ),
        (["--set-up", "--remove"], {}, 2, "--set-up or --remove?"),
        (["--write"], {}, 2, "--write goes with --set-up and --remove"),
    ],
)
def test_what_cannot_be(listen: Listen, arguments: list[str], options: dict[str, Any], code: int, text: str) -> None:
    ended = listen(*arguments, **options)
    assert (ended.code, ended.out) == (code, "")
    assert text in ended.err
    assert writes(listen) == []
