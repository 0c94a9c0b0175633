"""The login budget: two refusals, then silence, for every thread and process and over restarts."""

from __future__ import annotations

import json
import logging
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from nvr_hooks import AuthBlocked, Busy

from hik_thermal_plugin.login import LoginBudget

WaitFor = Callable[..., None]


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_800_000_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def budget(tmp_path: Path, clock: Clock, secret: str) -> Callable[..., LoginBudget]:
    """Make budgets of one device, as each process and source of it has."""

    def make(password: str = secret, **options: float) -> LoginBudget:
        return LoginBudget("192.0.2.10 admin", password, tmp_path, clock=clock, **options)  # type: ignore[arg-type]

    return make


Make = Callable[..., LoginBudget]


def refuse(budget: LoginBudget, seconds: float | None = None, *, locked: bool = False) -> None:
    with budget.attempt("kiln") as attempt:
        attempt.refused(seconds, locked=locked)


def accept(budget: LoginBudget) -> None:
    with budget.attempt("kiln") as attempt:
        attempt.accepted()


def is_blocked(budget: LoginBudget) -> bool:
    try:
        budget.check("kiln")
    except AuthBlocked:
        with pytest.raises(AuthBlocked):
            budget.attempt("kiln")
        return True
    with budget.attempt("kiln"):
        return False


def test_two_refusals_block_for_half_an_hour_and_say_until_when(budget: Make, clock: Clock) -> None:
    service = budget()
    refuse(service)
    assert not is_blocked(service)
    refuse(service)
    with pytest.raises(AuthBlocked) as blocked:
        service.attempt("kiln")
    assert blocked.value.camera == "kiln"
    assert blocked.value.until == datetime.fromtimestamp(clock.seconds + 1800, UTC)
    assert str(blocked.value).startswith("kiln: the login was refused")


def test_the_device_names_the_end_of_its_lock(budget: Make, clock: Clock) -> None:
    service = budget()
    refuse(service, 90, locked=True)
    clock.seconds += 89
    assert is_blocked(service)
    clock.seconds += 2
    assert not is_blocked(service)


def test_a_first_refusal_that_names_a_lock_blocks_at_once(budget: Make) -> None:
    service = budget()
    refuse(service, locked=True)
    assert is_blocked(service)


def test_after_the_block_one_attempt_is_allowed_and_tells_that_it_is_the_last(budget: Make, clock: Clock) -> None:
    service = budget(auth_retry_seconds=60)
    refuse(service)
    refuse(service)
    clock.seconds += 61
    with service.attempt("kiln") as attempt:
        assert attempt.last
        attempt.refused()
    assert is_blocked(service)
    clock.seconds += 61
    accept(service)
    refuse(service)
    assert not is_blocked(service)


def test_a_restart_remembers_refusals(budget: Make) -> None:
    refuse(budget())
    with budget().attempt("kiln") as attempt:
        assert attempt.last
        attempt.refused()
    assert is_blocked(budget())


def test_an_acceptance_forgets_refusals_for_every_process(budget: Make, tmp_path: Path) -> None:
    refuse(budget())
    accept(budget())
    later = budget()
    with later.attempt("kiln") as attempt:
        assert not attempt.last
        attempt.refused()
    assert not is_blocked(later)
    accept(later)
    assert not list(tmp_path.glob("*.json"))


def test_an_attempt_without_an_answer_counts_nothing(budget: Make) -> None:
    service = budget()
    for _ in range(5):
        with pytest.raises(ConnectionError), service.attempt("kiln"):
            raise ConnectionError
    with service.attempt("kiln") as attempt:
        assert not attempt.last


def test_only_the_first_word_of_an_attempt_counts(budget: Make) -> None:
    service = budget()
    with service.attempt("kiln") as attempt:
        attempt.refused()
        attempt.refused()
        attempt.accepted()
    assert not service.proven
    assert not is_blocked(service)


