"""The section `hik_thermal` of the configuration: YAML in, frozen models out, every mistake at once."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from nvr_hooks import Capability, ConfigError, Reporting, Transport, WrongUse
from nvr_hooks.mistakes import mistakes_from_pydantic
from nvr_hooks.places import state_dir
from nvr_hooks.secrets import Secret, resolve_secrets
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from .listener_settings import ListenerSettings, TlsVersion
from .transport import MetadataUse, TemperatureSource
from .virtual import DifferenceRule, RiseRule, ThresholdRule, VirtualRule

KEY = "hik_thermal"
TEMPERATURE_SOURCES: tuple[TemperatureSource, ...] = ("realtime", "metadata", "poll", "frame")
"""Best first."""
_SHA256 = r"[0-9A-Fa-f]{2}(:?[0-9A-Fa-f]{2}){31}"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


def _camera_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("expected an address like http://192.0.2.10 or https://camera:8443")
    if parts.username or parts.password:
        raise ValueError("user and password have keys of their own: username, password")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("expected only scheme, host and port: paths are found out")
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("the port is no number from 1 to 65535") from None
    return f"{parts.scheme}://{parts.netloc}"


def _secret(value: object) -> Secret:
    if isinstance(value, Secret):
        return value
    if isinstance(value, str):
        return Secret(value)
    raise ValueError("expected a text, best as ${env:NAME} or ${file:/path}")


def _fingerprint(text: str) -> str:
    if not re.fullmatch(_SHA256, text):
        raise ValueError("expected a SHA-256 fingerprint, 64 hexadecimal digits like AB:CD:…")
    return text


def _certificates(path: Path) -> Path:
    path = path.expanduser()
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        raise ValueError(f"there is no certificate in PEM in {path}") from None
    except OSError as err:
        raise ValueError(f"cannot read the file {path}: {err.strerror}") from err
    return path


Url = Annotated[str, AfterValidator(_camera_url)]
Password = Annotated[Secret, BeforeValidator(_secret), WithJsonSchema({"type": "string", "writeOnly": True})]
Channel = Annotated[int, Field(ge=1, le=64)]
Port = Annotated[int, Field(ge=1, le=65535)]
RuleId = Annotated[int, Field(ge=1, le=255)]


class TlsSettings(_Section):
    """How the camera's certificate is checked; devices come with a self-signed one (isapi.md 1.1)."""

    ca: Annotated[Path, AfterValidator(_certificates)] | None = Field(
        None, description="PEM file with the certificate, or its issuer, to trust for this camera"
    )
    fingerprint: Annotated[str, AfterValidator(_fingerprint)] | None = Field(
        None,
        description="SHA-256 of the camera's certificate: exactly this one is trusted",
        json_schema_extra={"pattern": f"^{_SHA256}$"},
    )
    verify: bool = Field(True, description="false trusts any certificate: whoever stands in between reads the password")
    minimum: TlsVersion = Field("1.2", description="oldest version of TLS that is spoken with the camera")


class TemperatureSettings(_Section):
    """Where live temperatures come from, how often a camera is asked for them, and when a change is news."""

    source: Literal["auto", "realtime", "metadata", "poll", "frame"] = Field(
        "auto",
        description="auto: streamed by the camera, else from its metadata, else polled, else computed from radiometric frames, "
        "whichever it supports",
    )
    poll_interval: float = Field(
        2.0, ge=0.2, le=5.0, description="seconds between questions where temperatures are not streamed"
    )
    frame_interval: float = Field(
        1.0, ge=0.1, le=3600, description="least seconds from one radiometric frame to the next, whoever asks"
    )
    dead_band: float = Field(0.2, ge=0, description="kelvin: a smaller change is not passed on")
    min_interval: float = Field(1.0, ge=0, le=3600, description="least seconds between two messages about a rule")
    max_interval: float = Field(
        60.0, ge=1, le=86400, description="seconds after which an unchanged value is told again, while readings come"
    )
    unit: Literal["celsius", "fahrenheit", "kelvin"] = Field("celsius", description="of the temperatures on MQTT")

    @property
    def reporting(self) -> Reporting:
        """Return how temperatures are to be passed on."""
        return Reporting(
            dead_band_kelvin=self.dead_band,
            min_interval=self.min_interval,
            max_interval=self.max_interval,
            unit=self.unit,
        )


class MetadataSettings(_Section):
    """The metadata track beside the camera's video: temperatures and burning spots (guide 8)."""

    enable: bool = Field(
        False,
        description="true switches it on in the camera where it is off; false only reads what the camera sends anyway",
    )


