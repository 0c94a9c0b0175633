"""The kinds of faults that strike one camera, in its own thread. Each is over when its function returns, or ends by itself within seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from .stage import Kiln, Stage

ALERTS = "/ISAPI/Event/notification/alertStream"
LIVE = "/ISAPI/Thermal/channels/*/thermometry/realTimethermometry/rules*"
DAY, YEAR = 86400.0, 365 * 86400.0
LONGEST_FREEZE = 25.0
"""Seconds for which the service may stand still."""


def alarm_stream_reset(stage: Stage, kiln: Kiln) -> None:
    """The connection of the alarms is reset."""
    kiln.fault("drop", path=ALERTS)


def all_connections_reset(stage: Stage, kiln: Kiln) -> None:
    """All its connections are reset."""
    kiln.fault("drop")


def cable_pulled(stage: Stage, kiln: Kiln) -> None:
    """The connection of the alarms is silent from now on, and not closed."""
    kiln.fault("half_open", path=ALERTS)


def everything_silent(stage: Stage, kiln: Kiln) -> None:
    """No connection says anything, new ones for some seconds neither."""
    kiln.fault("half_open", seconds=kiln.rng.uniform(1, 6))


def stalled(stage: Stage, kiln: Kiln) -> None:
    """The alarms stand still for some seconds, in the middle of a part."""
    kiln.fault("stall", path=ALERTS, seconds=kiln.rng.uniform(0.5, 9))
    kiln.once()


def part_cut(stage: Stage, kiln: Kiln) -> None:
    """The connection ends in the middle of an alarm."""
    kiln.fault("truncate", path=ALERTS, count=1)
    kiln.once()
    kiln.live()


def part_too_short(stage: Stage, kiln: Kiln) -> None:
    """A part announces more bytes than it has."""
    kiln.fault("wrong_length", path=ALERTS, count=1)
    kiln.live()


def part_twice(stage: Stage, kiln: Kiln) -> None:
    """A part is sent twice."""
    kiln.fault("duplicate", path=ALERTS, count=1)
    kiln.live()


def rubbish(stage: Stage, kiln: Kiln) -> None:
    """Bytes that mean nothing come between the parts."""
    kiln.send(b"--boundary\r\n" + kiln.rng.randbytes(kiln.rng.randrange(1, 3000)) + b"\r\n--boundary\r\n\r\n")


def broken_document(stage: Stage, kiln: Kiln) -> None:
    """An alarm's document is not well-formed."""
    kiln.send(b'<EventNotificationAlert version="2.0"><eventType>TMA<eventState>act</EventNotificationAlert>')


def endless_part(stage: Stage, kiln: Kiln) -> None:
    """A part is larger than any may be."""
    now = time.monotonic()
    stage.ledger.blind(now, now + 3 * stage.speed + LONGEST_FREEZE, "in the endless part", kiln.name)
    kiln.send(b"--boundary\r\nContent-Type: application/xml\r\nContent-Length: 99999999\r\n\r\n<a>" + b"x" * 3_000_000)


def unknown_event(stage: Stage, kiln: Kiln) -> None:
    """The device tells an event nobody has heard of."""
    kiln.send(
        b"<EventNotificationAlert><channelID>2</channelID><dateTime>2026-01-01T00:00:00Z</dateTime><activePostCount>1"
        b"</activePostCount><eventType>soaked</eventType><eventState>active</eventState></EventNotificationAlert>"
    )


def crowd(stage: Stage, kiln: Kiln) -> None:
    """A crowd of alarms comes at once."""
    for _ in range(15):  # more than 128 rules at once are not remembered one by one
        kiln.once()
    kiln.simulator.apply([{"motion": {}}] * 60)


def busy(stage: Stage, kiln: Kiln) -> None:
    """The camera comes back busy."""
    kiln.fault("busy", path=ALERTS, count=kiln.rng.randint(1, 3))
    kiln.fault("drop", path=ALERTS)


def no_room(stage: Stage, kiln: Kiln) -> None:
    """Others take all the connections the camera has."""
    kiln.fault("no_room", seconds=kiln.rng.uniform(1, 5))
    kiln.fault("drop", path=ALERTS)


def account_locked(stage: Stage, kiln: Kiln) -> None:
    """Somebody else has locked the account."""
    kiln.refusable += 2
    kiln.fault("lock", seconds=kiln.rng.uniform(2, 8))
    kiln.fault("drop")


