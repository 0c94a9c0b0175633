"""The program streams that recordings are stored as: sizes to the byte, times, and packets of the maker's own."""

from __future__ import annotations

from io import BytesIO

import av
import pytest
from PIL import Image
from raw_archive import RATE

from hik_thermal_plugin.simulator import film, program_stream
from hik_thermal_plugin.simulator.film import Format, Gop

FORM = Format("H.264", 160, 120, 25)
WRAP = 1 << 33


@pytest.fixture(scope="module")
def group() -> Gop:
    """A second of grey."""
    return film.encode(Image.new("RGB", (160, 120), (90, 90, 90)), FORM, 0)


def packets(data: bytes) -> list[av.Packet]:
    with av.open(BytesIO(data), format="mpeg") as container:
        return [packet for packet in container.demux(video=0) if packet.size]


@pytest.mark.parametrize("spare", [0, 1, 5, 6, 7, 100, 65541, 65542, 65546, 65547, 200_000])
def test_a_second_has_the_size_it_is_given(group, spare):
    least = len(program_stream.pattern(group, FORM, RATE).data)
    data = program_stream.at(program_stream.pattern(group, FORM, least + spare), 90_000)
    assert len(data) == least + spare
    assert len(packets(data * 2)) == 50


def test_a_second_that_does_not_fit_is_an_error(group):
    with pytest.raises(ValueError, match=r"a second of .* takes \d+ bytes and has 100"):
        program_stream.pattern(group, FORM, 100)


def test_part_of_a_second(group):
    data = program_stream.at(program_stream.pattern(group, FORM, RATE, 10), 0)
    assert (len(data), len(packets(data))) == (RATE, 10)
    assert len(program_stream.at(program_stream.pattern(group, FORM, RATE, 0), 0)) == RATE


@pytest.mark.parametrize("begin", [0, 1, 90_000 * 86_399, WRAP - 1, WRAP + 90_000])
def test_times_are_those_of_the_clock(group, begin):
    data = program_stream.at(program_stream.pattern(group, FORM, RATE), begin)
    at = data.index(b"\0\0\1\xe0") + 9
    stamp = data[at : at + 5]
    told = (stamp[0] >> 1 & 7) << 30 | stamp[1] << 22 | stamp[2] >> 1 << 15 | stamp[3] << 7 | stamp[4] >> 1
    assert told == (begin + 45_000) % WRAP
    assert (stamp[0] & 0xF1, stamp[2] & 1, stamp[4] & 1) == (0x21, 1, 1)
    clock = int.from_bytes(data[4:10], "big")
    assert clock >> 46 == 1
    assert (clock >> 43 & 7) << 30 | (clock >> 27 & 0x7FFF) << 15 | clock >> 11 & 0x7FFF == begin % WRAP


def test_packets_of_the_maker_are_no_video(group):
    private = b"of the maker"
    data = program_stream.at(program_stream.pattern(group, FORM, RATE, private=private), 0)
    assert data.count(private) == 2
    assert (len(data), len(packets(data))) == (RATE, 25)
