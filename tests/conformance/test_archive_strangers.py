"""Other people's archive clients, and captured answers: hikload and pyHik search and fetch from the simulated camera byte for byte, and
what it answers has the shape of what real devices answered."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import escape, unescape
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from hik_thermal_plugin.simulator import Stored

BEGIN = datetime(2026, 11, 20, 12, tzinfo=UTC)
STORED = [
    Stored(start=BEGIN + timedelta(minutes=place), end=BEGIN + timedelta(minutes=place, seconds=2 + place), kind=kind)
    for place, kind in enumerate(("timing", "motion", "alarm"))
]
SEARCH = "/ISAPI/ContentMgmt/search"
BODY = """<?xml version="1.0" encoding="utf-8"?><CMSearchDescription><searchID>C77384AD-66A0-0001-E7C2-1151F04F90B0</searchID>
<trackIDList><trackID>101</trackID></trackIDList><timeSpanList><timeSpan><startTime>2026-11-20T00:00:00Z</startTime>
<endTime>2026-11-21T00:00:00Z</endTime></timeSpan></timeSpanList><maxResults>40</maxResults>
<searchResultPostion>0</searchResultPostion></CMSearchDescription>"""

HIKLOAD = """
import sys
from hikload.hikvisionapi import HikvisionServer

server = HikvisionServer(sys.argv[1], "admin", sys.argv[2])
server.test_connection()
found = server.ContentMgmt.search.getPastRecordingsForID(int(sys.argv[3]), "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z")
abilities = server.ContentMgmt.search.get_download_capabilities()
assert abilities["DownloadAbility"]["isSupportDownloadbyFileName"] == "true", abilities
print(server.ContentMgmt.search.profile()["CMSearchProfile"]["maxSearchMatchResults"])
for place, item in enumerate(found["CMSearchResult"]["matchList"]["searchMatchItem"]):
    uri = item["mediaSegmentDescriptor"]["playbackURI"]
    with open(f"{sys.argv[4]}/{place}", "wb") as file:
        file.write(server.ContentMgmt.search.downloadURI(uri).content)
    print(item["timeSpan"]["startTime"], uri)
"""
PYHIK = """
import sys
from datetime import datetime
from pyhik.hikvision import HikCamera

camera = HikCamera("http://127.0.0.1", int(sys.argv[1].rpartition(":")[2]), "admin", sys.argv[2])
print([day.date.isoformat() for day in camera.get_recording_days(int(sys.argv[3]), datetime(2026, 11, 19), datetime(2026, 11, 22))])
found = camera.search_recordings(int(sys.argv[3]), datetime(2026, 11, 20), datetime(2026, 11, 21))
for place, one in enumerate(sorted(found, key=lambda one: one.start_time)):
    with open(f"{sys.argv[4]}/{place}", "wb") as file:
        camera.download_recording(one.playback_uri, file)
    print(one.start_time.isoformat(), one.playback_uri)
