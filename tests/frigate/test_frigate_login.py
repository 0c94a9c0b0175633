"""Frigate's authenticated port: one login, a token that runs out, a user who may not, and what is said of it."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from frigate_house import House
from frigate_server import FrigateServer
from hypothesis import given, settings
from hypothesis import strategies as st
from nvr_hooks import ConfigError, FireAlarm, NvrError
from nvr_hooks.secrets import Secret

from hik_thermal_plugin.frigate.api import Away, FrigateApi, NotAllowed, NotThere, Standing
from hik_thermal_plugin.frigate.plugin import FrigatePlugin
from hik_thermal_plugin.frigate.settings import FrigateSettings, TlsSettings

Wait = Callable[..., None]
BODY = {"duration": None}


@pytest.fixture
def guarded(frigate: FrigateServer, secret: str) -> FrigateServer:
    """Return a Frigate that wants a login."""
    frigate.users = {"thermal": (secret, "admin"), "guest": (secret, "viewer")}
    return frigate


@pytest.fixture
def ask(guarded: FrigateServer, secret: str) -> Iterator[Callable[..., FrigateApi]]:
    made: list[FrigateApi] = []

    def api(username: str | None = "thermal", password: str = secret, **more: Any) -> FrigateApi:
        login = {} if username is None else {"username": username, "password": Secret(password)}
        made.append(FrigateApi(FrigateSettings(**{"url": guarded.url, **login, **more})))
        return made[-1]

    yield api
    for one in made:
        one.close()


def test_one_login_serves_all_requests(ask: Callable[..., FrigateApi], guarded: FrigateServer) -> None:
    api = ask()
    event_id = api.create("kiln_thermal", "fire", BODY)
    assert not api.look(event_id).ended
    api.end(event_id, None)
    assert api.look(event_id).ended
    assert guarded.asked("POST", "login") == 1


def test_a_token_that_ran_out_is_renewed(ask: Callable[..., FrigateApi], guarded: FrigateServer) -> None:
    api = ask()
    api.create("kiln_thermal", "fire", BODY)
    guarded.tokens.clear()
    api.create("kiln_thermal", "fire", BODY)
    assert len(guarded.events) == 2
    assert guarded.asked("POST", "login") == 2


def test_a_wrong_password_a_viewer_and_no_login_are_told_apart(ask: Callable[..., FrigateApi]) -> None:
    with pytest.raises(NotAllowed, match="refuses the login of thermal: Login failed"):
        ask(password="wrong").create("kiln_thermal", "fire", BODY)
    with pytest.raises(NotAllowed, match="needs the role admin"):
        ask("guest").create("kiln_thermal", "fire", BODY)
    with pytest.raises(NotAllowed, match=r"set frigate\.username"):
        ask(None).create("kiln_thermal", "fire", BODY)


def test_names_are_part_of_the_address_whatever_is_in_them(
    ask: Callable[..., FrigateApi], guarded: FrigateServer
) -> None:
    api = ask()
    api.create("kiln_thermal", "Glut im Ofen? 100 %", BODY)
    assert guarded.events[0].label == "Glut im Ofen? 100 %"
    with pytest.raises(NotThere, match="is not a valid camera"):
        api.create("kiln/thermal", "fire", BODY)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["success", "event_id", "id", "end_time", "sub_label", "message"]), inner)
    ),
    max_leaves=8,
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    status=st.sampled_from([200, 201, 204, 301, 400, 401, 403, 404, 418, 422, 429, 500, 502]),
    body=st.binary(max_size=40) | JSON.map(lambda value: json.dumps(value).encode()),
    cookie=st.sampled_from([b"", b"frigate_token=x", b"junk", b"=;;", b"a=\xe9"]),
)
def test_whatever_is_answered_is_a_value_or_an_error_that_can_be_told(status: int, body: bytes, cookie: bytes) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, content=body, headers=[(b"Set-Cookie", cookie)])

    for login in ({}, {"username": "u", "password": Secret("p")}):
        api = FrigateApi(FrigateSettings(url="http://frigate:5000", **login))
        api._client = httpx.Client(transport=httpx.MockTransport(answer))
        calls: list[Callable[[], object]] = [
            lambda api=api: api.create("kiln", "fire", BODY),
            lambda api=api: api.end("x", 1.0),
            lambda api=api: api.look("x"),
            lambda api=api: api.events("kiln", "fire", 0.0, only_open=True),
        ]
        for call in calls:
            with suppress(NvrError):
                assert isinstance(call(), str | Standing | list | None)
        api.close()


def test_a_refused_login_is_tried_slowly_and_told_once(
    house: House, guarded: FrigateServer, wait_for: Wait, secret: str, caplog: pytest.LogCaptureFixture
) -> None:
    house.start(wait_for, release_after=30, username="thermal", password="wrong" + secret)
    house.camera.tell(FireAlarm(camera="kiln", channel=2, raw_type="fireDetection"))
    wait_for(lambda: guarded.asked("POST", "login") >= 3)
    told = [record for record in caplog.records if record.levelname == "WARNING"]
    assert len(told) == 1
    assert guarded.users is not None
    guarded.users["thermal"] = ("wrong" + secret, "admin")  # the owner mends it
    wait_for(lambda: guarded.open())


def test_a_request_is_interrupted_at_once(
    ask: Callable[..., FrigateApi], guarded: FrigateServer, wait_for: Wait
) -> None:
    guarded.silent = threading.Event()
    api = ask(timeout=60)
    errors: list[Exception] = []

    def run() -> None:
        try:
            api.create("kiln_thermal", "fire", BODY)
        except Away as err:
            errors.append(err)

    thread = threading.Thread(target=run)
    thread.start()
    wait_for(lambda: guarded.requests)
    api.interrupt()
    thread.join(2)
    assert len(errors) == 1
    with pytest.raises(Away, match="closing"):
        api.look("x")


def test_frigates_own_certificate_can_be_trusted(
    tmp_path: Path, guarded: FrigateServer, ask: Callable[..., FrigateApi]
) -> None:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed")
    command = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /O=FRIGATE/CN=* -keyout key.pem -out cert.pem"
    subprocess.run([program, *command.split()], cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    guarded.stop()
    guarded.tls = context
    guarded.start()
    url = guarded.url.replace("http:", "https:")
    with pytest.raises(Away, match="certificate"):
        ask(url=url).create("kiln_thermal", "fire", BODY)
    with pytest.raises(Away, match="certificate"):
        ask(url=url, tls=TlsSettings(ca=tmp_path / "cert.pem")).create("kiln_thermal", "fire", BODY)
    ask(url=url, tls=TlsSettings(ca=tmp_path / "cert.pem", check_name=False)).create("kiln_thermal", "fire", BODY)
    ask(url=url, tls=TlsSettings(verify=False)).create("kiln_thermal", "fire", BODY)
    assert len(guarded.events) == 2


def test_every_mistake_of_the_section_is_told_at_once() -> None:
    wrong = {
        "url": "frigate:5000",
        "user": "x",
        "labels": {"fire": "a/b"},
        "release_after": 0,
        "hold": "soon",
        "cameras": {"kiln": {"thermal": "Ofen Süd"}},
    }
    with pytest.raises(ConfigError) as caught:
        FrigatePlugin().nvr_configure(config={"frigate": wrong})
    assert {mistake.path: mistake.problem for mistake in caught.value.mistakes} == {
        "frigate.url": "expected an address like http://frigate:5000 or https://frigate:8971",
        "frigate.user": 'unknown key; did you mean "username"?',
        "frigate.labels.fire": "expected a label, a text without /",
        "frigate.release_after": "expected a number above 0 and at most 3600, got 0",
        "frigate.hold": "expected a time like 90s, 30m, 12h or 7d",
        "frigate.cameras.kiln.thermal": (
            "expected the name of a camera as Frigate has it: letters, digits, _ and - only"
        ),
    }


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ({"url": "http://admin:x@frigate:5000"}, "no user or password in the address"),
        ({"url": "http://frigate:5000", "username": "x"}, "username and password go together"),
    ],
)
def test_a_login_is_whole_and_not_in_the_address(section: dict[str, str], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        FrigatePlugin().nvr_configure(config={"frigate": section})
