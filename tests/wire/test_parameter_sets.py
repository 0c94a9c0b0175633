"""The order of pictures is read in parameter sets of every shape the standards allow (H.264 7.3.2.1.1, E.1; H.265 7.3.2.2.1, 7.3.3)."""

from __future__ import annotations

import re

import pytest
from nvr_hooks import BadAnswer

from hik_thermal_plugin.wire.parameter_sets import reordered_pictures

HIGH, MAIN, BASELINE, HIGH_444 = 100, 77, 66, 244


def ue(*values: int) -> str:
    """Return Exp-Golomb numbers (H.264 9.1) as the bits they are."""
    return "".join(f"{value + 1:0{2 * (value + 1).bit_length() - 1}b}" for value in values)


def se(*values: int) -> str:
    return ue(*(2 * value - 1 if value > 0 else -2 * value for value in values))


def unit(header: bytes, bits: str) -> bytes:
    """Return a unit that has no start code inside (H.264 7.4.1)."""
    bits += "1"
    bits += "0" * (-len(bits) % 8)
    plain = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
    return header + re.sub(rb"\0\0(?=[\0-\3])", b"\0\0\3", plain)


SIZE = "1" + ue(79, 59)
WHOLE_FRAMES = "1" + "0"
NO_CROPPING = "0"
NOTHING = "0"
RESTRICTED = "1" + "1" + ue(2, 1, 16, 16) + ue(3, 4)
"""The last of the usability: three pictures may be reordered."""
PLAIN = "0" + "0" + "0" + "0" + "0" + "0" + "0" + "1" + RESTRICTED
"""Usability of which only the restriction is there."""
DEEP = ue(1, 2, 3) + "1" + "0"
"""4:2:0 with 10 and 11 bits."""


def h264(
    profile: int = MAIN,
    *,
    chroma: str = "",
    order: str = ue(0, 4),
    references: int = 4,
    frames: str = WHOLE_FRAMES,
    cropping: str = NO_CROPPING,
    usability: str = "1" + PLAIN,
) -> bytes:
    start = f"{profile:08b}" + f"{0:08b}{40:08b}" + ue(5)
    return unit(b"\x67", start + chroma + ue(6) + order + ue(references) + SIZE + frames + cropping + usability)


def buffers(count: int) -> str:
    return ue(count - 1) + "0110" + "1001" + (ue(1000, 2000) + "1") * count + "10111" * 4


def scaling(*lists: str, of: int = 8) -> str:
    return "1" + "".join("1" + one if one else "0" for one in lists) + "0" * (of - len(lists))


SAME_16, SAME_64 = se(0) * 16, se(0) * 64


@pytest.mark.parametrize("profile", [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135])
def test_profiles_that_say_what_colours_have(profile: int) -> None:
    assert reordered_pictures("h264", [h264(profile, chroma=DEEP)]) == 3


@pytest.mark.parametrize(
    "chroma",
    [
        ue(0, 0, 0) + "0" + "0",
        ue(3) + "1" + ue(5, 6) + "1" + "0",
        ue(1, 2, 3) + "1" + scaling(),
        ue(1, 2, 3) + "0" + scaling(SAME_16),
        ue(1, 2, 3) + "0" + scaling("", SAME_16, "", SAME_16, SAME_16, SAME_16, SAME_64),
        ue(1, 2, 3) + "0" + scaling("", "", "", "", "", "", SAME_64, SAME_64),
        ue(1, 2, 3) + "0" + scaling(se(-8), se(2, -10), "", "", "", se(1, 1, 1, -11), "", se(-8)),
        ue(1, 2, 3) + "0" + scaling(se(-9, 1), se(127, 121), se(3) * 15 + se(-3)),
        ue(3) + "0" + ue(2, 3) + "0" + scaling(SAME_16, of=12),
        ue(3) + "0" + ue(2, 3) + "0" + scaling("", "", "", "", "", "", "", "", "", "", se(-8), SAME_64, of=12),
    ],
)
def test_colours_and_scaling_lists_are_passed_over(chroma: str) -> None:
    for profile in (HIGH, HIGH_444):
        assert reordered_pictures("h264", [h264(profile, chroma=chroma)]) == 3


