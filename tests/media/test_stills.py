"""Single pictures out of video, as JPEG and BMP of the video's own size."""

from __future__ import annotations

import io
import time
from typing import Any

import numpy as np
import pytest
from coded_video import Codec, video
from nvr_hooks import BadAnswer, Unreachable
from nvr_hooks.testing import JPEG
from PIL import Image

from hik_thermal_plugin.media.pictures import Picture
from hik_thermal_plugin.media.stills import Grab, decoded, encoded, opened


def picture(data: bytes, *, key: bool = True, codec: str = "h264") -> Picture:
    return Picture(data, key, 0, 0, 0.0, codec)


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize(("form", "kind"), [("jpeg", "JPEG"), ("bmp", "BMP")])
def test_a_key_picture_becomes_a_file_that_others_read(codec: Codec, form: Any, kind: str) -> None:
    what = video(codec)

    data = encoded(decoded(picture(what.units[0].data, codec=codec)), form)

    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.size) == (kind, (192, 144))
        shown = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(shown - what.drawn[0]).max() < 40


def test_bright_stays_bright_and_dark_dark() -> None:
    import av

    for value in (0, 255):
        frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), value, np.uint8), format="rgb24")
        with Image.open(io.BytesIO(encoded(frame, "jpeg"))) as image:
            assert abs(int(np.asarray(image)[16, 16, 0]) - value) <= 3


def test_a_broken_key_picture_gives_way_to_the_next() -> None:
    what = video("h264")
    grab = Grab("kiln")
    grab.put(picture(b"\0\0\0\1\x65broken"))
    with pytest.raises(Unreachable, match="no whole picture"):
        grab.frame(time.monotonic() + 0.05)

    grab.put(picture(what.units[1].data, key=False))
    grab.lost()
    grab.put(picture(what.units[25].data))

    assert grab.frame(time.monotonic() + 5).width == 192


def test_what_is_no_picture_is_a_bad_answer() -> None:
    assert opened(JPEG, "kiln").width == 1
    with pytest.raises(BadAnswer, match="kiln: a picture that cannot be decoded"):
        opened(b"<html>not found</html>", "kiln")
