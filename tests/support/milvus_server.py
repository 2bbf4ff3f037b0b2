"""A real server of Milvus's protocol (milvus-lite, from a Python package) on an unused loopback port.

Rule: a process is started here and ended here, by its own id; it can be killed, paused and started again in between, on
the same port and with the same data."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from redis_server import unused_port

ATTEMPTS = 5
"""Another process may take a port between its choice and its use."""


class MilvusServer:
    def __init__(self, folder: Path) -> None:
        self.port = 0
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"milvus://127.0.0.1:{self.port}"

    def start(self) -> None:
        for _ in range(ATTEMPTS):
            port = self.port or unused_port()
            if self._started(port):
                self.port = port
                return
        raise RuntimeError(f"no server could be started: {self._folder / 'server.log'}")

    def kill(self) -> None:
        """Ends it at once, paused or not."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def pause(self) -> None:
        """It still accepts connections, and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _started(self, port: int) -> bool:
        command = [sys.executable, "-m", "milvus_lite", "server", "--data-dir", str(self._folder / "data")]
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--host", "127.0.0.1", "--port", str(port)],
                stdout=subprocess.PIPE,
                stderr=log,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )
        assert self._process.stdout is not None
        if b"listening on" in self._process.stdout.readline():
            return True
        self.kill()
        return False
