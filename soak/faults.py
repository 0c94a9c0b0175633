"""The kinds of faults. Those of a camera strike one camera, in its own thread; the others strike all, one at a time.

Each is over when its function returns, or ends by itself within seconds.
"""

from __future__ import annotations

import resource
import signal
import time
from collections.abc import Callable
from typing import Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from .stage import Kiln, Stage

ALERTS = "/ISAPI/Event/notification/alertStream"
LIVE = "/ISAPI/Thermal/channels/*/thermometry/realTimethermometry/rules*"
DAY, YEAR = 86400.0, 365 * 86400.0

# -- a camera, and the way to it -------------------------------------------------------------------------------------------


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
    stage.ledger.blind(now, now + 3 * stage.speed, "in the endless part", kiln.name)
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
        _reconfigure(stage, kiln)


def password_changed(stage: Stage, kiln: Kiln) -> None:
    """The camera gets another password; the configuration follows."""
    with stage.configuring:
        kiln.refusable += 4  # two of the old one at the camera as it is now, and two if the file is read half-way
        kiln.password = f"next-{kiln.rng.randrange(10**9)}"
        stage.secrets.append(kiln.password.encode())
        kiln.replace()
        time.sleep(kiln.rng.uniform(0, 3))
        _reconfigure(stage, kiln)


def settings_changed(stage: Stage, kiln: Kiln) -> None:
    """Another setting of the camera in the configuration."""
    with stage.configuring:
        stage.configure()
        stage.service.cameras[kiln.name]["timeout"] = kiln.rng.choice((4, 6, 7))
        stage.service.configure()
        _reload(stage, kiln)


def taken_out(stage: Stage, kiln: Kiln) -> None:
    """The camera is taken out of the configuration, and comes back."""
    with stage.configuring:
        began = time.monotonic()
        kiln.quiet()
        stage.configure()
        del stage.service.cameras[kiln.name]
        stage.service.configure()
        _hup(stage)
        time.sleep(kiln.rng.uniform(2, 10) + (2 * stage.speed if _is_up(stage) else 0))
        stage.ledger.forget(kiln.name)
        stage.configure()
        _reload(stage, kiln)
        stage.ledger.blind(began - 0.3 * stage.speed, time.monotonic(), "not configured", kiln.name)


# -- the broker, and the way to it -----------------------------------------------------------------------------------------


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
    stage.link.shut()
    time.sleep(stage.rng.uniform(1, 4))
    _clock(stage, stage.rng.choice((-YEAR, YEAR)))
    stage.link.open()


def disk_full(stage: Stage) -> None:
    """Nothing can be written."""
    if _is_up(stage):
        stage.service.limit(resource.RLIMIT_FSIZE, 0)
        time.sleep(stage.rng.uniform(1, 8))
        stage.service.limit(resource.RLIMIT_FSIZE, None)


def disk_full_without_a_broker(stage: Stage) -> None:
    """Nothing can be written, and nothing delivered."""
    stage.link.shut()
    disk_full(stage)
    stage.link.open()


def no_more_files(stage: Stage) -> None:
    """No file and no connection can be opened."""
    if _is_up(stage):
        stage.service.limit(resource.RLIMIT_NOFILE, 3)
        for kiln in stage.kilns[::2]:
            kiln.fault("drop", path=ALERTS)
        time.sleep(stage.rng.uniform(1, 6))
        stage.service.limit(resource.RLIMIT_NOFILE, None)


def killed(stage: Stage) -> None:
    """kill -9, and started again."""
    _end(stage, signal.SIGKILL)
    time.sleep(stage.rng.choice((0, 0, 5)))
    stage.service.start()


def killed_while_the_broker_is_away(stage: Stage) -> None:
    """kill -9 while alarms wait for the broker."""
    stage.link.shut()
    time.sleep(stage.rng.uniform(0.5, 5))
    killed(stage)
    time.sleep(stage.rng.uniform(0, 10))
    stage.link.open()


def killed_while_starting(stage: Stage) -> None:
    """kill -9 again and again, before it has come up."""
    for _ in range(3):
        _end(stage, signal.SIGKILL)
        stage.service.start()
        time.sleep(stage.rng.uniform(0, 1.5) * stage.speed)


def killed_and_its_files_damaged(stage: Stage) -> None:
    """kill -9, and what the service keeps of logins is rubbish; its outbox is whole."""
    _end(stage, signal.SIGKILL)
    for path in stage.service.state.iterdir():
        if not path.name.startswith("mqtt-outbox"):  # what it has not delivered is lost with it
            path.write_bytes(stage.rng.randbytes(40))
    for kiln in stage.kilns:
        kiln.refusable += 2  # it does not remember what it was refused before
    stage.service.start()


def ended(stage: Stage) -> None:
    """An orderly end, and started again."""
    code = _end(stage, signal.SIGTERM)
    if code != 0:
        stage.ledger.wrong(f"SIGTERM ended the service with {code}")
    stage.service.start()


def frozen(stage: Stage) -> None:
    """The service stands still, as in a snapshot of its machine."""
    if _is_up(stage):
        with stage.ledger.held_up():
            stage.service.send_signal(signal.SIGSTOP)
            time.sleep(stage.rng.uniform(1, 25))
            stage.service.send_signal(signal.SIGCONT)


def reloaded(stage: Stage) -> None:
    """The configuration is read again, and is the same."""
    with stage.configuring:
        stage.configure()
        _hup(stage)


def wrong_configuration(stage: Stage) -> None:
    """The configuration is full of mistakes for a while."""
    with stage.configuring:
        if _is_up(stage):  # it would not come up with it
            stage.service.misconfigure()
            _hup(stage)
            time.sleep(stage.rng.uniform(0.5, 2) * stage.speed)
        stage.configure()
        _hup(stage)


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


def _end(stage: Stage, number: signal.Signals) -> int:
    with stage.configuring, stage.ledger.held_up():
        began = time.monotonic()
        code = stage.service.end(number)
        margin = 0.3 * stage.speed
        stage.ledger.blind(began - margin, time.monotonic() + margin, number.name)
        return code


def _is_up(stage: Stage) -> bool:
    """Tell whether the service has come up: before that it can neither open its own files nor be told anything."""
    return stage.service.runs and time.monotonic() - stage.service.started_at > 4 * stage.speed


def _hup(stage: Stage) -> None:
    if _is_up(stage):
        stage.service.send_signal(signal.SIGHUP)


def _reload(stage: Stage, kiln: Kiln) -> None:
    now = time.monotonic()
    stage.ledger.blind(now - 0.3 * stage.speed, now + 6 * stage.speed, "reload", kiln.name)
    _hup(stage)


def _reconfigure(stage: Stage, kiln: Kiln) -> None:
    stage.configure()
    _reload(stage, kiln)
