"""`hik-thermal run`: the service from its first line to its last, with reloads in between."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer
from nvr_hooks import ConfigError, NvrError, WrongUse
from nvr_hooks.places import state_dir

from . import logs, memory, service_settings, settings
from .hold import Hold
from .notify import Notifier
from .occupancy import Occupancy
from .output import put_json
from .pulse import Pulse, Reloads, health_of
from .reload import Watched, reload
from .service_settings import MetricsSettings
from .session import Session
from .signals import Empty, Hangup, Inbox, Stop

log = logging.getLogger(__name__)
LOOK_SECONDS: Final = 1.0
"""How often the configuration file is looked at."""


def run(
    session: Session,
    form: Annotated[
        str | None, typer.Option("--log", metavar="text|json", help="Form of log lines; else log.format of the file.")
    ] = None,
) -> None:
    """Run the service: listen to all cameras and hand on what they tell, until SIGTERM or Ctrl-C."""
    if form not in (None, "text", "json"):
        raise WrongUse(f"--log is text or json, not {form}")
    logs.form("json" if form == "json" else "text")
    memory.share_arenas()
    service = Service(session, chosen_form=form)
    try:
        service.run()
    finally:
        service.close()


class Service:
    """One run. Everything happens in the main thread, which also gives systemd its signs of life."""

    def __init__(self, session: Session, *, chosen_form: str | None = None) -> None:
        self._session = session
        self._host = session.host
        self._chosen_form = chosen_form
        self._path = settings.locate(session.options.config)
        self._notifier = Notifier()
        self._document: Mapping[str, Any] = {}
        self._proof = Proof(session)
        self._hold = Hold(session.host)
        self._occupancy = Occupancy()
        self._alive_at = 0.0
        self._gave_back_at = time.monotonic()

    def run(self) -> None:
        """Start, then wait for signals and changes of the file; return at SIGTERM or Ctrl-C."""
        with Inbox[None]() as inbox, Hangup(lambda: inbox.put(None)):
            watched = Watched(self._path)
            self._document = self._session.configure()
            self._take_form()
            self._warn()
            self._occupancy.take(state_dir(self._document))
            memory.settle()
            self._host.start()
            self._proof.configure(service_settings.metrics(self._document))
            self._say_ready()
            try:
                while True:
                    if self._wanted(inbox) or watched.changed():
                        watched.seen()
                        self._reload(inbox)
                    self._hold.tick()
                    self._live()
                    self._give_back()
            except Stop:
                log.info("ending")
                self._notifier.stopping()

    def close(self) -> None:
        """End what the host itself has opened."""
        self._hold.release()
        self._proof.close()
        self._occupancy.keep_only(None)

    def _wanted(self, inbox: Inbox[None]) -> bool:
        try:
            inbox.get(until=time.monotonic() + LOOK_SECONDS)
        except Empty:
            return False
        return True

    def _say_ready(self) -> None:
        cameras = [info.name for info in self._host.cameras()]
        loaded = [info.name for info in self._session.plugins.infos if self._session.plugins.plugin(info.name)]
        log.info("running with cameras %s; plugins %s", ", ".join(cameras) or "none", ", ".join(loaded) or "none")
        self._notifier.ready(f"{len(cameras)} cameras, {len(loaded)} plugins")
        if self._session.options.json:
            put_json({"type": "ready", "cameras": cameras, "plugins": loaded})

    def _reload(self, inbox: Inbox[None]) -> None:
        def wait() -> None:
            inbox.raise_if_stopped()
            self._live()

        self._notifier.reloading()
        self._hold.take()
        try:
            document = reload(
                self._host, self._path, self._document, wait, lambda found: self._occupancy.take(state_dir(found))
            )
            self._document = document
            self._take_form()
            self._proof.configure(service_settings.metrics(document))
        except NvrError as err:
            mistakes = [str(mistake) for mistake in err.mistakes] if isinstance(err, ConfigError) else [str(err)]
            for mistake in mistakes:
                log.error("%s is not taken over: %s", self._path, mistake)  # noqa: TRY400 - the mistake says all
            self._proof.reloads.refused += 1
            self._proof.reloads.mistakes = tuple(mistakes)
            told: dict[str, Any] = {"type": "reload_refused", "mistakes": mistakes}
        else:
            cameras = [info.name for info in self._host.cameras()]
            self._warn()
            log.info("%s is taken over: cameras %s", self._path, ", ".join(cameras) or "none")
            self._proof.reloads.done += 1
            self._proof.reloads.mistakes = ()
            told = {"type": "reloaded", "cameras": cameras}
        self._occupancy.keep_only(state_dir(self._document))
        wrong = len(self._proof.reloads.mistakes)
        self._notifier.ready(f"the configuration has {wrong} mistakes, the last good one runs" if wrong else "reloaded")
        if self._session.options.json:
            put_json(told)

    def _warn(self) -> None:
        for where in settings.open_passwords(self._document):
            log.warning("%s stands in the configuration itself: better write ${file:…}, ${cred:…} or ${env:…}", where)

    def _take_form(self) -> None:
        if self._chosen_form is None:
            logs.form(service_settings.log_format(self._document))

    def _give_back(self) -> None:
        now = time.monotonic()
        if now - self._gave_back_at >= memory.GIVE_BACK_SECONDS:
            self._gave_back_at = now
            memory.give_back()

    def _live(self) -> None:
        """Give a sign of life, as often as is wanted, once every plugin has answered: a plugin that hangs makes systemd restart us."""
        wanted = self._notifier.watchdog_seconds
        if wanted is None or time.monotonic() < self._alive_at:
            return
        for info in self._host.cameras():
            health_of(self._host, info.name)
        self._host.own_health()
        self._notifier.alive()
        self._alive_at = time.monotonic() + wanted / 3


class Proof:
    """What proves to others that the service lives: metrics and health, as long as the configuration has their section."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._settings: MetricsSettings | None = None
        self._pulse: Pulse | None = None
        self._web: Any = None
        self.reloads = Reloads()

    def configure(self, wanted: MetricsSettings | None) -> None:
        """Listen as the section says; raise NvrError, with the old listener as it was, when the new address cannot be taken."""
        if wanted == self._settings:
            if self._pulse is not None:
                self._pulse.look_again()
            return
        before = self._settings
        if wanted is None or (before is not None and (wanted.bind, wanted.port) == (before.bind, before.port)):
            self.close()
        if wanted is None:
            return
        from . import metrics, web

        pulse = Pulse(self._session.host, temperatures=wanted.temperatures)
        figures = metrics.Figures(pulse, self.reloads)
        try:
            listener = web.Web(
                wanted,
                {
                    "/metrics": lambda: (200, metrics.CONTENT_TYPE, figures.text()),
                    "/healthz": lambda: web.health_page(pulse, lambda: dict(self._session.host.broken), self.reloads),
                },
            )
        except NvrError:
            pulse.close()
            raise
        self.close()
        self._settings, self._pulse, self._web = wanted, pulse, listener

    def close(self) -> None:
        """End the listener."""
        web, self._web = self._web, None
        pulse, self._pulse = self._pulse, None
        self._settings = None
        if web is not None:
            web.close()
        if pulse is not None:
            pulse.close()