def reboot(stage: Stage, kiln: Kiln) -> None:
    """The camera boots."""
    kiln.fault("reboot", seconds=kiln.rng.uniform(0.2, 8))


def camera_clock_set(stage: Stage, kiln: Kiln) -> None:
    """Its clock is set, by seconds, a day or a year."""
    kiln.fault("clock_skew", seconds=kiln.rng.choice((-YEAR, -DAY, -3600, -5, 0, 5, 3600, DAY, YEAR)))


def somebody_else_answers(stage: Stage, kiln: Kiln) -> None:
    """Something that is no camera answers at its address."""
    kiln.fault("web_page", seconds=kiln.rng.uniform(1, 5))
    kiln.fault("drop")


def rights_taken(stage: Stage, kiln: Kiln) -> None:
    """The user may not read temperatures for a while."""
    kiln.fault(kiln.rng.choice(("low_privilege", "unauthorized")), path=LIVE, seconds=kiln.rng.uniform(1, 5))
    kiln.fault("drop", path=LIVE)


def temperatures_cut(stage: Stage, kiln: Kiln) -> None:
    """A block of live temperatures is cut, or too short."""
    kiln.fault(kiln.rng.choice(("truncate", "wrong_length")), path=LIVE, count=1)


def picture_stands_still(stage: Stage, kiln: Kiln) -> None:
    """The picture stands still for a calibration."""
    kiln.simulator.apply([{"freeze": {}}])
    time.sleep(kiln.rng.uniform(0.2, 2))
    kiln.simulator.apply([{"unfreeze": {}}])


def disk_fails(stage: Stage, kiln: Kiln) -> None:
    """The camera's own disk fails, and is well again."""
    kiln.simulator.apply([{"disk": {"state": "error"}}])
    time.sleep(kiln.rng.uniform(0.2, 2))
    kiln.simulator.apply([{"disk": {"state": "ok"}}])


def moved(stage: Stage, kiln: Kiln) -> None:
    """The camera gets another address; the configuration follows."""
    with stage.configuring:
        kiln.replace(move=True)
        time.sleep(kiln.rng.uniform(0, 3))
        stage.reconfigure(kiln)


def password_changed(stage: Stage, kiln: Kiln) -> None:
    """The camera gets another password; the configuration follows."""
    with stage.configuring:
        kiln.refusable += 2  # of the old one
        kiln.password = f"next-{kiln.rng.randrange(10**9)}"
        stage.secrets.append(kiln.password.encode())
        kiln.replace()
        time.sleep(kiln.rng.uniform(0, 3))
        stage.reconfigure(kiln)


def settings_changed(stage: Stage, kiln: Kiln) -> None:
    """Another setting of the camera in the configuration."""
    with stage.configuring:
        stage.configure()
        stage.service.cameras[kiln.name]["timeout"] = kiln.rng.choice((4, 6, 7))
        stage.service.configure()
        stage.reload(kiln)


def taken_out(stage: Stage, kiln: Kiln) -> None:
    """The camera is taken out of the configuration, and comes back."""
    with stage.configuring:
        began = time.monotonic()
        kiln.quiet()
        stage.configure()
        del stage.service.cameras[kiln.name]
        stage.service.configure()
        stage.hup()
        time.sleep(kiln.rng.uniform(2, 10))
        deadline = time.monotonic() + 12 * stage.speed
        while stage.is_up and stage.watcher.states.get(kiln.name) and time.monotonic() < deadline:
            time.sleep(0.2)
        stage.ledger.forget(kiln.name, seen=stage.watcher.states.get(kiln.name) == "")
        stage.configure()
        stage.reload(kiln)
        stage.ledger.blind(stage.unread_since(began), time.monotonic(), "not configured", kiln.name)


OF_A_CAMERA: Final[tuple[Callable[[Stage, Kiln], None], ...]] = (
    alarm_stream_reset,
    all_connections_reset,
    cable_pulled,
    everything_silent,
    stalled,
    part_cut,
    part_too_short,
    part_twice,
    rubbish,
    broken_document,
    endless_part,
    unknown_event,
    crowd,
    busy,
    no_room,
    account_locked,
    reboot,
    camera_clock_set,
    somebody_else_answers,
    rights_taken,
    temperatures_cut,
    picture_stands_still,
    disk_fails,
    moved,
    password_changed,
    settings_changed,
    taken_out,
)
