"""A real client: how it is installed, what is typed to do a task with it, and how its answer is read.

Every client does the same four tasks. It is unmodified, has a HOME of its own, and finds the gateway where its
documentation says that an address is set."""

from __future__ import annotations

import enum
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

WORD = "marmalade"
"""Stands in the file that is read by a client's tool, and in what tools of programs say."""


class Task(enum.Enum):
    TEXT = "text"
    TOOL = "tool"
    ERROR = "error"
    BREAK = "break"


@dataclass(frozen=True)
class Place:
    """Where a client runs: the gateway's address, without a path, and folders of its own. `software` is where it is
    installed."""

    url: str
    software: Path
    home: Path
    work: Path

    @property
    def file(self) -> Path:
        """A file in its working folder, which says WORD."""
        return self.work / "hello.txt"


@dataclass(frozen=True)
class Command:
    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ran:
    """What became of a command. `code` is None if it took too long."""

    code: int | None
    out: str
    errors: str

    @property
    def all(self) -> str:
        return f"{self.out}\n{self.errors}"


class Client:
    """`vendors` are those that it is tried with: none speaks its dialect. `native` is one that does."""

    name: ClassVar[str]
    vendors: ClassVar[Sequence[str]]
    native: ClassVar[str]
    software: ClassVar[str] = ""
    """The folder of what is installed, if it is not called as the client is."""
    seconds: ClassVar[float] = 60
    """The longest that a task may take."""
    too_long: ClassVar[str] = "(?i)too long|context|maximum"
    """What it prints, as a regular expression, where a prompt is too long."""
    breaks: ClassVar[str] = "break off"
    """What the provider is told to do in the task of a broken stream; `once` for clients that repeat without end."""

    def install(self, folder: Path) -> None:
        """Installs it in a folder of its own, unless it is there. Raises CannotInstallError."""
        raise NotImplementedError

    def prepare(self, place: Place) -> None:
        """Writes its settings."""

    def call(self, place: Place) -> str:
        """The line that makes the model call a tool of the client, which says WORD."""
        raise NotImplementedError

    def command(self, task: Task, prompt: str, place: Place) -> Command:
        raise NotImplementedError

    def answer(self, ran: Ran) -> str:
        """What the model said, of what the client printed."""
        return ran.out

    def failed(self, ran: Ran) -> bool:
        """Whether it says that it failed."""
        return ran.code != 0


class CannotInstallError(Exception):
    """The client cannot be had here; says why."""


def environment(place: Place, more: Mapping[str, str]) -> dict[str, str]:
    """That of a client: nothing of the user's but the PATH and how packages are found."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "TMPDIR")}
    return {**kept, "HOME": str(place.home), "TERM": "dumb", "NO_COLOR": "1", "CI": "1", **more}


def program(name: str) -> Path:
    """A program of ours that uses a library, beside this file."""
    return Path(__file__).parent / "programs" / name


def executable(*names: str) -> str:
    """The first of these that is on the PATH. Raises CannotInstallError."""
    for name in names:
        if found := shutil.which(name):
            return found
    raise CannotInstallError(f"there is no {' or '.join(names)} on the PATH")
