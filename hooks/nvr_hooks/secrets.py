"""Values of a configuration that come from outside of it: `${env:NAME}`, `${file:/path}` and `${cred:NAME}` (a credential that systemd hands
to its service), and texts that print as ***."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from .errors import Mistake

HIDDEN: Final = "***"
_REFERENCE = re.compile(r"\$\{(?P<scheme>[A-Za-z]+):(?P<name>[^}]*)\}")
_BARE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}")


class Secret:
    """A text that shows itself only when asked: `reveal()`. Everything else prints ***."""

    __slots__ = ("_origin", "_text")

    def __init__(self, text: str) -> None:
        self._text = str(text)
        self._origin = text.origin if isinstance(text, FromOutside) else None

    def reveal(self) -> str:
        """Return the text itself: for the one who sends it, never for a log."""
        return self._text

    def again(self) -> Secret:
        """Return what stands now where this came from, read anew; itself where it came from nowhere, or nothing can be read there."""
        if self._origin is None:
            return self
        text, mistakes = resolve_secrets(self._origin)
        return self if mistakes or not text else Secret(text)

    def __repr__(self) -> str:
        return f"Secret({HIDDEN!r})"

    def __str__(self) -> str:
        return HIDDEN

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return self._text == other._text if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._text)


class FromOutside(str):
    """A resolved text. What came from the environment or a file may be a secret wherever it stands, so no message repeats it."""

    origin: str | None = None
    """What it stands for: the reference itself."""


class Unresolved(str):
    """A text whose reference leads nowhere: told once, and no second time as a wrong value."""

    __slots__ = ()


def resolve_secrets(raw: Any, *, path: str = "", environ: Mapping[str, str] | None = None) -> tuple[Any, list[Mistake]]:
    """Return a copy with every reference replaced, and a Mistake for each that leads nowhere.

    `path` is where `raw` stands in the configuration. A reference may be part of a longer text; one trailing line end of a file is
    left out, as `LoadCredential=` and Docker secrets have it.
    """
    mistakes: list[Mistake] = []
    return _resolve(raw, path, os.environ if environ is None else environ, mistakes), mistakes


def _resolve(raw: Any, path: str, environ: Mapping[str, str], mistakes: list[Mistake]) -> Any:
    if isinstance(raw, Mapping):
        return {
            key: _resolve(value, f"{path}.{key}" if path else str(key), environ, mistakes) for key, value in raw.items()
        }
    if isinstance(raw, list | tuple):
        return [_resolve(value, f"{path}[{number}]", environ, mistakes) for number, value in enumerate(raw)]
    if isinstance(raw, str) and "${" in raw:
        return _text(raw, path, environ, mistakes)
    return raw


def _text(raw: str, path: str, environ: Mapping[str, str], mistakes: list[Mistake]) -> str:
    problems: list[str] = []
    if bare := _BARE.fullmatch(raw):
        problems.append(f"write ${{env:{bare['name']}}} for an environment variable, ${{file:/path}} for a file")

    def replace(match: re.Match[str]) -> str:
        try:
            return _look_up(match["scheme"], match["name"], environ)
        except LookupError as err:
            problems.append(str(err.args[0]))
            return ""

    text = _REFERENCE.sub(replace, raw)
    mistakes += [Mistake(path, problem) for problem in problems]
    if problems:
        return Unresolved(raw)
    if text == raw:
        return raw
    found = FromOutside(text)
    found.origin = raw
    return found


def _look_up(scheme: str, name: str, environ: Mapping[str, str]) -> str:
    if scheme == "env":
        if name not in environ:
            raise LookupError(f"the environment variable {name} is not set")
        return environ[name]
    if scheme == "file":
        return _read(Path(name), f"file {name}")
    if scheme == "cred":
        folder = environ.get("CREDENTIALS_DIRECTORY")
        if not folder:
            raise LookupError(f"there is no credential {name}: not started by systemd with LoadCredential=")
        if not name or "/" in name or name in (".", ".."):
            raise LookupError("the name of a credential is that of a file, without a path")
        return _read(Path(folder, name), f"credential {name}")
    raise LookupError(f"unknown reference ${{{scheme}:…}}; known are ${{env:NAME}}, ${{file:/path}} and ${{cred:NAME}}")


def _read(path: Path, what: str) -> str:
    try:
        return path.read_text("utf-8").removesuffix("\n").removesuffix("\r")
    except OSError as err:
        raise LookupError(f"cannot read the {what}: {err.strerror}") from err
    except UnicodeDecodeError as err:
        raise LookupError(f"the {what} is not UTF-8 text") from err
