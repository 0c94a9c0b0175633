"""The house stays in order: who imports whom, what files are called, how long they are, what must not stand in them."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DRIVER = (
    "listener_settings listening access "
    "nvr_hooks wire transport login worker deliveries merge virtual virtual_watch radiometry measurement thermometry tried_source "
    "isapi sdk media config transports pass_through device acquaintance gaps captures live_video video snapshots alarm_pictures "
    "recording_time download_target downloads span_downloads archive"
)

# Room -> what its modules may import besides the standard library and each other: other rooms and libraries.
# `library:module` holds for that module only, `library@function` inside that function only.
TABLE = {
    "nvr_hooks": "pluggy",
    "wire": "nvr_hooks lxml numpy:matrix ctypes:hcnetsdk_layouts",
    "transport": "nvr_hooks worker",
    "worker": "nvr_hooks deliveries",
    "deliveries": "nvr_hooks",
    "login": "nvr_hooks",
    "merge": "nvr_hooks",
    "virtual": "nvr_hooks",
    "radiometry": "nvr_hooks numpy",
    "thermometry": "nvr_hooks transport worker deliveries merge tried_source",
    "tried_source": "nvr_hooks worker",
    "virtual_watch": "nvr_hooks deliveries virtual",
    "listener_settings": "pydantic",
    "listening": "nvr_hooks access wire isapi config",
    "measurement": "nvr_hooks transport radiometry",
    "gaps": "nvr_hooks virtual",
    "heard": "",
    "isapi": "nvr_hooks wire transport login httpx",
    "sdk": "nvr_hooks wire transport login ctypes",
    "media": "nvr_hooks radiometry av numpy PIL:overlay PIL:frames",
    "config": "nvr_hooks pydantic yaml transport virtual listener_settings",
    "captures": "nvr_hooks transport wire",
    "live_video": "nvr_hooks worker deliveries transport media",
    "video": "nvr_hooks deliveries device live_video media recording_time transport",
    "recording_time": "nvr_hooks device",
    "download_target": "nvr_hooks",
    "downloads": "nvr_hooks transport media download_target",
    "span_downloads": "nvr_hooks media download_target downloads",
    "archive": "nvr_hooks device transport media video recording_time downloads span_downloads",
    "snapshots": "nvr_hooks device video media",
    "alarm_pictures": "nvr_hooks media",
    "transports": "nvr_hooks transport",
    "pass_through": "nvr_hooks login isapi sdk",
    "access": "login isapi config",
    "device": "nvr_hooks access wire transport transports pass_through login isapi sdk config",
    "acquaintance": "nvr_hooks transport device",
    "camera": DRIVER,
    "site": f"{DRIVER} camera heard",
    "commands": f"{DRIVER} typer@nvr_commands",
    "listen_command": "nvr_hooks wire isapi listening typer@nvr_commands",
    "plugin": f"{DRIVER} camera site commands listen_command",
    "bridge": "nvr_hooks pydantic paho typer@nvr_commands",
    "frigate": "nvr_hooks pydantic httpx ruamel typer@nvr_commands",
    "alarm_recorder": "nvr_hooks pydantic",
    "host": "nvr_hooks yaml typer click rich prometheus_client simulator:demo simulator@simulate amqtt:broker ctypes:memory",
    "simulator": "av numpy PIL yaml pytest",
}
NOT_PLAIN = {"ctypes"}
"""Standard library that a room needs a line in the table for."""
NEVER_IN_WIRE = {"socket", "ssl", "threading", "asyncio", "time", "select", "selectors", "subprocess", "queue", "http"}
NO_NAMES = {"utils", "util", "helpers", "helper", "manager", "base", "common", "misc"}


def package(name: str) -> Path:
    """Return where an import package lies: in the checkout, or installed."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0])


def modules() -> Iterator[tuple[str, Path]]:
    """Yield dotted name and path of every module of both packages."""
    for name in ("nvr_hooks", "hik_thermal_plugin"):
        folder = package(name)
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            yield ".".join([name, *(part for part in parts if part != "__init__")]), path


