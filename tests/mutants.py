"""`make mutants`: change the code in small ways, one at a time, and see whether a test notices (docs/mutation.md).

mutmut makes the changes and runs the tests that reach each; this program chooses modules, tests and samples, and counts by module.
Everything is written below .mutants/, one folder for each group of modules: results stay there, and only what changed is run again.
"""

from __future__ import annotations

import argparse
import contextlib
import fnmatch
import io
import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from mutmut.__main__ import create_mutants
from mutmut.configuration import reset_config
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import copy_also_copy_files, copy_src_dir

ROOT = Path(__file__).parents[1]
WORK = ROOT / ".mutants"
PACKAGE = "hik_thermal_plugin"
SHARED = ("hik_thermal_plugin", "tests", "docs", "examples")

# Group -> its modules; the tests that answer for them, quick ones that need no other program.
GROUPS = {
    "worker": ("worker.py", "test_worker.py test_worker_account.py test_reconnects.py test_set_clock.py"),
    "login": ("login.py", "test_login.py test_login_ledger.py test_rotated_password.py test_set_clock.py"),
    "lifecycle": (
        "bridge/lifecycle.py",
        "bridge/test_lifecycle.py bridge/test_lifecycle_bad_days.py bridge/test_lifecycle_documents.py "
        "bridge/test_lifecycle_readings.py bridge/test_lifecycle_sources.py bridge/test_fires_of_two_sources.py",
    ),
    "outbox": ("bridge/outbox.py", "bridge/test_outbox.py bridge/test_store.py test_set_clock.py"),
    "wire": ("wire/*.py", "wire conformance"),
}
ENOUGH = 85.0
"""Percent of the mutants of each module that have to be noticed."""
NOTICED = ("killed", "timeout")


def prepare(group: str) -> Path:
    """Return the folder of a group, with the configuration mutmut reads there."""
    folder = WORK / group
    folder.mkdir(parents=True, exist_ok=True)

    links = {name: ROOT / name for name in SHARED} | {"shared": ROOT.parent / "shared"}
    for name, target in links.items():
        if target.exists() and not (folder / name).exists():
            (folder / name).symlink_to(target)
    for name in SHARED[1:]:
        shutil.rmtree(folder / "mutants" / name, ignore_errors=True)  # what was deleted must not go on testing
    modules, tests = GROUPS[group]
    chosen = {
        "only_mutate": [f"{PACKAGE}/{modules}"],
        "pytest_add_cli_args_test_selection": [f"tests/{name}" for name in tests.split()],
    }
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in chosen.items())
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8").replace("[tool.mutmut]\n", f"[tool.mutmut]\n{lines}")
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return folder


def generate(group: str, wanted: Sequence[str]) -> dict[str, list[str]]:
    """Make the mutants of a group in the present folder; return module -> names of the mutants, of the modules that are wanted."""
    reset_config()
    with contextlib.redirect_stdout(io.StringIO()):
        copy_src_dir()
        copy_also_copy_files()
        create_mutants(1)
    found = {}
    for path in sorted(Path(PACKAGE).glob(GROUPS[group][0])):
        name = path.relative_to(PACKAGE).with_suffix("").as_posix()
        if {group, name, path.stem} & set(wanted):
            found[path.as_posix()] = list(ends_of(path))
    return {path: names for path, names in found.items() if names}


def ends_of(path: Path | str) -> dict[str, str]:
    """Return mutant -> what became of it, of one module."""
    data = SourceFileMutationData(path=path)
    data.load()
    return {name: status_by_exit_code[code] for name, code in data.exit_code_by_key.items()}


def try_out(names: Sequence[str]) -> None:
    """Let mutmut run the tests against these mutants, in the present folder."""
    # A condition that a mutant keeps from coming true is waited for a shorter time.
    environ = {**os.environ, "HIK_THERMAL_PATIENCE": "3"}
    program = Path(sys.executable).with_name("mutmut")
    with open("mutmut.log", "w", encoding="utf-8") as log:
        done = subprocess.run(
            [program, "run", "--max-children", "1", *names], env=environ, stdout=log, stderr=log, check=False
        )
    if done.returncode:
        sys.exit(f"mutmut ended with {done.returncode}: {Path('mutmut.log').absolute()}")


def mutate(group: str, options: argparse.Namespace) -> dict[str, Counter[str]]:
    """Try the mutants of a group that are asked for; return module -> how many met which end. The unnoticed are written down."""
    os.chdir(prepare(group))
    modules = generate(group, options.modules)
    if options.sample:
        chance = random.Random(options.seed)
        modules = {path: chance.sample(names, min(options.sample, len(names))) for path, names in modules.items()}
    before = {name: end for path in modules for name, end in ends_of(path).items()}
    due = [
        name
        for names in modules.values()
        for name in names
        if before[name] == "not checked" or (options.again and before[name] not in NOTICED)
    ]
    for _ in range(2):  # mutmut forgets all results when the choice of tests has changed
        if due:
            print(f"{group}: {len(due)} mutants to try", flush=True)
            try_out(due)
        after = {name: end for path in modules for name, end in ends_of(path).items()}
        due = [name for names in modules.values() for name in names if after[name] == "not checked"]
    counted = {}
    with open("unnoticed.diff", "w", encoding="utf-8") as file:
        for path, names in modules.items():
            ends = ends_of(path)
            counted[path] = Counter(ends[name] for name in names)
            for name in names:
                if ends[name] != "killed":
                    file.write(f"# {ends[name]}: {name}\n{get_diff_for_mutant(name, path=path)}\n\n")
    return counted


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the mutants; return 1 when too many were not noticed."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("modules", nargs="*", default=list(GROUPS), help=f"groups ({', '.join(GROUPS)}) or modules")
    parser.add_argument("--sample", type=int, metavar="N", help="try N mutants of each module, chosen by the seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--again", action="store_true", help="try those that were not noticed again: tests have changed"
    )
    parser.add_argument("--fresh", action="store_true", help="forget all earlier results")
    options = parser.parse_args(arguments)
    groups = [
        group
        for group, (pattern, _) in GROUPS.items()
        if any(word == group or fnmatch.fnmatch(f"{word}.py", pattern) for word in options.modules)
    ]
    if not groups:
        parser.error(f"no such module; there are {', '.join(GROUPS)} and the modules of wire, like wire/xml")
    counted: dict[str, Counter[str]] = {}
    for group in groups:
        if options.fresh:
            shutil.rmtree(WORK / group, ignore_errors=True)
        counted |= mutate(group, options)
    print(f"\n{'module':28}{'mutants':>8}{'killed':>8}{'timeout':>8}{'survived':>9}{'no test':>8}{'other':>6}")
    few = []
    for path, ends in counted.items():
        share = 100 * sum(ends[end] for end in NOTICED) / ends.total()
        other = ends.total() - sum(ends[end] for end in (*NOTICED, "survived", "no tests"))
        numbers = (
            f"{ends.total():8}{ends['killed']:8}{ends['timeout']:8}{ends['survived']:9}{ends['no tests']:8}{other:6}"
        )
        print(f"{path.removeprefix(PACKAGE + '/'):28}{numbers}  {share:.1f} % noticed")
        few += [path] if share < ENOUGH else []
    print(f"what was not killed, as differences: {WORK.name}/*/unnoticed.diff")
    return 1 if few else 0


if __name__ == "__main__":
    sys.exit(main())
