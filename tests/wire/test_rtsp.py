"""An RTSP session: its states, logins, and what cameras write into headers."""

from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nvr_hooks import BadAnswer, WrongUse

from hik_thermal_plugin.wire.rtsp import (
    MAX_PENDING,
    Answered,
    Challenged,
    Refused,
    RtspConnection,
    RtspEvent,
    ServerAsked,
    State,
)
from hik_thermal_plugin.wire.rtsp_headers import Transport, parse_session, parse_transport
from hik_thermal_plugin.wire.rtsp_messages import Interleaved

URL = "rtsp://192.0.2.10:554/ISAPI/Streaming/channels/201"
ANNOUNCE = b"ANNOUNCE rtsp://192.0.2.10/ RTSP/1.0\r\nCSeq: 9\r\nSession:  7\r\n\r\n"
PACKET = b"\x80\x6b\0\1" + b"\0" * 8 + b"<a/>"


def answer(
    connection: RtspConnection, sent: bytes, *lines: str, status: str = "200 OK", body: bytes = b""
) -> list[RtspEvent]:
    """Feed the answer to a request we sent."""
    (cseq,) = re.findall(rb"CSeq: (\d+)", sent)
    head = [f"RTSP/1.0 {status}", f"CSeq: {cseq.decode()}", *lines, *([f"Content-Length: {len(body)}"] if body else [])]
    return connection.receive("\r\n".join(head).encode() + b"\r\n\r\n" + body)


def playing(
    connection: RtspConnection | None = None, session: str = "Session:        708345999;timeout=60"
) -> RtspConnection:
    connection = connection or RtspConnection()
    answer(connection, connection.setup(URL + "/trackID=3"), session)
    answer(connection, connection.play(URL), "Session: 708345999")
    return connection


def test_the_steps_of_the_guide_in_the_words_of_a_camera() -> None:
    connection = RtspConnection()
    sent = connection.describe(URL)
    assert sent.decode() == (
        f"DESCRIBE {URL} RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: hik-thermal-plugin\r\nAccept: application/sdp\r\n\r\n"
    )
    (event,) = answer(connection, sent, f"Content-Base: {URL}/", body=b"v=0\r\n")
    assert isinstance(event, Answered)
    assert (event.request.method, event.reply.body, event.reply.header("content-base")) == (
        "DESCRIBE",
        b"v=0\r\n",
        URL + "/",
    )
    sent = connection.setup(URL + "/trackID=3?profile=Profile_1", (2, 3))
    assert f"SETUP {URL}/trackID=3?profile=Profile_1 RTSP/1.0\r\n".encode() in sent
    assert b"Transport: RTP/AVP/TCP;unicast;interleaved=2-3\r\n" in sent
    assert b"Session" not in sent
    answer(
        connection,
        sent,
        "Session:        708345999;timeout=30",
        'Transport: RTP/AVP/TCP;unicast;interleaved=4-5;ssrc= d6d6627;mode="play"',
    )
    assert (connection.state, connection.session_timeout) == (State.READY, 30)
    sent = connection.play(URL)
    assert b"Session: 708345999\r\nRange: npt=0.000-\r\n" in sent
    answer(connection, sent, "Session: 708345999", "RTP-Info: url=trackID=3;seq=0;rtptime=0")
    assert (connection.state, connection.session_timeout) == (State.PLAYING, 30)
    # The camera chose other channels than were asked for: behind garbage they are the ones that count.
    assert connection.receive(b"\xff$\4\0\x10" + PACKET) == [Interleaved(4, PACKET)]
    answer(connection, connection.keep_alive(URL), "Session: 708345999")
    assert connection.state is State.PLAYING
    sent = connection.teardown(URL)
    assert sent.startswith(f"TEARDOWN {URL} RTSP/1.0".encode())
    answer(connection, sent)
    assert (connection.state, connection.waiting) == (State.CLOSED, False)


@pytest.mark.parametrize(
    ("state", "allowed"),
    [
        (State.INIT, {"options", "describe", "setup"}),
        (State.READY, {"options", "describe", "setup", "play", "keep_alive", "teardown"}),
        (State.PLAYING, {"options", "play", "keep_alive", "teardown"}),
        (State.CLOSED, set()),
    ],
)
def test_what_is_possible_in_which_state(state: State, allowed: set[str]) -> None:
    for name in ("options", "describe", "setup", "play", "keep_alive", "teardown"):
        connection = RtspConnection()
        if state is not State.INIT:
            answer(connection, connection.setup(URL), "Session: 1")
        if state is State.PLAYING:
            answer(connection, connection.play(URL))
        if state is State.CLOSED:
            answer(connection, connection.teardown(URL))
        assert connection.state is state
        if name in allowed:
            assert getattr(connection, name)(URL)
        else:
            with pytest.raises(WrongUse, match=state.value):
                getattr(connection, name)(URL)


