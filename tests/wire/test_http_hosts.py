"""The list of hosts a device pushes to: what a slot says, and a change that is a change of one slot."""

from __future__ import annotations

import re

import pytest
from lxml import etree
from nvr_hooks import BadAnswer, Unsupported

from hik_thermal_plugin.wire.http_hosts import (
    Destination,
    as_it_is,
    others_unchanged,
    point,
    read_slots,
    release,
)

NAMESPACE = "http://www.isapi.org/ver20/XMLSchema"
TARGET = Destination(host="192.0.2.5", port=8089, path="/hik-thermal/0123456789abcdef0123456789abcdef")
EXTENSIONS = '<Extensions xmlns="urn:selfextension:psiaext-ver10-xsd"><intervalBetweenEvents>0</intervalBetweenEvents></Extensions>'


def slot(number: int, url: str = "/", address: str = "0.0.0.0", port: int = 80, more: str = "") -> str:
    return (
        f"<HttpHostNotification><id>{number}</id><url>{url}</url><protocolType>HTTP</protocolType>"
        "<parameterFormatType>XML</parameterFormatType><addressingFormatType>ipaddress</addressingFormatType>"
        f"<ipAddress>{address}</ipAddress><portNo>{port}</portNo><userName></userName>"
        f"<httpAuthenticationMethod>none</httpAuthenticationMethod>{more}</HttpHostNotification>"
    )


def listed(*slots: str, namespace: str = NAMESPACE) -> bytes:
    return f'<HttpHostNotificationList version="2.0" xmlns="{namespace}">{"".join(slots)}</HttpHostNotificationList>'.encode()


USED = slot(1, "/api/hikvision", "192.0.2.20", 8123, EXTENSIONS)


def test_free_and_used_slots() -> None:
    found = read_slots(listed(USED, slot(2)))
    assert [(one.id, one.free, one.host, one.port) for one in found] == [
        ("1", False, "192.0.2.20", 8123),
        ("2", True, "", 80),
    ]
    assert not read_slots(listed(slot(1, "/somewhere")))[0].free, "a path without an address is somebody's"
    assert "hikvision" not in repr(found), "whoever knows a path can push to it"


def test_a_slot_is_pointed_and_nothing_else_changes() -> None:
    before = listed(USED, slot(2, more=EXTENSIONS), slot(3))
    edit = point(before, "2", TARGET)
    assert {(change.name, change.before, change.after) for change in edit.changes} == {
        ("url", "/", TARGET.path),
        ("ipAddress", "0.0.0.0", "192.0.2.5"),
        ("portNo", "80", "8089"),
    }
    assert others_unchanged(before, edit.whole, "2")
    assert [one.leads_to(TARGET) for one in read_slots(edit.whole)] == [False, True, False]
    single = etree.fromstring(edit.single)
    assert single.tag == f"{{{NAMESPACE}}}HttpHostNotification"
    assert single.get("version") == "2.0"
    assert b"intervalBetweenEvents" in edit.single
    assert read_slots(edit.single)[0].leads_to(TARGET)
    assert point(edit.whole, "2", TARGET).changes == ()


def test_release_is_what_a_free_slot_says() -> None:
    before = listed(USED, slot(2))
    assert read_slots(release(point(before, "2", TARGET).whole, "2").whole) == read_slots(before)


def test_a_name_instead_of_an_address_and_back() -> None:
    named = Destination(host="nvr.example", port=8089, path=TARGET.path, secure=True)
    edit = point(listed(slot(1)), "1", named)
    found = read_slots(edit.whole)[0]
    assert (found.protocol, found.host) == ("HTTPS", "nvr.example")
    order = [etree.QName(field).localname for field in etree.fromstring(edit.single)]
    assert order.index("hostName") == order.index("portNo") - 1
    assert read_slots(release(edit.whole, "1").whole) == read_slots(listed(slot(1)))
    assert b"hostName" not in release(edit.whole, "1").whole


