"""What goes to stdout: JSON for programs, lines and tables for people."""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import yaml
from nvr_hooks import (
    Alarm,
    AlarmPicture,
    BeyondLimit,
    CameraChanged,
    CameraInfo,
    ConnectionChanged,
    Disk,
    Event,
    FireTarget,
    GapReport,
    InputAlarm,
    Measurement,
    Point,
    RuleChange,
    StorageAlarm,
    TemperatureAlarm,
    TemperatureDifferenceAlarm,
    TemperatureReading,
)
from rich.console import Console
from rich.table import Table
from rich.text import Text

_PIPE_WIDTH = 200
_escaped = codecs.getencoder("unicode_escape")  # now: later there may be no file left to read it from
_SEQUENCE, _MAPPING = "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"


def printable(text: str) -> str:
    """Return the text with control characters written out: names come from devices and end in terminals."""
    return "".join(char if char.isprintable() else _escaped(char)[0].decode() for char in text)


def put_json(value: object) -> None:
    """Write one JSON value on a line of its own and flush, so that the next program sees it at once."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def put_line(text: str) -> None:
    """Write one line for people and flush."""
    sys.stdout.write(printable(text) + "\n")
    sys.stdout.flush()


def put_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table; None is shown as an em dash."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text("—" if cell is None else printable(str(cell))) for cell in row))
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    console.print(table)
    sys.stdout.flush()


def local(at: datetime | None) -> str:
    """Write a time with its zone, as the device or this machine has it: `2026-01-31 12:00:00.000+01:00`."""
    return "—" if at is None else at.isoformat(sep=" ", timespec="milliseconds")


def channels_text(info: CameraInfo) -> str | None:
    """Tell the channels in few words: `1 visible, 2 thermal`."""
    if info.channels is None:
        return None
    kinds = {True: "thermal", False: "visible", None: "?"}
    return ", ".join(f"{channel.id} {kinds[channel.thermal]}" for channel in info.channels)


def disks_text(disks: Sequence[Disk] | None) -> str | None:
    """Tell disks and network shares in few words: `hdde ok, 26.7 of 29.7 GiB free`."""
    if disks is None:
        return None
    return "; ".join(_disk(disk) for disk in disks) or "none"


def served_text(info: CameraInfo) -> str | None:
    """Tell which transport serves what: its name where one serves all, else what each serves."""
    if info.capabilities is None:
        return None
    by: dict[str, list[str]] = {}
    for name, transport in sorted(info.capabilities.items()):
        if transport is not None:
            by.setdefault(transport, []).append(name)
    if len(by) == 1:
        return next(iter(by))
    return "; ".join(f"{transport}: {', '.join(names)}" for transport, names in by.items()) or "nothing"


def camera_rows(info: CameraInfo) -> list[tuple[str, object]]:
    """Return what is known of a camera as pairs for a table."""
    return [
        ("address", info.url),
        ("manufacturer", info.manufacturer),
        ("model", info.model),
        ("name", info.device_name),
        ("serial", info.serial),
        ("firmware", info.firmware),
        ("MAC", info.mac),
        ("channels", channels_text(info)),
        ("thermal channel", _with_reason(info.thermal_channel, info.thermal_evidence)),
        ("capabilities", _capabilities(info)),
    ]


def _capabilities(info: CameraInfo) -> str | None:
    if info.capabilities is None:
        return None
    return ", ".join(f"{name} ({by or 'unserved'})" for name, by in sorted(info.capabilities.items())) or "none"


def event_text(event: Event) -> str:
    """Tell one event in one line: time, camera, channel, what happened, how hot, how far."""
    at = event.at or event.received_at.astimezone()
    channel = "" if event.channel is None else f"/{event.channel}"
    return f"{local(at)} {event.camera or '—'}{channel} " + ", ".join(part for part in _parts(event) if part)


def measurement_text(found: Measurement) -> str:
    """Tell a measurement in one line: camera, channel, temperatures with their places, and how it was taken."""
    parts = [
        f"{word}{_celsius(celsius)}{_place(at)}"
        for word, celsius, at in (
            ("", found.celsius, None),
            ("highest ", found.highest_celsius, found.highest_at),
            ("lowest ", found.lowest_celsius, found.lowest_at),
            ("average ", found.average_celsius, None),
        )
        if celsius is not None
    ]
    if found.way == "device":
        way = "measured by the camera"
    else:
        age = "" if found.frame_age_seconds is None else f" {found.frame_age_seconds:.1f} s old"
        way = f"from a frame{age}"
    frozen = "frozen" if found.frozen else ""
    words = [", ".join(parts) or "no value", way, frozen, local(found.taken_at)]
    return f"{found.camera}/{found.channel} " + ", ".join(word for word in words if word)


def change_text(change: RuleChange) -> str:
    """Tell a change of a rule in one line: `regions.1.name: "Region 1" → "kiln door"`."""
    return f"{change.path}: {_value(change.before)} → {_value(change.after)}"


def put_yaml(document: object) -> None:
    """Write a document as YAML that is read and compared well: a line a value, keys in their order, lists like points in one line."""
    sys.stdout.write(yaml.dump(document, Dumper=_Plain, allow_unicode=True, sort_keys=False, width=_PIPE_WIDTH))
    sys.stdout.flush()


class _Plain(yaml.SafeDumper):
    """YAML with lists in one line."""


_Plain.add_representer(list, lambda dumper, items: dumper.represent_sequence(_SEQUENCE, items, flow_style=True))
_Plain.add_representer(dict, lambda dumper, items: dumper.represent_mapping(_MAPPING, items.items(), flow_style=False))


def _parts(event: Event) -> list[str]:
    match event:
        case Alarm():
            return _alarm_parts(event)
        case TemperatureReading():
            values = [
                ("highest", event.highest_celsius),
                ("lowest", event.lowest_celsius),
                ("average", event.average_celsius),
                ("centre", event.centre_celsius),
                ("at the point", event.point_celsius),
            ]
            rule = "temperature" if event.rule is None else f"temperature of rule {event.rule}"
            texts = [f"{name} {_celsius(value)}" for name, value in values if value is not None]
            if event.difference_kelvin is not None:
                texts.append(f"difference {_kelvin(event.difference_kelvin)}")
            flags = ["ended" if event.status == "ended" else "", "frozen" if event.frozen else ""]
            return [" ".join(filter(None, [rule, event.rule_name])), *texts, *flags]
        case FireTarget():
            return ["fire target", _celsius(event.celsius), _metres(event.distance_m)]
        case AlarmPicture():
            return [f"picture of {event.kind or 'an alarm'}", event.view or "", f"{event.length} bytes"]
        case ConnectionChanged():
            retry = f"next try {local(event.retry_at.astimezone())}" if event.retry_at else ""
            return [f"{event.source} {event.state}", event.reason or "", retry]
        case GapReport():
            return _gap_parts(event)
        case CameraChanged():
            return [f"is {event.info.model or 'a camera'}", channels_text(event.info) or ""]
        case _:
            return [event.type]


def _gap_parts(report: GapReport) -> list[str]:
    times = [at and at.astimezone() for at in (report.lost_at, report.back_at)]
    recordings = report.recordings
    return [
        f"alarms may have been missed from {local(times[0])} to {local(times[1])}, while {report.source} was away",
        "nothing is beyond its limits now" if report.beyond == () else "",
        *[_limit_text(limit) for limit in report.beyond or ()],
        "" if recordings is None else f"{len(recordings)} recordings of events in that time",
        *[f"not known: {reason}" for reason in report.unknown],
    ]


def _limit_text(limit: BeyondLimit) -> str:
    level = "pre-alarm limit" if limit.level == "pre_alarm" else "alarm limit"
    if limit.other_rule is not None:
        rule = f"the difference of rules {limit.rule} and {limit.other_rule}"
    else:
        rule = "the whole picture" if limit.rule is None else f"rule {limit.rule}"
    values = (
        _beyond(_kelvin(limit.difference_kelvin), limit.condition, _kelvin(limit.threshold_kelvin))
        if limit.difference_kelvin is not None
        else _beyond(_celsius(limit.celsius), limit.condition, _celsius(limit.threshold_celsius))
    )
    return " ".join(filter(None, [rule, limit.rule_name, f"is beyond its {level} now:", values]))


def _alarm_parts(alarm: Alarm) -> list[str]:
    level = {"pre_alarm": "pre-alarm", "alarm": "alarm", None: "event"}[alarm.level]
    kind = alarm.kind.replace("_", " ")
    phase = {"end": " ended", "repeat": " goes on", "level": " changed its level"}.get(alarm.phase or "", "")
    parts = [f"{kind.upper() if kind in ('fire', 'smoke') else kind} {level}{phase}", "late" if alarm.late else ""]
    match alarm:
        case TemperatureAlarm() | TemperatureDifferenceAlarm():
            rule = "" if alarm.rule is None else f"rule {alarm.rule}"
            parts.append(" ".join(filter(None, [rule, alarm.rule_name])))
            if isinstance(alarm, TemperatureAlarm):
                parts.append(_beyond(_celsius(alarm.celsius), alarm.condition, _celsius(alarm.threshold_celsius)))
            else:
                parts.append(
                    _beyond(_kelvin(alarm.difference_kelvin), alarm.condition, _kelvin(alarm.threshold_kelvin))
                )
        case InputAlarm(port=int(port)):
            parts.append(f"input {port}")
        case StorageAlarm():
            parts.append(" ".join(filter(None, ["disk", str(alarm.disk or ""), alarm.state])))
        case _:
            parts.append(_celsius(getattr(alarm, "celsius", None)))
            parts.append(_metres(getattr(alarm, "distance_m", None)))
    if len(alarm.targets) > 1:
        parts.append(f"{len(alarm.targets)} targets")
    return parts


def _disk(disk: Disk) -> str:
    words = [disk.name or f"{disk.kind} {disk.id}", disk.state or "", "encrypted" if disk.encrypted else ""]
    text = " ".join(word for word in words if word)
    if disk.free is None or disk.capacity is None:
        return text
    return f"{text}, {disk.free / 2**30:.1f} of {disk.capacity / 2**30:.1f} GiB free"


def _beyond(value: str, condition: str | None, threshold: str) -> str:
    return " ".join(filter(None, [value, condition if threshold else "", threshold]))


def _celsius(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} °C"


def _kelvin(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} K"


def _place(at: Point | None) -> str:
    return "" if at is None else f" at {at[0]:.3f},{at[1]:.3f}"


def _value(value: object) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)


def _metres(value: float | None) -> str:
    return "" if value is None else f"{value:g} m"


def _with_reason(value: Any, reason: str | None) -> str | None:
    if value is None:
        return reason
    return f"{value} ({reason})" if reason else str(value)
