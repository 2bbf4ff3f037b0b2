"""Several processes on one port: the supervisor starts them, replaces those that end, and stops them together.

The standard input of a worker is a socket to the supervisor. Over it the worker gets its orders and says that it is
ready. When the socket closes, the supervisor is gone and the worker stops. SIGTERM stops a worker. SIGINT and SIGHUP
are blocked in workers from the beginning: a terminal sends them to all processes, and only the supervisor may act.

The supervisor keeps the port with a socket that is bound and never listens, so connections go only to the sockets of
the workers. Where the system does not spread connections over sockets, this socket listens, and all workers inherit
it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from aigw.config.report import EXIT_CODE
from aigw.core.errors import AddressError
from aigw.server.listen import BACKLOG, SPREADS, bind, cannot_listen
from aigw.server.reload import POLL_SECONDS, Stamp, stamps

log = logging.getLogger("aigw")

CRASHES = 5
CRASH_SECONDS = 10.0
"""If more than CRASHES workers end within CRASH_SECONDS, the supervisor gives up."""
MARGIN_SECONDS = 10.0
"""How long a worker may close everything after the grace, before it is killed."""
RETRY_SECONDS = 60.0
"""A worker that refused a changed configuration is started again after this time, unless a file changes before."""

LAST_WORDS_SECONDS = 1.0

_READY = b"ready\n"


class Orders(msgspec.Struct):
    """The orders of the supervisor for a worker: the address that all workers share, whether this worker logs what
    concerns all of them, the id by which the gateway recognizes its own requests, and the configuration, as a file or
    as text. `socket` is the descriptor of the socket that all workers inherit, None if each makes its own."""

    host: str
    port: int
    first: bool = True
    instance: str = ""
    file: str = ""
    found: str = ""
    socket: int | None = None


class Worker:
    """The worker's end of its socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, orders: Orders) -> None:
        self._reader = reader
        self._writer = writer
        self.orders = orders

    @classmethod
    async def connect(cls) -> Worker | None:
        """Opens standard input and waits for the orders. None if the supervisor is gone before they come."""
        reader, writer = await _opened(socket.socket(fileno=0))
        line = await reader.readline()
        return cls(reader, writer, msgspec.json.decode(line, type=Orders)) if line else None

    def ready(self) -> None:
        self._writer.write(_READY)

    def tell(self, summary: msgspec.Struct) -> None:
        """Reports to the supervisor, at the worker's end, what it served."""
        self._writer.write(msgspec.json.encode(summary) + b"\n")

    async def orphaned(self) -> None:
        """Returns when the supervisor is gone."""
        with contextlib.suppress(ConnectionError):
            while await self._reader.read(1024):
                pass

    def close(self) -> None:
        self._writer.close()


def reserve(host: str, port: int, *, spreads: bool = SPREADS) -> socket.socket:
    """A bound socket that keeps the port for the workers; port 0 takes a free one. Unless the system `spreads`
    connections over sockets, it listens. Raises AddressError if the port is taken, also by the workers of another
    gateway: without this check the two would share the port."""
    if sys.platform == "win32":
        raise AddressError("on Windows a port cannot be shared between processes; start without --workers")
    try:
        if port:
            with bind(host, port) as alone:
                alone.listen()
        sock = bind(host, port, shared=spreads)
        if not spreads:
            sock.listen(BACKLOG)
        return sock
    except OSError as error:
        raise cannot_listen(host, port, error) from None


class RestartPolicy:
    """Decides what happens after a worker has crashed. `clock` returns seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends: deque[float] = deque()

    def pause(self) -> float | None:
        """Seconds until the worker is started again, None to give up."""
        now = self._clock()
        self._ends.append(now)
        while now - self._ends[0] > CRASH_SECONDS:
            self._ends.popleft()
        return None if len(self._ends) > CRASHES else 0.1 * (2 ** (len(self._ends) - 1) - 1)


class _Child:
    """One worker as the supervisor sees it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.ready = False