def test_ours_is_known_again_after_a_move_and_after_its_path_was_lost() -> None:
    moved = read_slots(listed(slot(1, TARGET.path, "192.0.2.77", 9000)))[0]
    assert moved.leads_to(TARGET)
    forgotten = read_slots(listed(slot(1, "/hik-thermal/ffffffffffffffffffffffffffffffff", "192.0.2.5", 8089)))[0]
    assert forgotten.leads_to(TARGET)
    other_host = read_slots(listed(slot(1, "/hik-thermal/ffffffffffffffffffffffffffffffff", "192.0.2.6", 8089)))[0]
    assert not other_host.leads_to(TARGET), "another host of the same program"


def test_what_the_device_does_not_offer_is_unsupported() -> None:
    offered = b'<Cap><HttpHostNotification><protocolType opt="HTTP"/><addressingFormatType opt="ipaddress"/></HttpHostNotification></Cap>'
    point(listed(slot(1)), "1", TARGET, offered)
    for wanted in (
        Destination(host="192.0.2.5", port=1, path="/x", secure=True),
        Destination(host="name", port=1, path="/x"),
    ):
        with pytest.raises(Unsupported, match="its hosts have no"):
            point(listed(slot(1)), "1", wanted, offered)


@pytest.mark.parametrize("host", ["2001:db8::5", "192.0.2.5", "nvr.example"])
def test_each_kind_of_address_has_its_field(host: str) -> None:
    kind = "hostname" if host == "nvr.example" else "ipaddress"
    name = {"2001:db8::5": "ipv6Address", "192.0.2.5": "ipAddress"}.get(host, "hostName")
    for before in (
        listed(slot(1)),
        listed(slot(1), namespace=""),
        re.sub(rb"<(/?)(?=\w)", rb"<\1p:", listed(slot(1))).replace(b" xmlns=", b" xmlns:p="),
        listed(slot(1, more="<hostName>old.example</hostName>")),
        listed(slot(1, more="<ipv6Address>::</ipv6Address>")),
    ):
        item = etree.fromstring(point(before, "1", Destination(host=host, port=80, path="/x")).single)
        said = {etree.QName(field).localname: field.text for field in item}
        assert {key: said[key] for key in ("ipAddress", "ipv6Address", "hostName") if key in said} == {name: host}
        assert said["addressingFormatType"] == kind
        assert len({etree.QName(field).namespace for field in item.iter()}) == 1
    changes = {
        change.name: change.after
        for change in point(listed(slot(1)), "1", Destination(host=host, port=80, path="/")).changes
    }
    assert changes[name] == host
    assert changes.get("addressingFormatType", "ipaddress") == kind


def test_a_slot_with_nothing_gets_its_fields_in_order() -> None:
    before = b"<HttpHostNotification><portNo>80</portNo><x/></HttpHostNotification>"
    names = [field.tag for field in etree.fromstring(point(before, "", TARGET).single)]

    assert names == [
        "url",
        "protocolType",
        "parameterFormatType",
        "addressingFormatType",
        "ipAddress",
        "portNo",
        "httpAuthenticationMethod",
        "x",
    ]


def test_a_slot_keeps_the_version_of_its_own() -> None:
    before = listed(slot(1).replace("<HttpHostNotification>", '<HttpHostNotification version="1.0">'))

    assert etree.fromstring(as_it_is(before, "1").single).get("version") == "1.0"
    assert read_slots(b"<HttpHostNotification><url>/</url></HttpHostNotification>")[0].id == ""
    with pytest.raises(Unsupported, match=r"no protocolType HTTP \(there is https\)"):
        point(before, "1", TARGET, b'<Cap><protocolType opt="HTTPS"/></Cap>')


def test_a_field_without_a_text_is_as_good_as_none() -> None:
    before = listed(slot(1, more="<hostName></hostName><ipv6Address> </ipv6Address>"))

    assert release(before, "1").changes == ()
    assert b"<hostName/>" in release(before, "1").whole


