"""Switching metadata on changes what it names and nothing else; what is not understood is left alone."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nvr_hooks import BadAnswer, Unsupported

from hik_thermal_plugin.wire.metadata_switch import MetadataSwitch, switch_on

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<MetadataCfg version="2.0" xmlns="http://www.hikvision.com/ver20/XMLSchema">'
LISTED = f"""{HEAD}
  <id>2</id>
  <enabled>false</enabled>
  <MetadataList>
    <Metadata><type>thermometry</type><enable>false</enable><interval>1</interval></Metadata>
    <Metadata><type>fireDetection</type><enable>true</enable></Metadata>
    <Metadata><type>behaviorAnalysis</type><enable>false</enable></Metadata>
  </MetadataList>
</MetadataCfg>""".encode()
NAMED = f"{HEAD}<thermometry><enabled>0</enabled></thermometry><ANPR><enabled>0</enabled></ANPR></MetadataCfg>".encode()
PLAIN = f"{HEAD}<enabled>true</enabled><thermometry>false</thermometry><fireDetection>false</fireDetection></MetadataCfg>".encode()
FORMAT = f'{HEAD}<format opt="ISAPI,ONVIF">ONVIF</format><thermometry>true</thermometry></MetadataCfg>'.encode()


def changed(before: bytes, switch: MetadataSwitch) -> list[tuple[str, str]]:
    """Return the words between tags that differ, in order; everything else must be the same bytes."""
    assert switch.body is not None
    old, new = (re.split("(<[^>]*>)", text.decode()) for text in (before, switch.body))
    return [(was, now) for was, now in zip(old, new, strict=True) if was != now]


@pytest.mark.parametrize(
    ("document", "words", "changes", "missing"),
    [
        (
            LISTED,
            [("false", "true"), ("false", "true")],
            ("thermometry/enable: false -> true", "MetadataCfg/enabled: false -> true"),
            (),
        ),
        (NAMED, [("0", "1")], ("thermometry/enabled: 0 -> 1",), ("fireDetection",)),
        (
            PLAIN,
            [("false", "true"), ("false", "true")],
            ("thermometry/thermometry: false -> true", "fireDetection/fireDetection: false -> true"),
            (),
        ),
        (FORMAT, [("ONVIF", "ISAPI")], ("format: ONVIF -> ISAPI",), ("fireDetection",)),
    ],
)
def test_only_what_is_named_changes(
    document: bytes, words: list[tuple[str, str]], changes: tuple[str, ...], missing: tuple[str, ...]
) -> None:
    switch = switch_on(document)
    assert changed(document, switch) == words
    assert (switch.changes, switch.missing) == (changes, missing)
    assert switch.body is not None
    assert switch_on(switch.body) == MetadataSwitch(None, missing=missing)


def test_only_the_wanted_types_are_switched_on() -> None:
    assert switch_on(PLAIN, ["fireDetection"]).changes == ("fireDetection/fireDetection: false -> true",)


def test_the_format_is_chosen_from_the_capabilities_where_the_document_offers_none() -> None:
    document = FORMAT.replace(b' opt="ISAPI,ONVIF"', b"")
    capabilities = b'<MetadataCfg><format opt="ONVIF, isapi"/></MetadataCfg>'
    assert switch_on(document, capabilities=capabilities).changes == ("format: ONVIF -> isapi",)
    with pytest.raises(Unsupported, match="format ONVIF"):
        switch_on(document)
    with pytest.raises(Unsupported, match="no other is named"):
        switch_on(document, capabilities=b"<MetadataCfg><other/></MetadataCfg>")


@pytest.mark.parametrize(
    "document",
    [
        b"<MetadataCfg/>",
        b"<MetadataCfg><enabled>false</enabled></MetadataCfg>",
        b"<MetadataCfg><thermometry>sometimes</thermometry></MetadataCfg>",
        b"<MetadataCfg><thermometry><sensitivity>3</sensitivity></thermometry></MetadataCfg>",
        b"<MetadataCfg><thermometry><enabled>false</enabled></thermometry><a><type>thermometry</type><enable>false</enable></a></MetadataCfg>",
        b"<ThermometryBasicParam><thermometry>false</thermometry></ThermometryBasicParam>",
        b'{"MetadataCfg": {"thermometry": false, "enabled": false}}',
        b"<MetadataCfg><thermometry>false</thermometry><x>\xff</x></MetadataCfg>",
        b"<MetadataCfg><thermometry>f<!-- -->alse</thermometry></MetadataCfg>",
    ],
)
def test_a_document_that_is_not_understood_is_left_alone(document: bytes) -> None:
    with pytest.raises(Unsupported, match="switch it on in the camera's web page"):
        switch_on(document)


@pytest.mark.parametrize(
    ("off", "on"),
    [("false", "true"), ("False", "true"), ("0", "1"), ("off", "on"), ("OFF", "on"), ("no", "yes"), ("No", "yes")],
)
@pytest.mark.parametrize("blank", ["", "\r\n "])
def test_a_switch_is_turned_on_in_the_words_of_the_device(off: str, on: str, blank: str) -> None:
    document = LISTED.replace(b">false<", f">{blank}{off}{blank}<".encode())
    switch = switch_on(document)
    assert changed(document, switch) == [(f"{blank}{off}{blank}", f"{blank}{on}{blank}")] * 2
    assert switch.changes == (f"thermometry/enable: {off} -> {on}", f"MetadataCfg/enabled: {off} -> {on}")


@pytest.mark.parametrize("start", [b"", b"\r\n", b"\0\n\t ", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"", b"\r\n", b"\0", b"\r\n\0\0"])
def test_what_stands_around_the_document_is_no_part_of_it(start: bytes, end: bytes) -> None:
    body = switch_on(start + NAMED + end).body
    assert body == start.strip(b"\0\r\n\t ") + NAMED.replace(b"0<", b"1<", 1) + end.strip(b"\0")


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (b"<Other/>", "metadata configuration <Other> is not understood: "),
        (b"<" + b"n" * 90 + b"/>", f"metadata configuration <{'n' * 60}> is not understood: "),
        (b' {"MetadataCfg": {"thermometry": false, "x": 1}}', "metadata configuration <MetadataCfg> is not understood"),
        (b"<MetadataCfg/>", "no single switch for thermometry, fireDetection in the metadata configuration: "),
        (
            b"<MetadataCfg><thermometry><enabled>0</enabled><enable>0</enable></thermometry></MetadataCfg>",
            "no single switch for thermometry in the metadata configuration: ",
        ),
        (b"<MetadataCfg><thermometry>false</thermometry><x>\xff</x></MetadataCfg>", "configuration is damaged: "),
        (b"<MetadataCfg><thermometry>f<!-- -->alse</thermometry></MetadataCfg>", "configuration is not understood: "),
        (FORMAT.replace(b"ISAPI,ONVIF", b"ONVIF"), "metadata is sent in the format ONVIF, and no other is named: "),
    ],
)
def test_why_it_is_left_alone(document: bytes, words: str) -> None:
    with pytest.raises(Unsupported, match=words):
        switch_on(document)


@given(st.sampled_from([LISTED, NAMED, PLAIN, FORMAT]), st.integers(0, 600), st.integers(0, 600), st.binary(max_size=4))
def test_damaged_documents_are_values_or_known_errors(text: bytes, start: int, end: int, insert: bytes) -> None:
    try:
        switch = switch_on(text[: min(start, end)] + insert + text[max(start, end) :])
    except (BadAnswer, Unsupported):
        return
    assert (switch.body is None) == (not switch.changes)
