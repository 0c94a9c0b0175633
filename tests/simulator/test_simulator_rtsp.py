"""The RTSP server: session descriptions, sessions, logins, time-outs, and the faults of connections."""

from __future__ import annotations

import base64
import re
from dataclasses import replace

import pytest
from raw_http import DEVICE_INFO, RawClient, apply
from raw_rtsp import ISAPI_LIVE, LIVE, RtspClient

from hik_thermal_plugin.simulator import PROFILES, Simulator


def test_the_ready_line_names_the_port(rtsp):
    simulator, _ = rtsp()
    assert re.fullmatch(r"rtsp://127\.0\.0\.1:\d+", simulator.ready["rtsp"])
    assert simulator.ready["rtsp"] == simulator.rtsp


def test_options_need_no_login(rtsp):
    _, client = rtsp()
    answer = client.ask("OPTIONS", LIVE, login=False)
    assert answer.status == 200
    assert set((answer.header("public") or "").split(", ")) == {
        *("OPTIONS", "DESCRIBE", "SETUP", "PLAY", "PAUSE", "TEARDOWN", "GET_PARAMETER", "SET_PARAMETER")
    }
    assert answer.header("cseq") == "1"
    assert (answer.header("date") or "").endswith("GMT")


def test_a_challenge_as_captured(rtsp):
    simulator, client = rtsp()
    answer = client.ask("DESCRIBE", LIVE, login=False)
    assert answer.status == 401
    (challenge,) = answer.all("www-authenticate")
    assert re.fullmatch(r'Digest realm="IP Camera\([0-9A-F]{5}\)", nonce="[0-9a-f]{32}", stale="FALSE"', challenge)
    assert simulator.state()["logins"] == {"accepted": 0, "refused": 0, "locked_until": None}


@pytest.mark.parametrize("profile", ["plain", "sha256", "no_qop", "nvr_login", "nonce_per_path", "short_nonce"])
def test_a_session_of_each_kind_of_login(rtsp, profile):
    simulator, client = rtsp(profile=profile)
    (channel,) = client.play(LIVE, "video").values()
    client.until(lambda: client.of(channel))
    for _ in range(3):
        assert client.ask("GET_PARAMETER", LIVE).status == 200
    logins = simulator.state()["logins"]
    assert (logins["accepted"], logins["refused"]) == (6, 0)


def test_two_schemes_and_basic(rtsp):
    _, client = rtsp(profile="two_schemes")
    assert ", Basic realm=" in client.ask("DESCRIBE", LIVE, login=False).all("www-authenticate")[0]
    _, old = rtsp(profile="basic")
    assert old.ask("DESCRIBE", LIVE, login=False).all("www-authenticate")[0].startswith("Basic realm=")
    secret = base64.b64encode(b"admin:hik12345").decode()
    assert old.ask("DESCRIBE", LIVE, login=False, Authorization=f"Basic {secret}").status == 200


def test_a_nonce_that_has_expired_in_the_middle_of_a_session(rtsp):
    _, client = rtsp(profile="short_nonce")
    client.play(LIVE, "video")
    answers = []
    for _ in range(3):
        client.send("GET_PARAMETER", LIVE)
        answers.append(client.reply())
    refused = [answer for answer in answers if answer.status == 401]
    assert refused
    assert 'stale="TRUE"' in refused[0].all("www-authenticate")[0]
    assert client.ask("GET_PARAMETER", LIVE).status == 200


def test_the_account_is_locked_over_http_and_rtsp_together(rtsp):
    simulator, client = rtsp(lock_attempts=2)
    wrong = RtspClient(simulator, password="wrong")
    with wrong:
        assert wrong.ask("DESCRIBE", LIVE).status == 401
    http = RawClient(simulator.http or "", password="wrong")
    assert http.get(DEVICE_INFO).status == 401
    assert client.ask("DESCRIBE", LIVE).status == 401
    assert RawClient(simulator.http or "").get(DEVICE_INFO).status == 401
    logins = simulator.state()["logins"]
    assert logins["locked_until"]
    assert (logins["accepted"], logins["refused"]) == (0, 4)


# Session descriptions