class Supervisor:
    """Runs `count` workers, which `command` starts. `grace` is how many seconds their answers in flight get to end, and
    `words` are the files of words that the configuration names."""

    def __init__(
        self, command: Sequence[str], count: int, orders: Orders, *, grace: float, words: Sequence[Path] = ()
    ) -> None:
        self._command = command
        self._count = count
        self._orders = orders
        self._words = words
        self._patience = grace + MARGIN_SECONDS
        self._policy = RestartPolicy()
        self._children: dict[int, _Child] = {}
        self._starting = asyncio.Lock()
        self._all_ready = asyncio.Event()
        self._accepted = False
        """Whether a worker has served: the configuration was right, and only a change can make it wrong."""
        self._stopping = asyncio.Event()
        self.told: list[bytes] = []
        """What workers reported at their ends, a line each."""
        self.crashed = 0
        """How many workers ended before they could say anything."""
        self._failures: list[int] = []
        """Exit codes of failures. The first one becomes the exit code of the supervisor."""

    async def run(self, announce: Callable[[list[int]], None]) -> int:
        """Runs the workers until `stop`, and returns the exit code: 0, or what went wrong. `announce` gets the
        workers' process ids once all of them are ready."""
        keepers = [asyncio.create_task(self._keep(index)) for index in range(self._count)]
        told = asyncio.create_task(self._announce(announce))
        try:
            await self._stopping.wait()
            for child in self._children.values():
                _send(child, signal.SIGTERM)
            _, late = await asyncio.wait(keepers, timeout=self._patience)
            if late:
                log.error("%d workers did not end within %g s and are killed", len(late), self._patience)
                self._failures.append(1)
        finally:
            self.stop()  # it is not set yet if the task was cancelled
            self.kill()
            told.cancel()
            await asyncio.wait([told, *keepers])
        return self._failures[0] if self._failures else 0

    def stop(self) -> None:
        """Lets every worker finish its answers; then `run` returns."""
        self._stopping.set()

    def kill(self) -> None:
        """Ends the workers at once."""
        for child in self._children.values():
            _kill(child)

    async def _announce(self, announce: Callable[[list[int]], None]) -> None:
        await self._all_ready.wait()
        announce([child.process.pid for _, child in sorted(self._children.items())])

    async def _keep(self, index: int) -> None:
        """Runs worker `index`, and starts it again when it ends."""
        while not self._stopping.is_set():
            before = self._files()
            try:
                code = await self._run_one(index)
            except OSError as error:
                log.error("a worker cannot be started: %s", error.strerror)
                code = 1
            if self._stopping.is_set():
                return
            if code == EXIT_CODE and self._accepted:
                await self._change(before)
                continue
            pause = None if code == EXIT_CODE else self._policy.pause()
            if pause is None:
                self._give_up(code)
                return
            log.warning("a worker ended with %s and is started again", _how(code))
            self.crashed += 1
            await self._pause(pause)

    async def _change(self, before: tuple[Stamp, ...]) -> None:
        """Waits until the files that a worker has refused have changed. Does not wait for ever, because the cause may
        also be elsewhere."""
        serving = sum(each.ready for each in self._children.values())
        file = self._orders.file or "the configuration"
        told = "no worker can be started with %s as it is now; %d of %d serve until it has changed"
        log.warning(told, file, serving, self._count)
        until = time.monotonic() + RETRY_SECONDS
        while not self._stopping.is_set() and self._files() == before and time.monotonic() < until:
            await self._pause(POLL_SECONDS)

    async def _pause(self, seconds: float) -> None:
        """Waits, but not longer than until all shall stop."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    def _files(self) -> tuple[Stamp, ...]:
        """Returns the stamps by which a change of the configuration's files is noticed."""
        return stamps(Path(self._orders.file), *self._words) if self._orders.file else ()

    def _give_up(self, code: int) -> None:
        if code == EXIT_CODE:
            self._failures.append(EXIT_CODE)
        else:
            log.error("workers ended more than %d times within %g s; aigw stops", CRASHES, CRASH_SECONDS)
            self._failures.append(1)
        self._stopping.set()

    async def _run_one(self, index: int) -> int:
        """Runs one worker from its start to its end. Returns its exit code, which is negative for a signal."""
        process, reader, writer = await self._start()
        child = self._children[index] = _Child(process)
        try:
            if self._stopping.is_set():  # it was set while this one was being started
                _send(child, signal.SIGTERM)
            writer.write(msgspec.json.encode(msgspec.structs.replace(self._orders, first=index == 0)) + b"\n")
            with contextlib.suppress(ConnectionError):
                child.ready = await reader.readline() == _READY
                self._accepted |= child.ready
            if sum(each.ready for each in self._children.values()) == self._count:
                self._all_ready.set()
            code = await process.wait()
            with contextlib.suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(LAST_WORDS_SECONDS):
                    self.told += (await reader.read()).splitlines()
            if self._stopping.is_set():
                self._judge(child, code)
            return code
        finally:
            del self._children[index]
            writer.close()

    def _judge(self, child: _Child, code: int) -> None:
        """Notes how a worker ended that is not started again. It is a failure only if a worker that served could not
        close: one that was killed may have ended before it was told to stop, and one that was still being started had
        nothing to close."""
        if child.ready and code > 0:
            log.error("a worker ended with %s", _how(code))
            self._failures.append(1)
        elif code not in (0, -signal.SIGTERM):
            log.warning("a worker ended with %s", _how(code))

    async def _start(self) -> tuple[asyncio.subprocess.Process, asyncio.StreamReader, asyncio.StreamWriter]:
        """Starts a worker. Returns it with our end of its socket."""
        ours, theirs = socket.socketpair()
        try:
            inherited = [] if self._orders.socket is None else [self._orders.socket]
            async with self._starting:  # one by one: signals are blocked for the whole process, not for this task
                with theirs, _blocked():
                    process = await asyncio.create_subprocess_exec(
                        *self._command, stdin=theirs.fileno(), pass_fds=inherited
                    )
            return process, *await _opened(ours)
        except BaseException:
            ours.close()
            raise


def _send(child: _Child, number: signal.Signals) -> None:
    """Sends a signal if the process has not ended. Not with `Process.send_signal`: of a process that has just ended, it
    takes the exit code away from asyncio, which then reports 255."""
    if child.process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.process.pid, number)


def _kill(child: _Child) -> None:
    if sys.platform != "win32":
        _send(child, signal.SIGKILL)


async def _opened(sock: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if sys.platform != "win32":
        return await asyncio.open_unix_connection(sock=sock)
    raise NotImplementedError  # `reserve` has refused


@contextlib.contextmanager
def _blocked() -> Iterator[None]:
    """Blocks signals of a terminal. Processes that start inside the block never get them; this process gets them after
    it."""
    if sys.platform != "win32":
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    else:
        yield


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
