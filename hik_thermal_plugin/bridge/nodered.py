"""Flows for Node-RED: its core nodes only, ready to import, without any credential. Pure functions.

What a flow does is in its JavaScript (`flows/`); what it listens to and where it is drawn is here. Identifiers depend on the flow and
node alone, so that a flow that is made and imported again replaces itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

Node = dict[str, Any]
_LEFT, _STEP = 170, 60


@dataclass(frozen=True, slots=True)
class Place:
    """A camera as its topics have it, and its thermal channel where that is known."""

    camera: str
    channel: int | None = None

    @property
    def thermal(self) -> str:
        """Return the level of a topic for the thermal channel: its number, or any."""
        return "+" if self.channel is None else str(self.channel)


ANY: Final = Place("+")
EXAMPLE: Final = Place("kiln", 2)


@dataclass(frozen=True, slots=True)
class Site:
    """Where flows are to work."""

    prefix: str = "hik_thermal"
    host: str = "127.0.0.1"
    port: int = 1883
    tls: bool = False
    protocol: str = "3.1.1"
    places: tuple[Place, ...] = ()
    """Whose topics; none: those of every camera under the prefix."""


class Tab:
    """One flow being drawn."""

    def __init__(self, name: str, label: str, site: Site, info: str, **environment: str) -> None:
        self.name = name
        self.site = site
        settings = [{"name": key, "value": value, "type": "str"} for key, value in environment.items()]
        self.id = _id(name, "tab")
        self.nodes: list[Node] = [
            {"id": self.id, "type": "tab", "label": label, "disabled": False, "info": info, "env": settings}
        ]
        self._y = 60

    def comment(self, text: str, info: str) -> None:
        """Explain."""
        self._add("comment", text, _LEFT + 110, self._y, info=info, wires=[])
        self._y += _STEP

    def listen(self, what: str, place: Place, topic: str, target: str, *, qos: int = 1) -> None:
        """Hear a topic; JSON arrives as an object, pictures as bytes."""
        name = what if place is ANY or place.camera == "bridge" else f"{place.camera}: {what}"
        full = f"{self.site.prefix}/{topic}"
        more: Node = {
            "topic": full,
            "qos": str(qos),
            "datatype": "auto-detect",
            "broker": broker_id(self.site),
            "nl": False,
        }
        self._add(
            "mqtt in",
            name,
            _LEFT,
            self._y,
            key=full,
            **more,
            rap=True,
            rh=0,
            inputs=0,
            wires=[[_id(self.name, target)]],
        )
        self._y += _STEP

    def press(self, name: str, payload: str, target: str, *, kind: str = "json", once: bool = False) -> None:
        """Begin by a button, or by itself after a start."""
        more: Node = {
            "props": [{"p": "payload"}, {"p": "topic", "vt": "str"}],
            "repeat": "",
            "crontab": "",
            "once": once,
        }
        more |= {"onceDelay": 0.1, "topic": "", "payload": payload, "payloadType": kind}
        self._add("inject", name, _LEFT, self._y, **more, wires=[[_id(self.name, target)]])
        self._y += _STEP

    def function(self, name: str, *targets: Sequence[str]) -> None:
        """Do the flow's work; `targets` are the nodes behind each output."""
        more: Node = {
            "func": _code(self.name),
            "outputs": len(targets),
            "timeout": 0,
            "noerr": 0,
            "initialize": "",
            "finalize": "",
            "libs": [],
        }
        wires = [[_id(self.name, target) for target in output] for output in targets]
        self._add("function", name, _LEFT + 250, max(120, self._y // 2 + 30), **more, wires=wires)

    def publish(self, name: str, row: int, *, qos: int = 1) -> None:
        """Send to the topic the message names."""
        more: Node = {
            "topic": "",
            "qos": str(qos),
            "retain": "",
            "respTopic": "",
            "contentType": "",
            "userProps": "",
            "correl": "",
            "expiry": "",
        }
        self._add("mqtt out", name, _LEFT + 460, _row(row), **more, broker=broker_id(self.site), wires=[])

    def request(self, name: str, row: int, target: str) -> None:
        """Send over HTTP to the address the message names."""
        more: Node = {
            "method": "use",
            "ret": "txt",
            "paytoqs": "ignore",
            "url": "",
            "tls": "",
            "persist": False,
            "proxy": "",
        }
        more |= {"insecureHTTPParser": False, "authType": "", "senderr": False, "headers": []}
        self._add("http request", name, _LEFT + 460, _row(row), **more, wires=[[_id(self.name, target)]])

    def show(self, name: str, row: int, column: int = 460) -> None:
        """Show in the debug sidebar, once switched on."""
        more: Node = {
            "active": False,
            "tosidebar": True,
            "console": False,
            "tostatus": False,
            "complete": "payload",
            "targetType": "msg",
        }
        self._add("debug", name, _LEFT + column, _row(row), **more, statusVal="", statusType="auto", wires=[])

    def _add(self, kind: str, name: str, x: int, y: int, *, key: str = "", wires: list[list[str]], **more: Any) -> None:
        node = {"id": _id(self.name, key or name), "type": kind, "z": self.id, "name": name, **more, "x": x, "y": y}
        self.nodes.append({**node, "wires": wires})


def flows(names: Sequence[str], site: Site) -> list[Node]:
    """Return these flows as one text to import: tabs, their nodes, and the broker they share."""
    nodes = [node for name in names for node in FLOWS[name](site).nodes]
    return [*nodes, *_broker(site)]


def broker_id(site: Site) -> str:
    """Return the identifier of the broker's node: one for each broker."""
    return _id("broker", f"{site.host}:{site.port}")


def _notification(site: Site) -> Tab:
    tab = Tab(
        "notification", "Alarm to notification with picture", site, _NOTIFY,
        NOTIFY_URL="", KINDS="fire,smoke,temperature,temperature_difference", PICTURE_SECONDS="3",
    )  # fmt: skip
    tab.comment("Set NOTIFY_URL: double-click the tab, Environment Variables", _NOTIFY)
    for place in site.places or (ANY,):
        tab.listen("alarms", place, f"{place.camera}/+/event/+", "notification")
        tab.listen("pictures", place, f"{place.camera}/+/picture/+", "notification", qos=0)
    tab.function("notification", ["notify"])
    tab.request("notify", 1, "what came back")
    tab.show("what came back", 1, 650)
    return tab


def _trend(site: Site) -> Tab:
    tab = Tab(
        "trend", "Temperature trend and rate of rise", site, _TREND,
        TOPIC=f"{site.prefix}_trend", MINUTES="5", RISE_PER_MINUTE="5",
    )  # fmt: skip
    tab.comment("Degrees a minute of every rule, on topics of its own", _TREND)
    for place in site.places or (ANY,):
        tab.listen("temperatures", place, f"{place.camera}/{place.thermal}/temperature/+", "trend", qos=0)
    tab.function("trend", ["trend out"], ["rise out", "rises fast"])
    tab.publish("trend out", 0, qos=0)
    tab.publish("rise out", 1)
    tab.show("rises fast", 2)
    return tab


def _siren(site: Site) -> Tab:
    tab = Tab(
        "siren", "Fire to siren when two sources agree", site, _SIREN,
        SIREN_TOPIC="siren/set", SIREN_ON="ON", SIREN_OFF="OFF", SETTLE_SECONDS="3",
    )  # fmt: skip
    tab.comment("Not a certified fire alarm: do not let lives depend on it", _SIREN)
    for place in site.places or (ANY,):
        for kind in ("fire", "temperature", "smoke"):
            tab.listen(kind, place, f"{place.camera}/+/alarm/{kind}", "two agree")
    tab.function("two agree", ["siren", "verdict"])
    tab.publish("siren", 0)
    tab.show("verdict", 1)
    return tab


def _measurement(site: Site) -> Tab:
    tab = Tab(
        "measurement", "Ask for a measurement", site, _MEASUREMENT, PREFIX=site.prefix, ANSWER_SECONDS="15"
    )  # fmt: skip
    tab.comment("Press a button; the answer is in the debug sidebar", _MEASUREMENT)
    for place in site.places or (EXAMPLE,):
        channel = EXAMPLE.channel if place.channel is None else place.channel
        payload = f'{{"camera": "{place.camera}", "channel": {channel}, "point": [0.5, 0.5]}}'
        tab.press(f"{place.camera}: centre", payload, "ask and wait")
    for place in site.places or (ANY,):
        tab.listen("answers", place, f"{place.camera}/+/measure/result", "ask and wait")
    tab.function("ask and wait", ["question"], ["answer"], ["no answer"])
    tab.publish("question", 0)
    tab.show("answer", 1)
    tab.show("no answer", 2)
    return tab


def _heartbeat(site: Site) -> Tab:
    tab = Tab(
        "heartbeat", "Watch the bridge's heartbeat", site, _HEARTBEAT,
        NOTIFY_URL="", SILENT_SECONDS="90", OFFLINE_SECONDS="30",
    )  # fmt: skip
    tab.comment("Set NOTIFY_URL: double-click the tab, Environment Variables", _HEARTBEAT)
    bridge = Place("bridge")
    tab.listen("heartbeat", bridge, "bridge/heartbeat", "watch", qos=0)
    tab.listen("state", bridge, "bridge/state", "watch")
    tab.press("start", "", "watch", kind="date", once=True)
    tab.function("watch", ["notify"], ["alive?"])
    tab.request("notify", 0, "what came back")
    tab.show("alive?", 1)
    tab.show("what came back", 0, 650)
    return tab


FLOWS: Final = {
    "notification": _notification,
    "trend": _trend,
    "siren": _siren,
    "measurement": _measurement,
    "heartbeat": _heartbeat,
}
"""Name -> what draws it."""

_NOTIFY = """Sends each alarm that begins to an address of yours, with the camera's picture if one comes within PICTURE_SECONDS.

NOTIFY_URL: where to, in the form of ntfy: https://ntfy.example/your-topic. KINDS: which kinds of alarms."""
_TREND = """Computes the slope of each rule's temperature over the last MINUTES, in its own unit a minute.

Told on TOPIC/<camera>/<channel>/<rule>, and on …/rise when it begins and ends to rise by RISE_PER_MINUTE. Frozen and stale values do not count."""
_SIREN = """Sends SIREN_ON to SIREN_TOPIC when a camera's fire alarm and a second source are active at once, and SIREN_OFF when both are over.

While one of them is unknown (its camera cannot be heard) the siren goes on. Pre-alarms do not count."""
_MEASUREMENT = """Sends a measure command with an id of its own and waits ANSWER_SECONDS for the answer with that id.

The payload of a button says where: {"camera", "channel", "point": [x, y]}, or "line" or "region"; and "emissivity" and so on."""
_HEARTBEAT = """Notifies when the bridge has said nothing for SILENT_SECONDS, or has said goodbye and is not back after OFFLINE_SECONDS.

NOTIFY_URL: where to, in the form of ntfy: https://ntfy.example/your-topic."""


def _broker(site: Site) -> list[Node]:
    trust = _id("broker", f"tls {site.host}:{site.port}")
    node = {
        "id": broker_id(site), "type": "mqtt-broker", "name": f"{site.host}:{site.port}", "broker": site.host, "port": str(site.port),
        "tls": trust if site.tls else "", "clientid": "", "autoConnect": True, "usetls": site.tls,
        "protocolVersion": "5" if site.protocol == "5" else "4", "keepalive": "60", "cleansession": True, "autoUnsubscribe": True,
        "birthTopic": "", "birthQos": "0", "birthPayload": "", "birthMsg": {}, "closeTopic": "", "closeQos": "0", "closePayload": "",
        "closeMsg": {}, "willTopic": "", "willQos": "0", "willPayload": "", "willMsg": {}, "userProps": "", "sessionExpiry": "",
    }  # fmt: skip
    if not site.tls:
        return [node]
    tls = {
        "id": trust,
        "type": "tls-config",
        "name": site.host,
        "cert": "",
        "key": "",
        "ca": "",
        "certname": "",
        "keyname": "",
    }
    return [node, {**tls, "caname": "", "servername": "", "verifyservercert": True, "alpnprotocol": ""}]


def _row(number: int) -> int:
    return 120 + number * _STEP


def _id(flow: str, name: str) -> str:
    return hashlib.sha256(f"hik-thermal/{flow}/{name}".encode()).hexdigest()[:16]


@cache
def _code(name: str) -> str:
    return files(__package__).joinpath("flows", f"{name}.js").read_text(encoding="utf-8").rstrip("\n")
