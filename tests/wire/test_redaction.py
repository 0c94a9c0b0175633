"""What identifies a device, its place or its people is taken out of its answers: the same by the same, and nothing else is touched."""

from __future__ import annotations

import pytest

from hik_thermal_plugin.wire.redaction import Redactor


def redacted(
    *documents: str, host: str = "10.1.2.3", username: str = "kilnwatch", password: str = "s3cr3t-Pass"
) -> list[str]:
    """Return the documents redacted together, and check that another redaction changes nothing more."""
    out = [document.encode() for document in documents]
    for _ in range(2):
        redactor = Redactor(host=host, username=username, secrets=(password,))
        for document in out:
            redactor.learn(document)
        again = [redactor.redact(document) for document in out]
        if out is not again:
            first, out = out, again
    assert [redactor.redact(document) for document in out] == out
    assert first != [document.encode() for document in documents] or first == out
    return [document.decode() for document in out]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<serialNumber>DS-2TD1228-2/QA20230714AAWRF12345678</serialNumber>", "<serialNumber>DS-2TD1228-2/QA20230714AAWRF00000001</serialNumber>"),
        ("<deviceID>a3f0-44BC-1188</deviceID>", "<deviceID>0000-0000-0001</deviceID>"),
        ("<macAddress>bc:5e:33:aa:bb:cc</macAddress>", "<macAddress>02:00:00:00:00:01</macAddress>"),
        ("<mac>BC-5E-33-AA-BB-CC</mac>", "<mac>02-00-00-00-00-01</mac>"),
        ("<ipAddress>10.1.2.3</ipAddress>", "<ipAddress>192.0.2.1</ipAddress>"),
        ("<subnetMask>255.255.255.0</subnetMask>", "<subnetMask>255.255.255.0</subnetMask>"),
        ("<v>V5.5.98.12 build 240726</v>", "<v>V5.5.98.12 build 240726</v>"),
        ("<ipv6Address>fe80::be5e:33ff:feaa:bbcc</ipv6Address>", "<ipv6Address>2001:db8::1</ipv6Address>"),
        ("<ipv6Address>::</ipv6Address>", "<ipv6Address>::</ipv6Address>"),
        ("<localTime>2026-03-01T10:07:58+01:00</localTime>", "<localTime>2026-03-01T10:07:58+01:00</localTime>"),
        ("<deviceName>Ofen Müller</deviceName>", "<deviceName>Name 1</deviceName>"),
        ("<name>Camera 01</name>", "<name>Camera 01</name>"),
        ("<n:name opt='a'>Halle 7</n:name>", "<n:name opt='a'>Name 1</n:name>"),
        ("<eventDescription>Motion alarm</eventDescription>", "<eventDescription>Motion alarm</eventDescription>"),
        ("<userName>admin</userName>", "<userName>admin</userName>"),
        ("<userName>mueller</userName>", "<userName>user2</userName>"),
        ("<password>geheim</password><password/>", "<password>***</password><password/>"),
        ("<emailAddress>m.mueller@ofen.example.de</emailAddress>", "<emailAddress>user1@example.org</emailAddress>"),
        ("<phoneNumber>+49 170 1234567</phoneNumber>", "<phoneNumber>+00 000 0000001</phoneNumber>"),
        ("<latitude>48.1371</latitude>", "<latitude>00.0000</latitude>"),
        (
            "<Longitude><direction>E</direction><degree>11</degree><minute>34</minute></Longitude>",
            "<Longitude><direction>E</direction><degree>00</degree><minute>00</minute></Longitude>",
        ),
        ('{"latitude":\t48.1371, "x": 1}', '{"latitude":\t00.0000, "x": 1}'),
        ('{"ruleName":\t"Ofentür 3", "ruleID":\t3}', '{"ruleName":\t"Name 1", "ruleID":\t3}'),
        ("<url>/hook/9f8e7d?token=abc</url>", "<url>/path1</url>"),
        ("<nas><path>/volume1/kiln</path></nas>", "<nas><path>/path1</path></nas>"),
        ("<operationCode>AbCdEf</operationCode>", "<operationCode>***</operationCode>"),
        ("<requestURL>/ISAPI/System/deviceInfo</requestURL>", "<requestURL>/ISAPI/System/deviceInfo</requestURL>"),
        ("a=control:rtsp://10.1.2.3:554/x/trackID=1", "a=control:rtsp://192.0.2.1:554/x/trackID=1"),
        ("c=IN IP4 0.0.0.0", "c=IN IP4 0.0.0.0"),
        ("<note>user kilnwatch, s3cr3t-Pass</note>", "<note>user user1, ***</note>"),
    ],
)  # fmt: skip
def test_what_is_replaced_and_what_is_not(before: str, after: str) -> None:
    assert redacted(before) == [after]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<password><![CDATA[hunter22]]></password>", "<password><![CDATA[***]]></password>"),
        ('<user password="hunter22" name="x"/>', '<user password="***" name="x"/>'),
        ("<r serialNumber='E12345678'/>", "<r serialNumber='E00000001'/>"),
        ('{"verifyCode": 483920, "count": 483920}', '{"verifyCode": 999999, "count": 483920}'),
        ('{"phoneNumber":13800138000}', '{"phoneNumber":99999999999}'),
        ("<macAddress>44a642aabbcc</macAddress>", "<macAddress>020000000001</macAddress>"),
        ('Content-Disposition: form-data; name="faceImage"', 'Content-Disposition: form-data; name="faceImage"'),
    ],
)
def test_however_it_is_written_it_is_replaced(before: str, after: str) -> None:
    redactor = Redactor(host="10.1.2.3", username="admin", secrets=("",))
    redactor.learn(before.encode())
    assert redactor.redact(before.encode()).decode() == after
    again = Redactor(host="10.1.2.3", username="admin", secrets=("",))
    again.learn(after.encode())
    assert again.redact(after.encode()).decode() == after, "a redacted folder stays as it is"


