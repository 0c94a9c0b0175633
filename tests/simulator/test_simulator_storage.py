"""What the camera records on: the SD card, a network drive, a recorder's disk, and what encryption does to downloads."""

from __future__ import annotations

from datetime import timedelta

import pytest
from lxml import etree
from raw_archive import HEADER, MODEL, RATE, START, download, search
from raw_http import RawClient, apply

SIZE = 2 * RATE + HEADER


@pytest.fixture
def archive(camera):
    """Start a camera with a recording of two seconds."""

    def start(profile):
        simulator, client = camera(model=MODEL, profile=profile, recordings=[(START, START + timedelta(seconds=2))])
        return simulator, client, search(client).found[0].uri

    return start


def test_an_encrypted_card(archive):
    _, client, uri = archive("encrypted_card")
    assert download(client, uri).body[:4] == b"IMKH"
    assert storage(client)["encryptionStatus"] == "encrypted"
    _, client, uri = archive("scrambled_downloads")
    scrambled = download(client, uri).body
    assert len(scrambled) == SIZE
    assert b"\0\0\1\xba" not in scrambled
    assert storage(client)["encryptionStatus"] == "encrypted"


def storage(client: RawClient) -> dict[str, str | None]:
    root = etree.fromstring(client.get("/ISAPI/ContentMgmt/Storage").body)
    return {etree.QName(node).localname: node.text for node in root.iter()}


@pytest.mark.parametrize(("profile", "status", "free"), [("nas", "ok", "119552"), ("nas_offline", "offline", "0")])
def test_a_network_drive(archive, profile, status, free):
    _, client, _ = archive(profile)
    root = etree.fromstring(client.get("/ISAPI/ContentMgmt/Storage").body)
    assert [node.text for node in root.iter("{*}status")] == ["ok", status]
    (drive,) = root.iter("{*}nas")
    assert (drive.findtext("{*}freeSpace"), drive.findtext("{*}path")) == (free, "/recordings")


def test_storage_of_a_recorder(archive):
    simulator, client, _ = archive("recorder_storage")
    assert storage(client)["hddName"] == "hdd1"
    apply(simulator, {"disk": {"state": "full"}})
    assert (storage(client)["status"], storage(client)["freeSpace"]) == ("ok", "0")
