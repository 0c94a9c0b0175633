"""Home Assistant for the tests, on the newest Python at hand: `python tests/service/hass_install.py` installs it and prints where it is.

It lies in the user's cache folder, beside what `make check` keeps there. $HIK_THERMAL_HASS names another one to test with.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hik-thermal-plugin"
GIVEN = "HIK_THERMAL_HASS"
RELEASES = {(3, 14, 2): "2026.11.0", (3, 13, 2): "2026.2.3", (3, 13, 0): "2025.4.4", (3, 12, 0): "2025.1.4"}
"""From which Python on which release is tested: each is the newest that runs there, and on 3.14 it needs g++ for want of wheels.
Devices are announced to 2024.12 and later."""
INTEGRATIONS = (
    *("frontend", "mqtt", "onboarding", "camera", "image", "history", "lovelace"),
    *("hassio", "ffmpeg", "assist_pipeline", "infrared", "radio_frequency"),  # newer ones load these unasked
)
_CLOSURE = """
import json, sys
from pathlib import Path
import homeassistant
root, todo, seen, found = Path(homeassistant.__file__).parent / "components", sys.argv[1:], set(), set()
while todo:
    if (name := todo.pop()) not in seen and (root / name).is_dir():
        seen.add(name)
        manifest = json.loads((root / name / "manifest.json").read_text())
        found |= set(manifest.get("requirements", ()))
        todo += manifest.get("dependencies", [])
print(root.parent / "package_constraints.txt", *sorted(found), sep="\\n")
"""


class NotToBeHad(Exception):
    """There is no Home Assistant here, and none can be installed: why."""


def installed() -> Path:
    """Return the program hass, installed if need be, which takes minutes once; raise NotToBeHad."""
    if given := os.environ.get(GIVEN):
        return Path(given)
    python, release = _newest()
    recipe = hashlib.sha256(repr((INTEGRATIONS, _CLOSURE, python)).encode()).hexdigest()[:8]
    folder = CACHE / f"home-assistant-{release}-{recipe}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "home-assistant.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs of the tests would install over each other
        if not (folder / "ready").exists():
            for old in CACHE.glob("home-assistant-2*"):
                shutil.rmtree(old)
            _install(python, release, folder)
    return folder / "bin" / "hass"


def _install(python: Path, release: str, folder: Path) -> None:
    _run(python, "-m", "venv", folder)
    pip = (folder / "bin" / "python", "-m", "pip", "install", "-q", "--no-input", "--root-user-action=ignore")
    _run(*pip, f"homeassistant=={release}")
    # Home Assistant would fetch these itself, one by one, during its first start.
    constraints, *wanted = _run(folder / "bin" / "python", "-c", _CLOSURE, *INTEGRATIONS).splitlines()
    _run(*pip, "-c", constraints, *wanted)
    (folder / "ready").touch()


def _newest() -> tuple[Path, str]:
    """Return the newest Python that a release runs on, and that release."""
    found = [Path(sys.executable), *(Path.home() / ".pyenv" / "versions").glob("3.*/bin/python")]
    found += [Path(path) for minor in (14, 13, 12) if (path := shutil.which(f"python3.{minor}"))]
    versions = {version: path for path in found if (version := _version(path))}
    newest = max(versions, default=(0, 0, 0))
    for lowest, release in RELEASES.items():
        if lowest[:2] == newest[:2] and newest >= lowest:
            return versions[newest], release
    raise NotToBeHad(f"Home Assistant needs Python 3.12 or newer; the newest here is {'.'.join(map(str, newest))}")


def _version(python: Path) -> tuple[int, ...]:
    program = "import ensurepip, venv, sys; print(*sys.version_info[:3])"
    done = subprocess.run([python, "-c", program], capture_output=True, text=True, check=False)
    return tuple(map(int, done.stdout.split()))


def _run(*command: object) -> str:
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise NotToBeHad(f"{' '.join(words[1:5])} … failed: {done.stderr.strip()[-500:]}")
    return done.stdout


if __name__ == "__main__":
    print(installed())
