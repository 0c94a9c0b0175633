"""Logins over the vendor's library: one per camera, within the budget of the camera, made anew when the device was lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from nvr_hooks import (
    AuthBlocked,
    BadAnswer,
    Busy,
    CameraError,
    DeviceError,
    NoPermission,
    NvrError,
    Refused,
    Unreachable,
    Unsupported,
    WrongUse,
)
from standin_library import StandIn

from hik_thermal_plugin.login import LoginBudget
from hik_thermal_plugin.sdk.faults import error_of, number_of
from hik_thermal_plugin.sdk.session import SdkSession

pytestmark = pytest.mark.integration
Make = Callable[..., SdkSession]


def test_one_login_serves_all_and_tells_of_the_device(session: Make, standin: StandIn) -> None:
    one = session()
    login = one.login()

    assert one.login() is login
    assert (login.user, login.serial, login.channels, login.first_channel, login.isapi) == (
        0,
        "STANDIN-2TD1228",
        2,
        1,
        False,
    )
    assert standin.functions().count("Login_V40") == 1
    one.close()
    assert [name for name in standin.functions() if not name.startswith("Set")][-2:] == ["Logout", "Cleanup"]
    with pytest.raises(Unreachable, match="closed"):
        one.login()


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "mode=0 https=0"),
        ({"mode": "isapi", "port": 80}, "mode=1 https=0"),
        ({"mode": "isapi", "tls": True, "port": 443}, "mode=1 https=1"),
        ({"tls": True}, "mode=0 https=1"),
    ],
)
def test_ways_to_log_in(session: Make, standin: StandIn, changes: dict[str, object], line: str) -> None:
    login = session(**changes).login()

    assert line in standin.calls("Login_V40")[0]
    assert login.isapi is (changes.get("mode") == "isapi")


def test_unverified_tls_is_warned_about(session: Make, standin: StandIn, caplog: pytest.LogCaptureFixture) -> None:
    session(tls=True).login()

    assert "does not verify the camera's certificate" in caplog.text


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (7, Unreachable, "no connection"),
        (9, Unreachable, "closed the connection"),
        (10, Unreachable, "no answer in time"),
        (11, BadAnswer, "is this the right port"),
        (23, Unsupported, "does not support it"),
        (52, Busy, "too many users"),
        (159, Unreachable, "TLS failed"),
        (3, Unreachable, "not initialised"),
        (999, DeviceError, "see the vendor's list of errors"),
    ],
)
def test_a_login_that_fails_costs_nothing_of_the_budget(
    session: Make, standin: StandIn, code: int, kind: type[CameraError], words: str
) -> None:
    one = session()
    for _ in range(3):
        standin.script("Login_V40", code)
        with pytest.raises(
            kind, match=rf"kiln: the login at 192.0.2.7:8000 failed with error {code} \([^)]*{words}"
        ) as caught:
            one.login()
        assert number_of(caught.value) == code
    assert one.login().user == 0


def test_two_wrong_passwords_at_most_reach_the_device(session: Make, standin: StandIn) -> None:
    standin.device("admin", "another one")
    one = session()
    for _ in range(2):
        with pytest.raises(Refused, match=r"error 1 \(wrong user or password\)"):
            one.login()
    for again in (one, session()):
        with pytest.raises(AuthBlocked, match="nothing more is sent"):
            again.login()

    assert standin.functions().count("Login_V40") == 2


def test_the_budget_is_the_one_of_the_other_ways_to_the_camera(
    session: Make, standin: StandIn, secret: str, tmp_path: Path
) -> None:
    over_http = LoginBudget("admin@192.0.2.7", secret, tmp_path / "state")
    for _ in range(2):
        with over_http.attempt("kiln") as attempt:
            attempt.refused()

    with pytest.raises(AuthBlocked):
        session().login()
    assert standin.functions().count("Login_V40") == 0


def test_a_locked_account_is_left_alone_until_its_lock_ends(session: Make, standin: StandIn) -> None:
    standin.device("admin", "another one", attempts=1, lock_seconds=600)
    one = session()
    with pytest.raises(Refused, match=r"error 153 \(the account is locked\)"):
        one.login()
    with pytest.raises(AuthBlocked) as caught:
        one.login()

    assert caught.value.until is not None
    assert timedelta(seconds=590) < caught.value.until - datetime.now(UTC) < timedelta(seconds=602)


def test_a_login_nobody_knows_any_more_is_made_anew(session: Make, standin: StandIn) -> None:
    one = session()
    one.login()
    standin.script("SetSTDConfig", 47)
    with pytest.raises(Unreachable, match=r"error 47 \(not logged in any more\)"):
        one.call("SetSTDConfig", 6716, None)

    assert one.login().user == 0
    assert standin.functions().count("Login_V40") == 2
    assert standin.functions().count("Logout") == 1


def test_a_lost_login_is_given_up_when_the_last_thing_on_it_is_closed(session: Make, standin: StandIn) -> None:
    one = session()
    old = one.login()
    handle = one.open("alarm", old, 99, "CloseAlarmChan_V30")
    one.lost(old)
    new = one.login()

    assert (old.user, new.user) == (0, 1)
    assert standin.functions().count("Logout") == 0
    handle.close()
    handle.close()
    assert standin.calls("Logout") == ["NET_DVR_Logout 0"]
    assert standin.functions().count("CloseAlarmChan_V30") == 1


def test_a_login_that_takes_long_lets_others_work_and_is_not_waited_for_at_the_end(
    session: Make, standin: StandIn, wait_for: Callable[..., None]
) -> None:
    one = session()
    standin.script("Login_V40", milliseconds=1500)
    outcome: list[BaseException] = []

    def log_in() -> None:
        try:
            one.login()
        except NvrError as error:
            outcome.append(error)

    thread = threading.Thread(target=log_in)
    thread.start()
    wait_for(lambda: "Login_V40" in standin.functions())
    with pytest.raises(Busy):
        one.login(time.monotonic() + 0.1)
    began = time.monotonic()
    one.close()
    assert time.monotonic() - began < 1.2
    thread.join(5)

    assert [type(error) for error in outcome] == [Unreachable]
    assert (standin.live, standin.references) == (0, 0)


def test_a_hundred_sessions_at_once(session: Make, standin: StandIn, secret: str) -> None:
    standin.device("admin", secret, users=128)
    sessions = [session(host=f"192.0.2.{number}") for number in range(100)]
    users = {one.login().user for one in sessions}

    assert users == set(range(100))


def test_names_and_passwords_longer_than_the_structure_are_refused(session: Make) -> None:
    with pytest.raises(WrongUse, match="longer than the vendor library takes"):
        session(username="u" * 65).login()


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        *((1, Refused), (2, NoPermission), (5, Busy), (12, DeviceError), (17, DeviceError), (34, NvrError)),
        *((number, Unsupported) for number in (64, 91, 107, 110, 139)),
    ],
)
def test_every_number_has_its_place_in_the_tree_of_errors(number: int, kind: type[NvrError]) -> None:
    error = error_of(number, "kiln", "x")

    assert type(error) is kind
    assert f"error {number} (" in str(error)