def test_other_credentials_have_their_own_budget(budget: Make) -> None:
    wrong = budget("mistyped")
    refuse(wrong)
    refuse(wrong)
    mended = budget()
    assert not is_blocked(mended)
    accept(mended)
    # A second program with the wrong password stays blocked through its own restarts, whatever the right one does meanwhile.
    assert is_blocked(budget("mistyped"))


@pytest.mark.slow
def test_alternating_wrong_passwords_do_not_buy_attempts(budget: Make) -> None:
    sent = 0
    for _ in range(10):
        for password in ("one", "two", "three"):
            try:
                refuse(budget(password))
                sent += 1
            except AuthBlocked:
                pass
    assert sent == 6


def test_an_attempt_whose_process_died_counts_as_refused(budget: Make, tmp_path: Path) -> None:
    script = (
        "import os, sys, pathlib; from hik_thermal_plugin.login import LoginBudget\n"
        "b = LoginBudget('192.0.2.10 admin', sys.argv[2], pathlib.Path(sys.argv[1]))\n"
        "b.attempt('kiln'); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path), "some password"], check=False, timeout=60)
    with budget().attempt("kiln") as attempt:
        assert attempt.last
        attempt.refused()
    assert is_blocked(budget())


def test_one_attempt_at_a_time_until_one_is_accepted(budget: Make, wait_for: WaitFor) -> None:
    first, same_process, other_process = budget(), threading.Event(), threading.Event()
    second = budget()
    with first.attempt("kiln") as attempt:

        def use(which: LoginBudget, done: threading.Event) -> None:
            with which.attempt("kiln") as other:
                done.set()
                other.accepted()

        threads = [
            threading.Thread(target=use, args=(first, same_process)),
            threading.Thread(target=use, args=(second, other_process)),
        ]
        for thread in threads:
            thread.start()
        assert not same_process.wait(0.1)
        assert not other_process.is_set()
        attempt.accepted()
    for thread in threads:
        thread.join(10)
    assert same_process.is_set()
    assert other_process.is_set()


def test_waiting_for_the_other_attempt_ends_in_time_or_when_asked(budget: Make) -> None:
    first, second = budget(), budget()
    with first.attempt("kiln"):
        with pytest.raises(Busy, match="kiln: another login"):
            first.attempt("kiln", timeout=0.05)
        with pytest.raises(Busy):
            second.attempt("kiln", timeout=0.05)
        with pytest.raises(Busy):
            second.attempt("kiln", timeout=60, cancelled=lambda: True)
        with pytest.raises(Busy):
            first.attempt("kiln", timeout=60, cancelled=lambda: True)
    with second.attempt("kiln"):
        pass


def test_proven_credentials_need_neither_lock_nor_file(budget: Make, tmp_path: Path) -> None:
    service = budget()
    accept(service)
    assert service.proven
    for file in tmp_path.iterdir():
        file.unlink()
    tmp_path.chmod(0o500)
    try:
        with service.attempt("kiln"), service.attempt("kiln"):
            service.check("kiln")
    finally:
        tmp_path.chmod(0o700)
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_of_proven_credentials_counts_and_ends_the_free_ride(budget: Make) -> None:
    service = budget()
    accept(service)
    with service.attempt("kiln") as one, service.attempt("kiln") as two:
        one.refused()
        assert not service.proven
        with budget().attempt("kiln") as seen_by_others:
            assert seen_by_others.last
        two.refused()
    assert is_blocked(service)
    assert is_blocked(budget())


def test_doubt_brings_back_one_at_a_time(budget: Make) -> None:
    service = budget()
    accept(service)
    service.doubt()
    with service.attempt("kiln") as attempt:
        assert not attempt.last
        with pytest.raises(Busy):
            service.attempt("kiln", timeout=0.02)


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"salt": 1}', "\x00\xff", '{"salt":"zz","pending":0,"suspect":0,"refused":{}}']
)
def test_an_unreadable_file_leaves_one_attempt(budget: Make, tmp_path: Path, text: str) -> None:
    refuse(budget())
    (file,) = tmp_path.glob("*.json")
    file.write_text(text, encoding="latin-1")
    for _ in range(3):  # nor does trying without an answer wash it clean
        with budget().attempt("kiln") as attempt:
            assert attempt.last
    refuse(budget())
    assert is_blocked(budget())


