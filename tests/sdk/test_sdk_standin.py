"""The stand-in behaves as the real library was seen to (hcnetsdk.md 8 and 9): called without a word of the driver's."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hcnetsdk_structures import made
from standin_library import StandIn

pytestmark = pytest.mark.integration
DEVICE = 344
LOGIN_DONE = ctypes.CFUNCTYPE(None, ctypes.c_int32, ctypes.c_uint32, ctypes.c_void_p, ctypes.c_void_p)
REMOTE = ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p)


class Raw:
    """Calls, and the error a failure leaves in this thread."""

    def __init__(self, standin: StandIn) -> None:
        self._c = standin.c

    def __getattr__(self, name: str) -> Callable[..., int]:
        def call(*arguments: Any) -> int:
            function = self._c[f"NET_DVR_{name}"]
            function.restype = ctypes.c_int32
            return int(function(*arguments))

        return call

    @property
    def error(self) -> int:
        return self.GetLastError()

    def login(self, **fields: Any) -> int:
        self.device = ctypes.create_string_buffer(DEVICE)
        said = {"sDeviceAddress": b"192.0.2.1", "wPort": 8000, "sUserName": b"admin", "sPassword": b"x"} | fields
        return self.Login_V40(made("NET_DVR_USER_LOGIN_INFO", **said), self.device)


@pytest.fixture
def raw(standin: StandIn) -> Iterator[Raw]:
    standin.device("admin", "x", attempts=3, lock_seconds=600, users=2)
    found = Raw(standin)
    assert found.Init() == 1
    yield found
    while standin.references:
        found.Cleanup()


def test_before_init_everything_but_its_settings_is_refused(standin: StandIn) -> None:
    raw = Raw(standin)
    for name in ("GetSDKVersion", "Cleanup"):
        assert (getattr(raw, name)(), raw.error) == (0, 3)
    assert (raw.login(), raw.error) == (-1, 3)
    assert (raw.SetLogToFile(3, b"/tmp/", 1), raw.error) == (0, 3)
    assert raw.SetSDKInitCfg(2, made("NET_DVR_LOCAL_SDK_PATH", sPath=b"/x")) == 1
    assert (raw.SetSDKInitCfg(9, b"x"), raw.error) == (0, 17)
    assert (raw.SetSDKInitCfg(2, None), raw.error) == (0, 17)


def test_init_counts_its_callers(raw: Raw, standin: StandIn) -> None:
    assert raw.Init() == 1
    assert (hex(raw.GetSDKVersion()), hex(raw.GetSDKBuildVersion())) == ("0x60001", "0x601062d")
    assert [raw.Cleanup() for _ in range(3)] == [1, 1, 0]
    assert raw.error == 3
    assert raw.Init() == 1


def test_errors_belong_to_the_thread_that_made_them(raw: Raw) -> None:
    assert (raw.Logout(99), raw.error) == (0, 47)
    elsewhere: list[int] = []
    thread = threading.Thread(target=lambda: elsewhere.append(raw.error))
    thread.start()
    thread.join()
    number = ctypes.c_int32()
    raw.GetErrorMsg(ctypes.byref(number))

    assert (elsewhere, raw.error, number.value) == ([0], 47, 47)


def test_a_success_may_leave_an_error_behind(raw: Raw) -> None:
    user = raw.login()
    assert raw.SetupAlarmChan_V41(user, made("NET_DVR_SETUPALARM_PARAM")) == 0
    assert raw.error == 17
    assert raw.CloseAlarmChan_V30(0) == 1
    assert (raw.Logout(user), raw.error) == (1, 23)


def test_logins_and_their_limits(raw: Raw) -> None:
    assert (raw.login(sDeviceAddress=b""), raw.error) == (-1, 7)
    assert (raw.Login_V40(None, raw.device), raw.error) == (-1, 17)
    assert [raw.login(), raw.login()] == [0, 1]
    assert (raw.login(), raw.error) == (-1, 52)
    assert [(raw.Logout(number), raw.error) for number in (-1, 99999, 2)] == [(0, 17), (0, 17), (0, 47)]
    assert (raw.Logout(0), raw.login()) == (1, 0)  # the lowest free number is used again
    assert raw.device.raw[:15] == b"STANDIN-2TD1228"
    left = []
    for _ in range(3):
        assert raw.login(sPassword=b"wrong") == -1
        left.append(
            (raw.error, raw.device.raw[80], raw.device.raw[81], int.from_bytes(raw.device.raw[84:88], "little"))
        )
    assert left == [(1, 1, 2, 0), (1, 1, 1, 0), (153, 1, 0, 600)]
    assert (raw.login(), raw.error) == (-1, 153)


def test_a_login_that_is_not_waited_for_answers_zero_and_calls_later(raw: Raw) -> None:
    answers: list[tuple[int, int, bool, int]] = []
    done = threading.Event()
    here = threading.get_ident()

    def on_done(user: int, result: int, device: int | None, context: int | None) -> None:
        answers.append((user, result, device is not None, threading.get_ident() != here))
        done.set()

    callback = LOGIN_DONE(on_done)
    address = ctypes.cast(callback, ctypes.c_void_p).value
    for password, expected in ((b"wrong", (0, 0, False, True)), (b"x", (0, 1, True, True))):
        done.clear()
        assert raw.login(sPassword=password, bUseAsynLogin=1, cbLoginResult=address) == 0
        assert done.wait(5)
        assert answers[-1] == expected


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("RealPlay_V40", (0, made("NET_DVR_PREVIEWINFO", lChannel=1), None, None)),
        ("FindFile_V40", (0, made("NET_DVR_FILECOND_V40"))),
        ("PlayBackByTime_V40", (0, made("NET_DVR_VOD_PARA"))),
        ("SetupAlarmChan_V41", (0, made("NET_DVR_SETUPALARM_PARAM"))),
        ("StartRemoteConfig", (0, 3629, made("NET_DVR_REALTIME_THERMOMETRY_COND"), 72, None, None)),
    ],
)
def test_a_user_who_is_not_logged_in_is_47(raw: Raw, name: str, arguments: tuple[Any, ...]) -> None:
    assert (getattr(raw, name)(*arguments), raw.error) == (-1, 47)


@pytest.mark.parametrize(
    ("name", "more", "failure"),
    [
        ("StopRealPlay", (), 0), ("StopSaveRealData", (), 0), ("StopPlayBack", (), 0), ("StopGetFile", (), 0),
        ("FindClose_V30", (), 0), ("CloseAlarmChan_V30", (), 0), ("StopRemoteConfig", (), 0), ("GetDownloadPos", (), -1),
        ("PlayBackControl_V40", (1, None, 0, None, None), 0), ("SaveRealData", (b"/tmp/x",), 0),
        ("CapturePicture", (b"/tmp/x",), 0),
    ],
)  # fmt: skip
def test_a_handle_nobody_has_is_12(raw: Raw, name: str, more: tuple[Any, ...], failure: int) -> None:
    assert (getattr(raw, name)(0, *more), raw.error) == (failure, 12)


def test_sizes_are_checked_as_the_real_library_does(raw: Raw) -> None:
    user = raw.login()
    size = ctypes.c_char * 512
    for dw_size in (0, 19, 21):
        assert (raw.SetupAlarmChan_V41(user, made("NET_DVR_SETUPALARM_PARAM", dwSize=dw_size)), raw.error) == (-1, 17)
    condition = "NET_DVR_REALTIME_THERMOMETRY_COND"
    for dw_size, length in ((0, 72), (71, 72), (73, 72), (72, 71)):
        arguments = (user, 3629, made(condition, dwSize=dw_size), length, None, None)
        assert (raw.StartRemoteConfig(*arguments), raw.error) == (-1, 17)
    url = ctypes.create_string_buffer(b"GET /ISAPI/System/deviceInfo\r\n")
    out = size()
    for dw_size in (0, 71, 73, 72):
        asked = made("NET_DVR_XML_CONFIG_INPUT", dwSize=dw_size, lpRequestUrl=ctypes.addressof(url), dwRequestUrlLen=30)
        answer = made("NET_DVR_XML_CONFIG_OUTPUT", lpOutBuffer=ctypes.addressof(out), dwOutBufferSize=512)
        buffer = ctypes.create_string_buffer(answer, len(answer))
        assert raw.STDXMLConfig(user, asked, buffer) == 0
        assert raw.error == (23 if dw_size == 72 else 17)
    assert b"notSupport" in out.raw  # the reason comes with the refusal
    small = made("NET_DVR_XML_CONFIG_OUTPUT", lpOutBuffer=ctypes.addressof(out), dwOutBufferSize=8)
    assert (raw.STDXMLConfig(user, asked, ctypes.create_string_buffer(small, len(small))), raw.error) == (0, 43)
    for index in (16, -1):
        assert (raw.SetDVRMessageCallBack_V50(index, None, None), raw.error) == (0, 17)
    raw.Logout(user)


def test_isapi_login_does_not_do_what_the_real_one_does_not(raw: Raw) -> None:
    user = raw.login(byLoginMode=1)
    assert raw.device.raw[91] == 1
    condition = made("NET_DVR_REALTIME_THERMOMETRY_COND")
    assert (raw.StartRemoteConfig(user, 3629, condition, 72, REMOTE(), None), raw.error) == (0, 23)
    assert (raw.StopRemoteConfig(0), raw.error) == (0, 12)
    assert (raw.FindFile_V40(user, made("NET_DVR_FILECOND_V40")), raw.error) == (-1, 17)
    assert (raw.PlayBackByName(user, b"ch01_00000000010000", 0), raw.error) == (-1, 17)
    assert (raw.CaptureJPEGPicture_WithAppendData(user, 2, None), raw.error) == (0, 23)
    assert raw.SetupAlarmChan_V41(user, made("NET_DVR_SETUPALARM_PARAM", dwSize=19)) == 0
    raw.CloseAlarmChan_V30(0)
    raw.Logout(user)


def test_files_of_live_view(raw: Raw, tmp_path: Path) -> None:
    user = raw.login()
    assert (raw.RealPlay_V40(user, made("NET_DVR_PREVIEWINFO", lChannel=1, hPlayWnd=5), None, None), raw.error) == (
        -1,
        64,
    )
    assert raw.RealPlay_V40(user, made("NET_DVR_PREVIEWINFO", lChannel=1), None, None) == 0
    assert (raw.SaveRealData(0, str(tmp_path / "nowhere" / "x").encode()), raw.error) == (0, 34)
    assert (raw.SaveRealData(0, b"x" * 256), raw.error) == (0, 17)
    file = tmp_path / "x"
    assert raw.SaveRealData_V30(0, 9, str(file).encode()) == 1
    assert (raw.StopSaveRealData(0), file.stat().st_size, file.stat().st_mode & 0o777) == (1, 0, 0o600)
    assert (raw.CapturePictureBlock(0, str(file).encode(), 100), raw.error) == (0, 12)
    assert (raw.SetCapturePictureMode(2), raw.error) == (0, 17)
    assert (raw.StopRealPlay(0), raw.StopRealPlay(0), raw.error) == (1, 0, 12)
    raw.Logout(user)
