"""References in a configuration are resolved, secrets print as ***, and every reference that leads nowhere is told."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from nvr_hooks import Mistake
from nvr_hooks.secrets import FromOutside, Secret, Unresolved, resolve_secrets


def test_references_are_replaced_wherever_they_stand(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from a file\n")
    raw = {
        "host": "${env:HOST}",
        "url": "http://${env:HOST}:${env:PORT}/x",
        "list": ["plain", {"password": f"${{file:{file}}}"}],
        "number": 5,
        "none": None,
    }
    resolved, mistakes = resolve_secrets(raw, path="mqtt", environ={"HOST": "broker", "PORT": "81"})
    assert mistakes == []
    assert resolved == {
        "host": "broker",
        "url": "http://broker:81/x",
        "list": ["plain", {"password": "from a file"}],
        "number": 5,
        "none": None,
    }
    assert isinstance(resolved["host"], FromOutside)
    assert not isinstance(resolved["list"][0], FromOutside)
    assert raw["host"] == "${env:HOST}", "the caller's mapping is untouched"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("${env:NOT_THERE}", "the environment variable NOT_THERE is not set"),
        ("${file:/does/not/exist}", "cannot read the file /does/not/exist: No such file or directory"),
        ("${cred:kiln}", "there is no credential kiln: not started by systemd with LoadCredential="),
        ("${vault:x}", "unknown reference ${vault:…}; known are ${env:NAME}, ${file:/path} and ${cred:NAME}"),
        ("${PASSWORD}", "write ${env:PASSWORD} for an environment variable, ${file:/path} for a file"),
    ],
)
def test_a_reference_that_leads_nowhere_is_told_with_its_path(text: str, problem: str) -> None:
    resolved, mistakes = resolve_secrets({"cameras": [{"password": text}]}, path="plugin", environ={})
    assert mistakes == [Mistake("plugin.cameras[0].password", problem)]
    assert isinstance(resolved["cameras"][0]["password"], Unresolved)


def test_credentials_of_systemd(tmp_path: Path) -> None:
    (tmp_path / "kiln").write_text("from systemd\n")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert resolve_secrets("${cred:kiln}", environ=environ) == ("from systemd", [])
    for name, problem in (
        ("other", "cannot read the credential other: No such file or directory"),
        ("../passwd", "the name of a credential is that of a file, without a path"),
        ("", "the name of a credential is that of a file, without a path"),
    ):
        assert resolve_secrets(f"${{cred:{name}}}", path="x", environ=environ)[1] == [Mistake("x", problem)]


def test_a_secret_is_read_anew_where_it_came_from(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("one")
    found = Secret(resolve_secrets(f"a-${{file:{file}}}")[0])
    assert found.again() == found
    file.write_text("two")
    assert found.again().reveal() == "a-two"
    assert found.again().again().reveal() == "a-two"
    file.unlink()
    assert found.again() is found
    assert Secret("plain").again().reveal() == "plain"


def test_every_mistake_is_told_at_once() -> None:
    _, mistakes = resolve_secrets({"a": "${env:A} ${env:B}", "b": "${env:C}"}, environ={"B": "x"})
    assert [str(mistake) for mistake in mistakes] == [
        "a: the environment variable A is not set",
        "b: the environment variable C is not set",
    ]


def test_a_file_that_is_no_text_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "picture"
    file.write_bytes(b"\xff\xd8\xff")
    _, mistakes = resolve_secrets(f"${{file:{file}}}", path="x")
    assert mistakes == [Mistake("x", f"the file {file} is not UTF-8 text")]


def test_only_one_line_end_is_taken_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b" spaces matter \r\n")
    assert resolve_secrets(f"${{file:{file}}}") == (" spaces matter ", [])


@pytest.mark.parametrize("text", ["pa$$word", "a{b}c", "${not a name}", "x${NAME}y", "$HOME"])
def test_texts_without_a_reference_stay_as_they_are(text: str) -> None:
    assert resolve_secrets(text, environ={"HOME": "/h", "NAME": "n"}) == (text, [])


def test_a_secret_prints_as_stars(secret: str, caplog: pytest.LogCaptureFixture) -> None:
    value = Secret(secret)
    logging.getLogger("test").info("%s %r", value, value)
    shown = [str(value), repr(value), f"{value}", f"{value!r:>20}", json.dumps(value, default=str), caplog.text]
    assert not any(secret in text for text in shown)
    assert all("***" in text for text in shown)
    assert value.reveal() == secret


def test_secrets_compare_by_what_they_hold() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a")}) == 1
    assert Secret("a") != "a"
    assert not Secret("")