@pytest.mark.parametrize(("memory", "readable"), [(7, False), (8, True), (14, True), (15, False)])
def test_a_file_that_asks_for_too_much_or_too_little_memory_is_not_believed(
    budget: Make, tmp_path: Path, memory: int, *, readable: bool
) -> None:
    refuse(budget())
    (file,) = tmp_path.glob("*.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"memory": memory}))
    with budget().attempt("kiln") as attempt:
        assert attempt.last is not readable, "of a readable one, the refusal is another password's"


def test_an_unreadable_file_is_mended_by_an_acceptance(budget: Make, tmp_path: Path) -> None:
    refuse(budget())
    (file,) = tmp_path.glob("*.json")
    file.write_text("{")
    accept(budget())
    with budget().attempt("kiln") as attempt:
        assert not attempt.last


def test_what_a_killed_process_left_half_written_is_overwritten(budget: Make, tmp_path: Path) -> None:
    refuse(budget())
    (file,) = tmp_path.glob("*.json")
    with budget().attempt("kiln") as attempt:
        file.with_suffix(".new").write_text("x" * 10_000)
        attempt.refused()
    assert is_blocked(budget())
    assert len(json.loads(file.read_text())["refused"]) == 1


def test_the_file_is_private_and_does_not_hold_the_password(budget: Make, tmp_path: Path, secret: str) -> None:
    refuse(budget())
    (file,) = tmp_path.glob("*.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert secret not in file.read_text()
    assert secret.encode() not in json.dumps(file.read_text()).encode()
    assert "192.0.2.10" not in file.name
    first = json.loads(file.read_text())
    accept(budget())
    refuse(budget())
    second = json.loads(next(tmp_path.glob("*.json")).read_text())
    assert first["salt"] != second["salt"]
    assert list(first["refused"]) != list(second["refused"])


def test_without_a_writable_directory_it_works_in_memory_and_says_so_once(
    clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture, secret: str
) -> None:
    (tmp_path / "file").touch()
    nowhere = tmp_path / "file" / "state"
    budgets = [LoginBudget(key, secret, nowhere, clock=clock) for key in ("one", "two")]
    for budget in budgets:
        refuse(budget)
        refuse(budget)
        assert is_blocked(budget)
        clock.seconds += 1801
        accept(budget)
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "cannot be written" in warnings[0].getMessage()


def test_a_clock_that_goes_back_does_not_prolong_the_block(budget: Make, clock: Clock) -> None:
    refuse(budget())
    refuse(budget())
    clock.seconds = 100.0
    assert is_blocked(budget())
    clock.seconds += 1801
    assert not is_blocked(budget())


def test_a_block_is_counted_from_its_own_instant_also_in_its_first_second(budget: Make, clock: Clock) -> None:
    service = budget()
    refuse(service, 90, locked=True)
    until = []
    for now in (clock.seconds + 0.5, 100.0, 100.5, 50.0):  # later, and set back twice
        clock.seconds = now
        with pytest.raises(AuthBlocked) as blocked:
            service.check("kiln")
        until.append(blocked.value.until)
    assert until == [datetime.fromtimestamp(end, UTC) for end in (1_800_000_090.0, 190.0, 190.0, 140.0)]


@pytest.mark.slow
def test_five_sources_ten_restarts_and_a_command_line_send_two_attempts_in_all(budget: Make, tmp_path: Path) -> None:
    sent: list[str] = []
    lock = threading.Lock()

    def source(mine: LoginBudget, name: str) -> None:
        for _ in range(3):
            try:
                with mine.attempt("kiln", timeout=30) as attempt:
                    with lock:
                        sent.append(name)
                    attempt.refused()
            except AuthBlocked:
                return

    for restart in range(10):
        service, command_line = budget(), budget()
        threads = [threading.Thread(target=source, args=(service, f"source {restart} {n}")) for n in range(5)]
        threads.append(threading.Thread(target=source, args=(command_line, f"cli {restart}")))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert len(sent) == 2
