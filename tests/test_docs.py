"""What the pages show works: Python runs, configuration is accepted, links lead somewhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import unquote

import jsonschema
import pytest
import yaml
from doc_blocks import ROOT, Block, blocks, blocks_of, pages, programs
from nvr_hooks.loading import load_plugins

SHARED_KEYS = {"state_dir", "metrics", "log"}
"""Top-level keys of a configuration that belong to no plugin."""


def block_name(block: Block) -> str:
    return block.name


@pytest.mark.parametrize("page", programs())
def test_the_python_of_a_page_runs(page: str, tmp_path: Path) -> None:
    program = tmp_path / "page.py"
    program.write_text(programs()[page], encoding="utf-8")
    environ = os.environ | {"TMPDIR": str(tmp_path), "PYTHONWARNINGS": "error"}

    done = subprocess.run(
        [sys.executable, str(program)],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, f"{page}: {done.stderr}"
    assert not re.search("Traceback|Warning", done.stderr), f"{page}: {done.stderr}"


@pytest.mark.parametrize("block", blocks("yaml"), ids=block_name)
def test_the_yaml_of_a_page_is_a_configuration(block: Block) -> None:
    document = yaml.safe_load(block.text)
    assert isinstance(document, dict)
    schemas = dict(load_plugins().hook.nvr_config_schema())
    known = set(schemas) | SHARED_KEYS
    if not set(document) & known:
        pytest.skip("not a configuration of ours")  # Home Assistant's or Frigate's YAML
    assert set(document) <= known
    for key in set(document) & set(schemas):
        jsonschema.validate(document[key], schemas[key])


@pytest.mark.parametrize("block", blocks("json", "toml"), ids=block_name)
def test_json_and_toml_of_a_page_can_be_read(block: Block) -> None:
    if block.language == "toml":
        tomllib.loads(block.text)
    else:
        json.loads(block.text)


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http:", "https:", "mailto:")):
            continue
        name, _, anchor = unquote(target).partition("#")
        linked = (page.parent / name) if name else page
        assert linked.exists(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in anchors(linked), f"{page.name} links to {target}"


def anchors(page: Path) -> set[str]:
    """Return the anchors GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_commands_of_the_pages_exist() -> None:
    used = {
        match["command"]: block.name
        for block in blocks("sh", "console", "bash", "ini", "")
        for match in re.finditer(r"\bhik-thermal +(?P<command>[a-z][\w-]*)", block.text)
    }
    script = "import sys; from hik_thermal_plugin.host import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", script, "--help"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr

    assert {command: where for command, where in used.items() if not re.search(rf"\b{command}\b", done.stdout)} == {}


def test_blocks_are_found_where_they_stand(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("text\n\n```python\na = 1\n```\n\n- item\n\n  ```yaml\n  b: 2\n  ```\n")

    assert [(block.line, block.language, block.text) for block in blocks_of(page)] == [
        (4, "python", "a = 1\n"),
        (10, "yaml", "b: 2\n"),
    ]