@pytest.mark.parametrize(("status", "reason"), [(453, "Not Enough Bandwidth"), (300, "Multiple Choices"), (500, "")])
def test_a_refused_request_changes_no_state(status: int, reason: str) -> None:
    connection = RtspConnection()
    (event,) = answer(connection, connection.setup(URL), "Session: 1;timeout=5", status=f"{status} {reason}")
    assert isinstance(event, Answered)
    assert (event.reply.status, event.reply.reason, connection.state) == (status, reason, State.INIT)
    assert connection.session_timeout == 60
    assert b"Session" not in connection.setup(URL)


def test_the_answer_to_play_may_name_the_session_anew() -> None:
    connection = RtspConnection()
    answer(connection, connection.setup(URL), "Session: 1;timeout=30")
    answer(connection, connection.play(URL), "Session: 2;timeout=20")
    assert connection.session_timeout == 20
    assert b"Session: 2\r\n" in connection.keep_alive(URL)


def test_an_answer_that_comes_when_the_state_has_changed_leaves_it() -> None:
    connection = RtspConnection()
    answer(connection, connection.setup(URL), "Session: 1")
    late, play = connection.describe(URL), connection.play(URL)
    answer(connection, play)
    assert len(answer(connection, late)) == 1
    assert connection.state is State.PLAYING


def test_any_answer_to_teardown_closes() -> None:
    connection = playing()
    answer(connection, connection.teardown(URL), status="500 Internal Server Error")
    assert connection.state is State.CLOSED


@pytest.mark.parametrize("named", [True, False])
def test_packets_of_every_track_are_known_behind_garbage(named: bool) -> None:
    connection = RtspConnection()
    for channels, chosen in (((0, 1), (4, 5)), ((2, 3), (6, 7))):
        lines = [f"Transport: RTP/AVP/TCP;interleaved={chosen[0]}-{chosen[1]}"] if named else []
        answer(connection, connection.setup(URL, channels), "Session: 1", *lines)
    for channel in (0, 1, 2, 3, *((4, 5, 6, 7) if named else ())):
        garbage = connection.garbage
        assert connection.receive(b"\xff$" + bytes([channel]) + b"\0\x10" + PACKET) == [Interleaved(channel, PACKET)]
        assert connection.garbage == garbage + 1
    assert connection.receive(b"\xff$\x08\0\x10" + PACKET) == []


def test_a_forgotten_session_leads_back_to_the_beginning() -> None:
    connection = playing()
    answer(connection, connection.keep_alive(URL), status="454 Session Not Found")
    assert connection.state is State.INIT
    assert b"Session" not in connection.describe(URL)


def test_a_server_without_get_parameter_is_kept_alive_by_options() -> None:
    connection = playing()
    sent = connection.keep_alive(URL)
    assert sent.startswith(b"GET_PARAMETER ")
    answer(connection, sent, status="501 Not Implemented")
    assert connection.keep_alive(URL).startswith(b"OPTIONS ")


def test_answers_to_nothing_and_provisional_ones_are_passed_over() -> None:
    connection = RtspConnection()
    sent = connection.describe(URL)
    assert connection.receive(b"RTSP/1.0 200 OK\r\nCSeq: 77\r\n\r\nRTSP/1.0 200 OK\r\nCSeq: x\r\n\r\n") == []
    assert connection.stray == 2
    assert answer(connection, sent, status="100 Continue") == []
    assert connection.waiting
    (event,) = connection.receive(b"RTSP/1.0 200 OK\r\n\r\n")
    assert isinstance(event, Answered)
    assert connection.receive(b"RTSP/1.0 200 OK\r\n\r\n") == []


def test_answers_that_never_come_are_not_awaited_for_ever() -> None:
    connection = playing()
    sent = [connection.keep_alive(URL) for _ in range(MAX_PENDING + 1)]
    assert answer(connection, sent[0]) == []
    assert connection.stray == 1
    assert len(answer(connection, sent[1])) == 1