def imports(module: str, path: Path) -> Iterator[tuple[str, str | None]]:
    """Yield (absolute dotted name, enclosing function or None) of everything a module imports, wherever it does."""
    is_package = path.name == "__init__.py"

    def walk(node: ast.AST, function: str | None) -> Iterator[tuple[str, str | None]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from ((item.name, function) for item in child.names)
            elif isinstance(child, ast.ImportFrom):
                up = module.split(".")[: len(module.split(".")) - child.level + is_package] if child.level else []
                start = ".".join([*up, *([child.module] if child.module else [])])
                if (child.level and not child.module) or start == "hik_thermal_plugin":
                    yield from ((f"{start}.{item.name}", function) for item in child.names)
                else:
                    yield start, function
            else:
                inner = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else function
                yield from walk(child, inner)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")), None)


def room_of(name: str) -> str:
    """Return the room of a dotted name, or the library it belongs to."""
    first, *rest = name.split(".")
    return rest[0] if first == "hik_thermal_plugin" and rest else first


def complaint(module: str, imported: str, function: str | None) -> str | None:
    """Say what is wrong with one import, or None."""
    room, target = room_of(module), room_of(imported)
    if room == "wire" and imported.split(".")[0] in NEVER_IN_WIRE:
        return f"{module} imports {imported}: wire knows bytes and values only"
    plain = imported.split(".")[0] in sys.stdlib_module_names - NOT_PLAIN
    if plain or target in (room, "__future__"):
        return None
    allowed = TABLE.get(room, "").split()
    if {target, f"{target}:{module.rpartition('.')[2]}", f"{target}@{function}"} & set(allowed):
        return None
    return f"{module} may not import {imported}; the table allows: {' '.join(allowed) or 'nothing'}"


def test_the_import_table_holds() -> None:
    found = [
        complaint(module, imported, function)
        for module, path in modules()
        for imported, function in imports(module, path)
    ]
    assert [text for text in found if text] == []


@pytest.mark.parametrize(
    ("module", "imported", "function"),
    [
        ("hik_thermal_plugin.isapi.client", "hik_thermal_plugin.sdk.library", None),
        ("hik_thermal_plugin.bridge.plugin", "hik_thermal_plugin.plugin", None),
        ("hik_thermal_plugin.bridge.plugin", "typer", None),
        ("hik_thermal_plugin.host.app", "hik_thermal_plugin.camera", None),
        ("hik_thermal_plugin.host.app", "hik_thermal_plugin.simulator", None),
        ("hik_thermal_plugin.simulator.http", "hik_thermal_plugin.wire.multipart", None),
        ("hik_thermal_plugin.simulator.http", "nvr_hooks", None),
        ("hik_thermal_plugin.wire.alerts", "socket", None),
        ("hik_thermal_plugin.wire.alerts", "numpy", None),
        ("hik_thermal_plugin.camera", "hik_thermal_plugin.site", "configure"),
        ("hik_thermal_plugin.plugin", "hik_thermal_plugin.host", None),
        ("hik_thermal_plugin.commands", "hik_thermal_plugin.site", None),
        ("hik_thermal_plugin.commands", "typer", "frame"),
        ("nvr_hooks.aio", "anyio", None),
    ],
)
def test_the_table_refuses(module: str, imported: str, function: str | None) -> None:
    assert complaint(module, imported, function)


def test_relative_imports_are_resolved(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text("from ..wire import xml\nfrom . import client\nfrom .. import site\ndef f():\n    import httpx\n")

    assert list(imports("hik_thermal_plugin.isapi.x", path)) == [
        ("hik_thermal_plugin.wire", None),
        ("hik_thermal_plugin.isapi.client", None),
        ("hik_thermal_plugin.site", None),
        ("httpx", "f"),
    ]


FOLDERS = ("docs", "examples", "benchmarks", "soak", "tests", "integrations", "deploy", ".ci")
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "Makefile",
    "config.example.yaml",
    "pyproject.toml",
    "constraints.txt",
)
TEXT = {".py", ".md", ".yaml", ".yml", ".toml", ".json", ".txt", ".xml", ".sh", ".c", ".h", ""}


def sources() -> list[Path]:
    """Return every text file of the project that people read."""
    roots = [package("nvr_hooks"), package("hik_thermal_plugin"), *(ROOT / name for name in FOLDERS)]
    found = [path for folder in roots for path in folder.rglob("*") if path.suffix in TEXT and path.is_file()]
    found += [ROOT / name for name in PAGES if (ROOT / name).exists()]
    return [path for path in found if "__pycache__" not in path.parts]


def python_files() -> list[Path]:
    return [path for path in sources() if path.suffix == ".py"]


def test_modules_are_called_after_what_they_are_about() -> None:
    assert [path for path in python_files() if path.stem in NO_NAMES] == []


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in python_files()}

    assert {path.name: length for path, length in lengths.items() if length > 400} == {}


def test_every_module_says_what_it_is_for() -> None:
    says = re.compile(r'(#.*\n|\s)*r?"""\s*[^\s"]')
    silent = [path for path in python_files() if not says.match(path.read_text(encoding="utf-8"))]

    assert silent == []


FORBIDDEN = {
    "unfinished work": r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX)\b",
    "a private key": r"BEGIN [A-Z ]*PRIVATE " + r"KEY",
    "a token": r"\b(gh[pousr]_[A-Za-z0-9]{30,}|AKIA[0-9A-Z]{16}|xox[abp]-[0-9A-Za-z-]{10,})",
    "a path of one machine": r"(?<![\w.~-])/(ro" + r"ot|wo" + r"rk|home/\w+|Users/\w+)/",
    "the address of a package index": r"https?://[^\s\"'`]*(py" + r"pi|pythonho" + r"sted|/simp" + r"le\b)",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_stands_in_the_files_that_must_not(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what])
    found = [
        f"{path}:{number}: {line.strip()}"
        for path in sources()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]

    assert found == []


def test_the_checks_of_text_find_what_they_look_for() -> None:
    for what, text in {
        "unfinished work": "# TO" + "DO: later",
        "a private key": "-----BEGIN RSA PRIVATE " + "KEY-----",
        "a token": "ghp_" + "a" * 36,
        "a path of one machine": "open('/ro" + "ot/x')",
        "the address of a package index": "https://py" + "pi.org/project/x",
    }.items():
        assert re.search(FORBIDDEN[what], text), what
