"""The host itself: plugins configured, started, and closed again, each on its own so that one cannot take the others down."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from nvr_hooks import CameraInfo, ConfigError, Finding, Health, Mistake, NvrError
from nvr_hooks.loading import Plugins

from .settings import top_level_mistakes

log = logging.getLogger(__name__)
CLOSE_SECONDS = 4.5
"""A service manager's patience, and what is promised to it: less than 5 s from SIGTERM to the end."""
_CONSUMERS_SHARE = 0.75


class Host:
    """One set of plugins with one configuration."""

    def __init__(self, plugins: Plugins) -> None:
        self.plugins = plugins
        self.broken: dict[str, str] = {}
        """Plugins that failed in a way they should not, with the reason; they are out, the others go on."""
        self.stuck: list[str] = []
        """Plugins that did not close in time."""
        self._open = False

    @property
    def hook(self) -> Any:
        """Return the relay: `host.hook.nvr_snapshot(camera=…, channel=None, options=…)`."""
        return self.plugins.hook

    def schemas(self) -> dict[str, Mapping[str, Any]]:
        """Return the JSON Schema of each plugin's section, by its key in the configuration."""
        found = {}
        for _, answers in self._each("nvr_config_schema"):
            for key, schema in answers:
                found[key] = schema
        return found

    def configure(self, document: Mapping[str, Any]) -> None:
        """Give every plugin the configuration; raise one ConfigError with the mistakes of all of them."""
        self._open = True
        infos = self.plugins.infos
        mistakes = top_level_mistakes(
            document,
            self.schemas(),
            failed={info.name: info.reason or "" for info in infos if info.state == "failed"},
            ignored=[info.name for info in infos if info.state == "blocked"],
        )
        wrong = {mistake.path for mistake in mistakes}
        usable = {key: value for key, value in document.items() if key not in wrong}
        for _ in self._each("nvr_configure", on_config_error=mistakes.extend, config=usable):
            pass
        if not mistakes:
            mistakes.extend(self._names_used_twice())
        if mistakes:
            raise ConfigError(list(dict.fromkeys(mistakes)))

    def start(self) -> None:
        """Begin, cameras before those who listen to them; an error that a plugin raises on purpose ends the start."""
        for _ in self._each("nvr_start", hooks=self.hook):
            pass

    def cameras(self) -> list[CameraInfo]:
        """Return all configured cameras, sorted by name, with what is known of them."""
        cameras = [info for _, answers in self._each("nvr_cameras") for infos in answers for info in infos]
        return sorted(cameras, key=lambda info: info.name)

    def own_findings(self) -> list[tuple[str, Finding]]:
        """Ask each plugin for what is wrong with itself and what it talks to, a broker or a server; by the plugin's name."""
        found: list[tuple[str, Finding]] = []
        for name in self._names("nvr_diagnose"):
            try:
                answer = self._one("nvr_diagnose", name)(camera="")
            except Exception as err:  # noqa: BLE001 - what one plugin cannot say must not hide what the others say
                log.warning("plugin %s could not be asked what is wrong: %s: %s", name, type(err).__name__, err)
            else:
                found += [(name, finding) for finding in answer or ()]
        return found

    def own_health(self) -> dict[str, Sequence[Health]]:
        """Ask each plugin how it does itself, beside its cameras; one that cannot say is left out."""
        found: dict[str, Sequence[Health]] = {}
        for name in self._names("nvr_health"):
            try:
                answer = self._one("nvr_health", name)(camera="")
            except Exception as err:  # noqa: BLE001 - as with findings
                log.debug("plugin %s could not be asked how it does: %s: %s", name, type(err).__name__, err)
            else:
                found |= {name: answer} if answer else {}
        return found

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """End all plugins that were configured, listeners before the cameras they listen to; safe to call twice."""
        if not self._open:
            return
        self._open = False
        deadline = time.monotonic() + seconds
        listeners = [name for name in self._names("nvr_close") if not self._is_source(name)]
        sources = [name for name in self._names("nvr_close") if self._is_source(name)]
        self.stuck = self._close(listeners, time.monotonic() + seconds * _CONSUMERS_SHARE)
        self.stuck += self._close(sources, deadline)
        for name in self.stuck:
            log.warning("plugin %s did not close within %.1f s", name, seconds)

    def commands(self, cli: Any) -> None:
        """Let every plugin add its commands; one that cannot goes on without them."""
        for name in self._names("nvr_commands"):
            try:
                self._one("nvr_commands", name)(cli=cli)
            except Exception as err:  # noqa: BLE001 - no command is worth the plugin's other work
                log.warning("plugin %s could not add its commands: %s: %s", name, type(err).__name__, err)

    def _close(self, names: Sequence[str], deadline: float) -> list[str]:
        def close(name: str) -> None:
            try:
                self._one("nvr_close", name)()
            except Exception:
                log.exception("plugin %s failed while closing", name)

        threads = {
            name: threading.Thread(target=close, args=(name,), name=f"close-{name}", daemon=True) for name in names
        }
        for thread in threads.values():
            thread.start()
        for thread in threads.values():
            thread.join(max(deadline - time.monotonic(), 0))
        return [name for name, thread in threads.items() if thread.is_alive()]

    def _each(
        self, hook: str, on_config_error: Callable[[Sequence[Mistake]], None] | None = None, **arguments: Any
    ) -> Iterator[tuple[str, Any]]:
        """Call a hook plugin by plugin, cameras first; yield name and answers. What a plugin raises by mistake puts it out."""
        for name in sorted(self._names(hook), key=lambda name: not self._is_source(name)):
            try:
                answers = self._one(hook, name)(**arguments)
            except ConfigError as err:
                if on_config_error is None:
                    raise
                on_config_error(err.mistakes)
            except NvrError:
                raise
            except Exception as err:  # noqa: BLE001 - a plugin may raise anything, and stays alone with it
                # The configuration is about, passwords included: an exception's text may quote it, its type and place cannot.
                place = traceback.extract_tb(err.__traceback__)[-1]
                reason = f"{type(err).__name__} in {place.name}, line {place.lineno} of {place.filename}"
                log.error("plugin %s failed in %s and is left out: %s", name, hook, reason)  # noqa: TRY400
                self.broken[name] = f"the plugin failed in {hook}: {reason}"
                self.plugins.manager.unregister(name=name)
            else:
                yield name, answers

    def _one(self, hook: str, name: str) -> Any:
        others = [plugin for other, plugin in self.plugins.manager.list_name_plugin() if other != name and plugin]
        return self.plugins.manager.subset_hook_caller(hook, others)

    def _names(self, hook: str) -> list[str]:
        manager = self.plugins.manager
        return [
            name
            for name, plugin in manager.list_name_plugin()
            if plugin is not None and any(caller.name == hook for caller in manager.get_hookcallers(plugin) or ())
        ]

    def _is_source(self, name: str) -> bool:
        return name in self._names("nvr_listen")

    def _names_used_twice(self) -> list[Mistake]:
        owners: dict[str, list[str]] = {}
        for plugin, answers in self._each("nvr_cameras"):
            for infos in answers:
                for info in infos:
                    owners.setdefault(info.name, []).append(plugin)
        return [
            Mistake("", f"two cameras are named {name}: in {' and in '.join(plugins)}")
            for name, plugins in owners.items()
            if len(plugins) > 1
        ]
