"""Alarms a camera pushes to the hosts in its list: POST, and again while they are not taken (isapi.md 6.9).

Without pictures the body is the bare document, with them a multipart body as captured (a blank line behind the delimiter, an end mark). Each
host gets its alarms in order, one connection each. There are no heartbeats.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from . import alerts
from .alarms import Telling
from .device import Device
from .host_list import PATH, Host, address_of
from .markup import Element

MOST = 200
"""Alarms that wait for a host; the oldest goes first."""
TRIES = 60
ANSWER_SECONDS = 10.0
BOUNDARY = "boundary"
_Message = tuple[str, bytes]  # content type and body


class Pushes:
    """What one camera pushes. `again` is the pause in seconds before one that was not taken is sent again."""

    def __init__(self, device: Device, again: float = 0.5) -> None:
        self._device = device
        self._again = again
        self._waiting: dict[int, deque[_Message]] = {}
        self._workers: dict[int, asyncio.Task[None]] = {}
        self.accepted = self.refused = self.given_up = 0

    def state(self) -> dict[str, int]:
        """Answers 200, tries without, alarms given up, alarms that wait."""
        waiting = sum(len(queue) for queue in self._waiting.values())
        return {"accepted": self.accepted, "refused": self.refused, "given_up": self.given_up, "waiting": waiting}

    def tell(self, tellings: Iterable[Telling]) -> None:
        """Push alarms to all hosts."""
        if self._device.hosts.used():
            for telling in tellings:
                self._push(self._message(telling))

    def send(self, data: bytes) -> None:
        """Push bytes as they are."""
        start = data.lstrip()
        if start.startswith(b"--"):
            boundary = start.split(b"\r\n", 1)[0].strip()[2:].decode("ascii", "replace")
            kind = f"multipart/form-data; boundary={boundary}"
        else:
            kind = (
                'application/json; charset="UTF-8"' if start[:1] in (b"{", b"[") else 'application/xml; charset="UTF-8"'
            )
        self._push((kind, data))

    def restart(self) -> None:
        """Forget what waits, as a reboot does."""
        for worker in self._workers.values():
            worker.cancel()
        self._workers.clear()
        self._waiting.clear()

    async def close(self) -> None:
        """End all; returns when nothing is left."""
        workers = list(self._workers.values())
        self.restart()
        for worker in workers:
            with suppress(asyncio.CancelledError):
                await worker

    def _push(self, message: _Message) -> None:
        for number in self._device.hosts.used():
            queue = self._waiting.setdefault(number, deque(maxlen=MOST))
            queue.append(message)
            worker = self._workers.get(number)
            if worker is None or worker.done():
                self._workers[number] = asyncio.get_running_loop().create_task(self._work(number, queue))

    async def _work(self, number: int, queue: deque[_Message]) -> None:
        tries = 0
        while queue:
            host = self._device.hosts.used().get(number)
            if host is None:
                queue.clear()
                return
            message = queue[0]
            if await self._taken(host, message):
                self.accepted += 1
            else:
                self.refused += 1
                tries += 1
                if tries < TRIES:
                    await asyncio.sleep(self._again)
                    continue
                self.given_up += 1
            tries = 0
            if queue and queue[0] is message:
                queue.popleft()

    async def _taken(self, host: Host, message: _Message) -> bool:
        if self._device.faults.strike("refuse_push", PATH):
            return False
        kind, body = message
        address, port = address_of(host), int(host["portNo"])
        shown = f"[{address}]" if ":" in address else address
        lines = [
            f"POST {host['url']} HTTP/1.1",
            f"Host: {shown}:{port}",
            f"Content-Type: {kind}",
            f"Content-Length: {len(body)}",
            "Connection: close",
        ]
        secure = _context() if host["protocolType"] == "HTTPS" else None
        writer = None
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                reader, writer = await asyncio.open_connection(address, port, ssl=secure)
                writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
                await writer.drain()
                words = (await reader.readline()).split()
        except (OSError, TimeoutError, ValueError):
            return False
        finally:
            if writer is not None:
                writer.transport.abort()
        return len(words) > 1 and words[1] == b"200"

    def _message(self, telling: Telling) -> _Message:
        device, document = self._device, telling.document
        body = alerts.encode(device, document)
        kind = 'application/json; charset="UTF-8"' if device.profile.json_alarms else device.profile.xml_content_type
        if not (telling.pictures and device.profile.pictures):
            return kind, body
        return f"multipart/form-data; boundary={BOUNDARY}", self._with_pictures(document, kind, body)

    def _with_pictures(self, document: Element, kind: str, body: bytes) -> bytes:
        event = document.value("eventType")
        pieces = [_part(f'form-data; name="{event}"', kind, body)]
        for channel in sorted(self._device.model.channels, key=lambda channel: not channel.thermal):
            name = f'form-data; name="{event}"; filename="{event}.jpg";'
            size = None if channel.thermal else (704, 576)
            pieces.append(_part(name, "image/jpeg", self._device.picture(channel.id, size)) + b"\r\n")
        return b"".join(pieces) + f"--{BOUNDARY}--\r\n".encode()


def _part(disposition: str, kind: str, body: bytes) -> bytes:
    lines = [f"--{BOUNDARY}", "", f"Content-Disposition: {disposition}", f"Content-Type: {kind}"]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def _context() -> Any:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # whether real ones check is not documented
    return context