@pytest.mark.parametrize(
    "order",
    [
        ue(0, 0),
        ue(0, 12),
        ue(1) + "1" + se(-3, 7) + ue(0),
        ue(1) + "0" + se(0, 0) + ue(3) + se(5, -6, 700),
        ue(1) + "0" + se(1, 1) + ue(255) + se(1) * 255,
    ],
)
def test_kinds_of_order_are_passed_over(order: str) -> None:
    assert reordered_pictures("h264", [h264(order=order)]) == 3


@pytest.mark.parametrize("frames", ["1" + "1", "0" + "0" + "1", "0" + "1" + "0"])
@pytest.mark.parametrize("cropping", ["0", "1" + ue(0, 8, 0, 4), "1" + ue(1, 2, 3, 4)])
def test_fields_and_cropping_are_passed_over(frames: str, cropping: str) -> None:
    assert reordered_pictures("h264", [h264(frames=frames, cropping=cropping)]) == 3


@pytest.mark.parametrize(
    "usability",
    [
        "1" + f"{1:08b}" + PLAIN[1:],
        "1" + f"{254:08b}" + PLAIN[1:],
        "1" + f"{255:08b}" + f"{40:016b}{33:016b}" + PLAIN[1:],
        "0" + "1" + "1" + PLAIN[2:],
        "0" + "1" + "0" + PLAIN[2:],
        "0" + "0" + "1" + "101" + "1" + "0" + PLAIN[3:],
        "0" + "0" + "1" + "101" + "0" + "1" + "1" * 24 + PLAIN[3:],
        "0" + "0" + "0" + "1" + ue(2, 3) + PLAIN[4:],
        "0" + "0" + "0" + "0" + "1" + f"{1:032b}{50:032b}" + "1" + PLAIN[5:],
        "0" + "0" + "0" + "0" + "0" + "1" + buffers(1) + "0" + "1" + "0" + RESTRICTED,
        "0" + "0" + "0" + "0" + "0" + "0" + "1" + buffers(2) + "0" + "0" + RESTRICTED,
        "0" + "0" + "0" + "0" + "0" + "1" + buffers(1) + "1" + buffers(3) + "1" + "0" + RESTRICTED,
        "0" + "0" + "0" + "0" + "0" + "1" + buffers(32) + "0" + "0" + "1" + RESTRICTED,
    ],
)
def test_what_else_is_said_of_showing_them_is_passed_over(usability: str) -> None:
    assert reordered_pictures("h264", [h264(usability="1" + usability)]) == 3


@pytest.mark.parametrize(
    ("sets", "depth"),
    [
        (h264(usability="0"), None),
        (h264(usability="1" + "0" * 7 + "0" + "0"), None),
        (h264(usability="1" + "0" * 7 + "1" + "0"), None),
        (h264(BASELINE, usability="0"), 0),
        (h264(BASELINE), 0),
        (h264(order=ue(2), usability="0"), 0),
        (h264(order=ue(2)), 0),
        (h264(references=0), 0),
        (h264(references=1), 0),
        (h264(references=2, usability="0"), None),
        (h264(references=2), 3),
        (h264(usability="1" + "0" * 8 + "1" + "0" + ue(0, 0, 0, 0) + ue(0, 1)), 0),
        (h264(usability="1" + "0" * 8 + "1" + "0" + ue(0, 0, 0, 0) + ue(16, 16)), 16),
    ],
)
def test_how_many_is_what_the_encoder_promises(sets: bytes, depth: int | None) -> None:
    assert reordered_pictures("h264", [sets]) == depth


PROFILE = f"{1:08b}" + "1" * 32 + "0" * 48
"""General profile of an H.265 stream, without its level."""


