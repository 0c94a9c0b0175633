"""Draw docs/hosts/node-red.png anew: a flow in the editor of a real Node-RED, by a headless Chromium. `--flows` writes the example flows anew.

python tests/node_red/picture.py
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from hik_thermal_plugin.bridge.nodered import FLOWS, Site, flows

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "hosts" / "node-red.png"
SIZE = (1400, 520)


def photograph(url: str, tab: str, target: Path) -> None:
    """Make a picture of a tab in the editor; raise FileNotFoundError without Chromium."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        raise FileNotFoundError("chromium is not installed (Debian: chromium)")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]
        command += [f"--user-data-dir={profile}", f"--window-size={SIZE[0]},{SIZE[1]}", "--virtual-time-budget=15000"]
        command += ["--disable-dev-shm-usage", f"--screenshot={target}", f"{url}/#flow/{tab}"]
        subprocess.run(command, check=True, capture_output=True, timeout=120)


def write_flows() -> None:
    """Write the example flows as the package has them."""
    for name in FLOWS:
        text = json.dumps(flows([name], Site()), ensure_ascii=False, indent=2) + "\n"
        (ROOT / "integrations" / "node-red" / f"{name}.json").write_text(text, encoding="utf-8")


def main() -> None:
    """Draw, or write."""
    if "--flows" in sys.argv:
        write_flows()
        return
    sys.path.insert(0, str(ROOT / "tests"))
    from check import CACHE
    from node_red_runtime import NodeRed, installed, mosquitto

    with tempfile.TemporaryDirectory() as folder, mosquitto(Path(folder)) as port:
        nodes = flows(["notification"], Site(port=port))
        instance = NodeRed(installed(CACHE), Path(folder) / "user")
        try:
            instance.deploy(nodes)
            photograph(instance.url, nodes[0]["id"], PICTURE)
        finally:
            instance.close()


if __name__ == "__main__":
    main()
