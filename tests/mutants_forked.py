"""Try the mutants of wire/ several times faster than mutmut does: `make mutants-wire`, `make mutants-wire ARGS="xml rtp --again"` (docs/mutation.md).

mutmut makes the mutants. The tests are collected and run once, in one process, which notes the functions each test calls. Every mutant is tried
in a fork of that process, in which the changed code takes the place of the function's: the tests that call the function run, first those that
noticed another mutant of it, then the quickest, until one fails. What became of a mutant is kept below .mutants/ until its function changes.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import resource
import signal
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from math import sqrt
from pathlib import Path
from types import FrameType
from typing import Any

import mutmut.mutation.trampoline as trampoline
import pytest
from _pytest.runner import runtestprotocol
from mutants import PACKAGE, WORK, generate, prepare
from mutmut.mutation.data import SourceFileMutationData

GROUP = "wire"
ALL_OF = "alert_regions alert_rules alerts delimiters digest http_requests metadata multipart parts reassembly redaction rtp status times units"
"""Modules that decide about alarms: all of their mutants are tried, of the others a sample."""
ROOM = 6 << 30
"""Bytes of memory a mutant may take."""
PATIENCE = (2.0, 10.0)
"""Processor seconds a test may take under a mutant: some, and some times what it took before."""
SECONDS = 240
Verdict = tuple[str, Any]


class Trial:
    """A pytest plugin that runs the tests once and then the mutants, instead of the tests."""

    def __init__(self, wanted: Sequence[tuple[str, str]], quick: float, keep: Callable[[str, str], None]) -> None:
        self.wanted = wanted
        self.quick = quick
        self.keep = keep
        self.functions: list[tuple[Any, dict[str, Any]]] = []
        self.took: dict[pytest.Item, float] = {}

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
        for _, name in self.wanted:
            if name not in known:  # of a module that no test imports
                self.keep(name, "no tests")
                continue
            function, changed = known[name]
            quick = [item for item in covering[function] if self.took[item] < self.quick]
            tests = sorted(quick or covering[function], key=lambda item: (-noticed[function][item], self.took[item]))
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

        for item, following in zip(items, [*items[1:], None], strict=True):
            called.clear()
            start = os.times().user
            sys.setprofile(note)
            reports = runtestprotocol(item, nextitem=following, log=False)
            sys.setprofile(None)
            self.took[item] = os.times().user - start
            if any(report.failed for report in reports):
                os.write(2, f"not green: {item.nodeid}\n".encode())
                continue
            for function in called:
                covering[function].append(item)
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
            signal.setitimer(signal.ITIMER_REAL, SECONDS)
            function.__code__ = changed.__code__
            function.__defaults__, function.__kwdefaults__ = changed.__defaults__, changed.__kwdefaults__
            for item, following in zip(tests, [*tests[1:], None], strict=True):
                os.write(telling, b".")
                signal.setitimer(signal.ITIMER_PROF, PATIENCE[0] + PATIENCE[1] * self.took[item])
                assert isinstance(item, pytest.Function)
                item._initrequest()
                if any(report.failed for report in runtestprotocol(item, nextitem=following, log=False)):
                    break
            else:
                ended = 0
        finally:
            os._exit(ended)


def chosen(names: Sequence[str], module: str, options: argparse.Namespace) -> list[str]:
    """Return all mutants of a module, or a sample of them that depends on seed and module alone."""
    if module in ALL_OF.split() or len(names) <= options.sample:
        return list(names)
    return sorted(random.Random(f"{options.seed} {module}").sample(names, options.sample))


def share(noticed: int, total: int) -> str:
    """Return a percentage with its 95 % confidence interval (Wilson)."""
    rate, z = noticed / total, 1.96
    middle = (rate + z * z / (2 * total)) / (1 + z * z / total)
    half = z * sqrt(rate * (1 - rate) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return f"{100 * rate:5.1f} % ({100 * (middle - half):.1f} … {100 * (middle + half):.1f})"


def main() -> int:
    """Try what is asked for and not known yet, and print a table."""
    parser = argparse.ArgumentParser(prog="make mutants-wire", description=__doc__)
    parser.add_argument("modules", nargs="*", help="modules of wire/, all when left out")
    parser.add_argument(
        "--sample", type=int, default=40, metavar="N", help="mutants of a module that decides no alarms"
    )
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument(
        "--quick", type=float, default=SECONDS, metavar="S", help="leave out tests that take S processor seconds"
    )
    parser.add_argument("--again", action="store_true", help="try again what survived: tests have changed")
    options = parser.parse_args()
    os.chdir(prepare(GROUP))
    made = {Path(path).stem: (path, names) for path, names in generate(GROUP, [GROUP]).items()}
    wanted = {
        module: chosen(names, module, options)
        for module, (_, names) in made.items()
        if not options.modules or module in options.modules
    }
    store = Path("forked.txt").absolute()
    lines = store.read_text(encoding="utf-8").splitlines() if store.exists() else []
    results = {name: (mark, ended) for name, mark, ended in (line.split("\t") for line in lines)}
    marks: dict[str, str] = {}
    for path, names in made.values():
        data = SourceFileMutationData(path=path)
        data.load()
        marks |= {
            name: data.hash_by_function_name[name.rpartition(".")[2].rpartition("__mutmut_")[0]] for name in names
        }

    def verdict(name: str) -> str | None:
        mark, ended = results.get(name, ("", ""))
        return ended if mark == marks[name] else None

    due = [
        (module, name)
        for module, names in wanted.items()
        for name in names
        if verdict(name) is None or (options.again and verdict(name) in ("survived", "no tests"))
    ]
    print(f"{len(due)} of {sum(map(len, wanted.values()))} mutants to try", flush=True)

    def keep(name: str, ended: str) -> None:
        results[name] = (marks[name], ended)
        with store.open("a", encoding="utf-8") as file:
            file.write(f"{name}\t{marks[name]}\t{ended}\n")

    if due:
        trial = Trial(due, options.quick, keep)
        trampoline.wrap_in_trampoline = trial.swap  # type: ignore[assignment]
        os.environ["MUTANT_UNDER_TEST"] = ""
        os.chdir("mutants")
        root = Path(__file__).parents[1].resolve()
        sys.path[:] = [str(Path.cwd()), *(path for path in sys.path if Path(path).resolve() != root)]
        arguments = ["--rootdir=.", "-q", "--tb=no", "-n0", "--reruns=0", "-p", "no:cacheprovider"]
        pytest.main(
            [*arguments, "-m", "not integration and not slow", "tests/wire", "tests/conformance"], plugins=[trial]
        )
    print(
        f"\n{'module':22}{'mutants':>8}{'tried':>7}{'killed':>8}{'timeout':>8}{'survived':>9}  noticed, 95 % interval"
    )
    total: Counter[str | None] = Counter()
    for module, names in wanted.items():
        ends = Counter(map(verdict, names))
        total += ends
        print(row(module, len(made[module][1]), ends))
    print(row("all", sum(len(made[module][1]) for module in wanted), total))
    left = [name for names in wanted.values() for name in names if verdict(name) not in ("killed", "timeout")]
    Path(WORK, GROUP, "survivors.txt").write_text("".join(f"{name.removeprefix(PACKAGE + '.')}\n" for name in left))
    return 0


def row(module: str, mutants: int, ends: Counter[str | None]) -> str:
    """Return a line of the table."""
    tried, noticed = ends.total(), ends["killed"] + ends["timeout"]
    lived = tried - noticed
    return f"{module:22}{mutants:8}{tried:7}{ends['killed']:8}{ends['timeout']:8}{lived:9}  {share(noticed, tried)}"


if __name__ == "__main__":
    sys.exit(main())
