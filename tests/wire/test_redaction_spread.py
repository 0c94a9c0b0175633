"""What was learnt in one answer is found in another, in each form it may have there; counted, shaped and left alone exactly."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from hik_thermal_plugin.wire.redaction import Redactor


def redactor(*learnt: str, host: str = "", username: str = "admin", secrets: Iterable[str] = ()) -> Redactor:
    """Return a redactor that has learnt these documents."""
    made = Redactor(host=host, username=username, secrets=secrets)
    for document in learnt:
        made.learn(document.encode())
    return made


def redacted(text: str, by: Redactor | None = None) -> str:
    return (by or redactor()).redact(text.encode()).decode()


@pytest.mark.parametrize(
    ("learnt", "elsewhere", "after"),
    [
        ("<deviceName>Ofen Nord</deviceName>", "<x>at Ofen Nord now</x>", "<x>at Name 1 now</x>"),
        ('{"deviceName": "Ofen Nord"}', "OFEN NORD", "Name 1"),
        ("<DeviceName>Ofen 1</DeviceName>", "Ofen 1", "Name 1"),
        ("<deviceName>Ofen1</deviceName>", "Ofen1", "Ofen1"),
        ('<d serialNumber="E123456789"/>', "E123456789 and 123456789", "E000000001 and 000000001"),
        ('<d SerialNumber="E123456789"/>', "123456789", "000000001"),
        ("<serialNumber>A12345</serialNumber>", "A12345", "000001"),
        ("<serialNumber>A1234</serialNumber>", "A1234", "A1234"),
        ("<serialNumber>A-12-34</serialNumber>", "a-12-34", "0-00-01"),
        ("<x>BC:5E:33:AA:BB:CC</x>", "bc5e33aabbcc", "020000000001"),
        ("<mac>BC5E33AABBCC</mac>", "BC-5E-33-AA-BB-CC", "02-00-00-00-00-01"),
    ],
)
def test_what_one_answer_tells_is_taken_out_of_another(learnt: str, elsewhere: str, after: str) -> None:
    assert redacted(elsewhere, redactor(learnt)) == after


def test_what_we_log_in_with_is_found_in_every_form() -> None:
    by = redactor(username="kilnwärter", secrets=('a<b>"&/c', "short", "sixsix"))

    assert redacted('a<b>"&/c', by) == "***"
    assert redacted("a%3Cb%3E%22%26%2Fc", by) == "***"
    assert redacted("a&lt;b&gt;&quot;&amp;/c", by) == "***"
    assert redacted("SixSix short", by) == "*** short"
    assert redacted("Digest KILNWärter", by) == "Digest user1"
    assert redacted("<userName>kilnwärter</userName><userName>other</userName>", by) == (
        "<userName>user1</userName><userName>user2</userName>"
    )


@pytest.mark.parametrize(
    ("username", "text", "after"),
    [
        ("Operator", "operator", "operator"),
        ("kiln1", "kiln1", "kiln1"),
        ("kiln12", "kiln12", "user1"),
    ],
)
def test_names_of_everybody_and_short_ones_are_words(username: str, text: str, after: str) -> None:
    assert redacted(text, redactor(username=username)) == after


@pytest.mark.parametrize(
    ("host", "text", "after"),
    [
        ("10.1.2.3", "10.9.9.9 10.1.2.3", "192.0.2.2 192.0.2.1"),
        ("kiln.local", "KILN.local", "camera.example"),
        ("fd00::7", "fd00::7 x", "2001:db8::1 x"),
        ("", "camera", "camera"),
    ],
)
def test_the_address_of_the_camera_comes_first(host: str, text: str, after: str) -> None:
    assert redacted(text, redactor(host=host)) == after


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("<mac>00:00:00:00:00:00</mac>", "<mac>00:00:00:00:00:00</mac>"),
        ("FF-FF-FF-FF-FF-FF", "FF-FF-FF-FF-FF-FF"),
        ("02:00:00:00:00:07", "02:00:00:00:00:07"),
        ("10:10:10:10:10:10", "02:00:00:00:00:01"),
        ("<mac>none</mac>", "<mac>none</mac>"),
        ("256.1.1.1 1.1.1.256", "256.1.1.1 1.1.1.256"),
        ("255.1.1.1", "255.1.1.1"),
        ("1.1.1.255", "192.0.2.1"),
        ("223.1.1.1", "192.0.2.1"),
        ("224.0.0.1", "224.0.0.1"),
        ("239.1.1.1", "239.1.1.1"),
        ("1.224.1.1", "192.0.2.1"),
        ("0.0.0.0 255.255.255.255 192.0.2.9", "0.0.0.0 255.255.255.255 192.0.2.9"),
        ("::1 ff02::1 2001:db8::9 :: fe80::1", "::1 ff02::1 2001:db8::9 :: 2001:db8::1"),
        ("fe80::1 FE80:0::1 fe80::2", "2001:db8::1 2001:db8::1 2001:db8::2"),
        ("1:2:3 05:06:07", "1:2:3 05:06:07"),
        ("a@b.de c@d.de a@b.de e@example.org", "user1@example.org user2@example.org user1@example.org e@example.org"),
        ("<url>http://host/ISAPI/x</url>", "<url>http://host/ISAPI/x</url>"),
        ("<url>/isapi/x</url>", "<url>/path1</url>"),
        ("<url>http://host/a/b://c</url>", "<url>http://host/path1</url>"),
        ("<url>http://host/path3</url>", "<url>http://host/path3</url>"),
        ("<url>http://host</url>", "<url>http://host</url>"),
        ("<url>/</url>", "<url>/</url>"),
        ("<url>https://host/a</url><url>/b</url><url>/a</url>", "<url>https://host/path1</url><url>/path2</url><url>/path1</url>"),
        ("<phone>0170 12-34</phone><phone>99</phone>", "<phone>0000 00-01</phone><phone>02</phone>"),
        ("<deviceID>77</deviceID><phone>77</phone><deviceID>78</deviceID>", "<deviceID>01</deviceID><phone>01</phone><deviceID>02</deviceID>"),
        ("<userName>Admin</userName><owner>user7</owner>", "<userName>Admin</userName><owner>user7</owner>"),
        ("<name>10.0.0.1</name><name>Name 3</name>", "<name>192.0.2.1</name><name>Name 3</name>"),
        ("<name>N</name><name>Nave</name>", "<name>N</name><name>Name 1</name>"),
        ("<name> Halle 7 </name>", "<name> Name 1 </name>"),
        ("<password> *** </password><password> </password>", "<password> *** </password><password> </password>"),
        ("<password> geheim </password>", "<password> *** </password>"),
        ('<user name="Halle 7" deviceName="Halle 7"/>', '<user name="Halle 7" deviceName="Halle 7"/>'),
    ],
)  # fmt: skip
def test_what_is_nobodys_stays_and_the_rest_is_counted(text: str, after: str) -> None:
    assert redacted(text) == after


def test_the_tenth_of_a_kind_is_written_as_the_device_writes() -> None:
    low = [f"bc:5e:33:aa:bb:{number:02x}" for number in range(1, 12)]
    by = redactor(*low)

    assert redacted(low[9], by) == "02:00:00:00:00:0a"
    assert redacted(low[9].upper(), by) == "02:00:00:00:00:0A"
    assert redacted(low[9].upper().replace(":", ""), by) == "02000000000a"
    assert redacted("11:22:33:44:55:66", by) == "02:00:00:00:00:0c"


def test_more_addresses_than_one_documented_network_holds() -> None:
    many = [f"10.0.{number // 200}.{number % 200 + 1}" for number in range(256)]
    by = redactor(*many)

    assert redacted(" ".join(many[252:]), by) == "192.0.2.253 192.0.2.254 198.51.100.2 198.51.100.3"
    assert redacted(many[0], by) == "192.0.2.1"


def test_more_devices_than_their_number_has_digits() -> None:
    text = "".join(f"<deviceID>{letter}</deviceID>" for letter in "abcdefghijkl")

    assert redacted(text) == "".join(f"<deviceID>{number % 10}</deviceID>" for number in range(1, 13))


def test_in_place_every_form_keeps_its_length() -> None:
    text = (
        '<a>a@b.de</a><b>fe80::1234:5678</b><user deviceSerial="AB123456" password="geheim77"/><c>Ofen Nord 12</c>'
        '<name>Ofen Nord 12</name>{"ruleName": "Halle sieben"}<mac>BC:5E:33:AA:BB:CC</mac>'
    )
    by = redactor(text)
    changed = by.redact_in_place(text.encode()).decode()

    assert changed == (
        '<a>user1@</a><b>2001:db8::1xxxx</b><user deviceSerial="AB000001" password="***xxxxx"/><c>Name 1xxxxxx</c>'
        '<name>Name 1xxxxxx</name>{"ruleName": "Name 2xxxxxx"}<mac>02:00:00:00:00:01</mac>'
    )
    assert len(changed) == len(text)


def test_a_value_that_begins_another_does_not_cut_it() -> None:
    by = redactor(
        "<name>Ofen Nord</name><name>Ofen Nord 21</name><serialNumber>77123456</serialNumber><uuid>123456</uuid>"
    )

    assert redacted("Ofen Nord 21, Ofen Nord, Ofen Nordwest", by) == "Name 2, Name 1, Name 1west"
    assert redacted("77123456", by) == "00000001"
