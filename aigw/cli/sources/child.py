"""Runs a command as a child, as a shell would: it has our terminal, gets our signals, and its exit status is told in a
shell's numbers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

NOT_EXECUTABLE, NOT_FOUND = 126, 127
KILLED = 128
"""The exit status of a command that a signal has ended is this plus the number of the signal, as in a shell."""
_FORWARDED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
_OF_KEYS = ("SIGINT", "SIGQUIT")
"""The signals that a terminal sends to all processes in its foreground when a key is pressed."""


class Child(NamedTuple):
    """A command as it is started. `notes` are sentences for the user."""

    command: list[str]
    env: dict[str, str]
    notes: list[str]


class CommandError(Exception):
    """The command cannot be started. `code` is the exit status of a shell for that."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


async def run_child(command: Sequence[str], env: Mapping[str, str]) -> int:
    """Returns the exit status of the command when it has ended. Raises CommandError."""
    with _signals() as wanted:
        process = _started(command, env)
        wanted.process = process
        status = await asyncio.to_thread(process.wait)
    return status if status >= 0 else KILLED - status


def _started(command: Sequence[str], env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    name = command[0]
    try:
        return subprocess.Popen(_found(command, env), env=dict(env))  # noqa: S603 - it is what the user typed
    except FileNotFoundError:
        there = shutil.which(name, path=env.get("PATH")) is not None
        why = f"{name!r} begins with a line that names a missing program" if there else f"there is no command {name!r}"
        raise CommandError(why, NOT_FOUND) from None
    except (OSError, ValueError) as error:
        raise CommandError(f"{name!r} cannot be run: {getattr(error, 'strerror', error)}", NOT_EXECUTABLE) from None


def _found(command: Sequence[str], env: Mapping[str, str]) -> Sequence[str]:
    """On Windows, only a shell finds programs whose names end with .cmd, as those of npm do."""
    if sys.platform == "win32":
        return [shutil.which(command[0], path=env.get("PATH")) or command[0], *command[1:]]
    return command


class _Wanted:
    """Signals that came in. Those from before the child was there are not for it."""

    process: subprocess.Popen[bytes] | None = None

    def forward(self, number: signal.Signals) -> None:
        typed = number.name in _OF_KEYS and _shares_terminal()
        if self.process is not None and not typed:  # otherwise it has it already
            self.process.send_signal(number)


@contextlib.contextmanager
def _signals() -> Iterator[_Wanted]:
    """Forwards signals inside the block instead of being ended by them. What was ignored stays so, as with nohup."""
    wanted, loop = _Wanted(), asyncio.get_running_loop()
    numbers = [getattr(signal, name) for name in _FORWARDED if hasattr(signal, name)] if sys.platform != "win32" else []
    numbers = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    for number in numbers:
        loop.add_signal_handler(number, wanted.forward, number)
    try:
        yield wanted
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _shares_terminal() -> bool:
    """Whether the terminal sends what its keys mean to us, and so to the child, too."""
    if sys.platform != "win32":
        try:
            terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
        except OSError:
            return False
        try:
            return os.tcgetpgrp(terminal) == os.getpgrp()
        except OSError:
            return False
        finally:
            os.close(terminal)
    return True
