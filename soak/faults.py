"""The kinds of faults that strike everybody, one at a time: of the broker, the clock, the disk and the process."""

from __future__ import annotations

import resource
import signal
import time
from collections.abc import Callable
from typing import Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from .camera_faults import ALERTS, DAY, LONGEST_FREEZE, YEAR
from .stage import Stage


def broker_link_reset(stage: Stage) -> None:
    """The connection to the broker is reset."""
    stage.link.reset()


def broker_link_silent(stage: Stage) -> None:
    """Nothing goes through to the broker, and nothing is closed."""
    with stage.ledger.held_up():
        stage.link.hold()
        time.sleep(stage.rng.uniform(1, 20))
        stage.link.release()


def broker_frozen(stage: Stage) -> None:
    """The broker stands still for some seconds."""
    with stage.ledger.held_up():
        stage.broker.send_signal(signal.SIGSTOP)
        time.sleep(stage.rng.uniform(1, 10))
        stage.broker.send_signal(signal.SIGCONT)


def broker_killed(stage: Stage) -> None:
    """The broker stands still, is killed, and comes back with nothing."""
    stage.restart_broker(stage.rng.uniform(0.5, 3), 0.0)


def broker_away(stage: Stage) -> None:
    """There is no broker for a while."""
    stage.restart_broker(0.0, stage.rng.uniform(3, 20))


def client_id_taken(stage: Stage) -> None:
    """Another client comes with the service's name, and goes."""
    other = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="soaked")
    other.connect("127.0.0.1", stage.broker.port)
    for _ in range(5):
        other.loop(0.2)
    other.disconnect()


# -- the clock, the disk, the process --------------------------------------------------------------------------------------


def clock_back_a_day(stage: Stage) -> None:
    """The service's wall clock is set back a day."""
    _clock(stage, -DAY)


def clock_forward_a_year(stage: Stage) -> None:
    """The service's wall clock is set forward a year."""
    _clock(stage, YEAR)


def clock_by_seconds(stage: Stage) -> None:
    """The service's wall clock is set by seconds."""
    _clock(stage, stage.rng.uniform(-90, 90))


def clock_set_while_the_broker_is_away(stage: Stage) -> None:
    """The service's wall clock is set by a year while alarms wait for the broker."""
    with stage.without_broker():
        time.sleep(stage.rng.uniform(1, 4))
        _clock(stage, stage.rng.choice((-YEAR, YEAR)))


def disk_full(stage: Stage) -> None:
    """Nothing can be written."""
    if stage.is_up:
        began, seconds = time.monotonic(), stage.rng.uniform(1, 8)
        since = stage.unwritten[0] if began < stage.unwritten[1] else began - 1.0
        stage.unwritten = (since, began + seconds + 10.0)  # it tries again every 5 s
        stage.service.limit(resource.RLIMIT_FSIZE, 0)
        time.sleep(seconds)
        stage.service.limit(resource.RLIMIT_FSIZE, None)


def disk_full_without_a_broker(stage: Stage) -> None:
    """Nothing can be written, and nothing delivered."""
    with stage.without_broker():
        disk_full(stage)


def no_more_files(stage: Stage) -> None:
    """No file and no connection can be opened."""
    if stage.is_up:
        stage.service.limit(resource.RLIMIT_NOFILE, 3)
        try:
            for kiln in stage.kilns[::2]:
                kiln.fault("drop", path=ALERTS)
            time.sleep(stage.rng.uniform(1, 6))
        finally:
            stage.service.limit(resource.RLIMIT_NOFILE, None)


def killed(stage: Stage) -> None:
    """kill -9, and started again."""
    stage.end(signal.SIGKILL)
    time.sleep(stage.rng.choice((0, 0, 5)))
    stage.service.start()


def killed_while_the_broker_is_away(stage: Stage) -> None:
    """kill -9 while alarms wait for the broker."""
    with stage.without_broker():
        time.sleep(stage.rng.uniform(0.5, 5))
        killed(stage)
        time.sleep(stage.rng.uniform(0, 10))


def killed_while_starting(stage: Stage) -> None:
    """kill -9 again and again, before it has come up."""
    for _ in range(3):
        stage.end(signal.SIGKILL)
        stage.service.start()
        time.sleep(stage.rng.uniform(0, 1.5) * stage.speed)


def killed_and_its_files_damaged(stage: Stage) -> None:
    """kill -9, and what the service keeps of logins is rubbish; its outbox is whole."""
    stage.end(signal.SIGKILL)
    for path in stage.service.state.iterdir():
        if not path.name.startswith("mqtt-outbox"):  # what it has not delivered is lost with it
            path.write_bytes(stage.rng.randbytes(40))
    for kiln in stage.kilns:
        kiln.refusable += 2  # it does not remember what it was refused before
    stage.service.start()


def ended(stage: Stage) -> None:
    """An orderly end, and started again."""
    was_up = stage.is_up  # before that nobody is there to end in order
    code = stage.end(signal.SIGTERM)
    if was_up and code != 0:
        stage.ledger.wrong(f"SIGTERM ended the service with {code}")
    stage.service.start()


def frozen(stage: Stage) -> None:
    """The service stands still, as in a snapshot of its machine."""
    if stage.is_up:
        with stage.ledger.held_up():
            began, seconds = time.monotonic(), stage.rng.uniform(1, LONGEST_FREEZE)
            stage.stood_still = (began, began + seconds)
            stage.service.send_signal(signal.SIGSTOP)
            time.sleep(seconds)
            stage.service.send_signal(signal.SIGCONT)
            stage.stood_still = (began, time.monotonic())


def reloaded(stage: Stage) -> None:
    """The configuration is read again, and is the same."""
    with stage.configuring:
        stage.configure()
        stage.hup()


def wrong_configuration(stage: Stage) -> None:
    """The configuration is full of mistakes for a while."""
    with stage.configuring:
        if stage.is_up:  # it would not come up with it
            stage.service.misconfigure()
            stage.hup()
            time.sleep(stage.rng.uniform(0.5, 2) * stage.speed)
        stage.configure()
        stage.hup()


OF_ALL: Final[tuple[Callable[[Stage], None], ...]] = (
    broker_link_reset,
    broker_link_silent,
    broker_frozen,
    broker_killed,
    broker_away,
    client_id_taken,
    clock_back_a_day,
    clock_forward_a_year,
    clock_by_seconds,
    clock_set_while_the_broker_is_away,
    disk_full,
    disk_full_without_a_broker,
    no_more_files,
    killed,
    killed_while_the_broker_is_away,
    killed_while_starting,
    killed_and_its_files_damaged,
    ended,
    frozen,
    reloaded,
    wrong_configuration,
)


def _clock(stage: Stage, seconds: float) -> None:
    stage.service.clock.set(seconds)
    time.sleep(stage.rng.uniform(2, 20))
    stage.service.clock.set(0)