def test_the_description_of_a_channel_as_captured(rtsp):
    simulator, client = rtsp(profile="metadata_on")
    answer = client.ask("DESCRIBE", LIVE, Accept="application/sdp")
    base = f"{simulator.rtsp}{LIVE}/"
    assert answer.header("content-type") == "application/sdp"
    assert answer.header("content-base") == base
    lines = answer.body.decode().split("\r\n")
    assert lines[0] == "v=0"
    assert f"a=control:{base}" in lines[: lines.index("m=video 0 RTP/AVP 96")]
    video, data = client.describe(LIVE)
    assert video.attributes["rtpmap"] == "96 H264/90000"
    assert video.attributes["x-dimensions"] == "320,240"
    assert video.attributes["control"] == f"{base}trackID=1"
    fmtp = re.fullmatch(
        r"96 profile-level-id=([0-9A-F]{6}); packetization-mode=1; sprop-parameter-sets=([^,]+),([^,]+)",
        video.attributes["fmtp"],
    )
    assert fmtp
    sps, pps = (base64.b64decode(fmtp[place]) for place in (2, 3))
    assert (sps[0] & 31, pps[0] & 31, sps[1:4].hex().upper()) == (7, 8, fmtp[1])
    assert (data.kind, data.payload_type) == ("application", 107)
    assert data.attributes["rtpmap"] == "107 isapi.metadata/90000"
    assert data.attributes["control"] == f"{base}trackID=3"
    assert data.attributes["Media_header"].startswith("MEDIAINFO=494D4B48")


@pytest.mark.parametrize(
    ("path", "size"),
    [
        ("/Streaming/Channels/201", "640,512"),
        ("/Streaming/Channels/202/", "320,240"),
        ("/streaming/channels/102", "704,576"),
        ("/Streaming/Channels/101?transportmode=unicast&profile=Profile_1&odd=1", "1920,1080"),
        ("/ISAPI/Streaming/channels/201", "640,512"),
        ("/ISAPI/Streaming/channels/102/av_stream", "704,576"),
        ("/h264/ch2/main/av_stream", "640,512"),
        ("/h264/ch1/sub/av_stream", "704,576"),
    ],
)
def test_every_form_of_address(rtsp, path, size):
    simulator, client = rtsp()
    (video,) = client.describe(path)
    assert video.attributes["x-dimensions"] == size
    assert ("fmtp" in video.attributes) == (video.attributes["rtpmap"] == "96 H264/90000")
    query = path.partition("?")[2]
    assert video.attributes["control"].endswith(f"trackID=1?{query}" if query else "trackID=1")
    known = path.partition("?")[0].rstrip("/")
    assert simulator.state()["requests"][f"DESCRIBE {known}"] == 2


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/Streaming/Channels/103", 404),
        ("/Streaming/Channels/301", 404),
        ("/Streaming/Channels/200", 404),
        ("/Streaming/Channels/2", 404),
        ("/", 404),
        ("/h264/ch3/main/av_stream", 404),
        ("/Streaming/Channels/201?transportmode=multicast", 461),
        ("/Streaming/tracks/201?starttime=yesterday", 400),
        ("/Streaming/tracks/201?starttime=20991399T000000Z", 400),
        ("/Streaming/tracks/202", 404),
    ],
)
def test_addresses_that_lead_nowhere(rtsp, path, status):
    _, client = rtsp()
    assert client.ask("DESCRIBE", path).status == status


def test_relative_addresses(rtsp):
    _, client = rtsp(profile="relative_control")
    video, data = client.describe(LIVE)
    assert (video.attributes["control"], data.attributes["control"]) == ("trackID=1", "trackID=3")
    (channel,) = client.play(LIVE, "application").values()
    assert client.until(lambda: client.of(channel))


def test_the_description_of_a_recorder(rtsp):
    _, client = rtsp(profile="recorder_sdp")
    text = client.ask("DESCRIBE", LIVE).body.decode()
    assert "\r\nc=IN c=IN IP4 0.0.0.0\r\n" in text
    assert "\r\na=control:*\r\n" in text
    assert "\r\na=control:trackID=video\r\n" in text
    channels = client.play(LIVE, "video", "application")
    assert client.until(lambda: all(client.of(channel) for channel in channels.values()))


def test_tracks_in_another_order_and_without_parameter_sets(rtsp):
    _, client = rtsp(profile="metadata_first")
    assert [media.kind for media in client.describe(LIVE)] == ["application", "video"]
    _, client = rtsp(profile="no_fmtp")
    (video,) = client.describe(LIVE)
    assert "fmtp" not in video.attributes


def test_isapi_paths_may_not_be_there(rtsp):
    _, client = rtsp(profile="metadata_plain_path")
    assert client.ask("DESCRIBE", ISAPI_LIVE).status == 404
    assert len(client.describe(LIVE)) == 2


