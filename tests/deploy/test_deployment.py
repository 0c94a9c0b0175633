"""What is shipped to run the service: the unit as systemd judges it, container and compose files as far as that goes without an engine."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from dockerfile_parse import DockerfileParser
from nvr_hooks.loading import load_plugins

from hik_thermal_plugin.host import settings
from hik_thermal_plugin.host.app import Host
from hik_thermal_plugin.host.service_settings import metrics

DEPLOY = Path(__file__).parents[2] / "deploy"
UNIT = DEPLOY / "hik-thermal.service"
COMPOSE = DEPLOY / "compose"
PROGRAM = Path(sys.executable).with_name("hik-thermal")


def unit() -> Any:
    """Return the unit's sections; of a key written several times the last one."""
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT, encoding="utf-8")
    return parser


def with_secrets(text: str, folder: Path, secret: str) -> dict[str, Any]:
    """Return a configuration whose secrets are there."""
    (folder / "secret").write_text(secret)
    return settings.parse(re.sub(r"\$\{file:[^}]*\}", f"${{file:{folder}/secret}}", text))


def systemd(*arguments: object) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed (Debian: systemd)")
    words = [program, *map(str, arguments)]
    return subprocess.run(
        words, capture_output=True, text=True, timeout=60, check=False, env=os.environ | {"LANG": "C"}
    )


@pytest.mark.integration
def test_systemd_takes_the_unit_as_it_is(tmp_path: Path) -> None:
    installed = tmp_path / UNIT.name  # with the program where it is here: systemd looks whether it is there
    installed.write_text(UNIT.read_text("utf-8").replace("/opt/hik-thermal/bin/hik-thermal", str(PROGRAM)), "utf-8")
    done = systemd("verify", "--man=no", installed)

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.integration
def test_systemd_finds_the_unit_hardly_exposed() -> None:
    done = systemd("security", "--offline=true", "--no-pager", "--threshold=15", UNIT)

    assert done.returncode == 0, done.stdout


def test_the_unit_says_what_the_program_does() -> None:
    service = unit()["Service"]
    program, command, *_ = service["ExecStart"].split()

    assert (service["Type"], service["NotifyAccess"]) == ("notify", "main")
    assert (Path(program).name, command) == ("hik-thermal", "run")
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert float(service["TimeoutStopSec"]) > 5, "it ends in less than 5 s"
    assert service["RestartPreventExitStatus"] == "2", "docs/cli.md: a mistake in the configuration"
    assert "${cred:passwords_NAME}" in UNIT.read_text("utf-8")
    assert service["LoadCredential"].startswith("passwords:")


def test_the_container_runs_the_service_as_nobody_who_matters(tmp_path: Path) -> None:
    parsed = DockerfileParser(path=str(tmp_path))
    parsed.content = (DEPLOY / "Containerfile").read_text("utf-8")
    steps = [(step["instruction"], step["value"]) for step in parsed.structure if step["instruction"] != "COMMENT"]
    last = {name: value for name, value in steps if name in ("USER", "ENTRYPOINT", "CMD", "VOLUME", "STOPSIGNAL")}

    assert len(parsed.parent_images) == 2
    assert all(re.fullmatch(r"python:3\.\d+-slim-\w+", image) for image in parsed.parent_images), (
        "a version, not latest"
    )
    assert last["USER"] == "10001:10001"
    assert yaml.safe_load(last["ENTRYPOINT"]) == ["hik-thermal"]
    assert yaml.safe_load(last["CMD"])[0] == "run"
    assert yaml.safe_load(last["VOLUME"]) == ["/config", "/state"]
    assert last["STOPSIGNAL"] == "SIGTERM"
    copied = [value.split()[:-1] for name, value in steps if name == "COPY" and not value.startswith("--from")]
    assert len(copied) == 3
    if (DEPLOY.parent / "hik_thermal_plugin").is_dir():  # the suite of the built wheel has no checkout around it
        assert [name for names in copied for name in names if not (DEPLOY.parent / name).exists()] == []
    order = [name for name, _ in steps]
    assert order.index("USER") > max(number for number, name in enumerate(order) if name == "RUN")


def test_the_health_check_of_the_container_asks_where_metrics_are_by_default() -> None:
    [check] = re.findall(r"HEALTHCHECK.*\\\n\s+CMD (\[.*\])", (DEPLOY / "Containerfile").read_text("utf-8"))
    defaults = metrics({"metrics": {}})
    assert defaults is not None

    python, _, program = yaml.safe_load(check)
    assert python == "python"
    compile(program, "health check", "exec")
    assert f"http://{defaults.bind}:{defaults.port}/healthz" in program


@pytest.mark.integration
def test_compose_reads_the_example(tmp_path: Path) -> None:
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("docker-compose is not installed (Debian: docker-compose)")
    done = subprocess.run(
        [program, "-f", str(COMPOSE / "compose.yaml"), "config"],
        env=os.environ | {"KILN_PASSWORD": "x"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {"mosquitto", "hik-thermal", "frigate"} == set(yaml.safe_load(done.stdout)["services"])


def test_the_example_fits_the_image_and_its_own_files(tmp_path: Path, secret: str) -> None:
    compose = yaml.safe_load((COMPOSE / "compose.yaml").read_text("utf-8"))
    ours = compose["services"]["hik-thermal"]
    for service in compose["services"].values():
        for mount in service["volumes"]:
            source = mount.split(":")[0]
            assert (COMPOSE / source).exists() if source.startswith(".") else source in compose["volumes"], source
    assert ours["read_only"] is True
    assert ours["cap_drop"] == ["ALL"]
    assert {mount.split(":")[1] for mount in ours["volumes"]} == {"/config", "/state"}
    assert (COMPOSE / ours["build"]["context"] / ours["build"]["dockerfile"]).samefile(DEPLOY / "Containerfile")
    text = (COMPOSE / "config" / "config.yaml").read_text("utf-8")
    assert re.findall(r"\$\{file:/run/secrets/(\w+)\}", text) == ours["secrets"]
    assert not (COMPOSE / compose["secrets"]["kiln"]["file"]).exists(), "secrets are not part of the example"
    host = Host(load_plugins())
    try:
        host.configure(document := with_secrets(text, tmp_path, secret))
        assert [info.name for info in host.cameras()] == ["kiln"]
        assert document["mqtt"]["host"] in compose["services"]
        assert document["frigate"]["url"] == "http://frigate:5000"
        assert "metrics" in document, "the health check asks for it"
    finally:
        host.close()
    frigate = yaml.safe_load((COMPOSE / "frigate" / "config.yml").read_text("utf-8"))
    assert frigate["mqtt"]["host"] == document["mqtt"]["host"]
