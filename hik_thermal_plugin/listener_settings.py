"""The section `hik_thermal.listener` of the configuration: the port that cameras push their alarms to."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

TlsVersion = Literal["1.0", "1.1", "1.2", "1.3"]


def _readable(path: Path) -> Path:
    path = path.expanduser()
    try:
        path.open("rb").close()
    except OSError as err:
        raise ValueError(f"cannot read the file {path}: {err.strerror}") from err
    return path


def _bind_address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise ValueError("expected one of this machine's addresses, like 192.0.2.5, 0.0.0.0 or ::") from None


def _advertised(text: str) -> str:
    try:
        parts = urlsplit(f"//{text}")
        if parts.netloc == text and parts.hostname and "@" not in text and parts.port != 0:
            return text
    except ValueError:
        pass
    raise ValueError("expected host or host:port, an IPv6 address in brackets")


class ListenerTls(BaseModel):
    """TLS of the listener."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cert: Annotated[Path, AfterValidator(_readable)] = Field(
        description="PEM file with the listener's certificate and its chain"
    )
    key: Annotated[Path, AfterValidator(_readable)] | None = Field(
        None, description="PEM file with its key, when that is not in cert"
    )
    minimum: TlsVersion = Field("1.2", description="oldest version of TLS that is spoken with cameras")


class ListenerSettings(BaseModel):
    """The port that cameras push their alarms to; nobody is listened to without bind."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bind: Annotated[str, AfterValidator(_bind_address)] | None = Field(
        None, description='own address to listen at; "0.0.0.0" or "::" for all'
    )
    port: int = Field(8089, ge=1, le=65535, description="port to listen at")
    address: Annotated[str, AfterValidator(_advertised)] | None = Field(
        None,
        description="host or host:port that cameras are told to push to; default: our address on the way to the camera",
    )
    allow: tuple[IPv4Network | IPv6Network, ...] = Field(
        (), description="networks whose addresses may push beside the cameras' own, as behind a router that translates"
    )
    tls: ListenerTls | None = Field(None, description="with it only https is spoken")
