"""What takes part beside the cameras: the service, in a process of its own, and mosquitto."""

from __future__ import annotations

import getpass
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from .clock import WallClock

PREFIX = "hik_thermal"


class Service:
    """`hik-thermal run` with one configuration, ended and started again as often as wanted."""

    def __init__(self, folder: Path, broker: int, **settings: Any) -> None:
        self.folder = folder
        self.clock = WallClock(folder / "clock")
        self.log = folder / "service.log"
        self.state = folder / "state"
        self.cameras: dict[str, dict[str, Any]] = {}
        self.started_at = 0.0
        self.starts = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._settings = {
            "state_dir": str(self.state),
            "mqtt": {"host": "127.0.0.1", "port": broker, "client_id": "soaked", **settings},
        }

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process is not None
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether it is there."""
        return self._process is not None and self._process.poll() is None

    def configure(self) -> None:
        """Write the configuration as an editor does, another file in the place of the old one."""
        self._write(json.dumps({**self._settings, "hik_thermal": {"cameras": self.cameras}}))  # which is YAML too

    def misconfigure(self) -> None:
        """Write a configuration full of mistakes."""
        self._write("mqtt: {prot: 5}\nhik_termal: {}\nhik_thermal: {cameras: {a: {url: 7}}}\n")

    def start(self) -> None:
        """Start it."""
        program = Path(sys.executable).with_name("hik-thermal")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(program), "run", "-c", str(self.folder / "config.yaml")],
                env={**os.environ, **self.clock.environment, "NVR_BLOCK_PLUGINS": "fake,listener"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.started_at = time.monotonic()
        self.starts += 1

    def send_signal(self, number: int) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def end(self, number: int = signal.SIGTERM) -> int:
        """End it with a signal; return its exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(20 * 60)

    def limit(self, what: int, soft: int | None) -> None:
        """Allow it no more than so much of something (`resource.RLIMIT_…`), or as much as before."""
        _, hard = resource.prlimit(self.pid, what)
        resource.prlimit(self.pid, what, (hard if soft is None else soft, hard))

    def used(self) -> dict[str, int]:
        """Return what it uses now: bytes of memory of its own, threads, open files."""
        folder = Path(f"/proc/{self.pid}")
        rollup = (folder / "smaps_rollup").read_text()
        # Not Private_Clean: pages of libraries are private or not by who else happens to use the same files.
        memory = sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith(("Anonymous:", "Swap:")))
        return {
            "memory": memory * 1024,
            "threads": len(list((folder / "task").iterdir())),
            "files": len(list((folder / "fd").iterdir())),
        }

    def close(self) -> None:
        """End it if it runs."""
        if self._process is not None and self.runs:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait()

    def _write(self, text: str) -> None:
        new = self.folder / "config.yaml.new"
        new.write_text(text)
        new.replace(self.folder / "config.yaml")


class Broker:
    """mosquitto by the machine's own clock; stopped and started again it has forgotten everything."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        if program is None:
            raise SystemExit("mosquitto is not installed: apt-get install mosquitto")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        config = folder / "mosquitto.conf"
        config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n"
            f"max_queued_messages 0\nmax_inflight_messages 0\nlog_type none\nuser {getpass.getuser()}\n"
        )
        self._command = [program, "-c", str(config)]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it; returns when it takes connections."""
        environ = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
        self._process = subprocess.Popen(self._command, env=environ, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 600
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 10).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def send_signal(self, number: int) -> None:
        """Send a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def end(self, number: int = signal.SIGTERM) -> None:
        """End it."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
            if number != signal.SIGKILL:  # which does not wait for it
                self._process.send_signal(signal.SIGCONT)
            self._process.wait()
