"""The section `frigate` of the configuration: YAML in, frozen models out, every mistake at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

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

KEY = "frigate"
LABELS = {"fire": "fire", "smoke": "smoke", "temperature": "heat", "temperature_difference": "heat"}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


def _secret(value: object) -> Secret:
    if isinstance(value, Secret):
        return value
    if isinstance(value, str):
        return Secret(value)
    raise ValueError("expected a text, best as ${env:NAME} or ${file:/path}")


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.username is not None or parts.password is not None:
        raise ValueError("no user or password in the address: there are the keys username and password")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("expected an address like http://frigate:5000 or https://frigate:8971")
    return text.rstrip("/").removesuffix("/api")


def _camera(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]+", text):  # Frigate refuses any other name
        raise ValueError("expected the name of a camera as Frigate has it: letters, digits, _ and - only")
    return text


def _label(text: str) -> str:
    if not re.fullmatch(r"[^/\x00-\x1f\x7f]{1,100}", text) or text in (".", ".."):
        raise ValueError("expected a label, a text without /")
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


_Duration = Annotated[
    float,
    Field(ge=1),
    BeforeValidator(_seconds),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 1}, {"type": "string"}]}),
]
_Text = Annotated[str, Field(min_length=1)]
_Camera = Annotated[str, AfterValidator(_camera)]
_Label = Annotated[str, AfterValidator(_label)]
_Password = Annotated[Secret, BeforeValidator(_secret), WithJsonSchema({"type": "string", "writeOnly": True})]


class TlsSettings(_Section):
    """How Frigate's certificate is looked at; the one it makes for itself is trusted by nobody."""

    ca: Annotated[Path, AfterValidator(_readable)] | None = Field(
        default=None, description="PEM file with Frigate's certificate, or with the authority that signed it"
    )
    check_name: bool = Field(
        default=True, description="false: the certificate may be for any name, as the one Frigate makes for itself is"
    )
    verify: bool = Field(
        default=True, description="false trusts whoever answers: who stands in between gets the password"
    )


class CameraSettings(_Section):
    """What a camera's channels are called in Frigate."""

    thermal: _Camera | None = Field(default=None, description="default: the camera's name with `_thermal`")
    visible: _Camera | None = Field(default=None, description="default: the camera's name with `_visible`")
    events: bool = Field(default=True, description="false: its alarms become no events")


class FrigateSettings(_Section):
    """The section `frigate`."""

    url: Annotated[str, AfterValidator(_address)] | None = Field(
        default=None,
        description="address of Frigate: port 5000 without login, 8971 with username and password; without it no events are made",
    )
    username: _Text | None = Field(default=None, description="user with the role admin, for port 8971")
    password: _Password | None = Field(default=None, description="best as ${env:NAME} or ${file:/path}")
    tls: TlsSettings = Field(default_factory=TlsSettings)
    timeout: float = Field(default=10.0, gt=0, le=120, description="seconds a request may take")
    labels: dict[_Text, _Label] = Field(
        default=LABELS, description="kind of alarm -> label of its events; a kind that is not named makes none"
    )
    pre_alarms: bool = Field(default=False, description="true: pre-alarms become events too")
    release_after: float = Field(
        default=30.0, gt=0, le=3600, description="seconds without a word from the device after which an event is ended"
    )
    hold: _Duration = Field(
        default=600.0, description="how long an event stays open while its camera cannot be heard: seconds, or 90s, 30m"
    )
    max_age: _Duration = Field(
        default=3600.0, description="alarms older than this when Frigate is back make no event: seconds, or 30m, 12h"
    )
    max_waiting: int = Field(default=500, ge=1, le=10_000, description="alarms kept for a Frigate that is away")
    include_recording: bool = Field(default=True, description="Frigate keeps its recording of the event")
    cameras: dict[_Text, CameraSettings] = Field(
        default_factory=dict, description="camera -> what its channels are called in Frigate"
    )

    @model_validator(mode="after")
    def _user_with_password(self) -> Self:
        if (self.password is None) != (self.username is None):
            raise ValueError("username and password go together")
        return self

    def camera(self, name: str, *, thermal: bool) -> str:
        """Return what a channel of a camera is called in Frigate."""
        own = self.cameras.get(name) or CameraSettings()
        named = own.thermal if thermal else own.visible
        return named or f"{re.sub(r'[^a-z0-9_-]', '_', name.lower())}_{'thermal' if thermal else 'visible'}"


class Settings(_Section):
    """What the plugin takes from the whole configuration."""

    frigate: FrigateSettings
    state_dir: Path

    @property
    def journal_path(self) -> Path:
        """Return the file of events that are not ended yet."""
        return self.state_dir / "frigate-events.json"


def read(config: Mapping[str, Any]) -> Settings | None:
    """Return the plugin's settings, None when there is no section; raise ConfigError with every mistake of it."""
    if KEY not in config:
        return None
    resolved, mistakes = resolve_secrets({} if config[KEY] is None else config[KEY], path=KEY)
    try:
        frigate = FrigateSettings.model_validate(resolved)
    except ValidationError as err:
        mistakes += mistakes_from_pydantic(err.errors(include_url=False), schema(), path=KEY)
    if mistakes:
        raise ConfigError(mistakes)
    return Settings(frigate=frigate, state_dir=state_dir(config))


def schema() -> Mapping[str, Any]:
    """Return the JSON Schema of the section."""
    return FrigateSettings.model_json_schema()