class VirtualRuleSettings(_Section):
    """A rule computed here, for cameras whose firmware has too few."""

    type: Literal["threshold", "difference", "rise"] = Field(
        description="threshold: °C of one rule · difference: kelvin of rule minus other_rule · rise: kelvin per minute"
    )
    rule: RuleId | None = Field(
        None, description="number of the measuring rule; without it the whole picture's reading"
    )
    other_rule: RuleId | None = Field(None, description="difference: the rule that is taken away")
    channel: Channel | None = Field(None, description="default: any")
    preset: Annotated[int, Field(ge=1, le=300)] | None = Field(None, description="default: any, each for itself")
    quantity: Literal["highest", "lowest", "average", "centre", "difference"] = Field(
        "highest", description="value that is looked at; a point rule has only one. difference: highest minus lowest"
    )
    condition: Literal["above", "below"] = "above"
    alarm: float = Field(description="limit: °C, kelvin of a difference, kelvin per minute of a rise")
    pre_alarm: float | None = Field(None, description="limit of the pre-alarm, which comes before the alarm")
    hysteresis: float = Field(
        1.0, ge=0, description="how far back behind its limit a value must be, in the limit's unit"
    )
    delay: float = Field(0.0, ge=0, le=3600, description="seconds a value must be beyond its limit")
    hold: float = Field(0.0, ge=0, le=86400, description="seconds a value must be back before the alarm ends")
    absolute: bool = Field(False, description="difference: whichever of the two rules is the hotter one")
    window: float | None = Field(None, gt=0, le=3600, description="rise: seconds it is measured over; default 60")

    @model_validator(mode="after")
    def _makes_sense(self) -> VirtualRuleSettings:
        problems = []
        if self.type != "difference" and (self.other_rule is not None or self.absolute):
            problems.append("other_rule and absolute go with type difference")
        if self.type == "difference" and not {"rule", "other_rule"} <= self.model_fields_set:
            problems.append("a difference needs rule and other_rule")
        if self.type != "rise" and self.window is not None:
            problems.append("window goes with type rise")
        try:
            self.made("x")
        except WrongUse as err:
            problems.append(str(err).partition(": ")[2])
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def made(self, name: str) -> VirtualRule:
        """Return the rule."""
        common: dict[str, Any] = {
            "name": name,
            "rule": self.rule,
            "channel": self.channel,
            "preset": self.preset,
            "quantity": self.quantity,
            "condition": self.condition,
            "alarm": self.alarm,
            "pre_alarm": self.pre_alarm,
            "hysteresis": self.hysteresis,
            "delay_seconds": self.delay,
            "hold_seconds": self.hold,
        }
        match self.type:
            case "threshold":
                return ThresholdRule(**common)
            case "difference":
                return DifferenceRule(**common, other_rule=self.other_rule, absolute=self.absolute)
            case "rise":
                return RiseRule(**common, window_seconds=60.0 if self.window is None else self.window)


class SdkSettings(_Section):
    """The vendor's library (HCNetSDK), a copy of your own, for the cameras whose transport lists sdk."""

    path: Path | None = Field(None, description="folder with libhcnetsdk.so and HCNetSDKCom")
    port: Port | None = Field(
        None, description="port the library logs in at; default 8000, with login isapi the port of url"
    )
    login: Literal["private", "isapi"] = Field(
        "private", description="how the library logs in; isapi has no thermometry, pictures or search (docs/guide.md)"
    )
    tls: bool | None = Field(
        None, description="whether it logs in over TLS; default with login isapi: as url says, else no"
    )
    window: int = Field(
        0, ge=0, le=0xFFFFFFFF, description="X11 window in which the library's player shows what captures are taken of"
    )


_ONE = {"enum": ["isapi", "sdk"]}
TransportOrder = Annotated[
    tuple[Transport, ...],
    BeforeValidator(lambda value: (value,) if isinstance(value, str) else value),
    Field(min_length=1),
    WithJsonSchema({"anyOf": [_ONE, {"type": "array", "items": _ONE, "minItems": 1}]}),
]