def test_an_address_from_the_device_cannot_add_a_header() -> None:
    with pytest.raises(BadAnswer, match="control characters"):
        RtspConnection().setup(URL + "\r\nX: y")
    with pytest.raises(BadAnswer) as caught:
        RtspConnection().setup("rtsp://h/\ud800 " + "x" * 300)
    assert caught.value.data == b"rtsp://h/? " + b"x" * 189
    assert RtspConnection().setup("rtsp://h/\ud800ä").startswith("SETUP rtsp://h/?ä RTSP/1.0\r\n".encode())


@pytest.mark.parametrize(
    ("line", "status", "words"),
    [
        ("ANNOUNCE", b"200 OK", b"Session: 7"),
        ("SET_PARAMETER", b"200 OK", b"CSeq: 9"),
        ("OPTIONS", b"200 OK", b"Public: ANNOUNCE, "),
        ("RECORD", b"405 Method Not Allowed", b"Allow: ANNOUNCE, "),
    ],
)
def test_what_the_server_asks_is_answered(line: str, status: bytes, words: bytes) -> None:
    connection = playing()
    (event,) = connection.receive(ANNOUNCE.replace(b"ANNOUNCE", line.encode()))
    assert isinstance(event, ServerAsked)
    assert event.request.method == line
    assert event.answer.startswith(b"RTSP/1.0 " + status + b"\r\nCSeq: 9\r\n")
    assert words in event.answer
    assert event.answer.endswith(b"\r\n\r\n")


REALM = 'realm="IP Camera(C2875)"'


def challenge(nonce: str, more: str = ', stale="FALSE"') -> str:
    return f'WWW-Authenticate: Digest {REALM}, nonce="{nonce}"{more}'


def digest(sent: bytes, password: str, method: str, name: str = "md5") -> bool:
    """Check an answer to a challenge without qop, as all RTSP captures have it, by the formula of RFC 2069."""
    fields = dict(re.findall(r'(\w+)="([^"]*)"', sent.decode()))

    def hashed(text: str) -> str:
        return hashlib.new(name, text.encode()).hexdigest()

    secret = hashed(f"admin:IP Camera(C2875):{password}")
    return bool(
        fields["response"] == hashed(f"{secret}:{fields['nonce']}:{hashed(f'{method}:{URL}')}") and fields["uri"] == URL
    )


def challenged(events: list[RtspEvent]) -> Challenged:
    (event,) = events
    assert isinstance(event, Challenged)
    return event


def test_a_login_is_asked_for_first_and_kept_for_what_follows(secret: str) -> None:
    connection = RtspConnection("admin", secret)
    sent = connection.describe(URL)
    assert b"Authorization" not in sent
    sent = connection.retry(challenged(answer(connection, sent, challenge("a1"), status="401 Unauthorized")))
    assert digest(sent, secret, "DESCRIBE")
    assert sent.startswith(f"DESCRIBE {URL} RTSP/1.0\r\nCSeq: 2\r\n".encode())
    (event,) = answer(connection, sent)
    assert isinstance(event, Answered)
    assert event.request.answering
    assert digest(connection.setup(URL), secret, "SETUP")
    assert secret not in repr(connection)


@pytest.mark.parametrize("offer", ['algorithm="SHA-256", stale="FALSE"', 'algorithm=SHA-256, Basic realm="x"'])
def test_sha_256_is_answered_in_kind(secret: str, offer: str) -> None:
    connection = RtspConnection("admin", secret)
    sent = connection.retry(
        challenged(answer(connection, connection.describe(URL), challenge("a1", ", " + offer), status="401 x"))
    )
    assert digest(sent, secret, "DESCRIBE", "sha256")


def test_a_new_nonce_in_mid_session_is_no_refusal(secret: str) -> None:
    connection = RtspConnection("admin", secret)
    sent = connection.setup(URL)
    sent = connection.retry(challenged(answer(connection, sent, challenge("a1"), status="401 Unauthorized")))
    answer(connection, sent, "Session: 708345999;timeout=60")
    answer(connection, connection.play(URL))
    sent = connection.keep_alive(URL)
    again = connection.retry(challenged(answer(connection, sent, challenge("b2"), status="401 Unauthorized")))
    assert digest(again, secret, "GET_PARAMETER")
    assert b'nonce="b2"' in again
    assert b"Session: 708345999" in again
    answer(connection, again)
    assert connection.state is State.PLAYING
    assert b'nonce="b2"' in connection.keep_alive(URL)


def test_uses_of_a_nonce_are_counted_from_one(secret: str) -> None:
    connection = RtspConnection("admin", secret)
    sent = connection.describe(URL)
    for nonce in ("a1", "b2"):
        asked = challenge(nonce, ', qop="auth"')
        sent = connection.retry(challenged(answer(connection, sent, asked, status="401 Unauthorized")))
        assert f'nonce="{nonce}"'.encode() in sent
        assert b"nc=00000001," in sent
        answer(connection, sent)
        sent = connection.describe(URL)
        assert b"nc=00000002," in sent


