"""What a login budget writes down and reads back, what it tells of a block, and what it does where it can write or lock nothing."""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import stat
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from nvr_hooks import AuthBlocked, Busy

from hik_thermal_plugin import login
from hik_thermal_plugin.login import LoginBudget

NOW = 1_800_000_000.0
WaitFor = Callable[..., None]


class Device:
    """One device's budgets, with a clock the test turns."""

    def __init__(self, folder: Path, password: str) -> None:
        self.folder = folder
        self.password = password
        self.now = NOW

    def budget(self, password: str | None = None, key: str = "192.0.2.10 admin", **options: Any) -> LoginBudget:
        return LoginBudget(key, password or self.password, self.folder, clock=lambda: self.now, **options)

    def refuse(self, *seconds: float | None, locked: bool = False, password: str | None = None) -> None:
        with self.budget(password).attempt("kiln") as attempt:
            attempt.refused(*seconds, locked=locked)

    def blocked(self, **options: Any) -> AuthBlocked:
        with pytest.raises(AuthBlocked) as caught:
            self.budget(**options).check("kiln")
        return caught.value

    @property
    def file(self) -> Path:
        (file,) = self.folder.glob("*.json")
        return file

    def kept(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.file.read_text())
        return found


@pytest.fixture(autouse=True)
def quick_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take little time for the hash that is meant to take its time: n=2 and p=1, for these tests about something else."""
    slow = login.hashlib.scrypt
    monkeypatch.setattr(login.hashlib, "scrypt", lambda *args, **options: slow(*args, **options | {"n": 2, "p": 1}))


@pytest.fixture
def device(tmp_path: Path, secret: str) -> Device:
    return Device(tmp_path / "deep" / "state", secret)


def test_a_block_says_until_when_and_why(device: Device) -> None:
    device.refuse()
    device.refuse()
    blocked = device.blocked()
    assert (blocked.camera, blocked.locked, blocked.until) == ("kiln", False, datetime.fromtimestamp(NOW + 1800, UTC))
    assert str(blocked) == (
        "kiln: the login was refused (wrong user or password?); nothing more is sent until 2027-01-15 08:30:00 UTC or until they change, "
        "so that the camera does not lock the account"
    )


def test_a_lock_of_the_device_is_told_as_such_by_every_process(device: Device) -> None:
    device.refuse(90, locked=True)
    device.now += 30
    blocked = device.blocked()
    assert (blocked.locked, blocked.until) == (True, datetime.fromtimestamp(NOW + 90, UTC))
    assert str(blocked).startswith("kiln: the camera has locked the account after refused logins; ")
    assert str(blocked).endswith(" or until they change, so that the camera unlocks it")


@pytest.mark.parametrize(("seconds", "lasts"), [(None, 60.0), (0, 60.0), (-5, 60.0), (0.5, 0.5), (7, 7.0)])
def test_how_long_a_lock_lasts(device: Device, seconds: float | None, lasts: float) -> None:
    with device.budget(auth_retry_seconds=60.0).attempt("kiln") as attempt:
        attempt.refused(seconds, locked=True)
    (kept,) = device.kept()["refused"].values()
    assert kept == {"refusals": 2, "blocked_at": NOW, "boot": "", "up": 0.0, "seconds": lasts, "locked": bool(seconds)}


def test_a_second_refusal_that_names_seconds_lasts_so_long(device: Device) -> None:
    device.refuse(90)
    device.refuse(90)
    blocked = device.blocked()
    assert (blocked.until, blocked.locked) == (datetime.fromtimestamp(NOW + 90, UTC), False)


def test_a_block_ends_exactly_at_its_end(device: Device) -> None:
    device.refuse(90, locked=True)
    device.now += 89.9
    device.blocked()
    device.now += 0.1
    device.budget().check("kiln")
    with device.budget().attempt("kiln") as attempt:
        assert attempt.last
        attempt.refused()
    blocked = device.blocked()
    assert (blocked.locked, blocked.until) == (False, datetime.fromtimestamp(device.now + 1800, UTC))


def test_a_clock_that_went_back_begins_the_block_again_and_for_everyone(device: Device) -> None:
    device.refuse(90, locked=True)
    device.now = 100.0
    assert device.blocked().until == datetime.fromtimestamp(190, UTC)
    with pytest.raises(AuthBlocked):
        device.budget().attempt("kiln")
    (kept,) = device.kept()["refused"].values()
    assert kept["blocked_at"] == 100.0
    device.now = 150.0
    assert device.blocked().until == datetime.fromtimestamp(190, UTC)


def test_the_file_is_where_earlier_versions_left_it(device: Device) -> None:
    device.refuse()
    assert device.file.name == "login-1b3ee63934d4dc27a6d4d916.json"
    kept = device.kept()
    assert set(kept) == {"salt", "pending", "refused", "suspect", "memory"}
    assert (kept["pending"], kept["suspect"], len(kept["salt"])) == (False, False, 32)
    ((fingerprint, refusals),) = kept["refused"].items()
    assert len(fingerprint) == 64
    assert refusals == {"refusals": 1, "blocked_at": None, "boot": "", "up": 0.0, "seconds": 0.0, "locked": False}


def test_what_a_version_before_locks_and_uptime_were_kept_left_is_read(device: Device) -> None:
    device.refuse()
    device.refuse()
    kept = device.kept()
    for refusals in kept["refused"].values():
        del refusals["locked"], refusals["boot"], refusals["up"]
    device.file.write_text(json.dumps(kept))
    assert device.blocked().locked is False


def test_the_hash_takes_its_time(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[bytes, dict[str, Any]]] = []

    def scrypt(password: bytes, **options: Any) -> bytes:
        asked.append((password, options))
        return b"\xab" * 32

    monkeypatch.setattr(login.hashlib, "scrypt", scrypt)
    service = device.budget()
    for _ in range(2):
        with service.attempt("kiln") as attempt:
            attempt.refused()
    salt = bytes.fromhex(device.kept()["salt"])
    assert asked == [(device.password.encode(), {"salt": salt, "n": 2048, "r": 8, "p": 8, "dklen": 32})], "and once"
    assert list(device.kept()["refused"]) == ["ab" * 32]


def test_devices_and_users_have_budgets_of_their_own(device: Device) -> None:
    device.refuse(90, locked=True)
    device.budget(key="192.0.2.11 admin").check("kiln")
    device.blocked()


def test_of_too_many_passwords_the_oldest_is_forgotten(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "_CREDENTIALS_KEPT", 2)
    for password in ("one", "two", "one", "three"):
        device.refuse(password=password)
    device.blocked(password="one")
    for password, last in (("two", False), ("three", True)):
        with device.budget(password).attempt("kiln") as attempt:
            assert attempt.last is last


def test_a_file_that_cannot_be_opened_leaves_one_attempt(device: Device) -> None:
    device.refuse()
    file = device.file
    file.unlink()
    file.mkdir()
    with device.budget().attempt("kiln") as attempt:
        assert attempt.last


UNREADABLE = ("{", "[]", "null", '{"salt": 1}', "\xff", *(
    f'{{"salt": "{salt}", "pending": false, "suspect": false, "refused": {{}}}}' for salt in ("zz", "00112233445566")
))  # fmt: skip


@pytest.mark.parametrize("text", UNREADABLE)
def test_a_file_nobody_can_read_leaves_one_attempt(device: Device, text: str) -> None:
    device.refuse()
    device.file.write_bytes(text.encode("latin-1"))
    for _ in range(2):  # nor does trying without an answer wash it clean
        with device.budget().attempt("kiln") as attempt:
            assert attempt.last
    device.refuse()
    device.blocked()


def test_a_salt_of_eight_bytes_is_one(device: Device) -> None:
    device.refuse()
    kept = {"salt": "0011223344556677", "pending": False, "suspect": False, "refused": {}}
    device.file.write_text(json.dumps(kept))
    with device.budget().attempt("kiln") as attempt:
        assert not attempt.last


def test_an_attempt_that_never_ended_counts_once(device: Device) -> None:
    device.refuse()
    device.file.write_text(json.dumps(device.kept() | {"refused": {}, "pending": True}))
    for _ in range(2):
        with device.budget().attempt("kiln") as attempt:
            assert attempt.last
            assert device.kept()["pending"] is True
    assert device.kept()["pending"] is False
    device.file.write_text(json.dumps(device.kept() | {"pending": True}))
    with pytest.raises(AuthBlocked):
        device.budget().attempt("kiln")
    device.now += 100
    with pytest.raises(AuthBlocked):
        device.budget().attempt("kiln")
    assert device.blocked().until == datetime.fromtimestamp(NOW + 1800, UTC), "asking prolongs nothing"


def test_folder_file_and_lock_are_for_their_owner_alone(device: Device) -> None:
    device.refuse()
    modes = {path.suffix: stat.S_IMODE(path.stat().st_mode) for path in device.folder.iterdir()}
    assert modes == {".json": 0o600, ".lock": 0o600}
    assert stat.S_IMODE(device.folder.stat().st_mode) == 0o700


def test_an_acceptance_leaves_the_refusals_of_others(device: Device) -> None:
    device.refuse()
    device.refuse(password="mistyped")
    mine = device.budget()
    with mine.attempt("kiln") as attempt:
        attempt.accepted()
    assert len(device.kept()["refused"]) == 1
    assert mine.proven
    with device.budget("mistyped").attempt("kiln") as attempt:
        assert attempt.last


def test_a_new_secret_is_asked_for_before_the_last_attempt_and_while_none_is_left(device: Device) -> None:
    asked: list[bool] = []

    def renewed() -> bool:
        asked.append(True)
        return len(asked) > 1

    device.budget(renewed=renewed).attempt("kiln").__exit__(None, None, None)
    assert asked == [], "the first may be spent"
    device.refuse()
    service = device.budget(renewed=renewed)
    with service.attempt("kiln") as attempt:
        assert attempt.last
    assert asked == [True]
    with pytest.raises(Busy, match=r"^kiln: its password has changed where it is kept, and is tried next$") as changed:
        service.attempt("kiln")
    assert changed.value.camera == "kiln"
    device.refuse()
    with pytest.raises(Busy, match=r"^kiln: "):
        service.check("kiln")
    with device.budget("new").attempt("kiln") as attempt:
        attempt.accepted()


def test_only_who_holds_the_permit_gives_it_back(device: Device) -> None:
    service = device.budget()
    with service.attempt("kiln") as attempt:
        attempt.accepted()
        with service.attempt("kiln") as free:
            assert free.last is False
        with pytest.raises(Busy):
            device.budget().attempt("kiln", timeout=0.01)


def test_the_first_word_of_an_attempt_stands(device: Device) -> None:
    service = device.budget()
    assert service.proven is False
    with service.attempt("kiln") as attempt:
        attempt.accepted()
        attempt.refused(90, locked=True)
    assert service.proven is True
    service.check("kiln")
    service.doubt()
    assert service.proven is False


def test_a_lock_of_proven_credentials_lasts_as_long_as_the_device_says(device: Device) -> None:
    service = device.budget()
    with service.attempt("kiln") as attempt:
        attempt.accepted()
    with service.attempt("kiln") as attempt:
        attempt.refused(90, locked=True)
    assert service.proven is False
    blocked = device.blocked()
    assert (blocked.locked, blocked.until) == (True, datetime.fromtimestamp(NOW + 90, UTC))


def test_who_waited_for_an_acceptance_goes_on_freely(device: Device, wait_for: WaitFor) -> None:
    service = device.budget()
    done: list[bool] = []

    def use() -> None:
        with service.attempt("kiln") as other:
            done.append(other.last)

    with service.attempt("kiln") as attempt:
        threads = [threading.Thread(target=use) for _ in range(2)]
        for thread in threads:
            thread.start()
        attempt.accepted()
    for thread in threads:
        thread.join(10)
    assert done == [False, False]
    service.doubt()
    with service.attempt("kiln"):
        pass


def test_a_permit_asked_for_while_another_has_it_is_waited_for(device: Device) -> None:
    holder, other = device.budget(), device.budget()
    with other.attempt("kiln"):
        pass
    began = time.monotonic()
    with holder.attempt("kiln"), pytest.raises(Busy) as busy:
        other.attempt("kiln", timeout=0.1)
    assert time.monotonic() - began >= 0.1
    assert busy.value.camera == "kiln"
    assert str(busy.value) == "kiln: another login to it is still waiting for its answer"


def test_a_refusal_of_proven_credentials_waits_for_who_is_at_it(device: Device) -> None:
    service, other = device.budget(), device.budget()
    with service.attempt("kiln") as attempt:
        attempt.accepted()
    free = service.attempt("kiln")
    with other.attempt("kiln") as attempt:
        thread = threading.Thread(target=free.refused)
        thread.start()
        thread.join(0.05)
        assert thread.is_alive()
        attempt.refused()
    thread.join(10)
    assert not thread.is_alive()
    device.blocked()
    with pytest.raises(AuthBlocked):
        service.attempt("kiln")


def test_a_file_that_vanished_meanwhile_is_no_trouble(device: Device, caplog: pytest.LogCaptureFixture) -> None:
    with device.budget().attempt("kiln") as attempt:
        device.file.unlink()
        attempt.accepted()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_where_files_cannot_be_locked_one_process_still_goes_one_at_a_time(
    device: Device, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    service = device.budget()
    with service.attempt("kiln") as attempt:
        with pytest.raises(Busy):
            service.attempt("kiln", timeout=0.01)
        attempt.refused()
    device.refuse()
    device.blocked()
    warned = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warned == [
        f"{device.folder} cannot be written (No locks available): refused logins are forgotten at the next start, "
        "which may lock the camera's account"
    ]


def test_what_could_not_be_written_is_remembered_until_it_can(device: Device) -> None:
    device.folder.parent.mkdir()
    device.folder.touch()  # a file where the folder should be
    service = device.budget()
    with service.attempt("kiln") as attempt:
        attempt.refused()
    device.folder.unlink()
    with service.attempt("kiln") as attempt:
        assert attempt.last
        attempt.refused()
    device.blocked()
    device.file.unlink()
    service.check("kiln")