def test_a_slot_can_be_written_once_more_as_it_is() -> None:
    before = listed(USED, slot(2).replace("<userName></userName>", "<userName>Grün</userName>"), slot(3))
    edit = as_it_is(before, "2")

    assert edit.changes == ()
    assert edit.single == b'<?xml version="1.0" encoding="UTF-8"?>\n' + etree.tostring(
        etree.fromstring(edit.single), encoding="utf-8", xml_declaration=False
    )
    assert "<userName>Grün</userName>".encode() in edit.single
    assert "<userName>Grün</userName>".encode() in edit.whole
    assert edit.single.endswith(b"</HttpHostNotification>")
    assert [read_slots(edit.single)[0], read_slots(edit.whole)] == [read_slots(before)[1], read_slots(before)]


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("<id>2</id>", "<id>2</id><more/>", True),
        ("<portNo>8123</portNo>", "<portNo>8124</portNo>", False),
        (">0</intervalBetweenEvents>", ">1</intervalBetweenEvents>", False),
        ("<Extensions ", "<httpBroken>true</httpBroken><Extensions ", True),
        ("<intervalBetweenEvents>", "<httpBroken>true</httpBroken><intervalBetweenEvents>", True),
        ("<Extensions ", "<broken>true</broken><Extensions ", False),
        ("<ipAddress>192.0.2.20</ipAddress>", "\n <ipAddress> 192.0.2.20</ipAddress>\n", True),
        ("<ipAddress>192.0.2.20</ipAddress>", "<hostName>192.0.2.20</hostName>", False),
    ],
)
def test_whether_other_slots_have_changed(old: str, new: str, same: bool) -> None:
    before = listed(USED, slot(2))
    after = before.replace(old.encode(), new.encode())

    assert after != before
    assert others_unchanged(before, after, "2") is same


@pytest.mark.parametrize(
    ("said", "host", "ours"),
    [
        ("2001:DB8:0:0::5", "2001:db8::5", True),
        ("2001:db8::6", "2001:db8::5", False),
        ("NVR.example", "nvr.Example", True),
        ("nvr.example", "nvr.example.org", False),
    ],
)
def test_an_address_is_known_again_in_any_spelling(said: str, host: str, ours: bool) -> None:
    field = "ipv6Address" if ":" in said else "hostName"
    document = listed(slot(1, "/hik-thermal/ffffffff", "0.0.0.0", 8089, f"<{field}>{said}</{field}>"))

    assert read_slots(document)[0].leads_to(Destination(host=host, port=8089, path="/x")) is ours
    assert not read_slots(document)[0].leads_to(Destination(host=host, port=8090, path="/x"))


@pytest.mark.parametrize(
    ("offer", "words"),
    [
        ('<protocolType opt="http"/>', r"no protocolType HTTPS \(there is http\)"),
        (
            '<protocolType opt="HTTP,HTTPS"/><addressingFormatType opt="ipaddress"/>',
            "no addressingFormatType hostname ",
        ),
        (
            '<httpAuthenticationMethod opt="MD5digest,base64"/>',
            "httpAuthenticationMethod none .there is md5digest, base64",
        ),
        ('<httpAuthenticationMethod opt="MD5digest,None"/>', None),
        ('<httpAuthenticationMethod/><protocolType opt=""/>', None),
    ],
)
def test_it_is_told_which_word_the_device_lacks(offer: str, words: str | None) -> None:
    wanted = Destination(host="nvr.example", port=1, path="/x", secure=True)
    capabilities = f"<Cap><HttpHostNotification>{offer}</HttpHostNotification></Cap>".encode()
    if words is None:
        assert point(listed(slot(1)), "1", wanted, capabilities).changes
        return
    with pytest.raises(Unsupported, match=words):
        point(listed(slot(1)), "1", wanted, capabilities)


@pytest.mark.parametrize("document", [b"<Other/>", b"", b"<HttpHostNotificationList>", listed(slot(1))])
def test_another_document_is_a_bad_answer(document: bytes) -> None:
    with pytest.raises(BadAnswer):
        point(document, "9", TARGET)
