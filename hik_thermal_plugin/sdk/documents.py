"""ISAPI documents through the vendor's library: STDXMLConfig (hcnetsdk.md 7.10). It works with both ways to log in."""

from __future__ import annotations

import ctypes

from nvr_hooks import NvrError

from ..wire.hcnetsdk_layouts import NET_DVR_XML_CONFIG_INPUT, NET_DVR_XML_CONFIG_OUTPUT, size_of
from .faults import TOO_SMALL, number_of
from .session import SdkSession

_ROOM = 1 << 20
_MORE_ROOM = 16 << 20
_STATUS_ROOM = 64 << 10


def exchange(session: SdkSession, method: str, path: str, body: bytes | None, timeout: float) -> tuple[bool, bytes]:
    """Return whether the device agreed, and the document it answered with; raise the library's error where there is none.

    `timeout` in seconds. A GET whose answer is longer than there is room for is asked again; whatever writes is sent once.
    """
    what = f"{method} {path}"
    request = what.encode()
    url = ctypes.create_string_buffer(request)
    data = None if body is None else ctypes.create_string_buffer(body, len(body))
    for room in (_ROOM, _MORE_ROOM) if method == "GET" else (_ROOM,):
        out, status = ctypes.create_string_buffer(room), ctypes.create_string_buffer(_STATUS_ROOM)
        wanted = NET_DVR_XML_CONFIG_INPUT(
            dwSize=size_of(NET_DVR_XML_CONFIG_INPUT),
            lpRequestUrl=ctypes.addressof(url),
            dwRequestUrlLen=len(request),
            lpInBuffer=None if data is None else ctypes.addressof(data),
            dwInBufferSize=0 if body is None else len(body),
            dwRecvTimeOut=max(1, round(timeout * 1000)),
        )
        answer = NET_DVR_XML_CONFIG_OUTPUT(
            dwSize=size_of(NET_DVR_XML_CONFIG_OUTPUT),
            lpOutBuffer=ctypes.addressof(out),
            dwOutBufferSize=room,
            lpStatusBuffer=ctypes.addressof(status),
            dwStatusSize=_STATUS_ROOM,
        )
        try:
            session.call("STDXMLConfig", ctypes.byref(wanted), ctypes.byref(answer), what=what)
        except NvrError as error:
            if number_of(error) == TOO_SMALL and room == _ROOM and method == "GET":
                continue
            verdict = status.value or ctypes.string_at(out, min(answer.dwReturnedXMLSize, room))
            if b"<" not in verdict and b"{" not in verdict:
                raise
            return False, verdict
        return True, ctypes.string_at(out, min(answer.dwReturnedXMLSize, room))
    raise AssertionError
