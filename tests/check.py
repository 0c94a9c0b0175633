"""Everything a change has to pass, in one run: `make check`, or some of it: `make check ARGS="--only lint,types"`.

Each step ends with one line; a failure does not stop the next step, and all failures are listed at the end. What is built or downloaded lies
outside the checkout, in the user's cache folder.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from doc_blocks import programs

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hik-thermal-plugin"
PYTHONS = ("3.11", "3.12", "3.13")
CARRIED = ("tests", "docs", "examples", "benchmarks", "soak", "integrations", "deploy")
"""Folders a copy for the built wheel's suite needs; the packages are not among them."""

BESIDE = ("-n", "2", "--dist", "loadfile")
"""Integration tests wait more than they work: two at a time, those that share a server in one process."""


class Failed(Exception):
    """A step failed; its output has been shown."""


def run(*command: str | Path, quiet: bool = False, cwd: Path = ROOT, environ: Mapping[str, str] | None = None) -> str:
    """Run a program; show its output (with `quiet` only when it fails) and return it; raise Failed unless it ends with 0."""
    words = [str(word) for word in command]
    env = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")} | dict(
        environ or {}
    )
    output = subprocess.PIPE if quiet else None
    done = subprocess.run(
        words,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output and subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.stdout.write(done.stdout or "")
        raise Failed(f"{Path(words[0]).name} {' '.join(words[1:4])} ended with {done.returncode}")
    return done.stdout or ""


def check_format(options: argparse.Namespace) -> str:
    """The formatter has nothing to change."""
    return run(BIN / "ruff", "format", "--check", ".", quiet=True).strip().splitlines()[-1]


def check_lint(options: argparse.Namespace) -> str:
    """The linter has nothing to say."""
    return run(BIN / "ruff", "check", ".", quiet=True).strip().splitlines()[-1]


def check_types(options: argparse.Namespace) -> str:
    """Packages, the public API as a host's author uses it, the examples, and the Python of every page: mypy --strict."""
    said = run(BIN / "mypy", quiet=True).strip().splitlines()[-1]
    with tempfile.TemporaryDirectory() as folder:
        files = [ROOT / "tests" / name for name in ("typing/api.py", "doc_blocks.py", "check.py")]
        files += sorted((ROOT / "examples").glob("*.py")) + sorted((ROOT / "docs").glob("*.py"))
        for page, text in programs().items():
            files.append(Path(folder) / (page.replace("/", "_").removesuffix(".md") + ".py"))
            files[-1].write_text(text, encoding="utf-8")
        run(BIN / "mypy", *files, quiet=True)
    return f"{said}; and {len(files)} programs that use them"


def check_tests(options: argparse.Namespace) -> str:
    """The full suite with coverage, or what `make test` has left over."""
    if options.after_make_test:
        run(BIN / "pytest", "-q", "-n", "4", "-m", "slow and not integration")
        run(BIN / "pytest", "-q", *BESIDE, "-m", "integration")
        return "the slow ones and the integration tests; the others ran before"
    with tempfile.TemporaryDirectory() as folder:
        data = {"COVERAGE_FILE": str(Path(folder) / "coverage")}
        try:
            run(BIN / "pytest", "-q", "-n", "4", "-m", "not integration", "--cov", "--cov-report=", environ=data)
            run(
                BIN / "pytest",
                "-q",
                *BESIDE,
                "-m",
                "integration",
                "--cov",
                "--cov-append",
                "--cov-report=",
                environ=data,
            )
        finally:
            report = run(BIN / "coverage", "report", quiet=True, environ=data)
            sys.stdout.write(report)
    lines = report.strip().splitlines()
    return f"coverage {next(line for line in lines if line.startswith('TOTAL')).split()[-1]}"


def check_build(options: argparse.Namespace) -> str:
    """Wheel and source distribution can be built and hold what they should and nothing else."""
    wheel = build()
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    wanted = ["nvr_hooks/py.typed", "hik_thermal_plugin/py.typed", "nvr_hooks/spec.py", "hik_thermal_plugin/plugin.py"]
    missing = [name for name in wanted if name not in names]
    foreign = [
        name for name in names if not name.startswith(("nvr_hooks/", "hik_thermal_plugin/", "hik_thermal_plugin-"))
    ]
    with tarfile.open(next(wheel.parent.glob("*.tar.gz"))) as source:
        inside = {name.partition("/")[2] for name in source.getnames()}
    missing += [name for name in ("README.md", "LICENSE", "tests/conftest.py", "docs/hooks.md") if name not in inside]
    if missing or foreign:
        raise Failed(f"missing: {missing}; should not be there: {foreign}")
    return f"{wheel.name}, {len(names)} files"


def check_wheel(options: argparse.Namespace) -> str:
    """The built wheel works in a clean environment, and its tests pass on every other Python where the source cannot be imported."""
    wheel = build()
    smoke(wheel)
    pythons = other_pythons()
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_without_packages(Path(folder))
        for python in list(pythons.values()) or [Path(sys.executable)]:
            say(f"the built wheel on {version_of(python)}")
            try:
                suite_of_wheel(wheel, python, copy)
            except Failed as err:
                failures.append(f"{version_of(python)}: {err}")
    if failures:
        raise Failed("; ".join(failures))
    return (
        f"smoke on {version_of(Path(sys.executable))}; suite on {', '.join(pythons) or 'this Python: no other is here'}"
    )


def check_hooks(options: argparse.Namespace) -> str:
    """nvr_hooks alone, copied out of the house, works with pluggy and nothing else."""
    bin_folder = environment(Path(sys.executable), "hooks", "pluggy")
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(
            ROOT / "hooks" / "nvr_hooks", Path(folder) / "nvr_hooks", ignore=shutil.ignore_patterns("__pycache__")
        )
        program = (
            "import importlib.metadata, pkgutil, nvr_hooks\n"
            "from nvr_hooks.loading import load_plugins\n"
            "from nvr_hooks.testing import FakeCamera\n"
            "for module in pkgutil.iter_modules(nvr_hooks.__path__, 'nvr_hooks.'): __import__(module.name)\n"
            "plugins = load_plugins(); camera = FakeCamera('kiln'); plugins.add('fake', camera); seen = []\n"
            "with plugins.hook.nvr_listen(camera='kiln', sink=seen.append):\n"
            "    camera.tell(nvr_hooks.FireAlarm(camera='kiln', celsius=101.0))\n"
            "assert nvr_hooks.to_json(seen[0])['celsius'] == 101.0\n"
            "print(*sorted(item.name for item in importlib.metadata.distributions()))\n"
        )
        found = run(bin_folder / "python", "-W", "error", "-c", program, quiet=True, cwd=Path(folder))
    if set(found.split()) - {"pip", "setuptools", "pluggy"}:
        raise Failed(f"more than pluggy is installed: {found}")
    return f"with {found.strip()}"


STEPS: dict[str, Callable[[argparse.Namespace], str]] = {
    "format": check_format,
    "lint": check_lint,
    "types": check_types,
    "hooks": check_hooks,
    "build": check_build,
    "tests": check_tests,
    "wheel": check_wheel,
}


def build() -> Path:
    """Return the wheel, built from the source distribution, both in the cache folder; built once a run."""
    target = CACHE / f"dist-{os.getpid()}"
    if not target.exists():
        run(BIN / "python", "-m", "build", "--outdir", target, quiet=True)
    return next(target.glob("*.whl"))


def environment(python: Path, purpose: str, *requirements: str) -> Path:
    """Return the bin folder of a virtual environment with these requirements at the tested versions; made once per constraints."""
    recipe = b"".join((ROOT / name).read_bytes() for name in ("constraints.txt", "pyproject.toml"))
    key = hashlib.sha256(recipe + repr(requirements).encode()).hexdigest()[:12]
    folder = CACHE / f"{purpose}-{version_of(python)}-{key}"
    if not (folder / "ready").exists():
        for old in CACHE.glob(f"{purpose}-{version_of(python)}-*"):
            shutil.rmtree(old)
        run(python, "-m", "venv", folder, quiet=True)
        run(
            folder / "bin" / "python",
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
            "-U",
            "pip>=25.1",
            quiet=True,
        )
        pip(folder / "bin", *requirements)
        (folder / "ready").touch()
    return folder / "bin"


def pip(bin_folder: Path, *arguments: str | Path) -> None:
    """Install into a virtual environment, held to the constraints."""
    quietly = ("-q", "--disable-pip-version-check", "--no-input", "--root-user-action=ignore")
    run(bin_folder / "python", "-m", "pip", "install", *quietly, "-c", ROOT / "constraints.txt", *arguments, quiet=True)


def smoke(wheel: Path) -> None:
    """Install the wheel as users do, first without extras: plugins load, the command says what it lacks; then with them."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        run(sys.executable, "-m", "venv", home / "venv", quiet=True)
        bin_folder = home / "venv" / "bin"
        pip(bin_folder, wheel)
        loads = (
            "from nvr_hooks.loading import load_plugins\n"
            "plugins = load_plugins()\n"
            "names = {'hik_thermal', 'mqtt', 'alarm_recorder', 'frigate'}\n"
            "states = {info.name: info.state for info in plugins.infos}\n"
            "assert states == dict.fromkeys(names, 'loaded'), plugins.infos\n"
            "assert dict(plugins.hook.nvr_config_schema()).keys() == names\n"
        )
        run(bin_folder / "python", "-W", "error", "-c", loads, quiet=True, cwd=home)
        said = subprocess.run(
            [bin_folder / "hik-thermal", "--help"],
            cwd=home,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if said.returncode == 0 or "hik-thermal-plugin[host]" not in said.stderr or said.stderr.count("\n") != 1:
            raise Failed(f"hik-thermal without its extra says: {said.stdout}{said.stderr}")
        pip(bin_folder, f"{wheel}[host]")
        run(bin_folder / "hik-thermal", "--help", quiet=True, cwd=home)
        run(bin_folder / "hik-thermal", "plugins", "--json", quiet=True, cwd=home)


def suite_of_wheel(wheel: Path, python: Path, copy: Path) -> None:
    """Run the tests that need no program from outside against the installed wheel."""
    bin_folder = environment(python, "suite", "--group", f"{ROOT / 'pyproject.toml'}:dev", f"{ROOT}[demo]")
    pip(bin_folder, "--no-deps", "--force-reinstall", wheel)
    where = "import nvr_hooks, hik_thermal_plugin as h; print(nvr_hooks.__file__, h.__file__)"
    if str(ROOT) in (found := run(bin_folder / "python", "-c", where, quiet=True, cwd=copy)):
        raise Failed(f"the source is importable: {found}")
    run(
        bin_folder / "python",
        "-m",
        "pytest",
        "-q",
        "-n",
        "auto",
        "-m",
        "not integration and not slow",
        "-p",
        "no:cacheprovider",
        cwd=copy,
    )


def copy_without_packages(folder: Path) -> Path:
    """Copy tests and what they read, but neither package; the folder `shared` beside the checkout is linked beside the copy."""
    copy = folder / "checkout"
    copy.mkdir()
    for name in CARRIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ROOT.iterdir():
        if path.is_file() and not path.name.startswith("."):
            shutil.copy2(path, copy / path.name)
    if (shared := ROOT.parent / "shared").is_dir():
        (folder / "shared").symlink_to(shared)
    return copy


def other_pythons() -> dict[str, Path]:
    """Return version -> interpreter of every supported Python on this machine besides the running one."""
    found: dict[str, Path] = {}
    for version in PYTHONS:
        candidates = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}*/bin/python"), reverse=True)
        candidates += [Path(path) for path in [shutil.which(f"python{version}")] if path]
        here = "{}.{}".format(*sys.version_info)
        usable = [path for path in candidates if version != here and version_of(path).startswith(version + ".")]
        if usable:
            found[version_of(usable[0])] = usable[0]
    return found


def version_of(python: Path) -> str:
    """Return 3.12.1 of an interpreter that can make virtual environments, else an empty text."""
    program = "import ensurepip, venv, platform; print(platform.python_version())"
    done = subprocess.run([python, "-c", program], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def say(text: str) -> None:
    """Print one line now."""
    print(text, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the steps; return 0 when all passed."""
    parser = argparse.ArgumentParser(prog="make check", description=__doc__)
    parser.add_argument("--only", metavar="STEP,…", help=f"some of: {', '.join(STEPS)}")
    parser.add_argument("--skip", metavar="STEP,…", default="", help="all but these")
    parser.add_argument(
        "--after-make-test", action="store_true", help="`make test` has just passed: run only what it leaves out"
    )
    options = parser.parse_args(arguments)
    wanted = (
        options.only.split(",") if options.only else [name for name in STEPS if name not in options.skip.split(",")]
    )
    if unknown := set(wanted) - set(STEPS):
        parser.error(f"unknown step {', '.join(sorted(unknown))}; there are {', '.join(STEPS)}")
    failed = {}
    try:
        for name in wanted:
            begun = time.monotonic()
            try:
                result = "ok    " + f"{name:7} {STEPS[name](options)}"
            except Failed as err:
                failed[name] = str(err)
                result = "FAILED " + f"{name:7} {err}"
            say(f"{result} ({time.monotonic() - begun:.1f} s)")
    finally:
        shutil.rmtree(CACHE / f"dist-{os.getpid()}", ignore_errors=True)
    for name, reason in failed.items():
        say(f"failed: {name}: {reason}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
