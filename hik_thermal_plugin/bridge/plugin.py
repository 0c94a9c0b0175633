"""The plugin `mqtt`: hook implementations only. Loading it opens nothing and imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nvr_hooks import CONTRACT_VERSION, ConfigError, Finding, Health, Mistake, hookimpl

if TYPE_CHECKING:
    from .bridge import Bridge
    from .settings import Settings


class MqttPlugin:
    """A bridge from every camera of the host to one MQTT broker."""

    nvr_contract = CONTRACT_VERSION

    def __init__(self) -> None:
        self._settings: Settings | None = None
        self._hooks: Any = None
        self._bridge: Bridge | None = None

    @hookimpl
    def nvr_config_schema(self) -> tuple[str, Mapping[str, Any]]:
        """Tell the section `mqtt`."""
        from .settings import KEY, schema

        return KEY, schema()

    @hookimpl
    def nvr_configure(self, config: Mapping[str, Any]) -> None:
        """Take the section `mqtt`; without it there is no bridge. A running bridge is replaced when the section changed."""
        from .messages import clashes
        from .settings import KEY, read

        settings = read(config)
        if settings is not None and (problems := clashes(_camera_names(config))):
            raise ConfigError([Mistake(KEY, problem) for problem in problems])
        before, self._settings = self._settings, settings
        if self._hooks is None:
            return
        if before == self._settings or self._bridge is None:
            self._begin()
            return
        from .handover import Handover

        with Handover(self._hooks) as held:
            self._end()
            self._begin()
            if self._bridge is not None:
                held.give(self._bridge.take)

    @hookimpl
    def nvr_start(self, hooks: Any) -> None:
        """Subscribe to every camera and connect."""
        self._hooks = hooks
        self._begin()

    @hookimpl
    def nvr_diagnose(self, camera: str) -> Sequence[Finding] | None:
        """Look at the broker when asked about no camera: those are others'. Without a section there is nothing to look at."""
        if camera or self._settings is None:
            return None
        from .diagnosis import diagnose

        return diagnose(self._settings.bridge)

    @hookimpl
    def nvr_health(self, camera: str) -> Sequence[Health] | None:
        """Tell how the way to the broker does when asked about no camera: those are others'."""
        bridge = self._bridge
        return None if camera or bridge is None else (bridge.health(),)

    @hookimpl
    def nvr_commands(self, cli: Any) -> None:
        """Add `test-alarm` and `node-red flow`."""
        from . import flow_command, trial

        trial.nvr_commands(cli, lambda: self._settings)
        flow_command.nvr_commands(cli, lambda: self._settings)

    @hookimpl
    def nvr_close(self) -> None:
        """Deliver what is left, say offline, end."""
        self._hooks = None
        self._end()

    def _begin(self) -> None:
        if self._bridge is not None:
            self._bridge.look_again()
        elif self._settings is not None:
            from .bridge import Bridge

            bridge = Bridge(self._settings, self._hooks)
            bridge.start()
            self._bridge = bridge

    def _end(self) -> None:
        bridge, self._bridge = self._bridge, None
        if bridge is not None:
            bridge.close()


def _camera_names(config: Mapping[str, Any]) -> list[str]:
    """Return the cameras that any section names: what they will be called is known before any of them has answered."""
    sections = [section.get("cameras") for section in config.values() if isinstance(section, Mapping)]
    names = [str(name) for cameras in sections if isinstance(cameras, Mapping) for name in cameras]
    return list(dict.fromkeys(names))  # another section may have something to say of the same camera


plugin = MqttPlugin()
