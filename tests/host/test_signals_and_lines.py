"""What the main thread reads, log lines, and events as people read them."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from nvr_hooks import (
    AlarmPicture,
    BeyondLimit,
    CameraChanged,
    CameraInfo,
    ChannelInfo,
    ConnectionChanged,
    Event,
    FireAlarm,
    FireTarget,
    GapReport,
    InputAlarm,
    OtherAlarm,
    StorageAlarm,
    Target,
    TemperatureAlarm,
    TemperatureDifferenceAlarm,
    TemperatureReading,
)

from hik_thermal_plugin.host import logs
from hik_thermal_plugin.host.output import event_text, printable
from hik_thermal_plugin.host.signals import BACKLOG, Empty, Inbox, Interruptible, Stop

AT = datetime(2026, 1, 31, 12, 0, 0, 250_000, tzinfo=timezone(timedelta(hours=1)))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_wakes_a_waiting_reader_after_what_came_before(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with Inbox[int]() as inbox:
        inbox.put(1)
        timer = threading.Timer(0.05, os.kill, (os.getpid(), number))
        timer.start()
        assert inbox.get() == 1
        with pytest.raises(Stop):
            inbox.get()
        timer.join()
        assert signal.getsignal(number) == before, "the second signal has its usual effect"
    assert signal.getsignal(number) == before


def test_a_reader_waits_no_longer_than_it_wants_to() -> None:
    with pytest.raises(Empty):
        Inbox[int]().get(time.monotonic() + 0.01)
    with pytest.raises(Empty):
        Inbox[int]().get(time.monotonic() - 1)


def test_what_nobody_reads_is_bounded_and_counted() -> None:
    inbox = Inbox[int]()
    for number in range(BACKLOG + 5):
        inbox.put(number)

    assert inbox.lost == 5
    assert inbox.get() == 0


def test_sigterm_interrupts_like_ctrl_c() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), Interruptible():
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait(5)

    assert signal.getsignal(signal.SIGTERM) == before


def test_a_log_record_is_one_line_with_the_zone_and_without_control_characters(
    capfd: pytest.CaptureFixture[str],
) -> None:
    log = logging.getLogger("nvr.test")
    with logs.to_stderr():
        log.warning("%s: lost", "ki\x1b[31mln\nx")
        log.info("not shown")
        try:
            raise OSError("no\nroute")
        except OSError:
            log.exception("kiln: failed")
    lines = capfd.readouterr().err.splitlines()

    assert len(lines) == 2
    assert lines[0].endswith("WARNING ki\\x1b[31mln\\nx: lost")
    assert lines[1].endswith("ERROR kiln: failed (OSError: no\\nroute)")
    assert datetime.fromisoformat(" ".join(lines[0].split(" ")[:2])).tzinfo


def test_more_lines_on_request_but_never_those_of_http_headers(capfd: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.level, list(root.handlers)
    with logs.to_stderr():
        logs.show(logging.DEBUG)
        logging.getLogger("nvr.test").debug("a step")
        logging.getLogger("httpcore.http11").debug("send_request_headers")
    err = capfd.readouterr().err

    assert "DEBUG a step" in err
    assert "send_request_headers" not in err
    assert (root.level, root.handlers) == before


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (
            FireAlarm(camera="kiln", channel=2, at=AT, celsius=101.0, distance_m=12.5, targets=(Target(), Target())),
            "kiln/2 FIRE alarm, 101.0 °C, 12.5 m, 2 targets",
        ),
        (FireAlarm(camera="kiln", at=AT, phase="end", late=True), "kiln FIRE alarm ended, late"),
        (
            TemperatureAlarm(
                camera="kiln",
                at=AT,
                level="pre_alarm",
                rule=1,
                rule_name="Door",
                celsius=61.0,
                condition="above",
                threshold_celsius=60.0,
            ),
            "kiln temperature pre-alarm, rule 1 Door, 61.0 °C above 60.0 °C",
        ),
        (
            TemperatureDifferenceAlarm(camera="kiln", at=AT, difference_kelvin=11.5, phase="level"),
            "kiln temperature difference alarm changed its level, 11.5 K",
        ),
        (InputAlarm(camera="kiln", at=AT, port=3), "kiln input alarm, input 3"),
        (
            GapReport(
                camera="kiln",
                at=AT,
                beyond=(
                    BeyondLimit(rule=1, rule_name="Door", condition="above", celsius=91.4, threshold_celsius=80.0),
                    BeyondLimit(rule=1, other_rule=2, condition="above", difference_kelvin=12.0, threshold_kelvin=10.0),
                ),
                unknown=("recordings: kiln: no disk",),
            ),
            "kiln alarms may have been missed from — to —, while alert_stream was away, "
            "rule 1 Door is beyond its alarm limit now: 91.4 °C above 80.0 °C, "
            "the difference of rules 1 and 2 is beyond its alarm limit now: 12.0 K above 10.0 K, not known: recordings: kiln: no disk",
        ),
        (StorageAlarm(camera="kiln", at=AT, disk=1, state="full"), "kiln storage alarm, disk 1 full"),
        (OtherAlarm(camera="kiln", at=AT, raw_type="shipsDetection"), "kiln shipsdetection alarm"),
        (
            AlarmPicture(camera="kiln", at=AT, kind="fire", view="thermal", length=99),
            "kiln picture of fire, thermal, 99 bytes",
        ),
        (
            TemperatureReading(camera="kiln", at=AT, rule=2, highest_celsius=40.0, centre_celsius=30.0, frozen=True),
            "kiln temperature of rule 2, highest 40.0 °C, centre 30.0 °C, frozen",
        ),
        (FireTarget(camera="kiln", at=AT, celsius=300.0), "kiln fire target, 300.0 °C"),
        (
            ConnectionChanged(camera="kiln", at=AT, state="offline", reason="kiln: no route"),
            "kiln alert_stream offline, kiln: no route",
        ),
        (
            CameraChanged(
                camera="kiln",
                at=AT,
                info=CameraInfo(name="kiln", url="http://x", model="M", channels=(ChannelInfo(id=1, thermal=True),)),
            ),
            "kiln is M, 1 thermal",
        ),
    ],
)
def test_events_are_lines_with_the_device_s_time_and_its_zone(event: Event, text: str) -> None:
    assert event_text(event) == f"2026-01-31 12:00:00.250+01:00 {text}"


def test_an_event_without_a_time_of_the_device_shows_when_it_came() -> None:
    event = FireAlarm(camera="kiln", received_at=datetime(2026, 1, 31, 12, tzinfo=UTC))
    local = datetime(2026, 1, 31, 12, tzinfo=UTC).astimezone()

    assert event_text(event).startswith(local.isoformat(sep=" ", timespec="milliseconds"))


def test_names_of_devices_cannot_steer_a_terminal() -> None:
    assert printable("a\x1b]0;x\x07\r\nb – °C") == "a\\x1b]0;x\\x07\\r\\nb – °C"
