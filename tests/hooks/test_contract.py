"""The contract holds together: spec, page and tests name the same hooks, and it needs pluggy alone."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
import textwrap
import typing
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import nvr_hooks
import pluggy
import pytest
from named_tests import names_of_tests
from nvr_hooks import spec

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "hooks.md"
HOOKS: dict[str, Callable[..., Any]] = {name: item for name, item in vars(spec).items() if name.startswith("nvr_")}


@cache
def signatures() -> dict[str, str]:
    """Return hook name -> `name(argument: type, …) -> type`, as the source has it, in one line."""
    tree = ast.parse(Path(spec.__file__).read_text(encoding="utf-8"))
    return {
        node.name: f"{node.name}({ast.unparse(node.args)}) -> {ast.unparse(node.returns)}"
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.returns is not None
    }


@cache
def sections() -> dict[str, str]:
    """Return heading -> text of docs/hooks.md, by its `### nvr_…` headings."""
    parts = re.split(r"^#{2,3} +`?(\w[^`\n]*)`?$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_hooks_are_those_of_the_design() -> None:
    assert set(HOOKS) == {
        "nvr_configure", "nvr_start", "nvr_cameras", "nvr_stream_url", "nvr_open_stream", "nvr_snapshot", "nvr_record",
        "nvr_search", "nvr_playback_url", "nvr_download", "nvr_storage", "nvr_listen", "nvr_watch", "nvr_measure",
        "nvr_thermal_frame", "nvr_rules", "nvr_apply_rules", "nvr_diagnose", "nvr_probe", "nvr_capture", "nvr_decode",
        "nvr_health", "nvr_config_schema", "nvr_commands", "nvr_close",
    }  # fmt: skip
    assert spec.CONTRACT_VERSION == (1, 0)
    assert spec.GROUP == "nvr.plugins"


@pytest.mark.parametrize("name", HOOKS)
def test_the_page_has_a_section_with_the_exact_signature(name: str) -> None:
    section = sections().get(name)

    assert section, f"docs/hooks.md has no section {name}"
    one_line = re.sub(r"\s+", " ", section)
    assert f"`{signatures()[name]}`" in one_line, f"docs/hooks.md: the signature of {name} is {signatures()[name]}"
    if "camera" in inspect.signature(HOOKS[name]).parameters:
        assert "None" in section, f"docs/hooks.md: {name} does not say what None means"
    assert "Errors" in section, f"docs/hooks.md: {name} does not say what it raises"


@pytest.mark.parametrize("name", HOOKS)
def test_a_test_is_named_for_the_hook(name: str) -> None:
    assert any(re.match(rf"test_{name}(_|$)", test) for test in names_of_tests()), (
        f"no test_{name}… anywhere under tests/"
    )


@pytest.mark.parametrize("name", HOOKS)
def test_the_specification_is_typed_required_and_synchronous(name: str) -> None:
    hook = HOOKS[name]
    signature = inspect.signature(hook)
    hints = typing.get_type_hints(hook)

    assert not inspect.iscoroutinefunction(hook)
    assert set(hints) == {*signature.parameters, "return"}
    assert all(item.default is inspect.Parameter.empty for item in signature.parameters.values()), (
        "pluggy ignores defaults"
    )


@pytest.mark.parametrize("name", HOOKS)
def test_hooks_for_one_camera_end_at_the_first_answer_and_say_what_none_means(name: str) -> None:
    manager = pluggy.PluginManager(spec.PROJECT)
    manager.add_hookspecs(spec)
    options = manager.parse_hookspec_opts(spec, name)
    assert options is not None

    for_one = "camera" in inspect.signature(HOOKS[name]).parameters or name in ("nvr_probe", "nvr_decode")
    assert bool(options["firstresult"]) is for_one
    text = HOOKS[name].__doc__ or ""
    assert text.endswith((".", ".)"))
    assert (" None: not " in text) is for_one


def test_the_page_mentions_every_public_name() -> None:
    words = set(re.findall(r"\w+", PAGE.read_text(encoding="utf-8")))

    assert sorted(set(nvr_hooks.__all__) - words) == []


ALONE = """
    import importlib.abc, sys

    class NothingElse(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path=None, target=None):
            top = name.partition(".")[0]
            if top not in sys.stdlib_module_names and top not in ("nvr_hooks", "pluggy"):
                raise ImportError(f"nvr_hooks reached for {name}")
            return None

    sys.meta_path.insert(0, NothingElse())
    sys.path[:0] = sys.argv[1:]
    import json
    import nvr_hooks
    import pkgutil
    for module in pkgutil.iter_modules(nvr_hooks.__path__, "nvr_hooks."):
        __import__(module.name)
    from nvr_hooks import FireAlarm, to_json
    from nvr_hooks.loading import load_plugins
    from nvr_hooks.testing import FakeCamera
    plugins = load_plugins(found=[])
    camera = FakeCamera("kiln")
    plugins.add("fake", camera)
    plugins.hook.nvr_listen(camera="kiln", sink=lambda event: print(json.dumps(to_json(event))))
    camera.tell(FireAlarm(camera="kiln", channel=2, celsius=68.0))
    foreign = {name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names)
    print(sorted(foreign - {"__main__"}))
"""


def test_it_imports_with_nothing_but_pluggy(tmp_path: Path) -> None:
    alone = tmp_path / "pluggy_only"
    alone.mkdir()
    (alone / "pluggy").symlink_to(Path(pluggy.__file__).parent)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "nvr_hooks").symlink_to(Path(nvr_hooks.__file__).parent)

    done = subprocess.run(
        [sys.executable, "-S", "-I", "-c", textwrap.dedent(ALONE), str(hooks), str(alone)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    event, foreign = done.stdout.splitlines()
    assert '"type": "fire_alarm"' in event
    assert foreign == "['nvr_hooks', 'pluggy']"
