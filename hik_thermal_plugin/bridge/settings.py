"""The section `mqtt` of the configuration: YAML in, frozen models out, every mistake at once."""

from __future__ import annotations

import hashlib
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from nvr_hooks import ConfigError
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

KEY = "mqtt"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES = {"": 1, "B": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3}


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


def _secret(value: object) -> Secret:
    if isinstance(value, Secret):
        return value
    if isinstance(value, str):
        return Secret(value)
    raise ValueError("expected a text, best as ${env:NAME} or ${file:/path}")


def _host(text: str) -> str:
    if "://" in text or "/" in text or text != text.strip():
        raise ValueError("expected a host name or address alone; TLS is switched on with the key tls")
    return text[1:-1] if text.startswith("[") and text.endswith("]") else text


def _prefix(text: str) -> str:
    if not re.fullmatch(r"[^+#$/\x00-\x1f\x7f][^+#\x00-\x1f\x7f]*", text) or text.endswith("/") or "//" in text:
        raise ValueError(
            "expected the start of a topic like site/hik_thermal: no + or #, no / at an end, no $ in front"
        )
    return text


def _readable(path: Path) -> Path:
    path = path.expanduser()
    try:
        with path.open("rb"):
            return path
    except OSError as err:
        raise ValueError(f"cannot read the file {path}: {err.strerror}") from err


def _seconds(value: object) -> object:
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhd])\s*", value)
        if not match:
            raise ValueError("expected a time like 90s, 30m, 12h or 7d")
        return float(match[1]) * _SECONDS[match[2]]
    return value


def _bytes(value: object) -> object:
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kKMG]?B?)\s*", value)
        if not match or match[2].upper() not in _BYTES:
            raise ValueError("expected a size like 500kB, 32MB or 1GB")
        return int(float(match[1]) * _BYTES[match[2].upper()])
    return value


def _version(value: object) -> object:
    return str(value) if isinstance(value, int | float) else value  # YAML reads an unquoted 5 as a number


_Protocol = Annotated[Literal["3.1.1", "5"], BeforeValidator(_version)]
_Text = Annotated[str, Field(min_length=1)]
_Password = Annotated[Secret, BeforeValidator(_secret), WithJsonSchema({"type": "string", "writeOnly": True})]
_File = Annotated[Path, AfterValidator(_readable)]
_Duration = Annotated[
    float,
    Field(ge=1),
    BeforeValidator(_seconds),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 1}, {"type": "string"}]}),
]
_Size = Annotated[
    int,
    Field(ge=10_000),
    BeforeValidator(_bytes),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 10_000}, {"type": "string"}]}),
]


class TlsSettings(_Section):
    """TLS to the broker; an empty mapping switches it on with the system's certificate authorities."""

    ca: _File | None = Field(
        default=None, description="PEM file with the authority that signed the broker's certificate"
    )
    cert: _File | None = Field(
        default=None, description="PEM file with our own certificate, for brokers that ask for one"
    )
    key: _File | None = Field(default=None, description="PEM file with the key of `cert`")
    verify: bool = Field(
        default=True, description="false trusts any broker: whoever stands in between reads everything"
    )

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.cert is None) != (self.key is None):
            raise ValueError("cert and key go together")
        return self


class OutboxSettings(_Section):
    """How much is kept for a broker that is away."""

    max_age: _Duration = Field(
        default=7 * 86400.0, description="older events are dropped: seconds, or 90s, 30m, 12h, 7d"
    )
    max_size: _Size = Field(
        default=32_000_000, description="bytes of events kept, in memory and on disk: or 500kB, 32MB"
    )
    path: Path | None = Field(default=None, description="the file; default: in state_dir, named by the prefix")


class RecordingSettings(_Section):
    """Where the command `record` puts its files."""

    directory: Path | None = Field(default=None, description="default: recordings in state_dir")
    max_size: _Size = Field(
        default=2_000_000_000, description="bytes of recordings kept, the oldest go first: or 500MB, 2GB"
    )


