"""RTSP sessions: logging in within the budget, and ending at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from metadata_client import READING, Make, Reader, lost, maker, online
from nvr_hooks import AuthBlocked, NoPermission, Refused, Unreachable
from rtsp_camera import Asked, RtspCamera, reply


@pytest.fixture
def camera() -> Iterator[RtspCamera]:
    with RtspCamera() as made:
        yield made


@pytest.fixture
def make(camera: RtspCamera, tmp_path: Path, secret: str) -> Make:
    return maker(camera, tmp_path, secret)


@pytest.fixture
def locked(camera: RtspCamera, secret: str) -> RtspCamera:
    camera.password = secret
    return camera


def test_a_login_is_made_once_and_survives_a_new_nonce(locked: RtspCamera, make: Make) -> None:
    stream = make(longest_silence=0.05)
    reader = Reader(stream)
    locked.wait_for("GET_PARAMETER")
    locked.nonce = "b2"
    locked.wait_for("GET_PARAMETER", 4)
    stream.interrupt()
    assert reader.end() is None
    assert locked.methods[:4] == ["DESCRIBE", "DESCRIBE", "SETUP", "PLAY"]
    assert locked.refused == 1  # the old nonce, once
    assert locked.asked[-1].headers["authorization"].count('nonce="b2"') == 1


def test_a_wrong_password_is_sent_twice_in_all(locked: RtspCamera, make: Make) -> None:
    assert "wrong password" in str(lost(make(password="guess"), Refused))
    lost(make(password="guess"), AuthBlocked)
    assert locked.refused == 2
    asked = len(locked.asked)
    lost(make(password="guess"), AuthBlocked)
    assert (locked.refused, len(locked.asked)) == (2, asked)


def test_a_missing_permission_is_told_apart_by_asking_elsewhere(locked: RtspCamera, make: Make) -> None:
    proofs: list[int] = []
    locked.password = "something only the web page knows"
    assert "although the login is right" in str(lost(make(prove=lambda: proofs.append(1)), NoPermission))
    assert (proofs, locked.refused) == ([1], 1)


def test_the_last_attempt_goes_to_something_every_user_may_read(locked: RtspCamera, make: Make) -> None:
    with pytest.raises(Refused):
        list(make(password="guess").events())

    def prove() -> None:
        raise Refused("kiln: GET /ISAPI/System/deviceInfo answered 401 (wrong password?)", camera="kiln")

    assert "deviceInfo" in str(lost(make(password="guess", prove=prove), Refused))
    assert locked.refused == 1


def test_a_proof_elsewhere_gives_the_last_attempt_back(locked: RtspCamera, make: Make, secret: str) -> None:
    locked.password = "another"
    lost(make(), Refused)
    locked.password = secret
    proofs: list[int] = []
    with online(make(prove=lambda: proofs.append(1))):
        pass
    assert (proofs, locked.refused) == ([1], 1)


def test_an_answer_that_says_nothing_of_the_login_costs_nothing(locked: RtspCamera, make: Make) -> None:
    locked.answers["DESCRIBE"] = ["403 Forbidden"]
    lost(make(), NoPermission)
    lost(make(), NoPermission)
    assert locked.refused == 0
    # Of the second address too it is asked first whether it wants a login.
    assert ["authorization" in asked.headers for asked in locked.asked[:4]] == [False, True, False, True]


def test_a_stale_nonce_is_no_refusal(locked: RtspCamera, make: Make) -> None:
    def describe(camera: RtspCamera, asked: Asked) -> bytes:
        del camera.answers["DESCRIBE"]
        camera.nonce = "b2"
        stale = 'WWW-Authenticate: Digest realm="IP Camera(C2875)", nonce="b2", stale="TRUE"'
        return reply(asked, "401 Unauthorized", stale)

    locked.answers["DESCRIBE"] = describe
    with online(make()):
        pass
    assert locked.refused == 0


def test_a_camera_that_wants_a_login_nobody_configured_says_so(locked: RtspCamera, make: Make) -> None:
    assert "wants a login" in str(lost(make(username=""), Refused))


@pytest.mark.parametrize(
    ("first", "then"),
    [(b"", b"$\0\0\x0c\x80" + b"\0" * 11), (b"RTSP/1.0 200 OK\r\nCSeq: 3\r\nContent-Length: 1000000\r\n\r\n", b"x")],
)
def test_an_answer_that_never_ends_is_not_awaited_for_ever(
    camera: RtspCamera, make: Make, first: bytes, then: bytes
) -> None:
    over = threading.Event()

    def drip(camera: RtspCamera, asked: Asked) -> None:
        camera.push(first)
        while not over.wait(0.005):
            camera.push(then)

    camera.answers["PLAY"] = drip
    assert "PLAY" in str(lost(make(timeout=0.2), Unreachable))
    over.set()


def test_interrupt_ends_a_silent_stream_at_once_and_politely(camera: RtspCamera, make: Make) -> None:
    stream = make()
    reader = Reader(stream)
    camera.wait_for("PLAY")
    stream.interrupt()
    assert reader.end(1.0) is None
    camera.wait_for("TEARDOWN")


def test_interrupt_ends_the_wait_for_an_answer(camera: RtspCamera, make: Make) -> None:
    camera.answers["SETUP"] = lambda camera, asked: None
    stream = make(timeout=60.0)
    reader = Reader(stream)
    camera.wait_for("SETUP")
    stream.interrupt()
    assert reader.end(1.0) is None
    assert "TEARDOWN" not in camera.methods


def test_interrupt_before_the_beginning_asks_nothing(camera: RtspCamera, make: Make) -> None:
    stream = make()
    stream.interrupt()
    assert list(stream.events()) == []
    assert camera.asked == []


def test_the_password_is_in_no_message(
    make: Make, secret: str, camera: RtspCamera, caplog: pytest.LogCaptureFixture
) -> None:
    stream = make()
    with online(stream) as events:
        camera.push(camera.packets(READING))
        next(events)
    assert secret not in repr(vars(stream))
    assert [record for record in caplog.records if "metadata packet" in record.getMessage()] != []
