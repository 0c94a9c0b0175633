"""Recording processes on bad days: a disk that is full, also in the last moment, and a kill."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from recorded import pictures_in, probed

CONTAINERS = ["mp4", "mkv", "ps"]
PROGRAM = """
    import os, resource, signal, sys, time
    sys.path[:0] = {path!r}
    from pathlib import Path
    from coded_video import video
    from nvr_hooks import RecordOptions
    from test_recorder import pictures_of
    from hik_thermal_plugin.media.recorder import Recorder

    resource.setrlimit(resource.RLIMIT_FSIZE, ({most_bytes}, {most_bytes}))
    recorder = Recorder("kiln", Path({target!r}), RecordOptions(container={container!r}))
    recorder.start()
    for picture in pictures_of(video("h264", pictures={pictures})):
        recorder.put(picture)
    {end}
    print(recorder.state, recorder.error)
"""


def run(target: Path, end: str, *, pictures: int = 200, most_bytes: int = 1 << 30) -> subprocess.CompletedProcess[str]:
    """Record in a process of its own, which then does `end`."""
    program = PROGRAM.format(
        path=[str(Path(__file__).parent), str(Path(__file__).parents[1])],
        target=str(target),
        container=target.suffix[1:],
        pictures=pictures,
        most_bytes=most_bytes,
        end=end,
    )
    command = [sys.executable, "-c", textwrap.dedent(program)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("container", CONTAINERS)
def test_a_full_disk_fails_the_recording_and_what_was_written_stays(tmp_path: Path, container: str) -> None:
    target = tmp_path / f"kiln.{container}"

    done = run(target, "recorder.wait(10)", most_bytes=4000)

    assert done.stdout.startswith(f"failed kiln: cannot record into {target}: File too large; what was recorded is in")
    assert not target.exists()
    assert len(pictures_in(target.with_name(f"{target.name}.part"))) > 20


@pytest.mark.slow
@pytest.mark.parametrize("container", CONTAINERS)
def test_a_disk_that_is_full_in_the_last_moment_is_noticed(tmp_path: Path, container: str) -> None:
    """Muxers keep back what they have not written yet, and write it when they are closed."""
    whole, short = tmp_path / f"whole.{container}", tmp_path / f"short.{container}"
    assert run(whole, "recorder.close()").stdout == "closed None\n"

    done = run(short, "recorder.close()", most_bytes=whole.stat().st_size - 1)

    assert "File too large" in done.stdout
    assert not short.exists()
    assert short.with_name(f"{short.name}.part").exists()


@pytest.mark.integration
@pytest.mark.parametrize("container", CONTAINERS)
def test_a_recording_that_is_killed_can_be_read(tmp_path: Path, container: str) -> None:
    target = tmp_path / f"kiln.{container}"
    wait = "while recorder._inbox._waiting or recorder._clip.pictures < 110: time.sleep(0.01)"

    done = run(target, f"{wait}\n    os.kill(os.getpid(), signal.SIGKILL)", pictures=110)

    assert done.returncode == -signal.SIGKILL, done.stderr
    part = target.with_name(f"{target.name}.part")
    assert int(probed(part)["nb_read_frames"]) >= 100  # of 110, all but the fragment that was not complete