# Sessions


@pytest.mark.slow
def test_a_session_from_beginning_to_end(rtsp, wait_for):
    simulator, client = rtsp()
    (video,) = client.describe(LIVE)
    answer = client.set_up(video.attributes["control"], 4)
    transport = r'RTP/AVP/TCP;unicast;interleaved=4-5;ssrc=([0-9a-f]{8});mode="play"'
    found = re.fullmatch(transport, answer.header("transport") or "")
    assert found
    head = next(value for name, value in answer.headers if name == "Session")
    assert re.fullmatch(r"\d{9};timeout=60", head)
    assert simulator.state()["open"] == {"alert_stream": 0, "thermometry": 0, "rtsp": 1, "playback": 0}
    answer = client.ask("PLAY", LIVE + "/")
    info = re.fullmatch(r"url=(\S+);seq=(\d+);rtptime=(\d+)", answer.header("rtp-info") or "")
    assert info
    assert info[1] == video.attributes["control"]
    client.until(lambda: len(client.of(4)) > 20)
    first = client.of(4)[0]
    assert (first.payload_type, first.sequence, first.timestamp) == (96, int(info[2]), int(info[3]))
    assert first.source == int(found[1], 16)
    assert client.ask("TEARDOWN", LIVE).status == 200
    client.packets.clear()
    client.read_for(0.15)
    assert client.packets == []
    assert simulator.state()["open"]["rtsp"] == 0
    assert client.ask("GET_PARAMETER", LIVE).status == 454


def test_the_session_header_begins_with_blanks(rtsp):
    _, client = rtsp()
    (video,) = client.describe(LIVE)
    client.send("SETUP", video.attributes["control"], Transport="RTP/AVP/TCP;unicast;interleaved=0-1")
    client.wire.until(b"\r\n\r\n")
    assert re.search(rb"\r\nSession:        \d{9};timeout=60\r\n", client.wire.data)


def test_a_blank_within_transport(rtsp):
    _, client = rtsp(profile="spaced_ssrc")
    (video,) = client.describe(LIVE)
    assert ";ssrc= " in (client.set_up(video.attributes["control"], 0).header("transport") or "")


def test_pausing_and_going_on(rtsp):
    _, client = rtsp()
    (channel,) = client.play(LIVE, "video").values()
    client.until(lambda: len(client.of(channel)) > 5)
    assert client.ask("PAUSE", LIVE).status == 200
    client.packets.clear()
    client.read_for(0.2)
    assert client.packets == []
    assert client.ask("PLAY", LIVE).status == 200
    client.until(lambda: len(client.of(channel)) > 5)


@pytest.mark.parametrize(
    ("method", "target", "headers", "status"),
    [
        ("SETUP", "trackID=1", {"Transport": "RTP/AVP;unicast;client_port=5000-5001"}, 461),
        ("SETUP", "trackID=1", {"Transport": "RTP/AVP/TCP;multicast;interleaved=0-1"}, 461),
        ("SETUP", "trackID=1", {"Transport": "RTP/AVP/TCP;unicast;interleaved=255-256"}, 461),
        ("SETUP", "trackID=2", {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}, 404),
        ("SETUP", "trackID=3", {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}, 404),
        ("SETUP", "trackID=9", {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}, 404),
        ("SETUP", "", {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}, 459),
        ("PLAY", "", {}, 455),
        ("GET_PARAMETER", "", {}, 455),
        ("RECORD", "", {}, 405),
    ],
)
def test_requests_that_make_no_sense(rtsp, method, target, headers, status):
    simulator, client = rtsp()
    client.describe(LIVE)
    assert client.ask(method, f"{LIVE}/{target}", **headers).status == status
    assert simulator.state()["open"]["rtsp"] == 0


def test_sessions_of_other_numbers_and_connections(rtsp):
    simulator, client = rtsp()
    client.play(LIVE, "video")
    assert client.ask("GET_PARAMETER", LIVE, Session="1").status == 454
    assert client.ask("SETUP", f"{LIVE}/trackID=1", Transport="RTP/AVP/TCP;interleaved=2-3").status == 455
    with RtspClient(simulator) as other:
        assert other.ask("TEARDOWN", LIVE, Session=client.session or "").status == 500
        assert other.ask("PLAY", LIVE).status == 454
    assert client.ask("TEARDOWN", LIVE).status == 200


