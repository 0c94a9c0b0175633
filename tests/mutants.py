"""`make mutants`: change the code in small ways, one at a time, and see whether a test notices (docs/mutation.md).

mutmut makes the changes. The tests of a group of modules are collected and run once, in one process, which notes the functions each test calls.
Every mutant is tried in a fork of that process, in which the changed code takes the place of the function's: the tests that call the function
run, first those that noticed another mutant of it, then the quickest, until one fails. Everything is written below .mutants/, one folder for
each group: what became of a mutant stays there until its function changes.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import json
import os
import random
import resource
import shutil
import signal
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from math import sqrt
from pathlib import Path
from types import FrameType
from typing import Any

import mutmut.mutation.trampoline as trampoline
import pytest
from _pytest.runner import runtestprotocol
from mutmut.__main__ import create_mutants
from mutmut.configuration import reset_config
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
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
        "bridge/lifecycle.py bridge/levels.py bridge/members.py",
        "bridge/test_lifecycle.py bridge/test_lifecycle_bad_days.py bridge/test_lifecycle_documents.py "
        "bridge/test_lifecycle_levels.py bridge/test_lifecycle_proof.py bridge/test_lifecycle_readings.py bridge/test_lifecycle_sources.py "
        "bridge/test_fires_of_two_sources.py",
    ),
    "outbox": ("bridge/outbox.py", "bridge/test_outbox.py bridge/test_store.py test_set_clock.py"),
    "wire": ("wire/*.py", "wire conformance"),
}
DECIDE = "alert_regions alert_rules alerts delimiters digest http_requests metadata multipart parts reassembly redaction rtp status times units"
"""Modules of wire/ that decide about alarms: all of their mutants are tried, of its others a sample."""
ENOUGH = 85.0
"""Percent of the tried mutants of each module that have to be noticed."""
NOTICED = ("killed", "timeout")
ROOM = 6 << 30
"""Bytes of memory a mutant may take."""
PROCESSOR = (2.0, 10.0)
"""Processor seconds a test may take under a mutant: some, and some times what it took before."""
WAITING = (30.0, 10.0)
"""Seconds by the clock, likewise."""
Verdict = tuple[str, Any]


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
        "only_mutate": [f"{PACKAGE}/{name}" for name in modules.split()],
        "pytest_add_cli_args_test_selection": [f"tests/{name}" for name in tests.split()],
    }
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in chosen.items())
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8").replace("[tool.mutmut]\n", f"[tool.mutmut]\n{lines}")
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return folder


def generate(group: str) -> dict[str, dict[str, str]]:
    """Make the mutants of a group in the present folder; return module -> mutant -> what its function is like."""
    reset_config()
    with contextlib.redirect_stdout(io.StringIO()):
        copy_src_dir()
        copy_also_copy_files()
        create_mutants(1)
    found = {}
    for path in sorted(path for name in GROUPS[group][0].split() for path in Path(PACKAGE).glob(name)):
        data = SourceFileMutationData(path=path)
        data.load()
        hashes = data.hash_by_function_name
        found[path.as_posix()] = {
            name: hashes[name.rpartition(".")[2].rpartition("__mutmut_")[0]] for name in data.exit_code_by_key
        }
    return {path: names for path, names in found.items() if names}


class Trial:
    """A pytest plugin that runs the tests once and then the mutants, instead of the tests."""

    def __init__(self, wanted: Sequence[str], keep: Callable[[str, str], None]) -> None:
        self.wanted = wanted
        self.keep = keep
        self.functions: list[tuple[Any, dict[str, Any]]] = []
        self.took: dict[pytest.Item, tuple[float, float]] = {}
        """Seconds of the processor, and by the clock."""

    def swap(self, mutants: dict[str, Any], is_classmethod: bool = False) -> Callable[[Any], Any]:
        """Stand in for mutmut's decorator, which would look a mutant's name up with every call: the function stays as it is."""

        def decorate(function: Any) -> Any:
            self.functions.append((function, mutants))
            return function

        return decorate

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Let hypothesis choose the same examples for every mutant."""
        from hypothesis import settings

        settings.register_profile("mutants", deadline=None, derandomize=True, database=None)
        settings.load_profile("mutants")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the tests, then the mutants."""
        covering = self._run_once(session.items)
        known = {
            f"{function.__module__}.{name}": (function, changed)
            for function, mutants in self.functions
            for name, changed in mutants.items()
        }
        gc.collect()
        gc.freeze()
        noticed: dict[object, Counter[pytest.Item]] = defaultdict(Counter)
        for name in self.wanted:
            if name not in known:  # of a module that no test imports
                self.keep(name, "no tests")
                continue
            function, changed = known[name]
            tests = sorted(covering[function], key=lambda item: (-noticed[function][item], self.took[item][1]))
            verdict, by = self._try(function, changed, tests)
            if verdict == "killed":
                noticed[function][by] += 1
            self.keep(name, verdict)
        return True

    def _run_once(self, items: Sequence[pytest.Item]) -> dict[object, list[pytest.Item]]:
        """Run every test; return function -> tests that called it. One that fails is no judge."""
        codes = {function.__code__: function for function, _ in self.functions}
        called: set[object] = set()
        covering: dict[object, list[pytest.Item]] = defaultdict(list)

        def note(frame: FrameType, event: str, _: object) -> None:
            if event == "call" and frame.f_code in codes:
                called.add(codes[frame.f_code])

        threading.setprofile(note)
        for item, following in zip(items, [*items[1:], None], strict=True):
            called.clear()
            start = os.times().user, time.monotonic()
            sys.setprofile(note)
            reports = runtestprotocol(item, nextitem=following, log=False)
            sys.setprofile(None)
            self.took[item] = os.times().user - start[0], time.monotonic() - start[1]
            if any(report.failed for report in reports):
                os.write(2, f"not green: {item.nodeid}\n".encode())
                continue
            for function in called:
                covering[function].append(item)
        threading.setprofile(None)  # type: ignore[arg-type]
        return covering

    def _try(self, function: Any, changed: Any, tests: Sequence[pytest.Item]) -> Verdict:
        if not tests:
            return "no tests", None
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            self._judge(function, changed, tests, writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            told = pipe.read()
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            return "timeout" if os.WTERMSIG(status) in (signal.SIGPROF, signal.SIGALRM) else "killed", tests[
                len(told) - 1
            ]
        return "killed" if os.WEXITSTATUS(status) else "survived", tests[len(told) - 1]

    def _judge(self, function: Any, changed: Any, tests: Sequence[pytest.Item], telling: int) -> None:
        """Run tests in the child until one fails, tell of each by a byte, and end the process."""
        ended = 1
        try:
            resource.setrlimit(resource.RLIMIT_AS, (ROOM, ROOM))
            function.__code__ = changed.__code__
            function.__defaults__, function.__kwdefaults__ = changed.__defaults__, changed.__kwdefaults__
            for item, following in zip(tests, [*tests[1:], None], strict=True):
                os.write(telling, b".")
                signal.setitimer(signal.ITIMER_PROF, PROCESSOR[0] + PROCESSOR[1] * self.took[item][0])
                signal.setitimer(signal.ITIMER_REAL, WAITING[0] + WAITING[1] * self.took[item][1])
                assert isinstance(item, pytest.Function)
                item._initrequest()
                if any(report.failed for report in runtestprotocol(item, nextitem=following, log=False)):
                    break
            else:
                ended = 0
        finally:
            os._exit(ended)


class Results:
    """What became of the mutants of a group, over several runs; one counts while its function is as it was."""

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self._ends = {name: (mark, end) for name, mark, end in (line.split("\t") for line in lines)}
        self.marks: dict[str, str] = {}

    def __getitem__(self, name: str) -> str | None:
        mark, end = self._ends.get(name, ("", ""))
        return end if mark == self.marks[name] else None

    def keep(self, name: str, end: str) -> None:
        """Write down what became of one."""
        self._ends[name] = (self.marks[name], end)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{name}\t{self.marks[name]}\t{end}\n")


def chosen(names: Sequence[str], path: str, options: argparse.Namespace) -> list[str]:
    """Return the mutants of a module that are to be tried: a sample depends on seed and module alone."""
    module = Path(path).stem
    number = options.sample or (40 if "/wire/" in path and module not in DECIDE.split() else 0)
    if not number or len(names) <= number:
        return list(names)
    return sorted(random.Random(f"{options.seed} {module}").sample(list(names), number))


def mutate(group: str, options: argparse.Namespace) -> dict[str, tuple[int, Counter[str | None]]]:
    """Try the mutants of a group that are asked for; return module -> how many there are, and how many of the tried met which end."""
    os.chdir(prepare(group))
    made = generate(group)
    results = Results(Path("results.txt").absolute())
    for names in made.values():
        results.marks |= names
    wanted = {
        path: chosen(list(names), path, options)
        for path, names in made.items()
        if {group, Path(path).stem} & set(options.modules)
    }
    again = (None, "survived", "no tests") if options.again else (None,)
    due = [name for names in wanted.values() for name in names if results[name] in again]
    print(f"{group}: {len(due)} of {sum(map(len, wanted.values()))} mutants to try", flush=True)
    if due:
        child = os.fork()  # each group imports its own mutants
        if not child:
            try_out(group, due, results)
        _, status = os.waitpid(child, 0)
        if status:
            sys.exit(f"{group}: the tests cannot be run ({status})")
        results = Results(Path("results.txt").absolute())
        for names in made.values():
            results.marks |= names
    with open("unnoticed.diff", "w", encoding="utf-8") as file:
        for path, names in wanted.items():
            for name in names:
                if results[name] not in NOTICED:
                    file.write(f"# {results[name]}: {name}\n{get_diff_for_mutant(name, path=path)}\n\n")
    return {path: (len(made[path]), Counter(results[name] for name in names)) for path, names in wanted.items()}


def try_out(group: str, due: Sequence[str], results: Results) -> None:
    """Run the tests and the mutants in this process, and end it."""
    trial = Trial(due, results.keep)
    trampoline.wrap_in_trampoline = trial.swap  # type: ignore[assignment]
    os.environ["MUTANT_UNDER_TEST"] = ""
    os.environ["HIK_THERMAL_PATIENCE"] = "3"  # what a mutant keeps from coming true is waited for a shorter time
    os.chdir("mutants")
    sys.path[:] = [str(Path.cwd()), *(path for path in sys.path if Path(path).resolve() != ROOT.resolve())]
    arguments = ["--rootdir=.", "-q", "--tb=no", "-n0", "--reruns=0", "-p", "no:cacheprovider"]
    tests = [f"tests/{name}" for name in GROUPS[group][1].split()]
    try:
        pytest.main([*arguments, "-m", "not integration and not slow", *tests], plugins=[trial])
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    sys.stdout.flush()
    os._exit(0)


def share(noticed: int, total: int) -> str:
    """Return a percentage; of a sample with its 95 % confidence interval (Wilson)."""
    rate, z = noticed / total, 1.96
    middle = (rate + z * z / (2 * total)) / (1 + z * z / total)
    half = z * sqrt(rate * (1 - rate) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return f"{100 * rate:5.1f} % ({100 * (middle - half):.1f} … {100 * (middle + half):.1f})"


def row(module: str, mutants: int, ends: Mapping[str | None, int]) -> str:
    """Return a line of the table."""
    tried = sum(ends.values())
    killed, late, lived, unreached = (ends.get(end, 0) for end in (*NOTICED, "survived", "no tests"))
    return f"{module:24}{mutants:8}{tried:7}{killed:8}{late:8}{lived:9}{unreached:8}  {share(killed + late, tried)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the mutants; return 1 when too many were not noticed."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("modules", nargs="*", default=list(GROUPS), help=f"groups ({', '.join(GROUPS)}) or modules")
    parser.add_argument(
        "--sample", type=int, default=0, metavar="N", help="try N mutants of each module, chosen by the seed"
    )
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--again", action="store_true", help="try again what was not noticed: tests have changed")
    parser.add_argument("--fresh", action="store_true", help="forget all earlier results")
    options = parser.parse_args(arguments)
    stems = {
        path.stem: group
        for group, (names, _) in GROUPS.items()
        for name in names.split()
        for path in (ROOT / PACKAGE).glob(name)
    }
    if unknown := [name for name in options.modules if name not in GROUPS and name not in stems]:
        parser.error(f"no {', '.join(unknown)}; there are {', '.join(GROUPS)} and their modules, like xml")
    counted: dict[str, tuple[int, Counter[str | None]]] = {}
    for group in dict.fromkeys(stems.get(name, name) if name not in GROUPS else name for name in options.modules):
        if options.fresh:
            shutil.rmtree(WORK / group, ignore_errors=True)
        counted |= mutate(group, options)
    print(
        f"\n{'module':24}{'mutants':>8}{'tried':>7}{'killed':>8}{'timeout':>8}{'survived':>9}{'no test':>8}  noticed, 95 % interval"
    )
    few = 0
    total: Counter[str | None] = Counter()
    for path, (mutants, ends) in counted.items():
        print(row(path.removeprefix(f"{PACKAGE}/").removesuffix(".py"), mutants, ends))
        few += 100 * sum(ends[end] for end in NOTICED) < ENOUGH * ends.total()
        total += ends
    print(row("all", sum(mutants for mutants, _ in counted.values()), total))
    print(f"what was not killed, as differences: {WORK.name}/*/unnoticed.diff")
    return 1 if few else 0


if __name__ == "__main__":
    sys.exit(main())