class HomeAssistantSettings(_Section):
    """How entities are announced to Home Assistant."""

    discovery: bool = Field(default=False, description="announce cameras to Home Assistant")
    prefix: Annotated[_Text, AfterValidator(_prefix)] = Field(
        default="homeassistant", description="Home Assistant's own prefix"
    )
    fire_class: Literal["safety", "smoke", "heat", "problem"] = Field(
        default="safety", description="device class of fire alarms: Home Assistant has none called fire"
    )


class BridgeSettings(_Section):
    """The section `mqtt`."""

    host: Annotated[_Text, AfterValidator(_host)] = Field(description="name or address of the broker")
    port: int | None = Field(default=None, ge=1, le=65535, description="default 1883, with tls 8883")
    username: _Text | None = None
    password: _Password | None = Field(default=None, description="best as ${env:NAME} or ${file:/path}")
    tls: TlsSettings | None = Field(default=None, description="{} switches TLS on")
    protocol: _Protocol = Field(default="3.1.1", description="version of MQTT")
    client_id: _Text | None = Field(default=None, description="default: the host's name and a hash of the prefix")
    prefix: Annotated[_Text, AfterValidator(_prefix)] = Field(
        default="hik_thermal", description="first part of every topic"
    )
    release_after: float = Field(
        default=10.0, gt=0, le=3600, description="seconds without a word from the device after which an alarm is over"
    )
    retain: bool = Field(
        default=True,
        description="false for a broker that refuses retained messages: who subscribes later waits for the next one",
    )
    outbox: OutboxSettings = Field(default_factory=OutboxSettings)
    recordings: RecordingSettings = Field(default_factory=RecordingSettings)
    home_assistant: HomeAssistantSettings = Field(default_factory=HomeAssistantSettings)

    @model_validator(mode="after")
    def _user_with_password(self) -> Self:
        if self.password is not None and self.username is None:
            raise ValueError("password needs a username beside it")
        return self

    @property
    def port_used(self) -> int:
        """Return the port, or the usual one."""
        return self.port or (1883 if self.tls is None else 8883)

    @property
    def client_id_used(self) -> str:
        """Return the client id, or one that another host or another prefix does not share: equal ids kick each other out."""
        digest = hashlib.sha256(self.prefix.encode()).hexdigest()[:8]
        return self.client_id or f"hik-thermal-{socket.gethostname()}-{digest}"

    @property
    def address(self) -> str:
        """Return host and port for people."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port_used}"


class Settings(_Section):
    """What the bridge takes from the whole configuration."""

    bridge: BridgeSettings
    state_dir: Path

    @property
    def outbox_path(self) -> Path:
        """Return the file of the outbox; one for each prefix, so that two bridges do not share it."""
        if self.bridge.outbox.path is not None:
            return self.bridge.outbox.path.expanduser()
        name = re.sub(r"[^A-Za-z0-9_-]", "_", self.bridge.prefix)
        return self.state_dir / f"mqtt-outbox-{name}.db"

    @property
    def recordings_path(self) -> Path:
        """Return the folder of what the command `record` makes."""
        folder = self.bridge.recordings.directory
        return self.state_dir / "recordings" if folder is None else folder.expanduser()


def read(config: Mapping[str, Any]) -> Settings | None:
    """Return the bridge's settings, None when there is no section; raise ConfigError with every mistake of it."""
    if KEY not in config:
        return None
    resolved, mistakes = resolve_secrets({} if config[KEY] is None else config[KEY], path=KEY)
    try:
        bridge = BridgeSettings.model_validate(resolved)
    except ValidationError as err:
        mistakes += mistakes_from_pydantic(err.errors(include_url=False), schema(), path=KEY)
    if mistakes:
        raise ConfigError(mistakes)
    return Settings(bridge=bridge, state_dir=state_dir(config))


def schema() -> Mapping[str, Any]:
    """Return the JSON Schema of the section."""
    return BridgeSettings.model_json_schema()
