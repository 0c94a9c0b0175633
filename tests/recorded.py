"""What is in a recording, told by the media library and by ffprobe."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray


def pictures_in(path: Path) -> list[NDArray[np.uint8]]:
    """Return the decoded pictures of a file."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(container.streams.video[0])]


def times_in(path: Path) -> list[float]:
    """Return when pictures are shown, in the order they are stored."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [float(packet.pts * stream.time_base) for packet in container.demux(stream) if packet.size]


def assert_same_pictures(found: list[NDArray[np.uint8]], expected: list[NDArray[np.uint8]]) -> None:
    """Check that these are those very pictures."""
    assert len(found) == len(expected)
    for number, (one, other) in enumerate(zip(found, expected, strict=True)):
        assert (one == other).all(), f"picture {number} is another one"


def probed(path: Path) -> dict[str, Any]:
    """Return what ffprobe says of the video, all pictures decoded; fail when it warns of anything."""
    if shutil.which("ffprobe") is None:
        pytest.skip("ffprobe is not installed (Debian: ffmpeg)")
    done = subprocess.run(
        ["ffprobe", "-v", "warning", "-count_frames", "-show_streams", "-show_format", "-of", "json", str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == "", done.stderr
    answer = json.loads(done.stdout)
    (stream,) = answer["streams"]
    return {**answer["format"], **stream}
