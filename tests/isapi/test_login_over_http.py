"""Logging in over HTTP: every challenge seen in the wild, and never more refused logins than the budget allows."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from nvr_hooks import AuthBlocked, Busy, CameraError, NoPermission, Refused, Unsupported
from scripted_device import ALERTS, DEVICE_INFO, IDENTITY, Asked, ScriptedDevice, reply, status_document

from hik_thermal_plugin.isapi.alert_stream import AlertStream
from hik_thermal_plugin.isapi.client import IsapiClient
from hik_thermal_plugin.login import LoginBudget
from hik_thermal_plugin.simulator import Simulator
from hik_thermal_plugin.simulator.profiles import PLAIN

CHANNELS = "/ISAPI/Streaming/channels"
MakeClient = Callable[..., IsapiClient]
MakeBudget = Callable[..., LoginBudget]


def md5(nonce: str, stale: str) -> str:
    return f'Digest qop="auth", realm="IP Camera(76475)", nonce="{nonce}", stale="{stale}"'


def sha256(nonce: str, stale: str) -> str:
    return f'Digest realm="IP Camera(C2875)", nonce="{nonce}", algorithm="SHA-256", stale="{stale}"'


@pytest.mark.parametrize(
    ("challenges", "algorithm"),
    [
        (lambda nonce, stale: [md5(nonce, stale)], None),
        (lambda nonce, stale: [f'{md5(nonce, stale)}, Basic realm="IP Camera(76475)"'], None),
        (lambda nonce, stale: ['Basic realm="x"', md5(nonce, stale)], None),
        (lambda nonce, stale: [sha256(nonce, stale)], "SHA-256"),
        (lambda nonce, stale: [md5(nonce, stale), sha256(nonce, stale)], "SHA-256"),
        (lambda nonce, stale: [f'Digest realm="f0", domain="::", qop="auth", nonce="{nonce}", opaque="", algorithm="MD5", stale="{stale}"'], "MD5"),
        (lambda nonce, stale: ['Basic realm="IP Camera"'], "Basic"),
    ],
    ids=["plain", "two in one header", "two headers", "sha-256 without qop", "strongest", "recorder", "basic alone"],
)  # fmt: skip
def test_every_challenge_is_answered(
    device: ScriptedDevice, client: IsapiClient, challenges: Callable[[str, str], list[str]], algorithm: str | None
) -> None:
    device.challenges = challenges
    device.answers[CHANNELS] = [reply(200, b"<StreamingChannelList/>")]
    assert client.get(f"{CHANNELS}?format=json") == b"<StreamingChannelList/>"
    (sent,) = [asked for asked in device.asked if "authorization" in asked.headers]
    if algorithm == "Basic":
        assert sent.headers["authorization"].startswith("Basic ")
    else:
        assert sent.headers["authorization"].startswith("Digest ")
        assert sent.login.get("algorithm") == algorithm
        assert sent.login["uri"] == f"{CHANNELS}?format=json"


def test_no_known_way_to_log_in_is_refused_and_sends_no_password(device: ScriptedDevice, client: IsapiClient) -> None:
    device.challenges = lambda nonce, stale: ["Negotiate abc", 'Digest realm="x", nonce="y", algorithm="SHA-512-256"']
    with pytest.raises(Refused, match="no way to log in") as refused:
        client.get(DEVICE_INFO)
    assert not isinstance(refused.value, AuthBlocked)
    assert device.targets(with_login=True) == []


def test_a_device_without_a_login_is_asked_once(device: ScriptedDevice, client: IsapiClient) -> None:
    device.asks_login = False
    assert client.get(DEVICE_INFO) == IDENTITY
    assert len(device.asked) == 1


def test_a_nonce_is_used_again_on_its_path_and_counted(device: ScriptedDevice, client: IsapiClient) -> None:
    device.path_bound = True
    device.answers[CHANNELS] = [reply(200, b"<StreamingChannelList/>")]
    for path in (DEVICE_INFO, DEVICE_INFO, CHANNELS, DEVICE_INFO, CHANNELS):
        client.get(path)
    assert device.targets(with_login=False) == [DEVICE_INFO, CHANNELS]
    sent = [asked for asked in device.asked if asked.login]
    assert [asked.login["nc"] for asked in sent] == ["00000001", "00000002", "00000001", "00000003", "00000002"]
    assert len({asked.login["nonce"] for asked in sent}) == 2


def test_a_stale_nonce_is_replaced_and_never_counts(device: ScriptedDevice, client: IsapiClient) -> None:
    device.keep_nonces = False
    for _ in range(5):
        assert client.get(DEVICE_INFO) == IDENTITY
    assert device.targets(with_login=False) == [DEVICE_INFO]


def test_a_device_that_lets_nonces_expire_without_saying_so_is_not_tried_again_with_old_ones(
    device: ScriptedDevice, client: IsapiClient
) -> None:
    device.keep_nonces = device.says_stale = False
    for _ in range(6):
        assert client.get(DEVICE_INFO) == IDENTITY
    nonces = [asked.login["nonce"] for asked in device.asked if asked.login]
    reused = len(nonces) - len(set(nonces))
    assert reused == 1


def test_a_body_is_not_sent_before_the_device_has_asked_for_a_login(
    device: ScriptedDevice, client: IsapiClient
) -> None:
    device.answers["/ISAPI/x"] = [reply(200, status_document(1, "ok", "OK"))]
    client.request("PUT", "/ISAPI/x", body=b"<x/>" * 1000, content_type="application/xml")
    without, with_login = device.asked
    assert (without.method, without.body) == ("PUT", b"")
    assert (with_login.body, with_login.headers["content-type"]) == (b"<x/>" * 1000, "application/xml")


def test_a_body_is_sent_to_a_device_without_a_login(device: ScriptedDevice, client: IsapiClient) -> None:
    device.asks_login = False
    device.answers["/ISAPI/x"] = [reply(400), reply(200, status_document(1, "ok", "OK"))]
    client.request("POST", "/ISAPI/x", body=b"<x/>")
    assert [asked.body for asked in device.asked] == [b"", b"<x/>"]


def test_a_wrong_password_is_sent_twice_in_all(device: ScriptedDevice, client_of: MakeClient) -> None:
    client = client_of("mistyped")
    for path in (CHANNELS, CHANNELS, DEVICE_INFO):
        with pytest.raises(AuthBlocked, match="kiln: the login was refused") as blocked:
            client.get(path)
        assert blocked.value.until is not None
    with pytest.raises(AuthBlocked):
        client.snapshot(201)
    assert device.targets(with_login=True) == [CHANNELS, DEVICE_INFO]
    assert len(device.asked) == 4  # each after a challenge; then not even that
    mended = client_of()
    assert mended.get(DEVICE_INFO) == IDENTITY


def test_a_missing_permission_is_not_a_wrong_password(device: ScriptedDevice, client: IsapiClient) -> None:
    device.forbidden = {CHANNELS}
    for _ in range(4):
        with pytest.raises(NoPermission, match=f"kiln: {CHANNELS} answered 401 although the login is right"):
            client.get(CHANNELS)
    assert device.targets(with_login=True) == [CHANNELS, DEVICE_INFO, CHANNELS]
    assert client.get(DEVICE_INFO) == IDENTITY


def test_a_missing_permission_is_looked_at_again_after_a_while(
    device: ScriptedDevice, budget_of: MakeBudget, client_of: MakeClient
) -> None:
    device.forbidden = {DEVICE_INFO.replace("deviceInfo", "time")}
    client = client_of(budget=budget_of(auth_retry_seconds=0.0))
    device.answers["/ISAPI/System/time"] = [reply(200, b"<Time/>")]
    with pytest.raises(NoPermission):
        client.get("/ISAPI/System/time")
    device.forbidden = set()
    assert client.get("/ISAPI/System/time") == b"<Time/>"


def test_a_password_changed_after_a_day_is_sent_twice_and_then_no_more(
    device: ScriptedDevice, client: IsapiClient
) -> None:
    assert client.get(DEVICE_INFO) == IDENTITY
    assert client.get(DEVICE_INFO) == IDENTITY
    device.password = "another"
    before = len(device.targets(with_login=True))
    for _ in range(3):
        with pytest.raises(AuthBlocked):
            client.get(DEVICE_INFO)
    assert len(device.targets(with_login=True)) - before == 2


def test_a_lock_named_by_the_device_blocks_at_the_first_refusal(
    device: ScriptedDevice, budget_of: MakeBudget, client_of: MakeClient
) -> None:
    device.refusal = b"<userCheck><statusValue>401</statusValue><lockStatus>locked</lockStatus><unlockTime>90</unlockTime></userCheck>"
    now = [1_800_000_000.0]
    client = client_of("mistyped", budget_of("mistyped", clock=lambda: now[0]))
    with pytest.raises(AuthBlocked) as blocked:
        client.get(CHANNELS)
    assert blocked.value.until is not None
    assert blocked.value.until.timestamp() == now[0] + 90
    assert len(device.targets(with_login=True)) == 1
    now[0] += 91
    device.refusal = b""
    device.password = "mistyped"
    assert client.get(DEVICE_INFO) == IDENTITY


def test_the_last_attempt_before_the_lock_is_left_to_people(device: ScriptedDevice, client_of: MakeClient) -> None:
    device.refusal = b"<userCheck><statusValue>401</statusValue><lockStatus>unlock</lockStatus><retryLoginTime>1</retryLoginTime></userCheck>"
    with pytest.raises(AuthBlocked):
        client_of("mistyped").get(CHANNELS)
    assert len(device.targets(with_login=True)) == 1


def test_a_lock_that_shows_before_the_login_keeps_the_password_home(
    device: ScriptedDevice, client: IsapiClient
) -> None:
    device.challenge_body = b"<userCheck><statusValue>401</statusValue><lockStatus>locked</lockStatus><unlockTime>90</unlockTime></userCheck>"
    with pytest.raises(AuthBlocked):
        client.get(DEVICE_INFO)
    assert device.targets(with_login=True) == []


@pytest.mark.parametrize(("sub", "sent"), [("userNameLocked", 1), ("loginPasswordError", 2)])
def test_a_refusal_that_comes_as_403_counts_too(
    device: ScriptedDevice, client: IsapiClient, sub: str, sent: int
) -> None:
    for path in (CHANNELS, DEVICE_INFO):
        device.answers[path] = [reply(403, status_document(4, sub))]
    for _ in range(3):
        with pytest.raises(AuthBlocked):
            client.get(CHANNELS)
    assert len(device.targets(with_login=True)) == sent


def test_not_supported_as_403_is_no_refusal(device: ScriptedDevice, client: IsapiClient) -> None:
    device.answers[CHANNELS] = [reply(403, status_document(4, "notSupport"))]
    for _ in range(5):
        with pytest.raises(Unsupported):
            client.get(CHANNELS)
    assert client.get(DEVICE_INFO) == IDENTITY


def test_a_401_with_an_endless_body_still_counts(device: ScriptedDevice, client_of: MakeClient) -> None:
    device.refusal = b"x" * 1_000_000
    client = client_of("mistyped")
    for _ in range(3):
        with pytest.raises(AuthBlocked):
            client.get(CHANNELS)
    assert len(device.targets(with_login=True)) == 2


def test_no_answer_to_the_login_counts_nothing(device: ScriptedDevice, client: IsapiClient) -> None:
    def vanish(asked: Asked) -> None:
        if "authorization" in asked.headers:
            raise ConnectionAbortedError

    device.before = vanish
    for _ in range(4):
        with pytest.raises(CameraError) as error:
            client.get(DEVICE_INFO)
        assert not isinstance(error.value, Refused)
    device.before = lambda asked: None
    assert client.get(DEVICE_INFO) == IDENTITY


def test_an_unsure_answer_to_the_proof_is_told_as_it_is(device: ScriptedDevice, client: IsapiClient) -> None:
    device.forbidden = {CHANNELS}
    device.answers[DEVICE_INFO] = [reply(503), reply(200, IDENTITY)]
    with pytest.raises(Busy, match=f"GET {DEVICE_INFO} answered 503"):
        client.get(CHANNELS)
    with pytest.raises(NoPermission):
        client.get(CHANNELS)


@pytest.mark.slow
def test_five_sources_ten_restarts_and_a_command_line_send_a_wrong_password_twice(
    device: ScriptedDevice, client_of: MakeClient, budget_of: MakeBudget, tmp_path: Path
) -> None:
    errors: list[BaseException] = []

    def ask(client: IsapiClient, path: str) -> None:
        try:
            list(AlertStream(client).events()) if path == ALERTS else client.get(path)
        except CameraError as error:
            errors.append(error)

    for restart in range(10):
        budget = budget_of("mistyped")
        sources = (ALERTS, CHANNELS, DEVICE_INFO, "/ISAPI/System/time", "/ISAPI/Event/triggers")
        clients = [client_of("mistyped", budget, timeout=30) for _ in sources] + [client_of("mistyped", timeout=30)]
        threads = [
            threading.Thread(target=ask, args=(client, path))
            for client, path in zip(clients, (*sources, DEVICE_INFO), strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        if restart == 1:
            another_process(device, tmp_path)
    assert len(errors) == 60
    assert all(isinstance(error, AuthBlocked) for error in errors)
    assert len(device.targets(with_login=True)) == 2


def another_process(device: ScriptedDevice, tmp_path: Path) -> None:
    script = (
        "import sys, pathlib\n"
        "from hik_thermal_plugin.isapi.client import IsapiClient\n"
        "from hik_thermal_plugin.login import LoginBudget\n"
        "from nvr_hooks import AuthBlocked\n"
        "budget = LoginBudget('admin@device', 'mistyped', pathlib.Path(sys.argv[2]))\n"
        "try: IsapiClient('kiln', sys.argv[1], 'admin', 'mistyped', budget).get('/ISAPI/System/deviceInfo')\n"
        "except AuthBlocked: sys.exit(4)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, device.url, str(tmp_path / "state")], check=False, timeout=60)
    assert done.returncode == 4


def test_against_a_simulated_camera_that_locks(tmp_path: Path, secret: str) -> None:
    now = [1_800_000_000.0]
    with Simulator(password=secret, lock_attempts=5, lock_seconds=60, control_port=None) as camera:
        assert camera.http is not None
        budget = LoginBudget("x", "mistyped", tmp_path, clock=lambda: now[0])
        wrong = IsapiClient("kiln", camera.http, "admin", "mistyped", budget)
        for _ in range(5):
            with pytest.raises(AuthBlocked):
                wrong.get(CHANNELS)
        assert camera.state()["logins"]["refused"] == 2
        right = IsapiClient("kiln", camera.http, "admin", secret, LoginBudget("x", secret, tmp_path))
        assert b"DeviceInfo" in right.get(DEVICE_INFO)
        camera.apply([{"fault": {"kind": "lock", "seconds": 30}}])
        locked = IsapiClient(
            "kiln", camera.http, "admin", secret, LoginBudget("y", secret, tmp_path, clock=lambda: now[0])
        )
        with pytest.raises(AuthBlocked) as blocked:
            locked.get(DEVICE_INFO)
        assert blocked.value.until is not None
        assert 0 < blocked.value.until.timestamp() - now[0] <= 31
        for client in (wrong, right, locked):
            client.close()


@pytest.mark.parametrize("profile", ["md5", "sha256", "sha256_and_md5", "digest_and_basic", "basic", "nvr", "no_qop"])
def test_against_every_login_of_the_simulator(tmp_path: Path, secret: str, profile: str) -> None:
    with Simulator(password=secret, profile=replace(PLAIN, scheme=profile, nonce_uses=2), control_port=None) as camera:  # type: ignore[arg-type]
        assert camera.http is not None
        client = IsapiClient("kiln", camera.http, "admin", secret, LoginBudget("x", secret, tmp_path))
        for _ in range(5):
            assert b"DeviceInfo" in client.get(DEVICE_INFO)
            assert client.snapshot(201).startswith(b"\xff\xd8\xff")
        assert camera.state()["logins"]["refused"] == 0
        client.close()


@pytest.mark.parametrize("scheme", ["md5", "basic"])
def test_names_and_passwords_of_every_language(tmp_path: Path, scheme: str) -> None:
    user, password = "Jürgen 热像", 'p@ss:w/ö%rd "x"'
    profile = replace(PLAIN, scheme=scheme)  # type: ignore[arg-type]
    with Simulator(username=user, password=password, profile=profile, control_port=None) as camera:
        assert camera.http is not None
        client = IsapiClient("kiln", camera.http, user, password, LoginBudget("x", password, tmp_path))
        assert b"DeviceInfo" in client.get(DEVICE_INFO)
        assert camera.state()["logins"]["refused"] == 0
        client.close()
