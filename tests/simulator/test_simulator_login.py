"""Challenges, refusals and the lock, as seen on a plain socket."""

from __future__ import annotations

import base64
import re
from dataclasses import replace

import pytest
from lxml import etree
from raw_http import ALERT_STREAM, DEVICE_INFO, RawClient

from hik_thermal_plugin.simulator import PROFILES, Simulator

CAPABILITIES = "/ISAPI/System/capabilities"


def user_check(body: bytes) -> dict[str, str]:
    root = etree.fromstring(body)
    assert etree.QName(root).localname == "userCheck"
    return {etree.QName(child).localname: child.text or "" for child in root}


def refused(simulator: Simulator) -> int:
    return simulator.state()["logins"]["refused"]


def wrong(client: RawClient, target: str = DEVICE_INFO):
    return client.ask(target, authorization=client.authorize(client.ask(target), target, password="nope"))


def test_a_plain_challenge_is_as_captured_and_no_refusal(camera):
    simulator, client = camera()
    answer = client.ask(DEVICE_INFO)
    assert answer.status == 401
    (challenge,) = answer.all("www-authenticate")
    assert re.fullmatch(
        r'Digest qop="auth", realm="IP Camera\([0-9A-F]{5}\)", nonce="[0-9a-f]{48}", stale="FALSE"', challenge
    )
    assert answer.header("content-type") == "text/html"
    assert simulator.state()["logins"] == {"accepted": 0, "refused": 0, "locked_until": None}


def test_a_right_password_is_accepted_and_the_nonce_serves_again(camera):
    simulator, client = camera()
    challenge = client.ask(DEVICE_INFO)
    with client.connect() as wire:
        for target in (DEVICE_INFO, CAPABILITIES, DEVICE_INFO + "?format=json"):
            answer = client.ask(target, authorization=client.authorize(challenge, target), wire=wire)
            assert answer.status == 200
    assert simulator.state()["logins"]["accepted"] == 3


def test_a_wrong_password_is_counted_and_told(camera):
    simulator, client = camera()
    answer = wrong(client)
    assert answer.status == 401
    assert user_check(answer.body) | {"unlockTime": "0"} == {
        "statusValue": "401",
        "statusString": "Unauthorized",
        "isDefaultPassword": "false",
        "isRiskPassword": "false",
        "isActivated": "true",
        "residualValidity": "-1",
        "lockStatus": "unlock",
        "unlockTime": "0",
        "retryLoginTime": "4",
    }
    assert simulator.state()["logins"]["refused"] == 1


@pytest.mark.parametrize(
    "mistake",
    [
        {"password": ""},
        {"uri": "/ISAPI/System/status"},
        {"uri": DEVICE_INFO + "?format=json"},
        {"method": "PUT"},
        {"algorithm": "SHA-256"},
    ],
)
def test_a_digest_over_anything_else_is_refused(camera, mistake):
    simulator, client = camera()
    authorization = client.authorize(client.ask(DEVICE_INFO), DEVICE_INFO, **mistake)
    assert client.ask(DEVICE_INFO, authorization=authorization).status == 401
    assert refused(simulator) == 1


@pytest.mark.parametrize("authorization", ["Basic !!!", "Basic", "Bearer abc", "Digest", "Digest nonce=,,,", "x"])
def test_broken_credentials_are_refused(camera, authorization):
    simulator, client = camera()
    assert client.ask(DEVICE_INFO, authorization=authorization).status == 401
    assert refused(simulator) == 1


def test_another_user_is_refused(camera):
    simulator, client = camera()
    client.username = "guest"
    assert client.get(DEVICE_INFO).status == 401
    assert refused(simulator) == 1


def test_a_password_beyond_ascii_works(camera, secret):
    _, client = camera(password=secret)
    assert client.get(DEVICE_INFO).status == 200


