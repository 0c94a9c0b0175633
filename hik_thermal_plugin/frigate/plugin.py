"""The plugin `frigate`: hook implementations only. Loading it opens nothing and imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nvr_hooks import CONTRACT_VERSION, hookimpl

if TYPE_CHECKING:
    from .service import Service
    from .settings import Settings


class FrigatePlugin:
    """Alarms of every camera of the host, as events in one Frigate."""

    nvr_contract = CONTRACT_VERSION

    def __init__(self) -> None:
        self._settings: Settings | None = None
        self._hooks: Any = None
        self._service: Service | None = None

    @hookimpl
    def nvr_config_schema(self) -> tuple[str, Mapping[str, Any]]:
        """Tell the section `frigate`."""
        from .settings import KEY, schema

        return KEY, schema()

    @hookimpl
    def nvr_configure(self, config: Mapping[str, Any]) -> None:
        """Take the section; without it, or without a `url` in it, no events are made. Other settings begin anew."""
        from .settings import read

        before, self._settings = self._settings, read(config)
        if self._hooks is None:
            return
        if before != self._settings:
            self._end()
        self._begin()

    @hookimpl
    def nvr_start(self, hooks: Any) -> None:
        """Listen to every camera."""
        self._hooks = hooks
        self._begin()

    @hookimpl
    def nvr_commands(self, cli: Any) -> None:
        """Add `frigate config`."""
        from . import commands

        commands.nvr_commands(cli, lambda: self._settings)

    @hookimpl
    def nvr_close(self) -> None:
        """End the events that are open, as far as Frigate answers; end every thread."""
        self._hooks = None
        self._end()

    def _begin(self) -> None:
        if self._service is not None:
            self._service.look_again()
        elif self._settings is not None and self._settings.frigate.url is not None:
            from .service import Service

            self._service = Service(self._settings, self._hooks)
            self._service.start()

    def _end(self) -> None:
        service, self._service = self._service, None
        if service is not None:
            service.close()


plugin = FrigatePlugin()