"""


@pytest.mark.integration
@pytest.mark.parametrize("profile", ["plain", "download_version", "one_search", "recorder_archive"])
def test_hikload_finds_and_fetches_everything_byte_for_byte(
    hik_simulator: Any, foreign_venv: Callable[..., Path], tmp_path: Path, profile: str
) -> None:
    out = fetch_all(hik_simulator, foreign_venv("hikload==1.1.4"), HIKLOAD, tmp_path, profile)
    assert out[0] == "64"


@pytest.mark.integration
def test_hikload_run_as_its_users_do_brings_home_every_recording(
    hik_simulator: Any, foreign_venv: Callable[..., Path], tmp_path: Path
) -> None:
    python = foreign_venv("hikload==1.1.4")
    simulator = hik_simulator(model="bullet", recordings=STORED)
    login = ["--username", "admin", "--password", "hik12345", "--downloads", str(tmp_path / "home")]
    span = ["--starttime", "2026-11-20T00:00:00", "--endtime", "2026-11-21T00:00:00"]
    done = subprocess.run(
        [python, "-m", "hikload", "--server", simulator.http.removeprefix("http://"), *login, *span],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    sizes = {file.name: file.stat().st_size for file in (tmp_path / "home").iterdir()}
    assert sizes == {f"20261120120{place}00-101.mp4": 256_000 * (2 + place) + 40 for place in range(3)}
    assert {file.read_bytes()[:4] for file in (tmp_path / "home").iterdir()} == {b"IMKH"}


@pytest.mark.integration
@pytest.mark.parametrize("profile", ["plain", "download_post", "plain_stream"])
def test_pyhik_finds_and_fetches_everything_byte_for_byte(
    hik_simulator: Any, foreign_venv: Callable[..., Path], tmp_path: Path, profile: str
) -> None:
    out = fetch_all(hik_simulator, foreign_venv("pyHik==0.4.8"), PYHIK, tmp_path, profile)
    assert out[0] == "['2026-11-20T00:00:00+00:00']"


def fetch_all(hik_simulator: Any, python: Path, program: str, folder: Path, profile: str) -> list[str]:
    """Let a program fetch all there is, and compare its files with curl's; return what it printed."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed (Debian: curl)")
    simulator = hik_simulator(model="bullet", profile=profile, recordings=STORED)
    done = subprocess.run(
        [python, "-c", program, simulator.http.removeprefix("http://"), "hik12345", "101", folder],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    answer = curl(simulator, SEARCH, "POST", BODY).decode()
    uris = [unescape(uri) for uri in re.findall("<playbackURI>(.*?)</playbackURI>", answer)]
    assert len(uris) == 3
    assert [line.partition(" ")[2] for line in lines[1:]] == uris
    for place, uri in enumerate(uris):
        fetched = (folder / str(place)).read_bytes()
        root = '<downloadRequest version="1.0" xmlns="http://www.isapi.org/ver20/XMLSchema">'
        body = f"{root}<playbackURI>{escape(uri)}</playbackURI></downloadRequest>"
        method = "POST" if profile == "download_post" else "GET"
        own = curl(simulator, "/ISAPI/ContentMgmt/download", method, body)
        assert len(fetched) == int(uri.rpartition("size=")[2])
        assert hashlib.sha256(fetched).digest() == hashlib.sha256(own).digest()
    assert simulator.state()["logins"]["refused"] == (program is PYHIK)  # it tries Basic before Digest
    return lines


def curl(simulator: Any, path: str, method: str, body: str = "") -> bytes:
    data = ["-H", "Content-Type: application/xml", "--data-binary", body] if body else []
    done = subprocess.run(
        ["curl", "-sS", "--digest", "-u", "admin:hik12345", "-X", method, *data, simulator.http + path],
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def shape(node: Any) -> Any:
    """The name of an element, those of its attributes, and its children; of results that repeat the first."""
    children: list[Any] = []
    for child in node.iterchildren(tag=etree.Element):
        one = shape(child)
        if one not in children:
            children.append(one)
    return etree.QName(node).localname, etree.QName(node).namespace, sorted(node.attrib), children


@pytest.mark.integration
@pytest.mark.parametrize("sample", ["search_result_MORE_psia_ns.xml", "search_result_OK_psia_ns.xml"])
def test_search_results_have_the_shape_of_the_captures(hik_simulator: Any, samples: Path, sample: str) -> None:
    simulator = hik_simulator(model="bullet", profile="psia_results", recordings=STORED)
    body = BODY.replace("<maxResults>40", "<maxResults>2" if "MORE" in sample else "<maxResults>40")
    ours, theirs = curl(simulator, SEARCH, "POST", body), (samples / sample).read_bytes()
    assert ours[:1] == theirs[:1] == b"\n"
    told, captured = etree.fromstring(ours.strip()), etree.fromstring(theirs.strip())
    assert shape(told) == shape(captured)
    for name in ("responseStatus", "responseStatusStrg", "sourceID"):
        assert told.find(f".//{{*}}{name}").text == captured.find(f".//{{*}}{name}").text
    for name in ("searchID", "startTime", "playbackURI"):
        one, other = (root.find(f".//{{*}}{name}").text for root in (told, captured))
        assert pattern_of(one) == pattern_of(other)


def pattern_of(text: str) -> str:
    """What a text is like: hosts and numbers left open."""
    text = re.sub(r"(?<=//)[\w.:]+", "HOST", text)
    return re.sub(r"[0-9a-f]+(?=[-}])|\d+", "N", text) if text.startswith("{") else re.sub(r"\d+", "N", text)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("sample", "profile"),
    [
        ("td1228_storage.xml", "encrypted_card"),
        ("storage_sd_and_nas.xml", "nas"),
        ("storage_hdd1_nvr.xml", "recorder_storage"),
    ],
)
def test_storage_has_the_shape_of_the_captures(hik_simulator: Any, samples: Path, sample: str, profile: str) -> None:
    simulator = hik_simulator(profile=profile)
    told = etree.fromstring(curl(simulator, "/ISAPI/ContentMgmt/Storage", "GET"))
    captured = etree.fromstring((samples / sample).read_bytes())
    ours, theirs = paths(told), paths(captured)
    # Each firmware leaves something out or adds something of its own; no element is of our making.
    assert ours - theirs <= ADDED.get(profile, set())
    assert theirs - ours <= LEFT_OUT.get(profile, set())
    if profile == "encrypted_card":  # the very camera that the simulator takes after
        assert {node.tag: node.text for node in told.iter()} == {node.tag: node.text for node in captured.iter()}


ADDED = {"nas": {"storage/posInfoStoragingEnabled"}}
LEFT_OUT = {"nas": {"storage/hddList/hdd/installationTime"}}


def paths(root: Any) -> set[str]:
    """The place of each element in its document."""
    return {
        "/".join(
            [etree.QName(one).localname for one in reversed(list(node.iterancestors()))] + [etree.QName(node).localname]
        )
        for node in root.iter(tag=etree.Element)
    }
