"""probe over TLS: whose certificate is trusted is said on the command line, and checked."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hik_thermal_plugin.host import cli


@pytest.fixture
def probe(
    hik_simulator: Any, tmp_path: Path, secret: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Return `probe(*options)`: ask a camera with a self-signed certificate, `cert.pem`; exit code and output."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem", "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    camera = hik_simulator(password=secret, https_port=0, cert=tmp_path / "cert.pem", key=tmp_path / "key.pem")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HIK_THERMAL_PASSWORD", secret)

    def run(*options: str, url: str = camera.https) -> tuple[int, str]:
        code = cli.run(["probe", url, "--json", *options])
        seen = capfd.readouterr()
        return code, seen.out + seen.err

    return run


def fingerprint() -> str:
    asked = ["openssl", "x509", "-in", "cert.pem", "-noout", "-fingerprint", "-sha256"]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip().partition("=")[2]


def test_a_certificate_is_trusted_by_its_fingerprint_its_file_or_on_request(
    probe: Callable[..., tuple[int, str]],
) -> None:
    for options in (("--fingerprint", fingerprint()), ("--ca", "cert.pem"), ("--insecure",)):
        code, out = probe(*options)
        assert (code, json.loads(out.splitlines()[0])["model"]) == (0, "DS-2TD1228-2-QA"), options


def test_one_that_is_not_trusted_gets_no_login(probe: Callable[..., tuple[int, str]]) -> None:
    code, out = probe()
    assert (code, "certificate is not trusted" in out) == (3, True)
    code, out = probe("--fingerprint", "AB" * 32)
    assert (code, "not the one with the fingerprint" in out) == (3, True)


def test_words_that_make_no_sense_are_wrong_use(probe: Callable[..., tuple[int, str]]) -> None:
    assert probe("--fingerprint", "nonsense")[0] == 2
    assert probe("--ca", "absent.pem")[0] == 2
    assert probe("--insecure", url="http://192.0.2.10")[0] == 2
    assert probe(url="https://192.0.2.10#verify=false")[0] == 2