def test_credentials_of_which_nothing_is_known_are_not_sent_again(secret: str) -> None:
    connection = RtspConnection("admin", secret)
    answer(connection, connection.describe(URL), challenge("a1"), status="401 Unauthorized")
    connection.forget_login()
    assert b"Authorization" not in connection.describe(URL)


def test_a_wrong_password_is_sent_once(secret: str) -> None:
    connection = RtspConnection("admin", secret)
    sent = connection.retry(challenged(answer(connection, connection.describe(URL), challenge("a1"), status="401 x")))
    (event,) = answer(connection, sent, challenge("a2"), status="401 Unauthorized")
    assert isinstance(event, Refused)
    assert (event.request.method, event.reply.status) == ("DESCRIBE", 401)


def test_a_stale_nonce_is_tried_once_more_and_not_for_ever(secret: str) -> None:
    connection = RtspConnection("admin", secret)
    sent = connection.retry(challenged(answer(connection, connection.describe(URL), challenge("a1"), status="401 x")))
    stale = challenge("a2", ', stale="TRUE"')
    sent = connection.retry(challenged(answer(connection, sent, stale, status="401 x")))
    (event,) = answer(connection, sent, challenge("a3", ', stale="TRUE"'), status="401 x")
    assert isinstance(event, Refused)


@pytest.mark.parametrize(
    ("username", "lines"),
    [("", [challenge("a1")]), ("admin", []), ("admin", ["WWW-Authenticate: Negotiate"])],
)
def test_what_cannot_be_answered_is_a_refusal(username: str, lines: list[str]) -> None:
    connection = RtspConnection(username) if username else RtspConnection()
    (event,) = answer(connection, connection.describe(URL), *lines, status="401 Unauthorized")
    assert isinstance(event, Refused)
    assert (event.request.method, event.reply.status) == ("DESCRIBE", 401)


@pytest.mark.parametrize(
    ("value", "session"),
    [
        ("       708345999;timeout=60", ("708345999", 60.0)),
        ("708345999 ; timeout = 60 ", ("708345999", 60.0)),
        ("708345999", ("708345999", None)),
        ("708345999;timeout=0", ("708345999", None)),
        ("708345999;timeout=;x", ("708345999", None)),
        ("", ("", None)),
    ],
)
def test_session_headers(value: str, session: tuple[str, float | None]) -> None:
    assert parse_session(value) == session


@pytest.mark.parametrize(
    ("value", "transport"),
    [
        ('RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=4cacc3d1;mode="play"', Transport(True, (0, 1), 0x4CACC3D1)),
        ("RTP/AVP/TCP; unicast; interleaved = 2 - 3; ssrc= d6d6627", Transport(True, (2, 3), 0xD6D6627)),
        ("RTP/AVP/TCP;unicast;interleaved=4", Transport(True, (4, 5), None)),
        ("RTP/AVP/TCP;unicast;interleaved=300-301;ssrc=xyz", Transport(True, None, None)),
        ("RTP/AVP;unicast;client_port=5000-5001", Transport(False, None, None)),
        ("", Transport(False, None, None)),
    ],
)
def test_transport_headers(value: str, transport: Transport) -> None:
    assert parse_transport(value) == transport


WORDS = st.sampled_from(
    [
        *("RTSP/1.0 401 x\r\n", "RTSP/1.0 200 OK\r\n", "CSeq: 1", "CSeq: 2", "\r\n", ";", '"'),
        *("Session: ", "timeout=", "Transport: ", "interleaved=", "WWW-Authenticate: Digest ", "nonce="),
    ]
)


@given(st.lists(WORDS | st.text(max_size=8), max_size=40))
def test_any_answer_is_an_event_or_a_bad_answer(words: list[str]) -> None:
    connection = RtspConnection("admin", "x")
    connection.setup(URL)
    connection.setup(URL)
    try:
        events = connection.receive("".join(words).encode("utf-8", "replace"))
        for event in events:
            if isinstance(event, Challenged):
                connection.retry(event)
        connection.options(URL)
    except BadAnswer:
        return
    assert connection.session_timeout > 0


@given(st.text())
def test_any_header_is_read(value: str) -> None:
    name, timeout = parse_session(value)
    assert name == name.strip()
    assert timeout is None or timeout > 0
    assert parse_transport(value).channels is None or parse_transport(value).tcp