def test_too_many_refusals_lock_the_account_for_the_right_password_too(camera):
    simulator, client = camera(lock_attempts=3)
    left = [user_check(wrong(client).body)["retryLoginTime"] for _ in range(2)]
    assert left == ["2", "1"]
    locking = user_check(wrong(client).body)
    assert locking["lockStatus"] == "locked"
    right = client.get(DEVICE_INFO)
    assert right.status == 401
    told = user_check(right.body)
    assert (told["lockStatus"], told["retryLoginTime"]) == ("locked", "0")
    assert 1790 <= int(told["unlockTime"]) <= 1800
    assert user_check(client.ask(DEVICE_INFO).body)["lockStatus"] == "locked"
    logins = simulator.state()["logins"]
    assert (logins["accepted"], logins["refused"]) == (0, 4)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", logins["locked_until"])


def test_the_lock_ends_by_itself(camera, wait_for):
    simulator, client = camera(lock_attempts=1, lock_seconds=0.2)
    wrong(client)
    assert simulator.state()["logins"]["locked_until"]
    wait_for(lambda: simulator.state()["logins"]["locked_until"] is None, 5)
    assert client.get(DEVICE_INFO).status == 200


def test_a_good_login_clears_the_count(camera):
    _, client = camera(lock_attempts=2)
    for _ in range(3):
        wrong(client)
        assert client.get(DEVICE_INFO).status == 200


def test_the_silent_lock_looks_like_a_bad_password(camera):
    _, client = camera(profile="silent_lock", lock_attempts=1)
    wrong(client)
    answer = client.get(DEVICE_INFO)
    assert answer.status == 401
    assert b"userCheck" not in answer.body
    assert b"<html>" in answer.body


def test_user_check_answers_a_good_login(camera):
    _, client = camera()
    wrong(client)
    answer = client.get("/ISAPI/Security/userCheck")
    told = user_check(answer.body)
    assert (answer.status, told["statusValue"], told["lockStatus"]) == (200, "200", "unlock")
    assert told["retryLoginTime"] == "5"


def test_sha256_alone(camera):
    simulator, client = camera(profile="sha256")
    (challenge,) = client.ask(DEVICE_INFO).all("www-authenticate")
    assert 'algorithm="SHA-256"' in challenge
    assert client.get(DEVICE_INFO).status == 200
    as_md5 = client.authorize(challenge, DEVICE_INFO, algorithm="MD5")
    assert client.ask(DEVICE_INFO, authorization=as_md5).status == 401
    assert refused(simulator) == 1


def test_sha256_and_md5_in_two_headers(camera):
    _, client = camera(profile="sha256_and_md5")
    for place, algorithm in enumerate(("SHA-256", "MD5")):
        challenges = client.ask(DEVICE_INFO).all("www-authenticate")
        assert len(challenges) == 2
        assert f'algorithm="{algorithm}"' in challenges[place]
        authorization = client.authorize(challenges[place], DEVICE_INFO)
        assert client.ask(DEVICE_INFO, authorization=authorization).status == 200


def basic(client: RawClient, password: str) -> str:
    return "Basic " + base64.b64encode(f"{client.username}:{password}".encode()).decode()


def test_two_schemes_in_one_header_accept_both(camera):
    simulator, client = camera(profile="two_schemes")
    (challenge,) = client.ask(DEVICE_INFO).all("www-authenticate")
    assert re.fullmatch(r'Digest qop="auth", .*, stale="FALSE", Basic realm="IP Camera\([0-9A-F]+\)"', challenge)
    assert client.get(DEVICE_INFO).status == 200
    assert client.ask(DEVICE_INFO, authorization=basic(client, client.password)).status == 200
    assert client.ask(DEVICE_INFO, authorization=basic(client, "nope")).status == 401
    assert refused(simulator) == 1


def test_basic_alone(camera):
    simulator, client = camera(profile="basic")
    (challenge,) = client.ask(DEVICE_INFO).all("www-authenticate")
    assert challenge.startswith("Basic realm=")
    assert client.ask(DEVICE_INFO, authorization=basic(client, client.password)).status == 200
    digest = client.authorize('Digest realm="IP Camera(0)", nonce="00"', DEVICE_INFO)
    for authorization in (digest, "Basic !!!"):
        assert client.ask(DEVICE_INFO, authorization=authorization).status == 401
    assert refused(simulator) == 2


