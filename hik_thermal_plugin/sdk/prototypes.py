"""The functions of the vendor's library that are used, with their C types and the value that means failure (hcnetsdk.md 3, 10).

Every function has its types here: without them a pointer passed as a number is cut to 32 bits.
"""

from __future__ import annotations

import ctypes
from ctypes import CFUNCTYPE
from typing import Any, NamedTuple

_i32, _u32, _ptr, _text = ctypes.c_int32, ctypes.c_uint32, ctypes.c_void_p, ctypes.c_char_p

AlarmCallback = CFUNCTYPE(ctypes.c_int, _i32, _ptr, _ptr, _u32, _ptr)
AlarmCallback50 = CFUNCTYPE(None, _i32, _ptr, _ptr, _u32, _ptr)
ExceptionCallback = CFUNCTYPE(None, _u32, _i32, _i32, _ptr)
DataCallback = CFUNCTYPE(None, _i32, _u32, _ptr, _u32, _ptr)
RemoteCallback = CFUNCTYPE(None, _u32, _ptr, _u32, _ptr)
"""Buffers are pointers, never texts: ctypes would cut them at the first NUL."""


class Prototype(NamedTuple):
    """How one function is called."""

    result: Any
    failure: int | None
    """The value that means failure; None for functions that cannot fail."""
    arguments: tuple[Any, ...]


def _flag(*arguments: Any) -> Prototype:
    return Prototype(ctypes.c_int, 0, arguments)


def _handle(*arguments: Any) -> Prototype:
    return Prototype(_i32, -1, arguments)


PROTOTYPES: dict[str, Prototype] = {
    "Init": _flag(),
    "Cleanup": _flag(),
    "GetSDKBuildVersion": Prototype(_u32, None, ()),
    "GetLastError": Prototype(_u32, None, ()),
    "SetSDKInitCfg": _flag(_i32, _ptr),
    "SetSDKLocalCfg": _flag(_i32, _ptr),
    "SetConnectTime": _flag(_u32, _u32),
    "SetRecvTimeOut": _flag(_u32),
    "SetReconnect": _flag(_u32, ctypes.c_int),
    "SetExceptionCallBack_V30": _flag(_u32, _ptr, ExceptionCallback, _ptr),
    "Login_V40": _handle(_ptr, _ptr),
    "Logout": _flag(_i32),
    "SetDVRMessageCallBack_V31": _flag(AlarmCallback, _ptr),
    "SetDVRMessageCallBack_V50": _flag(_i32, AlarmCallback50, _ptr),
    "SetupAlarmChan_V41": _handle(_i32, _ptr),
    "CloseAlarmChan_V30": _flag(_i32),
    "StartRemoteConfig": _handle(_i32, _u32, _ptr, _u32, RemoteCallback, _ptr),
    "StopRemoteConfig": _flag(_i32),
    "GetSTDConfig": _flag(_i32, _u32, _ptr),
    "SetSTDConfig": _flag(_i32, _u32, _ptr),
    "STDControl": _flag(_i32, _u32, _ptr),
    "STDXMLConfig": _flag(_i32, _ptr, _ptr),
    "RealPlay_V40": _handle(_i32, _ptr, DataCallback, _ptr),
    "StopRealPlay": _flag(_i32),
    "SaveRealData": _flag(_i32, _text),
    "SaveRealData_V30": _flag(_i32, _u32, _text),
    "StopSaveRealData": _flag(_i32),
    "SetCapturePictureMode": _flag(_u32),
    "CapturePictureBlock_New": _flag(_i32, _ptr, _u32, _ptr),
    "CapturePictureBlock": _flag(_i32, _text, _u32),
    "CapturePicture": _flag(_i32, _text),
    "CaptureJPEGPicture_NEW": _flag(_i32, _i32, _ptr, _ptr, _u32, _ptr),
    "CaptureJPEGPicture_WithAppendData": _flag(_i32, _i32, _ptr),
    "FindFile_V40": _handle(_i32, _ptr),
    "FindNextFile_V40": _handle(_i32, _ptr),
    "FindClose_V30": _flag(_i32),
    "PlayBackByTime_V40": _handle(_i32, _ptr),
    "PlayBackByName": _handle(_i32, _text, _u32),
    "PlayBackControl_V40": _flag(_i32, _u32, _ptr, _u32, _ptr, _ptr),
    "SetPlayDataCallBack_V40": _flag(_i32, DataCallback, _ptr),
    "StopPlayBack": _flag(_i32),
    "GetFileByTime_V40": _handle(_i32, _text, _ptr),
    "GetFileByName": _handle(_i32, _text, _text),
    "GetDownloadPos": _handle(_i32),
    "StopGetFile": _flag(_i32),
}
"""By name without `NET_DVR_`."""
