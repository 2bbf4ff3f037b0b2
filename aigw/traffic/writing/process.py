"""Gives calls to the process that writes recordings. Making and writing one takes as long as answering a request, so it
is done outside of the gateway's process.

Rule: whoever gives a call never waits. Calls that arrive within a moment are passed on together."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable

import msgspec

from aigw.core.child_process import UNDISTURBED
from aigw.traffic.writing.message import Message, framed, written
from aigw.traffic.writing.writer import WriterSettings, WriterStatus

log = logging.getLogger("aigw")

MAX_WAITING_BYTES = 256 * 1024 * 1024
"""How many bytes may wait. If there are more, the disk is too slow, and recording stops."""
_TOGETHER_SECONDS, _TOGETHER_BYTES = 0.02, 1024 * 1024
_PASSED_ON = ("PATH", "PYTHONPATH", "LANG", "SYSTEMROOT", "VIRTUAL_ENV")
"""The variables of the environment that the process gets, which have no keys."""


class WritingProcess:
    """The process that writes into a folder, as `orders` say. `failure` says why nothing more is written, "" as long as
    all is well. After `close`, `written` is how many recordings were written, and `refused` how many were not. The
    process inherits `lock`, which claims the folder. So if the gateway is killed, no other gateway takes names that are
    still needed."""

    def __init__(self, orders: WriterSettings, lock: int = -1, python: str = sys.executable) -> None:
        self.failure = ""
        self.written = 0
        self.refused = 0
        self._orders = orders
        self._inherited = (lock,) if lock >= 0 else ()
        self._python = python
        self._jobs: deque[list[bytes]] = deque()
        """The waiting jobs in pieces, encoded, because the garbage collector would look at objects again and again."""
        self._waiting = 0
        self._some = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def hide(self, secrets: Iterable[str]) -> None:
        """Hides them in the recordings of calls that end from now on."""
        for secret in secrets:
            self.put(0, secret)

    def put(self, number: int, what: Message) -> None:
        """Takes a call that has begun, what came back, or a secret. Never raises."""
        if self.failure:
            return
        try:
            job = written(number, what)
        except Exception as error:
            log.exception("a call could not be recorded")
            self._failed(f"a fault in aigw: {type(error).__name__}")
            return
        self._waiting += sum(map(len, job))
        if self._waiting > MAX_WAITING_BYTES:
            self._failed("the disk is slower than the traffic")
            return
        self._jobs.append(job)
        if not self._some.is_set():
            self._some.set()

    def close(self) -> None:
        """Writes what is left. Waits for the disk."""
        self._closing = True
        self._some.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            process = subprocess.Popen(  # noqa: S603 - aigw itself
                [self._python, "-P", "-m", "aigw.traffic.writing.writer"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=_TOGETHER_BYTES,
                env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
                pass_fds=self._inherited,
                **UNDISTURBED,
            )
        except OSError as error:
            self._failed(f"the process that writes cannot be started: {error.strerror or error}")
            return
        assert process.stdin is not None
        assert process.stdout is not None
        listening = threading.Thread(target=self._listen, args=(process,), name="recorder's reports", daemon=True)
        listening.start()
        try:
            process.stdin.write(framed(msgspec.msgpack.encode(self._orders)))
            while not (self._closing and not self._jobs):
                self._some.wait()
                if not self._closing:
                    time.sleep(_TOGETHER_SECONDS)
                self._some.clear()
                self._pass_on(process)
        except OSError:  # it has ended; why, it has said
            pass
        finally:
            self._jobs.clear()  # if it has failed, nobody wants them
            with contextlib.suppress(OSError):
                process.stdin.close()
            listening.join()
            process.stdout.close()

    def _pass_on(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        while self._jobs:
            job = self._jobs.popleft()
            process.stdin.writelines(job)
            self._waiting -= sum(map(len, job))
        process.stdin.flush()

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        last = WriterStatus()
        for line in process.stdout:
            last = msgspec.json.decode(line, type=WriterStatus)
            if last.refused:
                self.refused += 1
                log.error("%s", last.refused)
            if last.failure:
                self._failed(last.failure)
        self.written = last.written
        if process.wait() and not self.failure:
            self._failed(f"the process that writes has ended with exit code {process.returncode}")

    def _failed(self, reason: str) -> None:
        if not self.failure:
            self.failure = reason
            goes = "traffic stops, too" if self._orders.on_error == "stop" else "traffic goes on without"
            log.error("recording has stopped: %s; %s", reason, goes)
