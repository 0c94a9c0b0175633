"""Find plugins through the entry points of group `nvr.plugins`, each on its own: one that is broken does not stop the host.

`NVR_BLOCK_PLUGINS=name,name` keeps plugins out. A plugin may say which contract it was written for with an attribute
`nvr_contract = (1, 0)`; another major version, or a newer minor one, is refused with a readable reason.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

import pluggy

from . import spec
from .errors import ContractError

log = logging.getLogger(__name__)
BLOCK_VARIABLE = "NVR_BLOCK_PLUGINS"


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginInfo:
    """What became of one plugin."""

    name: str
    distribution: str | None
    version: str | None
    contract: tuple[int, int] | None
    state: Literal["loaded", "failed", "blocked"]
    reason: str | None = None
    hooks: tuple[str, ...] = ()


class Plugins:
    """The plugins of one host: `hook` calls them, `infos` tells what became of each."""

    def __init__(self) -> None:
        self.manager = pluggy.PluginManager(spec.PROJECT)
        self.manager.add_hookspecs(spec)
        self._infos: dict[str, PluginInfo] = {}

    @property
    def hook(self) -> Any:
        """Return the relay: `plugins.hook.nvr_snapshot(camera=…, channel=None, options=…)`."""
        return self.manager.hook

    @property
    def infos(self) -> tuple[PluginInfo, ...]:
        """Return what became of each plugin, by name."""
        return tuple(self._infos[name] for name in sorted(self._infos))

    def plugin(self, name: str) -> Any | None:
        """Return the plugin object of that name, or None."""
        return self.manager.get_plugin(name)

    def add(self, name: str, plugin: object, *, distribution: str | None = None, version: str | None = None) -> None:
        """Register a plugin object; raise ContractError when it was written for another contract or its hooks do not fit."""
        contract = getattr(plugin, "nvr_contract", None)
        check_contract(name, contract)
        try:
            self.manager.register(plugin, name=name)
            self.manager.check_pending()
        except pluggy.PluginValidationError as err:
            if self.manager.is_registered(plugin):  # pluggy before 1.7 leaves half of a refused plugin registered
                self.manager.unregister(plugin)
            raise ContractError(f"plugin {name}: {err}") from err
        hooks = tuple(sorted(caller.name for caller in self.manager.get_hookcallers(plugin) or ()))
        self._infos[name] = PluginInfo(
            name=name, distribution=distribution, version=version, contract=contract, state="loaded", hooks=hooks
        )

    def load(self, entry: EntryPoint) -> None:
        """Load one entry point; a failure is logged and kept in `infos`, never raised."""
        distribution = entry.dist.name if entry.dist else None
        version = entry.dist.version if entry.dist else None
        try:
            self.add(entry.name, entry.load(), distribution=distribution, version=version)
        except (Exception, SystemExit) as err:  # noqa: BLE001 - whatever a foreign plugin raises on import stays its own
            reason = f"{type(err).__name__}: {err}"
            log.warning("plugin %s could not be loaded: %s", entry.name, reason)
            self._infos[entry.name] = PluginInfo(
                name=entry.name,
                distribution=distribution,
                version=version,
                contract=None,
                state="failed",
                reason=reason,
            )

    def block(self, name: str, distribution: str | None = None, version: str | None = None) -> None:
        """Keep a plugin out."""
        self._infos[name] = PluginInfo(
            name=name,
            distribution=distribution,
            version=version,
            contract=None,
            state="blocked",
            reason=f"named in {BLOCK_VARIABLE}",
        )


def load_plugins(
    *,
    found: Iterable[EntryPoint] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Plugins:
    """Load every installed plugin that is not blocked; `found` replaces the look-up of entry points."""
    blocked = {name.strip() for name in environ.get(BLOCK_VARIABLE, "").split(",")}
    plugins = Plugins()
    for entry in sorted(entry_points(group=spec.GROUP) if found is None else found, key=lambda entry: entry.name):
        if entry.name in blocked:
            plugins.block(
                entry.name, entry.dist.name if entry.dist else None, entry.dist.version if entry.dist else None
            )
        else:
            plugins.load(entry)
    return plugins


def check_contract(name: str, contract: object) -> None:
    """Raise ContractError unless a plugin written for `contract` can run here; None passes."""
    if contract is None:
        return
    here = ".".join(map(str, spec.CONTRACT_VERSION))
    if not (isinstance(contract, tuple) and len(contract) == 2 and all(isinstance(part, int) for part in contract)):
        raise ContractError(f"plugin {name}: nvr_contract must be two numbers like (1, 0), got {contract!r}")
    if contract[0] != spec.CONTRACT_VERSION[0] or contract[1] > spec.CONTRACT_VERSION[1]:
        wanted = ".".join(map(str, contract))
        raise ContractError(f"plugin {name} needs contract {wanted}, this host speaks {here}: update one of them")