def test_setup_without_a_description(rtsp):
    _, client = rtsp()
    assert client.set_up(f"{LIVE}/trackID=1", 0).status == 200
    assert client.ask("PLAY", LIVE).status == 200
    assert client.until(lambda: client.of(0))


def test_requests_and_packets_of_the_client_may_come_in_pieces_and_together(rtsp):
    simulator, client = rtsp()
    request = f"\r\nOPTIONS {simulator.rtsp}{LIVE} RTSP/1.0\r\nCSeq: 7\r\nContent-Length: 4\r\n\r\nbody"
    packet = "$\x01\x00\x03abc"
    for letter in f"{packet}RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n{request}":
        client.wire.send(letter.encode())
    client.wire.send((request * 3).encode())
    for _ in range(4):
        assert client.reply().header("cseq") == "7"
    client.wire.send(b"what?\r\n\r\n")
    assert client.reply().status == 400
    client.to_end()


@pytest.mark.slow
def test_a_session_that_nobody_keeps_alive_ends(rtsp):
    simulator, client = rtsp(profile=replace(PROFILES["short_session"], session_timeout=1))
    (channel,) = client.play(LIVE, "application").values()
    client.until(lambda: client.of(channel))
    for _ in range(3):
        client.read_for(0.6)
        assert client.ask("GET_PARAMETER", LIVE).status == 200
    client.to_end()
    assert simulator.state()["open"]["rtsp"] == 0


@pytest.mark.slow
def test_a_session_that_is_forgotten_without_a_word(rtsp, wait_for):
    simulator, client = rtsp(profile=replace(PROFILES["forgotten_session"], session_timeout=1))
    client.play(LIVE, "application")
    wait_for(lambda: simulator.state()["open"]["rtsp"] == 0)
    assert client.ask("GET_PARAMETER", LIVE).status == 454


def test_packets_before_the_answer_to_play(rtsp):
    _, client = rtsp(profile="early_frames")
    media = client.describe(LIVE)[1]
    client.set_up(media.attributes["control"], 0)
    assert client.ask("PLAY", LIVE).status == 200
    assert client.of(0)


# Faults


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["drop", "half_open", "stall", "truncate", "reboot"])
@pytest.mark.parametrize("path", [LIVE, "/Streaming/*"])
def test_faults_strike_sessions(rtsp, kind, path):
    simulator, client = rtsp()
    (channel,) = client.play(LIVE, "video").values()
    client.until(lambda: client.of(channel))
    apply(simulator, {"fault": {"kind": kind, "path": path, **({"seconds": 0.3} if kind == "stall" else {})}})
    match kind:
        case "drop" | "reboot":
            client.to_end()
            assert client.wire.reset
            assert simulator.state()["open"]["rtsp"] == 0
        case "truncate":
            client.to_end()
            assert not client.wire.reset
            assert client.wire.data[:1] == b"$"  # in the middle of a packet
        case "half_open":
            while client.wire.read(0.15):
                pass
            assert not client.wire.ended
            assert simulator.state()["open"]["rtsp"] == 0
        case "stall":
            while client.wire.read(0.1):
                pass
            while client._take():
                pass
            assert client.wire.data[:1] == b"$"  # in the middle of a packet
            before = len(client.of(channel))
            client.until(lambda: len(client.of(channel)) > before + 20)


def test_faults_strike_requests(rtsp):
    simulator, client = rtsp()
    apply(simulator, {"fault": {"kind": "busy", "path": LIVE}})
    assert [client.ask("DESCRIBE", LIVE).status for _ in range(2)] == [453, 200]
    apply(simulator, {"fault": {"kind": "not_supported", "path": LIVE, "count": 1}})
    assert [client.ask("DESCRIBE", LIVE).status for _ in range(2)] == [404, 200]
    apply(simulator, {"fault": {"kind": "half_open", "path": LIVE, "count": 1}})
    client.send("DESCRIBE", LIVE)
    assert client.wire.silent_for(0.2)
    apply(simulator, {"fault": {"kind": "drop", "path": LIVE, "count": 1}})
    with RtspClient(simulator) as other:
        other.send("DESCRIBE", LIVE)
        other.to_end()


def test_closing_the_camera_ends_its_sessions(hik_simulator):
    simulator = Simulator(rtsp_port=0, profile="metadata_on").start()
    clients = [RtspClient(simulator) for _ in range(3)]
    for client in clients:
        client.play(LIVE, "video", "application")
    simulator.close()
    for client in clients:
        client.to_end()
        client.wire.close()
