"""Loading: what is set before Init, what is missing and where it was looked for, one copy per process, nothing on our stdout."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from nvr_hooks import Unsupported
from standin_library import StandIn

from hik_thermal_plugin.sdk import library
from hik_thermal_plugin.sdk.session import SdkSession

pytestmark = pytest.mark.integration
Make = Callable[..., SdkSession]


def refusal(session: Make, path: Path | None) -> str:
    with pytest.raises(Unsupported) as caught:
        session(path=path).login()
    return str(caught.value)


def test_paths_are_set_before_init_and_the_version_is_read_after_it(session: Make, standin: StandIn) -> None:
    for name in ("libcrypto.so.1.1", "libssl.so"):
        (standin.folder / name).touch()
    try:
        found = session().login().library
    finally:
        for name in ("libcrypto.so.1.1", "libssl.so"):
            (standin.folder / name).unlink()
    calls = standin.calls()

    assert calls[:4] == [
        f"NET_DVR_SetSDKInitCfg 2 {standin.folder}",
        f"NET_DVR_SetSDKInitCfg 3 {standin.folder}/libcrypto.so.1.1",
        f"NET_DVR_SetSDKInitCfg 4 {standin.folder}/libssl.so",
        "NET_DVR_Init",
    ]
    assert found.version == "6.1.6.45"
    assert "NET_DVR_SetReconnect 30000 0" in calls  # its own re-login is off
    assert "NET_DVR_SetSDKLocalCfg 17" in calls


def test_a_process_initialises_it_once_and_the_last_one_cleans_up(session: Make, standin: StandIn) -> None:
    first, second = session(), session()
    first.login()
    second.login()
    first.close()

    assert (standin.references, standin.functions().count("Init")) == (1, 1)
    second.close()
    assert (standin.references, standin.functions()[-1]) == (0, "Cleanup")
    again = session()
    again.login()
    assert standin.functions().count("Init") == 2


def test_no_path_names_the_setting(session: Make) -> None:
    assert "set sdk.path to the folder that holds your copy of libhcnetsdk.so" in refusal(session, None)


def test_a_missing_library_names_where_it_was_looked_for(session: Make, tmp_path: Path) -> None:
    text = refusal(session, tmp_path)

    assert f"looked for {tmp_path}/libhcnetsdk.so and {tmp_path}/lib/libhcnetsdk.so" in text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x7fELF\x02\x01\x01" + bytes(11) + b"\xb7\0" + bytes(40), "is for another processor"),
        (b"\x7fELF\x01\x01\x01" + bytes(11) + b"\x3e\0" + bytes(40), "is for another processor"),
        (b"MZ a library of Windows", "is no Linux library"),
        (b"", "is no Linux library"),
    ],
)
def test_another_kind_of_file_is_refused_in_words(session: Make, tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / library.NAME).write_bytes(content)

    assert words in refusal(session, tmp_path)


def test_a_broken_library_is_refused_in_words(session: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "_loaded", None)
    (tmp_path / library.NAME).write_bytes(b"\x7fELF\x02\x01\x01" + bytes(11) + b"\x3e\0" + bytes(40))

    assert f"the vendor library in {tmp_path} cannot be loaded" in refusal(session, tmp_path)


def test_a_version_without_a_function_is_refused_by_its_name(
    session: Make, monkeypatch: pytest.MonkeyPatch, standin: StandIn
) -> None:
    monkeypatch.setattr(library, "_loaded", None)
    monkeypatch.setitem(library.PROTOTYPES, "OfTheFuture", library.PROTOTYPES["Init"])

    assert "has no NET_DVR_OfTheFuture: another version is needed" in refusal(session, standin.folder)


def test_a_second_copy_is_refused_while_one_is_loaded(session: Make, standin: StandIn, tmp_path: Path) -> None:
    session().login()

    assert f"{standin.folder} is in use" in refusal(session, tmp_path)


def test_a_failing_init_is_told_with_its_number(session: Make, standin: StandIn) -> None:
    standin.script("Init", 41)

    with pytest.raises(Exception, match=r"NET_DVR_Init failed with error 41 \(no memory\)"):
        session().login()
    session().login()


PROGRAM = """
import ctypes, sys
from pathlib import Path
fake = ctypes.CDLL(sys.argv[1] + "/libhcnetsdk.so")
from hik_thermal_plugin.login import LoginBudget
from hik_thermal_plugin.sdk.alarm_stream import SdkAlarmStream
from hik_thermal_plugin.sdk.session import Access, SdkSession
access = Access(path=Path(sys.argv[1]), host="192.0.2.7", port=8000, username="admin", password="stand-in")
session = SdkSession("kiln", access, LoginBudget("k", "stand-in", Path(sys.argv[2])))
events = SdkAlarmStream(session).events()
print(next(events).state)
for _ in range(3000):
    fake.fake_alarm(0, b"NET_DVR_THERMOMETRY_ALARM\\nbyRuleID=1", 0)  # they arrive while the interpreter ends
"""


def test_its_noise_stays_off_stdout_and_it_ends_with_the_process_while_armed(built: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, str(built.parent), str(tmp_path)],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (0, "online\n")
    assert "find 1 mac" in done.stderr


def test_importing_the_driver_loads_nothing_of_it() -> None:
    program = "import sys, hik_thermal_plugin.plugin; print([name for name in sys.modules if '.sdk' in name])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)

    assert done.stdout == "[]\n"


def test_pointers_that_are_numbers_are_not_followed() -> None:
    assert [library.check_pointer(value) for value in (None, 0, 1003, 0xFFFF, 0x10000)] == [False] * 4 + [True]
