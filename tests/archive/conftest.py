"""A camera with recordings for every test here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from archive_site import ArchiveSite, three
from recorder import Recorder


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """The camera's side."""
    with Recorder(*three()) as recorder:
        yield recorder


@pytest.fixture
def site(recorder: Recorder, secret: str, tmp_path: Path) -> Iterator[ArchiveSite]:
    """The driver with the camera."""
    (tmp_path / "files").mkdir()
    site = ArchiveSite(recorder, tmp_path / "files", secret)
    yield site
    recorder.go_on.set()
    site.driver.nvr_close()