def test_the_same_is_replaced_by_the_same_wherever_it_stands() -> None:
    info, alert, link = redacted(
        "<serialNumber>DS-2TD1228-2/QA20230714AAWR123456789</serialNumber><macAddress>bc:5e:33:aa:bb:cc</macAddress>",
        "<sn>123456789</sn><macAddress>BC:5E:33:AA:BB:CC</macAddress><id>BC5E33AABBCC</id><ip>10.9.9.9</ip>",
        "http://10.9.9.9/123456789.jpg",
    )

    assert "AAWR000000001<" in info
    assert (
        alert == "<sn>000000001</sn><macAddress>02:00:00:00:00:01</macAddress><id>020000000001</id><ip>192.0.2.2</ip>"
    )
    assert link == "http://192.0.2.2/000000001.jpg"


def test_two_of_a_kind_stay_two() -> None:
    assert redacted("<name>Halle 7</name><name>Halle 8</name><name>Halle 7</name>") == [
        "<name>Name 1</name><name>Name 2</name><name>Name 1</name>"
    ]


def test_a_camera_known_by_name_is_replaced_by_name() -> None:
    [text] = redacted("a=control:rtsp://Kiln.Plant.local:554/x", host="kiln.plant.local")
    assert text == "a=control:rtsp://camera.example:554/x"


def test_bytes_that_are_no_text_of_ours_stay_as_they_are() -> None:
    data = bytes(range(256)) * 3 + "<name>Gl\udcfchofen</name>".encode(errors="surrogateescape")
    redactor = Redactor(host="10.1.2.3", username="admin", secrets=("",))
    redactor.learn(data)
    assert redactor.redact(data) == bytes(range(256)) * 3 + b"<name>Name 1</name>"


def test_in_place_nothing_changes_its_length() -> None:
    data = b"<ip>10.1.2.3</ip><ruleName>Kiln door of hall seven</ruleName><ruleName>Ofen</ruleName>"
    redactor = Redactor(host="10.1.2.3", username="admin", secrets=())
    redactor.learn(data)
    changed = redactor.redact_in_place(data)

    assert changed == b"<ip>192.0.2.</ip><ruleName>Name 1xxxxxxxxxxxxxxxxx</ruleName><ruleName>Name</ruleName>"
    assert len(changed) == len(data)
    again = Redactor(host="10.1.2.3", username="admin", secrets=())
    again.learn(changed)
    assert again.redact_in_place(changed) == changed
