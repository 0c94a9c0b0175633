"""The section `hik_thermal` of the configuration: YAML in, frozen models out, every mistake at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from nvr_hooks import ConfigError
from nvr_hooks.mistakes import mistakes_from_pydantic
from nvr_hooks.places import state_dir
from nvr_hooks.secrets import Secret, resolve_secrets
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

KEY = "hik_thermal"


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


Url = Annotated[str, AfterValidator(_camera_url)]
Password = Annotated[Secret, BeforeValidator(_secret), WithJsonSchema({"type": "string", "writeOnly": True})]
Channel = Annotated[int, Field(ge=1, le=64)]
Port = Annotated[int, Field(ge=1, le=65535)]


class TlsSettings(_Section):
    """How the camera's certificate is checked; devices come with a self-signed one (isapi.md 1.1)."""

    ca: Path | None = Field(None, description="PEM file with the certificate, or its issuer, to trust for this camera")
    fingerprint: str | None = Field(
        None,
        pattern=r"^[0-9A-Fa-f]{2}(:?[0-9A-Fa-f]{2}){31}$",
        description="SHA-256 of the camera's certificate: exactly this one is trusted",
    )
    verify: bool = Field(True, description="false trusts any certificate: whoever stands in between reads the password")


class CameraSettings(_Section):
    """One camera."""

    url: Url = Field(description="address: http(s)://host[:port]")
    username: str = Field(min_length=1)
    password: Password = Field(description="best as ${env:NAME} or ${file:/path}")
    rtsp_port: Port = Field(554, description="port of the camera's RTSP server")
    timeout: float = Field(10.0, gt=0, le=120, description="seconds a request may take")
    tls: TlsSettings = Field(default_factory=lambda: TlsSettings())
    data_channel: Channel | None = Field(None, description="channel of the thermal picture, when it is not found right")
    sources: tuple[Literal["alert_stream"], ...] = Field(("alert_stream",), description="where alarms come from")
    auth_retry: float = Field(
        1800.0, ge=60, description="seconds to wait after two refused logins when the camera names no time"
    )


class DriverSettings(_Section):
    """The section `hik_thermal`."""

    cameras: dict[Annotated[str, Field(min_length=1, max_length=64)], CameraSettings] = Field(default_factory=dict)


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


__all__ = ["KEY", "CameraSettings", "DriverSettings", "Settings", "TlsSettings", "camera_settings", "read", "schema"]
