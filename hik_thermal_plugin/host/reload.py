"""A configuration that changes while the service runs: noticed, tried out in a process of its own, and only then given to the plugins.

A plugin's nvr_configure takes a section or refuses it, and has replaced the old one by the time the next plugin refuses its own. So the
whole file is first checked by `hik-thermal check` in another process, with the same plugins and the same secrets: what is faulty for any
of them changes nothing for all.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from nvr_hooks import ConfigError, Mistake, NvrError

from . import settings
from .app import Host

log = logging.getLogger(__name__)
TRIAL_SECONDS: Final = 60.0
_SLICE: Final = 0.2
_PROGRAM: Final = "from hik_thermal_plugin.host import main; main()"
_NOT_INHERITED: Final = {"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"}
_Sign = tuple[int, int, int] | None
Wait = Callable[[], None]
"""Called again and again while something takes long; may raise to give it up."""


class Watched:
    """The configuration file and the files its `${file:…}` and `${cred:…}` name, looked at by time and size, and where these differ by content.

    An editor may write a file in several steps, or put another one in its place: a change counts when the next look finds it unchanged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._signs: Mapping[Path, _Sign] = {}
        self._content = b""
        self._moving = False
        self.seen()

    def seen(self) -> None:
        """Take the files as they are now for known."""
        self._signs, self._content, self._moving = self._look(), self._hash(), False

    def changed(self) -> bool:
        """Tell, once for each change, that the files say something else than they did and have come to rest."""
        signs = self._look()
        if signs != self._signs:
            self._signs, self._moving = signs, True
            return False
        if not self._moving:
            return False
        self._moving = False
        before, self._content = self._content, self._hash()
        return before != self._content

    def _files(self) -> list[Path]:
        try:
            text = self._path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return [self._path]
        folders = {"file": "", "cred": os.environ.get("CREDENTIALS_DIRECTORY", "")}
        named = re.findall(r"\$\{(file|cred):([^}\0]+)\}", text)
        return [self._path, *(Path(folders[scheme], name) for scheme, name in named)]

    def _look(self) -> Mapping[Path, _Sign]:
        return {path: _sign(path) for path in self._files()}

    def _hash(self) -> bytes:
        digest = hashlib.sha256()
        for path in self._files():
            try:
                digest.update(b"+" + hashlib.sha256(path.read_bytes()).digest())
            except OSError:
                digest.update(b"-")
        return digest.digest()


def reload(
    host: Host,
    path: Path,
    applied: Mapping[str, Any],
    wait: Wait,
    prepare: Callable[[Mapping[str, Any]], None] = lambda document: None,
) -> Mapping[str, Any]:
    """Give the file to the plugins and return what it says; raise ConfigError, with everything running as before, when it has mistakes.

    `prepare` is called with what is without mistakes before the plugins get it; what it raises leaves everything running too.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as err:
        raise ConfigError([settings.not_text(path, err)]) from err
    except OSError as err:
        raise ConfigError([Mistake(str(path), f"cannot be read: {err.strerror}")]) from err
    if mistakes := tried_out(text, wait):
        raise ConfigError(mistakes)
    document = settings.parse(text)
    prepare(document)
    try:
        host.configure(document)
    except NvrError:  # a secret's file has changed since, or a plugin judges by more than the text
        _put_back(host, applied)
        raise
    return document


def _put_back(host: Host, document: Mapping[str, Any]) -> None:
    try:
        host.configure(document)
    except NvrError as err:
        log.error("nor can the configuration that was running be put back: %s", err)  # noqa: TRY400


def tried_out(text: str, wait: Wait, *, seconds: float = TRIAL_SECONDS) -> list[Mistake]:
    """Return the mistakes that a process of its own, with the installed plugins, finds in a configuration."""
    environ = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
    with subprocess.Popen(  # noqa: S603 - this program itself, with nothing of the configuration on its command line
        [sys.executable, "-c", _PROGRAM, "check", "--json", "-c", "/dev/stdin"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
    ) as trial:
        try:
            said, complaints = _communicate(trial, text, wait, seconds)
        except BaseException:
            trial.kill()
            raise
    if trial.returncode == 0:
        return []
    try:
        found = [Mistake(item["path"], item["problem"]) for item in json.loads(said)["mistakes"]]
    except (ValueError, KeyError, TypeError):
        found = []
    last = complaints.strip().splitlines()[-1:] or [f"ended with {trial.returncode}"]
    return found or [Mistake("", f"the configuration could not be tried out: {last[0]}")]


def _communicate(trial: subprocess.Popen[str], text: str, wait: Wait, seconds: float) -> tuple[str, str]:
    given: str | None = text
    for _ in range(int(seconds / _SLICE)):
        try:
            return trial.communicate(given, timeout=_SLICE)
        except subprocess.TimeoutExpired:
            given = None  # the rest is sent by itself
            wait()
    raise ConfigError([Mistake("", f"the configuration could not be tried out within {seconds:g} s")])


def _sign(path: Path) -> _Sign:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