def h265(
    *, layers: int = 0, below: str = "", colours: str = ue(1), window: str = "0", orders: str = "0" + ue(4, 3, 0)
) -> bytes:
    head = "0101" + f"{layers:03b}" + "1" + PROFILE + f"{93:08b}" + below
    size = ue(2) + colours + ue(1919, 1079) + window
    return unit(b"\x42\x01", head + size + ue(0, 1, 4) + orders)


@pytest.mark.parametrize(
    ("parts", "depth"),
    [
        ({}, 3),
        ({"colours": ue(0)}, 3),
        ({"colours": ue(3) + "1"}, 3),
        ({"window": "1" + ue(0, 0, 4, 9)}, 3),
        ({"orders": "1" + ue(4, 2, 7)}, 2),
        ({"orders": "1" + ue(4, 0, 0)}, 0),
        ({"orders": "0" + ue(15, 16, 9)}, 16),
        ({"layers": 1, "below": "00" + "00" * 7}, 3),
        ({"layers": 1, "below": "10" + "00" * 7 + PROFILE}, 3),
        ({"layers": 1, "below": "01" + "00" * 7 + f"{90:08b}"}, 3),
        ({"layers": 2, "below": "11" + "01" + "00" * 6 + PROFILE + f"{60:08b}" + f"{90:08b}"}, 3),
        ({"layers": 6, "below": "01" * 6 + "00" * 2 + f"{60:08b}" * 6}, 3),
        ({"layers": 2, "below": "00" * 8, "orders": "1" + ue(1, 0, 0) + ue(3, 1, 5) + ue(5, 4, 5)}, 4),
        ({"layers": 2, "below": "00" * 8, "orders": "0" + ue(5, 4, 5)}, 4),
    ],
)
def test_h265_says_it_of_its_highest_layer(parts: dict[str, object], depth: int) -> None:
    assert reordered_pictures("hevc", [h265(**parts)]) == depth  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("codec", "sets", "depth"),
    [
        ("h264", [b"\x68\xce\x3c\x80", h264()], 3),
        ("h264", [b"", h264()], 3),
        ("h264", [h264(), h264(usability="0")], 3),
        ("h264", [b"\x27" + h264()[1:]], 3),
        ("h264", [b"\x68\xce\x3c\x80"], None),
        ("hevc", [b"", b"\x40\x01\x0c\x01", h265(), b"\x44\x01\xc1"], 3),
        ("hevc", [b"\x44\x01\xc1"], None),
        ("h264", [h265()], None),
        ("hevc", [h264()], None),
        ("hevc", [], None),
    ],
)
def test_the_set_of_a_sequence_is_found_among_the_others(codec: str, sets: list[bytes], depth: int | None) -> None:
    assert reordered_pictures(codec, sets) == depth


@pytest.mark.parametrize(
    ("codec", "broken", "words"),
    [
        ("h264", b"\x67", "ends too early"),
        ("h264", h264()[:-1], "ends too early"),
        ("h264", h264(usability="1" + "0" * 8 + "1" + "0" + ue(0, 0, 0, 0) + ue(17, 17)), "17 where 16 is the most"),
        ("h264", h264(order=ue(1) + "0" + se(0, 0) + ue(256)), "256 where 255 is the most"),
        ("h264", h264(usability="1" + "0" * 5 + "1" + ue(32)), "32 where 31 is the most"),
        ("h264", h264(order="0" * 33 + "1" * 40), "more than 32 bits"),
        ("hevc", b"\x42\x01", "ends too early"),
        ("hevc", h265()[:-2], "ends too early"),
        ("hevc", h265(orders="0" + ue(4, 17, 0)), "17 where 16 is the most"),
    ],
)
def test_a_set_that_cannot_be_right_is_a_bad_answer(codec: str, broken: bytes, words: str) -> None:
    with pytest.raises(BadAnswer, match=words):
        reordered_pictures(codec, [broken])


def test_a_number_may_have_32_bits() -> None:
    assert reordered_pictures("h264", [h264(order=ue(1) + "0" + se(-(2**31), 2**31 - 1) + ue(0))]) == 3
