"""What is written for users is true: commands and options, every key of the configuration, every example."""

from __future__ import annotations

import re
import runpy
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from nvr_hooks.loading import load_plugins
from typer.main import get_command

from hik_thermal_plugin.host import cli, settings
from hik_thermal_plugin.host.app import Host
from hik_thermal_plugin.host.options import COMMON
from hik_thermal_plugin.host.session import Session
from hik_thermal_plugin.wire.rule_checks import check_rules

ROOT = Path(__file__).parents[2]
CLI = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
REFERENCE = re.compile(r"\$\{(env|file|cred):([^}]*)\}")


def sections(page: str) -> dict[str, str]:
    """Return the page's second-level sections: title -> text."""
    parts = re.split(r"^## (.+)$", page, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def commands() -> dict[str, Any]:
    """Return every command, those of a group as `group command`."""
    command: Any = get_command(cli.application(Session(load_plugins())))
    found: dict[str, Any] = {}
    for name, one in command.commands.items():
        found |= {f"{name} {inner}": leaf for inner, leaf in getattr(one, "commands", {}).items()} or {name: one}
    return found


def blocks() -> Iterator[Any]:
    """Yield every configuration shown to users."""
    yield pytest.param((ROOT / "config.example.yaml").read_text(encoding="utf-8"), id="config.example.yaml")
    for page in PAGES:
        for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)):
            if "hik_thermal:" in block:
                yield pytest.param(block, id=f"{page.name}-{number}")


def test_every_command_has_its_section_and_no_section_is_too_much() -> None:
    assert [name for name in sections(CLI) if name != "Options everywhere"] == list(commands())


def test_every_option_is_named_in_its_section_and_none_that_is_not_there() -> None:
    common = {flag for annotation, _ in COMMON.values() for flag in flags_of(annotation.__metadata__[0])}
    for name, command in commands().items():
        own = {
            flag
            for parameter in command.params
            if parameter.param_type_name == "option"
            for flag in parameter.opts
            if flag not in common
        }
        told = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", "".join(re.findall(r"^- .*$", sections(CLI)[name], re.M))))
        assert told - common == own, name


def test_arguments_are_named_in_their_section() -> None:
    for name, command in commands().items():
        for parameter in command.params:
            if parameter.param_type_name == "argument":
                assert f"`{parameter.name.upper()}`" in sections(CLI)[name], f"{name} {parameter.name}"


def test_the_rules_shown_are_rules() -> None:
    [block] = re.findall(r"```yaml\n(.*?)```", sections(CLI)["rules"], re.DOTALL)
    document = yaml.safe_load(block)

    assert {"mode", "basic", "regions", "alarm_rules", "difference_rules"} <= set(document)
    assert check_rules(document) == []


@pytest.mark.parametrize("command", ["demo", "simulate"])
def test_what_a_command_needs_beside_the_command_line_is_told(
    command: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("hik_thermal_plugin.host.trial.find_spec", lambda name: None)
    assert cli.run([command], load_plugins()) == 1
    (extra,) = re.findall(r"pip install 'hik-thermal-plugin\[(.+)\]'", capfd.readouterr().err)
    assert f"Needs the extra `{extra}`." in sections(CLI)[command]


def test_every_extra_is_in_the_readme_and_every_installation_shown_works_from_a_checkout() -> None:
    extras = set(
        tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    )
    named = set(re.findall(r"`(\w+)`", sections(PAGES[0].read_text(encoding="utf-8"))["Install"]))
    assert extras - named == set()
    for page in PAGES:
        for what in re.findall(r"^ *pip install (.+?)(?:  +#.*)?$", page.read_text(encoding="utf-8"), re.MULTILINE):
            shown = re.fullmatch(r"'?\.(?:\[([\w,]+)\])?'?", what)
            assert shown, f"{page.name}: pip install {what}"
            assert set((shown[1] or "").split(",")) - {""} <= extras


def test_every_command_that_writes_to_a_camera_is_named_on_the_page_of_cameras() -> None:
    writers = {
        name for name, command in commands().items() if any("--write" in option.opts for option in command.params)
    }
    page = (ROOT / "docs" / "cameras.md").read_text(encoding="utf-8")
    told = page.partition("Nothing is written to a camera unasked")[2].partition("\n\n")[0]
    assert {name for name in writers - {"frigate config"} if f"`{name} … " not in told} == set()


def test_the_common_options_have_a_section() -> None:
    for annotation, _ in COMMON.values():
        for flag in flags_of(annotation.__metadata__[0]):
            assert flag in sections(CLI)["Options everywhere"]


def flags_of(option: Any) -> list[str]:
    return [option.default, *option.param_decls]


def test_every_key_of_the_configuration_is_described() -> None:
    maker = runpy.run_path(str(ROOT / "docs" / "configuration_table.py"))
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")

    assert page == maker["written"](page), "run: python docs/configuration_table.py"
    assert "`hik_thermal.cameras.<name>.url`" in page


@pytest.mark.parametrize("block", list(blocks()))
def test_every_configuration_shown_is_valid(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    for scheme, name in REFERENCE.findall(block):
        if scheme == "env":
            monkeypatch.setenv(name, secret)
        if scheme == "cred":
            monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
            (tmp_path / name).write_text(secret)
    (tmp_path / "secret").write_text(secret)
    text = REFERENCE.sub(lambda found: f"${{file:{tmp_path}/secret}}" if found[1] == "file" else found[0], block)
    host = Host(load_plugins())
    try:
        host.configure(settings.parse(text))
        assert host.cameras()
    finally:
        host.close()
