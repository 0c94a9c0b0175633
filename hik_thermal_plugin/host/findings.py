"""What is wrong with cameras, and with what plugins talk to: gathered, sorted, printed. Commands: doctor."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from nvr_hooks import CameraInfo, Finding, NvrError, Refused, Unreachable, Unsupported, camera_json

from .outcome import DONE, FAILED, REFUSED, UNREACHABLE, UNSUPPORTED
from .output import camera_rows, put_json, put_line
from .session import Session, within

_SEVERITIES = ("error", "warning", "info")
_CODES = {
    **dict.fromkeys(
        ("unreachable", "untrusted", "no_answer", "cut_off", "broker_unreachable", "broker_untrusted"), UNREACHABLE
    ),
    **dict.fromkeys(
        ("refused", "auth_blocked", "account_locked", "not_activated", "no_permission", "broker_refused"), REFUSED
    ),
    "unsupported": UNSUPPORTED,
}


@dataclass(frozen=True, slots=True)
class Told:
    """A finding, and whose it is: a camera's, or of what a plugin talks to."""

    finding: Finding
    plugin: str | None = None

    @property
    def owner(self) -> str:
        """Return the name to show before it."""
        return self.plugin or self.finding.camera

    def json(self) -> dict[str, str | None]:
        """Return it as plain data."""
        finding = self.finding
        return {
            "camera": None if self.plugin else finding.camera,
            **({"plugin": self.plugin} if self.plugin else {}),
            "severity": finding.severity,
            "code": finding.code,
            "what": finding.what,
            "why": finding.why,
            "mend": finding.mend,
        }

    def lines(self) -> list[str]:
        """Return it as lines for people."""
        finding = self.finding
        more = [f"    {word}: {text}" for word, text in (("why", finding.why), ("mend", finding.mend)) if text]
        return [f"{self.owner}: {finding.severity} {finding.code}: {finding.what}", *more]


def doctor(
    session: Session,
    camera: Annotated[str | None, typer.Argument(help="Camera to examine; else all.")] = None,
) -> int:
    """Say why nothing arrives: what is wrong with cameras and broker, worst first, and how to mend it. Writes nothing to a camera."""
    session.configure()
    names = [session.camera(camera).name] if camera else [info.name for info in session.host.cameras()]
    told = gathered(session, names)
    infos = [session.camera(name) for name in names]
    if session.options.json:
        cameras = [{**camera_json(info), "facts": dict(info.facts)} for info in infos]
        put_json({"ok": is_well(told), "findings": [item.json() for item in told], "cameras": cameras})
    else:
        put_findings(told)
        for info in infos:
            _put_facts(info, well=not any(item.finding.camera == info.name for item in told))
    return code_of(told)


def gathered(session: Session, names: Sequence[str]) -> list[Told]:
    """Ask all these cameras at once, and each plugin what is wrong with what it talks to; return it worst first."""

    def ask(name: str) -> list[Told]:
        try:
            return [Told(finding) for finding in session.ask("nvr_diagnose", camera=name)]
        except NvrError as err:
            return [Told(_failure(name, err))]

    def own() -> list[Told]:
        try:
            found = within(session.options.timeout, session.host.own_findings, "the plugins")
        except NvrError as err:
            return [Told(_failure("", err), plugin="plugins")]
        return [Told(finding, plugin=name) for name, finding in found]

    with ThreadPoolExecutor(max_workers=min(len(names) + 1, 17), thread_name_prefix="doctor") as pool:
        others = pool.submit(own)
        told = [item for items in pool.map(ask, names) for item in items] + others.result()
    return sorted(told, key=lambda item: _SEVERITIES.index(item.finding.severity))


def put_findings(told: Sequence[Told]) -> None:
    """Print them for people."""
    for item in told:
        for line in item.lines():
            put_line(line)


def is_well(told: Sequence[Told]) -> bool:
    """Tell whether there is no error among them."""
    return not any(item.finding.severity == "error" for item in told)


def code_of(told: Sequence[Told]) -> int:
    """Return the exit code that fits the worst of them."""
    errors = [item.finding.code for item in told if item.finding.severity == "error"]
    return max((_CODES.get(code, FAILED) for code in errors), default=DONE)


def _put_facts(info: CameraInfo, *, well: bool) -> None:
    put_line(f"{info.name}: {'nothing is wrong' if well else 'what is known of it'}")
    rows: list[tuple[str, Any]] = [row for row in camera_rows(info) if row[0] != "capabilities" and row[1] is not None]
    for name, value in [*rows, *info.facts.items()]:
        put_line(f"    {name}: {value}")


def _failure(camera: str, err: NvrError) -> Finding:
    match err:
        case Unreachable():
            why, mend, code = "nothing can arrive from it", "check address, power and network", "unreachable"
        case Refused():
            why, mend, code = "nothing can be asked of it", "check username and password", "refused"
        case Unsupported():
            return Finding(
                camera=camera, severity="info", code="not_checked", what=str(err), why="it was not looked at", mend=""
            )
        case _:
            why, mend, code = "it could not be examined", "run it again with -v", "failed"
    return Finding(camera=camera, severity="error", code=code, what=str(err), why=why, mend=mend)