def test_basic_is_refused_where_it_was_not_offered(camera):
    simulator, client = camera()
    assert client.ask(DEVICE_INFO, authorization=basic(client, client.password)).status == 401
    assert refused(simulator) == 1


def test_the_recorders_challenge(camera):
    _, client = camera(profile="nvr_login")
    answer = client.ask(DEVICE_INFO)
    assert re.fullmatch(
        r'Digest realm=".+", domain="::", qop="auth", nonce="[0-9a-f]+:\d+", opaque="", algorithm="MD5", stale="FALSE"',
        answer.header("www-authenticate") or "",
    )
    assert user_check(answer.body) == {"statusValue": "401", "statusString": "Unauthorized"}
    assert client.get(DEVICE_INFO).status == 200


def test_a_challenge_without_qop(camera):
    _, client = camera(profile="no_qop")
    assert "qop" not in (client.ask(DEVICE_INFO).header("www-authenticate") or "")
    assert client.get(DEVICE_INFO).status == 200


def test_a_nonce_bound_to_its_path(camera):
    simulator, client = camera(profile="nonce_per_path")
    challenge = client.ask(DEVICE_INFO)
    elsewhere = client.ask(CAPABILITIES, authorization=client.authorize(challenge, CAPABILITIES))
    assert elsewhere.status == 401
    assert 'stale="FALSE"' in (elsewhere.header("www-authenticate") or "")
    with_query = DEVICE_INFO + "?a=1"
    assert client.ask(with_query, authorization=client.authorize(challenge, with_query)).status == 200
    assert client.ask(CAPABILITIES, authorization=client.authorize(elsewhere, CAPABILITIES)).status == 200
    assert refused(simulator) == 0


def test_a_nonce_that_wears_out_is_stale_and_no_refusal(camera):
    simulator, client = camera(profile="short_nonce")
    challenge = client.ask(DEVICE_INFO)
    answers = [client.ask(DEVICE_INFO, authorization=client.authorize(challenge, DEVICE_INFO)) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 401]
    assert 'stale="TRUE"' in (answers[2].header("www-authenticate") or "")
    assert client.ask(DEVICE_INFO, authorization=client.authorize(answers[2], DEVICE_INFO)).status == 200
    assert refused(simulator) == 0


def test_a_nonce_that_grows_old_is_stale(camera, wait_for):
    _, client = camera(profile=replace(PROFILES["expiring_nonce"], nonce_seconds=0.05))
    challenge = client.ask(DEVICE_INFO)

    def stale() -> bool:
        answer = client.ask(DEVICE_INFO, authorization=client.authorize(challenge, DEVICE_INFO))
        return 'stale="TRUE"' in (answer.header("www-authenticate") or "")

    wait_for(stale, 5)


def test_a_nonce_of_before_the_reboot_is_stale(camera):
    simulator, client = camera()
    challenge = client.ask(DEVICE_INFO)
    simulator.apply([{"fault": {"kind": "reboot", "seconds": 0}}])
    answer = None
    while answer is None:
        try:
            answer = client.ask(DEVICE_INFO, authorization=client.authorize(challenge, DEVICE_INFO))
        except ConnectionRefusedError:
            continue
    assert 'stale="TRUE"' in (answer.header("www-authenticate") or "")
    assert refused(simulator) == 0


def test_connection_close_on_every_reply(camera):
    _, client = camera(profile="connection_close")
    for authorization in (None, client.authorize(client.ask(DEVICE_INFO), DEVICE_INFO)):
        with client.connect() as wire:
            answer = client.ask(DEVICE_INFO, authorization=authorization, wire=wire)
            assert answer.header("connection") == "close"
            wire.to_end()


def test_the_alert_stream_needs_a_login(camera):
    simulator, client = camera()
    assert client.ask(ALERT_STREAM).status == 401
    assert wrong(client, ALERT_STREAM).status == 401
    assert simulator.state()["open"]["alert_stream"] == 0