class CameraSettings(_Section):
    """One camera."""

    url: Url = Field(description="address: http(s)://host[:port]")
    username: str = Field(min_length=1)
    password: Password = Field(description="best as ${env:NAME} or ${file:/path}")
    rtsp_port: Port = Field(554, description="port of the camera's RTSP server")
    timeout: float = Field(10.0, gt=0, le=120, description="seconds a request may take")
    tls: TlsSettings = Field(default_factory=lambda: TlsSettings())
    transport: TransportOrder | dict[Capability | Literal["default"], TransportOrder] = Field(
        ("isapi",),
        description="how the camera is talked to, best first: isapi, sdk; or a mapping of capabilities to that, and default",
    )
    sdk: SdkSettings = Field(default_factory=lambda: SdkSettings())
    data_channel: Channel | None = Field(None, description="channel of the thermal picture, when it is not found right")
    config_channel: Channel | None = Field(
        None, description="channel of the measuring rules, when they stand under another one than the temperatures"
    )
    sources: tuple[Literal["alert_stream", "push", "realtime", "metadata", "poll", "frame"], ...] = Field(
        ("alert_stream", *TEMPERATURE_SOURCES),
        description="which sources of alarms and temperatures may be used; push: alarms that the camera sends to the listener",
    )
    temperature: TemperatureSettings = Field(default_factory=lambda: TemperatureSettings())
    metadata: MetadataSettings = Field(default_factory=lambda: MetadataSettings())
    virtual_rules: dict[Annotated[str, Field(min_length=1, max_length=64)], VirtualRuleSettings] = Field(
        default_factory=dict
    )
    recording_time: Literal["utc", "local", "auto"] = Field(
        "auto",
        description="what the camera takes times of recordings for: UTC, or its own time as many recorders do; "
        "auto: the first search finds out, UTC until then",
    )
    picture_overlay: bool = Field(
        False, description="true draws what an alarm tells into its thermal pictures; needs the extra overlay"
    )
    auth_retry: float = Field(
        1800.0, ge=60, description="seconds to wait after two refused logins when the camera names no time"
    )

    @model_validator(mode="after")
    def _sources_make_sense(self) -> CameraSettings:
        if not {"alert_stream", "push"} & set(self.sources):
            raise ValueError("sources has to list alert_stream, push or both: alarms come over nothing else")
        if self.metadata.enable and "metadata" not in self.sources:
            raise ValueError("metadata.enable is true, but sources does not list metadata")
        if self.temperature.source not in ("auto", *self.sources):
            raise ValueError(f"temperature.source is {self.temperature.source}, which sources does not list")
        return self

    @model_validator(mode="after")
    def _transports_make_sense(self) -> CameraSettings:
        orders = self.transport.values() if isinstance(self.transport, dict) else (self.transport,)
        if any(len(set(order)) < len(order) for order in orders):
            raise ValueError("transport lists one of them twice")
        if any("sdk" in order for order in orders) and self.sdk.path is None:
            raise ValueError("transport lists sdk: sdk.path has to name the folder of your copy of the vendor library")
        return self

    def transports(self, capability: str = "default") -> tuple[Transport, ...]:
        """Return the transports to use for a capability, best first; `default`: for what is none."""
        if not isinstance(self.transport, dict):
            return self.transport
        named: Mapping[str, tuple[Transport, ...]] = {str(name): order for name, order in self.transport.items()}
        return named.get(capability) or named.get("default") or ("isapi",)

    @property
    def all_transports(self) -> tuple[Transport, ...]:
        """Return every transport that is used for something, the first choice first."""
        orders = self.transport.values() if isinstance(self.transport, dict) else ()
        return tuple(dict.fromkeys(name for order in (self.transports(), *orders) for name in order))

    @property
    def temperature_sources(self) -> tuple[TemperatureSource, ...]:
        """Return where temperatures may come from, best first."""
        wanted = self.temperature.source
        return tuple(source for source in TEMPERATURE_SOURCES if source in self.sources and wanted in ("auto", source))

    @property
    def metadata_use(self) -> MetadataUse:
        """Return what the metadata track is to be used for beside temperatures: it alone tells burning spots."""
        if "metadata" not in self.sources:
            return "unused"
        return "wanted" if self.metadata.enable else "tried"

    @property
    def rules_of_our_own(self) -> tuple[VirtualRule, ...]:
        """Return the virtual rules."""
        return tuple(rule.made(name) for name, rule in self.virtual_rules.items())


class DriverSettings(_Section):
    """The section `hik_thermal`."""

    listener: ListenerSettings = Field(default_factory=lambda: ListenerSettings())
    cameras: dict[Annotated[str, Field(min_length=1, max_length=64)], CameraSettings] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _somebody_listens(self) -> DriverSettings:
        pushing = [name for name, camera in self.cameras.items() if "push" in camera.sources]
        if pushing and self.listener.bind is None:
            raise ValueError(f"listener.bind is not set, but sources of {', '.join(pushing)} list push")
        return self


class Settings(_Section):
    """What the driver takes from the whole configuration."""

    driver: DriverSettings
    state_dir: Path


def read(config: Mapping[str, Any]) -> Settings:
    """Return the driver's settings; raise ConfigError with every mistake of the section."""
    raw = config.get(KEY) or {}
    resolved, mistakes = resolve_secrets(raw, path=KEY)
    try:
        driver = DriverSettings.model_validate(resolved)
    except ValidationError as err:
        mistakes += mistakes_from_pydantic(err.errors(include_url=False), schema(), path=KEY)
    if mistakes:
        raise ConfigError(mistakes)
    return Settings(driver=driver, state_dir=state_dir(config))


def camera_settings(raw: Mapping[str, Any]) -> CameraSettings:
    """Return one camera's settings; raise ConfigError with every mistake."""
    try:
        return CameraSettings.model_validate(raw)
    except ValidationError as err:
        schema = CameraSettings.model_json_schema()
        raise ConfigError(mistakes_from_pydantic(err.errors(include_url=False), schema)) from None


def schema() -> Mapping[str, Any]:
    """Return the JSON Schema of the section."""
    return DriverSettings.model_json_schema()


__all__ = [
    "KEY",
    "CameraSettings",
    "DriverSettings",
    "ListenerSettings",
    "Settings",
    "TlsSettings",
    "camera_settings",
    "read",
    "schema",
]
