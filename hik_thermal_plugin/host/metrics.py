"""The host's figures for Prometheus. Names, kinds and labels are a promise: docs/metrics.md lists them, and a test holds both together."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import accumulate
from typing import Literal

from nvr_hooks import Delays, Health
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from .pulse import Pulse, Reloads, is_up

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Family:
    """One name: what it counts or shows, and by what."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()


_SOURCE = ("camera", "source")
FAMILIES = (
    Family("hikthermal_build_info", "gauge", "1, with the version that runs", ("version", "python")),
    Family("hikthermal_cameras", "gauge", "Configured cameras"),
    Family("hikthermal_alarm_stream_up", "gauge", "1 while an alarm source of the camera is up", ("camera",)),
    Family("hikthermal_source_up", "gauge", "1 while the source is connected, or waits for pushes", _SOURCE),
    Family(
        "hikthermal_source_state_since_seconds", "gauge", "When the source took its state, seconds since 1970", _SOURCE
    ),
    Family("hikthermal_source_events_total", "counter", "Events the source delivered", _SOURCE),
    Family("hikthermal_source_bytes_total", "counter", "Bytes read from the device", _SOURCE),
    Family("hikthermal_reconnects_total", "counter", "Lost connections and failed tries to connect", _SOURCE),
    Family("hikthermal_framing_errors_total", "counter", "Places where a stream was damaged", _SOURCE),
    Family("hikthermal_undecodable_total", "counter", "Documents that could not be read", _SOURCE),
    Family("hikthermal_unknown_alarms_total", "counter", "Alarms of a type nobody knows, which were passed on", _SOURCE),
    Family("hikthermal_deliveries_dropped_total", "counter", "Events a subscriber did not take in time", _SOURCE),
    Family("hikthermal_sink_errors_total", "counter", "Events whose subscriber failed", _SOURCE),
    Family(
        "hikthermal_metadata_frames_dropped_total", "counter", "Damaged packets and documents of the metadata track",
        ("camera",),
    ),
    Family("hikthermal_alarm_events_total", "counter", "Events of alarms, repeats and ends too", ("camera", "type")),
    Family("hikthermal_last_alarm_timestamp_seconds", "gauge", "When the last alarm arrived", ("camera",)),
    Family("hikthermal_mqtt_connected", "gauge", "1 while the broker has accepted the bridge"),
    Family("hikthermal_mqtt_dropped_total", "counter", "Events that never reached the broker, restarts included"),
    Family(
        "hikthermal_mqtt_publish_seconds", "histogram", "From an event's arrival at the bridge to the broker's word that it has it"
    ),
    Family("hikthermal_config_reloads_total", "counter", "Reloads of the configuration", ("result",)),
    Family("hikthermal_config_last_reload_successful", "gauge", "1 unless the file has mistakes now"),
    Family(
        "hikthermal_rule_temperature_celsius", "gauge", "What a measuring rule says (metrics.temperatures)",
        ("camera", "channel", "rule", "property"),
    ),
)  # fmt: skip
"""Everything this host tells; beside it stand the process_… figures of prometheus_client."""
_ALARM_SOURCES = ("alert_stream", "push", "sdk")
Sample = tuple[tuple[str, ...], float]


class Figures(Collector):
    """Asks the pulse for its figures whenever somebody wants them."""

    def __init__(self, pulse: Pulse, reloads: Reloads) -> None:
        self._pulse = pulse
        self._reloads = reloads
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)

    def describe(self) -> Iterable[Metric]:
        """Describe nothing in advance: registering must ask nobody."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield each family with its samples of now."""
        broker = self._pulse.broker()
        samples = self._samples(broker)
        for family in FAMILIES:
            if family.kind == "histogram":
                yield _histogram(family, None if broker is None else broker.delays)
                continue
            kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
            metric = kind(family.name, family.help, labels=family.labels)
            for labels, value in samples.get(family.name, ()):
                metric.add_metric(labels, value)
            yield metric

    def _samples(self, broker: Health | None) -> Mapping[str, Sequence[Sample]]:
        pulse, reloads = self._pulse, self._reloads
        health = pulse.health()
        all_sources = [item for sources in health.values() for item in sources]

        def each(value: Callable[[Health], float]) -> list[Sample]:
            return [((item.camera, item.source), value(item)) for item in all_sources]

        return {
            "hikthermal_build_info": [((_version(), platform.python_version()), 1)],
            "hikthermal_cameras": [((), len(health))],
            "hikthermal_alarm_stream_up": [
                ((camera,), any(is_up(item) for item in sources if item.source in _ALARM_SOURCES))
                for camera, sources in health.items()
            ],
            "hikthermal_source_up": each(is_up),
            "hikthermal_source_state_since_seconds": each(lambda item: item.since.timestamp()),
            "hikthermal_source_events_total": each(lambda item: item.events),
            "hikthermal_source_bytes_total": each(lambda item: item.bytes),
            "hikthermal_reconnects_total": each(lambda item: item.reconnects),
            "hikthermal_framing_errors_total": each(lambda item: item.framing_errors),
            "hikthermal_undecodable_total": each(lambda item: item.undecodable),
            "hikthermal_unknown_alarms_total": each(lambda item: item.unknown),
            "hikthermal_deliveries_dropped_total": each(lambda item: item.dropped),
            "hikthermal_sink_errors_total": each(lambda item: item.sink_errors),
            "hikthermal_metadata_frames_dropped_total": [
                ((item.camera,), item.framing_errors) for item in all_sources if item.source == "metadata"
            ],
            "hikthermal_alarm_events_total": list(pulse.alarms.items()),
            "hikthermal_last_alarm_timestamp_seconds": [((name,), at) for name, at in pulse.last_alarms.items()],
            "hikthermal_mqtt_connected": [] if broker is None else [((), broker.state == "online")],
            "hikthermal_mqtt_dropped_total": [] if broker is None else [((), broker.dropped)],
            "hikthermal_config_reloads_total": [(("done",), reloads.done), (("refused",), reloads.refused)],
            "hikthermal_config_last_reload_successful": [((), not reloads.mistakes)],
            "hikthermal_rule_temperature_celsius": [
                ((*rule, name), celsius) for rule, name, celsius in pulse.temperatures()
            ],
        }


def _histogram(family: Family, delays: Delays | None) -> HistogramMetricFamily:
    metric = HistogramMetricFamily(family.name, family.help)
    if delays is not None:
        bounds = [*map(floatToGoString, delays.bounds), "+Inf"]
        metric.add_metric((), list(zip(bounds, accumulate(delays.counts), strict=True)), delays.seconds)
    return metric


def _version() -> str:
    try:
        return version("hik-thermal-plugin")
    except PackageNotFoundError:
        return "unknown"
