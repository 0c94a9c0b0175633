"""Search results of real devices read as they are."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from listed_samples import read_sample

from hik_thermal_plugin.wire.archive import parse_search


@pytest.mark.parametrize(
    ("name", "status", "files"),
    [
        (
            "search_result_MORE_psia_ns.xml",
            "more",
            [
                ("20221206085113_00260876_00_00_SC_01", datetime(2022, 12, 6, 8, 51, 13), 322560),
                ("20221206085419_00261046_00_00_SC_01", datetime(2022, 12, 6, 8, 54, 19), 258048),
            ],
        ),
        (
            "search_result_OK_psia_ns.xml",
            "complete",
            [("20221207134330_00431097_00_00_SC_01", datetime(2022, 12, 7, 13, 43, 30), 442368)],
        ),
    ],
)
def test_search_results_of_real_devices(name: str, status: str, files: list[tuple[str, datetime, int]]) -> None:
    page = parse_search(read_sample(name), "recorder", 120, None)

    assert (page.status, page.items) == (status, len(files))
    assert [(file.name, file.start, file.end, file.size) for file in page.files] == [
        (called, start.replace(tzinfo=UTC), start.replace(tzinfo=UTC), size) for called, start, size in files
    ]
    assert {(file.camera, file.channel, file.track, file.kind, file.locked) for file in page.files} == {
        ("recorder", 1, 120, "timing", None)
    }
    assert all(
        (file.playback_uri or "").startswith("rtsp://192.168.0.221/Streaming/tracks/120?starttime=")
        for file in page.files
    )


def test_the_search_result_of_the_vendors_documentation() -> None:
    page = parse_search(read_sample("search_result_websdk_doc.xml"), "camera", 101, None)

    (file,) = page.files
    assert (page.status, page.items) == ("more", 1)
    assert (file.start, file.end) == (
        datetime(2013, 12, 23, 3, 6, 58, tzinfo=UTC),
        datetime(2013, 12, 23, 3, 16, 57, tzinfo=UTC),
    )
    assert (file.track, file.name, file.size, file.kind) == (101, "02000000076000101", 115665012, "motion")
