"""Options, streams and exit codes: what every command has in common, and the commands that ask about plugins and bytes."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from hik_thermal_plugin.host import options

ONE = {"fake": {"cameras": {"kiln": {}}}}


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize(
    ("failure", "code"), [("unreachable", 3), ("refused", 4), ("unsupported", 5), ("busy", 1), ("bug", 1)]
)
def test_each_kind_of_failure_has_its_exit_code_and_one_line_on_stderr(hik: Any, failure: str, code: int) -> None:
    ended = hik("snapshot", "kiln", "-o", "x.jpg", config={"fake": {"cameras": {"kiln": {"fails": failure}}}})

    assert ended.code == code
    assert ended.out == ""
    assert ended.err.startswith("hik-thermal: ")
    assert len(ended.err.splitlines()) == 1
    assert not Path("x.jpg").exists()


def test_more_is_said_of_a_failure_with_vv(hik: Any) -> None:
    ended = hik("snapshot", "kiln", "-o", "x.jpg", "-vv", config={"fake": {"cameras": {"kiln": {"fails": "bug"}}}})

    assert ended.code == 1
    assert "Traceback" in ended.err
    assert "ZeroDivisionError: a plugin's own mistake" in ended.err


def test_an_unknown_camera_is_wrong_use_and_the_nearest_name_is_told(hik: Any) -> None:
    ended = hik("urls", "kilm", config=ONE)

    assert ended == type(ended)(2, "", "hik-thermal: there is no camera kilm; did you mean kiln?\n")


def test_an_unknown_camera_without_a_near_name_gets_the_list(hik: Any) -> None:
    ended = hik("urls", "zzz", config={"fake": {"cameras": {"kiln": {}, "yard": {}}}})

    assert "there are kiln, yard" in ended.err
    assert hik("urls", "zzz", config={"fake": {}}).err == "hik-thermal: there is no camera zzz: none is configured\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["watch", "--nonsense"],
        ["snapshot", "kiln"],
        ["snapshot", "kiln", "-o", "x.jpg", "--source", "oracle"],
        ["urls", "kiln", "--channel", "both"],
        ["urls", "kiln", "--channel", "0"],
        ["urls", "kiln", "--timeout", "soon"],
        ["simulate", "--http-port", "70000"],
    ],
)
def test_wrong_use_ends_with_two_and_says_so_on_stderr(hik: Any, arguments: list[str]) -> None:
    ended = hik(*arguments, config=ONE)

    assert ended.code == 2
    assert ended.out == ""
    assert ended.err


def test_the_configuration_is_the_one_given_else_the_variable_s_else_here(
    hik: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("given", "variable"):
        (tmp_path / f"{name}.yaml").write_text(f"fake: {{cameras: {{{name}: {{}}}}}}")
    here = hik("cameras", "--json", config={"fake": {"cameras": {"here": {}}}})
    monkeypatch.setenv("HIK_THERMAL_CONFIG", str(tmp_path / "variable.yaml"))
    variable = hik("cameras", "--json")
    given = hik("cameras", "-c", tmp_path / "given.yaml", "--json")

    assert [json.loads(ended.out)[0]["name"] for ended in (here, variable, given)] == ["here", "variable", "given"]


def test_without_a_configuration_it_says_where_it_looked(hik: Any) -> None:
    ended = hik("cameras")

    assert ended.code == 2
    assert ended.err.startswith("hik-thermal: config.yaml: no such file")
    assert "-c FILE" in ended.err
    assert "$HIK_THERMAL_CONFIG" in ended.err


def test_timeout_gives_up_on_a_camera_as_unreachable(hik: Any) -> None:
    try:
        ended = hik(
            "snapshot", "kiln", "-o", "x.jpg", "--timeout", "0.1", config={"fake": {"cameras": {"kiln": {"hangs": 1}}}}
        )
    finally:
        hik.cameras.released.set()

    assert (ended.code, ended.err) == (3, "hik-thermal: kiln: no answer within 0.1 s (--timeout)\n")


def test_plugins_lists_what_became_of_each(hik: Any) -> None:
    found = {plugin["name"]: plugin for plugin in json.loads(hik("plugins", "--json").out)}

    assert found["fake"]["distribution"] == "nvr-fake"
    assert found["fake"]["version"] == "2.1"
    assert found["fake"]["contract"] == "1.0"
    assert found["fake"]["state"] == "loaded"
    assert "nvr_listen" in found["fake"]["hooks"]
    assert found["listener"]["contract"] is None


def test_plugins_shows_a_table_to_people(hik: Any) -> None:
    ended = hik("plugins")

    assert ended.code == 0
    assert "nvr-fake 2.1" in ended.out
    assert "listen" in ended.out


def test_installed_plugins_are_listed_with_the_reason_why_one_is_out(start: Any, tmp_path: Path) -> None:
    points = tmp_path / "site" / "nvr_fake-2.1.dist-info" / "entry_points.txt"
    points.write_text("[nvr.plugins]\nfake = nvr_fake:cameras\nlost = nvr_lost:plugin\nlistener = nvr_fake:listener\n")
    process = start("plugins", "--json", env={"NVR_BLOCK_PLUGINS": "hik_thermal,mqtt,alarm_recorder,frigate,listener"})
    out, err = process.communicate(timeout=30)

    found = {plugin["name"]: plugin for plugin in json.loads(out)}
    assert process.returncode == 0
    assert found["fake"]["state"] == "loaded"
    assert (found["lost"]["state"], found["listener"]["state"]) == ("failed", "blocked")
    assert "nvr_lost" in found["lost"]["reason"]
    assert "plugin lost could not be loaded" in err


def test_decode_prints_events_one_a_line_and_nothing_for_heartbeats(hik: Any, tmp_path: Path) -> None:
    (tmp_path / "fire").write_bytes(b"fire")
    (tmp_path / "heartbeat").write_bytes(b"heartbeat")
    fire = hik("decode", "fire", "--json")
    plain = hik("decode", "fire")
    heartbeat = hik("decode", "heartbeat", "--json")

    assert [event["type"] for event in lines(fire.out)] == ["fire_alarm"]
    assert "FIRE alarm, 101.0 °C" in plain.out
    assert (heartbeat.code, heartbeat.out, heartbeat.err) == (0, "", "")


def test_decode_reads_stdin(hik: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"fire")))

    assert lines(hik("decode", "-", "--json").out)[0]["celsius"] == 101.0


@pytest.mark.parametrize(
    ("content", "code", "told"),
    [
        (b"broken", 1, "the document ends in the middle"),
        (b"\x00\x01", 1, "no plugin knows this format"),
        (None, 2, "cannot read captured: No such file or directory"),
    ],
)
def test_decode_says_in_one_line_what_is_wrong(
    hik: Any, tmp_path: Path, content: bytes | None, code: int, told: str
) -> None:
    if content is not None:
        (tmp_path / "captured").write_bytes(content)
    ended = hik("decode", "captured", "--json")

    assert (ended.code, ended.out) == (code, "")
    assert told in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_plugin_s_command_finds_its_plugin_configured_and_has_the_common_options(hik: Any) -> None:
    ended = hik("fake-count", "--add", "2", "--json", config=ONE)

    assert (ended.code, ended.out) == (0, "3 json=True\n")


def test_errors_of_a_plugin_s_command_get_exit_codes_too(hik: Any) -> None:
    assert hik("fake-count", "--add", "-1", config=ONE).code == 1
    assert hik("fake-count", config="fake: [").code == 2


def test_a_plugin_cannot_replace_a_command_of_the_host(hik: Any) -> None:
    hik.cameras.takes_over = True
    ended = hik("schema")

    assert json.loads(ended.out)["type"] == "object"
    assert "wants to replace the command schema" in ended.err


@pytest.mark.slow
def test_every_command_takes_the_common_options(hik: Any) -> None:
    commands = [
        "demo",
        "run",
        "check",
        "probe",
        "cameras",
        "plugins",
        "urls",
        "snapshot",
        "watch",
        "measure",
        "rules",
        "decode",
        "simulate",
    ]
    for command in [*commands, "schema", "fake-count"]:
        ended = hik(command, "--help")
        assert ended.code == 0
        for flag in ("--config", "-c", "--channel", "--json", "--timeout", "--verbose", "-v"):
            assert flag in ended.out, f"{command} {flag}"


def test_an_option_of_a_plugin_s_command_goes_before_the_common_one_of_that_name(hik: Any) -> None:
    def own(channel: str = "theirs") -> None:
        """Take --channel for something else."""

    wrapped = options.with_common_options(own, hik)

    assert wrapped.__annotations__["channel"] is str
    assert {"config", "json", "timeout", "verbose"} < set(wrapped.__annotations__)


def test_without_the_host_extra_it_says_what_to_install(start: Any) -> None:
    code = "import sys; sys.modules['typer'] = None; from hik_thermal_plugin.host import main; main()"
    process = start("plugins", program=[sys.executable, "-c", code])
    out, err = process.communicate(timeout=30)

    assert process.returncode == 1
    assert (out, err) == (
        "",
        "hik-thermal needs typer for its command line: pip install 'hik-thermal-plugin[host]'\n",
    )
