"""The lock of a collection: one process at a time may change it, and says so in the lock's file.

Rule: the system releases the lock when its process dies, so the contents of the file count only while the lock is
held."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

from aigw.core.retrieval import RetrievalError
from aigw.stores.private import open_file

if sys.platform != "win32":
    import fcntl

PATIENCE = 30.0
"""How many seconds a writer waits for another one."""
_LOOK_SECONDS = 0.02
_QUIET_SECONDS = 0.5
"""A wait that is shorter than this is not told."""


class HeldError(RetrievalError):
    """Another process has the lock. The message says which."""


@contextlib.contextmanager
def held(
    path: Path, name: str, patience: float = PATIENCE, tell: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Holds the lock of the collection `name`. Waits for another process, and tells who that is if it takes long.
    Raises HeldError when patience is over, and OSError."""
    with _opened(path) as file:
        for _ in _attempts(file, name, patience, tell):
            time.sleep(_LOOK_SECONDS)
        _sign(file)
        yield


@contextlib.asynccontextmanager
async def awaited(
    path: Path, name: str, patience: float = PATIENCE, tell: Callable[[str], None] | None = None
) -> AsyncIterator[None]:
    """Like `held`, on the event loop. Waiting ends when the task is cancelled."""
    with _opened(path) as file:
        for _ in _attempts(file, name, patience, tell):
            await asyncio.sleep(_LOOK_SECONDS)
        _sign(file)
        yield


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    file = open_file(path, os.O_RDWR | os.O_CREAT)
    try:
        yield file
    finally:
        os.close(file)


def _sign(file: int) -> None:
    os.ftruncate(file, 0)
    os.lseek(file, 0, os.SEEK_SET)
    os.write(file, json.dumps({"pid": os.getpid(), "since": time.time()}).encode())


def _attempts(file: int, name: str, patience: float, tell: Callable[[str], None] | None) -> Iterator[None]:
    """Yields after each attempt that failed, and ends when the lock is taken."""
    start = time.monotonic()
    told = False
    while not _taken(file):
        waited = time.monotonic() - start
        if waited > patience:
            raise HeldError(f"{_holder(file, name)}; wait until it has ended, or stop it")
        if tell is not None and not told and waited > _QUIET_SECONDS:
            tell(f"{_holder(file, name)}; waiting for it")
            told = True
        yield


def _taken(file: int) -> bool:
    """On Windows there is no lock: SQLite alone keeps writers apart."""
    if sys.platform != "win32":
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _holder(file: int, name: str) -> str:
    try:
        os.lseek(file, 0, os.SEEK_SET)
        said = json.loads(os.read(file, 200))
        since = time.strftime("%H:%M:%S", time.localtime(said["since"]))
        who = f"process {int(said['pid'])} since {since}"
    except (ValueError, KeyError, TypeError, OverflowError):
        who = "another process"  # it has not written its name yet
    return f"the collection {name} is being changed by {who}"
