"""Chromium without a window: opens a page, waits until it shows what it should, takes a picture of it."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from websockets.sync.client import ClientConnection, connect

# What a page shows, through all its shadow roots.
SEEN = """
(function seen(node) {
  if (!node) return '';
  if (node.nodeType === 3) return node.textContent + ' ';
  if (node.nodeType === 1 && ['STYLE', 'SCRIPT', 'TEMPLATE'].includes(node.tagName)) return '';
  const inside = node.shadowRoot ? [...node.shadowRoot.childNodes] : [];
  return [...inside, ...node.childNodes].map(seen).join('');
})(document.body)
"""
PICTURES = """
(function all(node) {
  const inside = node.shadowRoot ? [...node.shadowRoot.children] : [];
  const own = node.tagName === 'IMG' ? [node.naturalWidth] : [];
  return own.concat(...[...inside, ...node.children].map(all));
})(document.body).filter(width => width > 100).length
"""


def program() -> str | None:
    """Return the browser, None when there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    """One tab, driven over the DevTools protocol."""

    def __init__(self, folder: Path, width: int, height: int) -> None:
        found = program()
        assert found is not None
        self._folder = folder
        options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run")
        own = (f"--user-data-dir={folder}", "--remote-debugging-port=0")
        quiet = (
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--lang=en",
            "--disable-dev-shm-usage",
        )
        self._process = subprocess.Popen(
            [found, *options, *own, *quiet, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._size = {"width": width, "height": height}
        self._numbers = count(1)
        self._socket: ClientConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._socket is not None:
            self._socket.close()
        self._process.terminate()
        self._process.wait(20)

    def open(self, url: str, *, before: str = "") -> None:
        """Open a page; `before` is a script that runs before the page's own."""
        if self._socket is None:
            self._socket = connect(self._debugger(), max_size=None, proxy=None)
        self._do("Emulation.setDeviceMetricsOverride", **self._size, deviceScaleFactor=1, mobile=False)
        self._do("Page.enable")
        self._do("Page.addScriptToEvaluateOnNewDocument", source=before)
        self._do("Page.navigate", url=url)

    def wait_for(self, *texts: str, pictures: int = 0, seconds: float = 60.0) -> str:
        """Wait until the page shows these texts and so many pictures; return everything it shows."""
        deadline = time.monotonic() + seconds
        while True:
            seen = str(self._value(SEEN))
            missing = [text for text in texts if text not in seen]
            if not missing and int(self._value(PICTURES)) >= pictures:
                return seen
            assert time.monotonic() < deadline, f"the page does not show {missing or pictures}: {seen[:2000]}"
            time.sleep(0.1)

    def picture(self) -> bytes:
        """Return what is to be seen, as PNG."""
        return base64.b64decode(self._do("Page.captureScreenshot", format="png")["data"])

    def _value(self, script: str) -> Any:
        return self._do("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value", "")

    def _do(self, method: str, **parameters: Any) -> dict[str, Any]:
        assert self._socket is not None
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv(timeout=30))
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return dict(answer["result"])

    def _debugger(self) -> str:
        """Return the address of the tab's debugger."""
        port = self._folder / "DevToolsActivePort"
        deadline = time.monotonic() + 30
        while not (port.exists() and port.read_text().count("\n")):
            assert self._process.poll() is None, "the browser has ended"
            assert time.monotonic() < deadline, "the browser does not start"
            time.sleep(0.05)
        number = port.read_text().splitlines()[0]
        tabs = httpx.get(f"http://127.0.0.1:{number}/json/list", trust_env=False).json()
        return str(next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page"))
