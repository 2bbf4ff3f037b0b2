"""Reads sources in a child process, because files from anywhere can hang or crash what reads them.

Rules: a source that cannot be read is an UnreadableError with the reason, and the next one is read all the same, by a
new child if need be. The child never outlives this object; if this process is killed, it ends by itself."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path
from types import TracebackType

import msgspec

from aigw.core.child_process import UNDISTURBED
from aigw.rag.document import Document, UnreadableError
from aigw.rag.reader_process import LENGTH, OUT_OF_MEMORY, Answer, Asked
from aigw.rag.readers.kinds import HEAD, kind_of

MOST_BYTES = 256 * 1024 * 1024
"""The largest source that is read."""
_MOST_ANSWERED = 1024 * 1024 * 1024
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "PYTHONPATH", "PYTHONHOME", "SYSTEMROOT", "TMPDIR")
"""The variables of the environment that the child gets. It needs no keys."""
_PIPE_BUFFER = 1024 * 1024


def load(path: Path) -> bytes:
    """The bytes of a file. Raises UnreadableError."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UnreadableError(error.strerror or str(error)) from None
    _check_size(len(data))
    return data


def _check_size(size: int) -> None:
    if size > MOST_BYTES:
        raise UnreadableError(f"it is larger than {MOST_BYTES >> 20} MiB, and no larger ones are read")


class _EndedError(Exception):
    """The child has ended. `code` is its exit code as `subprocess` has it."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Reading:
    """An asynchronous context manager. `memory` bounds the address space in bytes, `seconds` the time for a source; one
    more is given for each MiB."""

    def __init__(self, *, seconds: int = 30, memory: int = 2 * 1024 * 1024 * 1024) -> None:
        self._seconds = seconds
        self._memory = memory
        self._process: Process | None = None
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> Reading:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def read(self, name: str, data: bytes, content_type: str = "", charset: str = "") -> Document:
        """Reads what a file, a page or stdin had in it. Raises UnreadableError."""
        _check_size(len(data))
        kind = kind_of(name, data[:HEAD], content_type)
        async with self._lock:
            answer = await self._ask(Asked(kind, charset, self._seconds + (len(data) >> 20), data))
        if answer.document is None:
            raise UnreadableError(answer.error)
        return answer.document

    async def aclose(self) -> None:
        """Ends the child."""
        if (process := self._process) is not None:
            self._process = None
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def _ask(self, asked: Asked) -> Answer:
        """Gives a source to the child process. If the child ends, the source is given once to a new child, because an
        earlier source may have left the old one in a bad state."""
        used = self._process is not None
        try:
            return await self._ask_once(asked)
        except _EndedError as error:
            if not used:
                raise UnreadableError(self._how_it_ended(error.code, asked.seconds)) from None
        return await self._ask(asked)

    async def _ask_once(self, asked: Asked) -> Answer:
        process = self._process = self._process or await self._start()
        done = False
        try:
            async with asyncio.timeout(asked.seconds):
                answer = await self._exchange(process, asked)
            done = True
        except TimeoutError:
            raise UnreadableError(f"reading it takes more than {asked.seconds} s") from None
        except (EOFError, ConnectionError):  # IncompleteReadError is an EOFError
            raise _EndedError(await process.wait()) from None
        finally:
            if not done:  # also if the caller was cancelled
                await self.aclose()
        return answer

    async def _start(self) -> Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "aigw.rag.reader_process", str(self._memory)),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            limit=_PIPE_BUFFER,
            **UNDISTURBED,
        )

    async def _exchange(self, process: Process, asked: Asked) -> Answer:
        assert process.stdin is not None
        assert process.stdout is not None
        message = msgspec.msgpack.encode(asked)
        process.stdin.write(LENGTH.pack(len(message)))
        process.stdin.write(message)
        await process.stdin.drain()
        (length,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
        if length > _MOST_ANSWERED:
            raise UnreadableError(f"it unpacks to more than {_MOST_ANSWERED >> 20} MiB of text")
        return msgspec.msgpack.decode(await process.stdout.readexactly(length), type=Answer)

    def _how_it_ended(self, code: int, seconds: int) -> str:
        if code == OUT_OF_MEMORY:
            return f"reading it takes more than {self._memory >> 20} MiB of memory"
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"reading it takes more than {seconds} s" if name == "SIGXCPU" else f"it crashes its reader ({name})"
