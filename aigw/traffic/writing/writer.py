"""The process that writes recordings: `python -m aigw.traffic.writing.writer`. Its stdin brings its orders and then
calls and secrets, as `message` has them; its stdout says what went wrong, a JSON line each.

Rule: it ends with its stdin. If the gateway is killed, what had arrived is written all the same."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from aigw.traffic.format.call import Answered, Begun
from aigw.traffic.format.folder import Folder
from aigw.traffic.settings import OnError
from aigw.traffic.volatility.rules import Rules, VolatileConfig
from aigw.traffic.writing.folder_writer import FolderWriter
from aigw.traffic.writing.message import framed_in, read


class WriterSettings(Struct, frozen=True):
    """The settings of the process. `here` and `home` are the folders that vary from machine to machine."""

    folder: str
    run: str
    volatile: VolatileConfig
    here: str
    home: str
    secrets: list[str]
    config: str
    on_error: OnError


class WriterStatus(Struct, omit_defaults=True):
    """A message of the process: why a call was not written (`refused`), or why no more calls are written
    (`failure`)."""

    written: int = 0
    refused: str = ""
    failure: str = ""


class Writing:
    """Writes calls as they arrive, until one fails."""

    def __init__(self, folder_writer: FolderWriter) -> None:
        self._folder_writer = folder_writer
        self._failed = False

    @property
    def written(self) -> int:
        return self._folder_writer.written

    def take(self, number: int, what: Begun | Answered | str) -> WriterStatus | None:
        """Takes a message: a call, or a text that is a secret from now on. Returns what went wrong, None if nothing
        did."""
        if self._failed:
            return None
        try:
            if isinstance(what, Begun):
                self._folder_writer.begun(number, what)
                return None
            if isinstance(what, str):
                self._folder_writer.hide(what)
                return None
            refused = self._folder_writer.answered(number, what)
            return WriterStatus(self._folder_writer.written, refused=refused) if refused else None
        except OSError as error:
            reason = f"{self._folder_writer.folder.path}: {error.strerror or error}"
        except Exception as error:  # noqa: BLE001 - a fault of ours must not be silent
            reason = f"a fault in aigw: {type(error).__name__}: {error}"
        self._failed = True
        return WriterStatus(self._folder_writer.written, failure=reason)


def main() -> None:
    calls, reports = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    first = framed_in(calls)
    if first is None:
        return
    orders = msgspec.msgpack.decode(first, type=WriterSettings)
    try:
        writing = Writing(_folder_writer(orders))
    except OSError as error:
        _say(reports, WriterStatus(failure=f"{orders.folder}: {error.strerror or error}"))
        return
    while (message := read(calls)) is not None:
        _say(reports, writing.take(*message))
    _say(reports, WriterStatus(writing.written))


def _folder_writer(orders: WriterSettings) -> FolderWriter:
    rules = Rules.of(orders.volatile, folder=orders.here, home=orders.home)
    return FolderWriter(Folder(Path(orders.folder)), orders.run, rules, orders.secrets, orders.config)


def _say(reports: BinaryIO, told: WriterStatus | None) -> None:
    if told is not None:
        with contextlib.suppress(BrokenPipeError):  # nobody listens any more
            reports.write(msgspec.json.encode(told) + b"\n")
            reports.flush()


if __name__ == "__main__":
    main()
