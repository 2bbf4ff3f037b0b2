"""The names of tickets in the file of the counters. A name identifies the process that holds. So the next process that
opens the file can charge what a killed process held, before its lease ends.

Rule: in doubt a process counts as alive, for instance one of another machine or container, or one whose process id
belongs to another process now."""

from __future__ import annotations

import os
import random
import socket
import sys
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from aigw.stores.counter.state import look

if TYPE_CHECKING:
    import sqlite3

_ids = random.Random()  # noqa: S311  # they tell tickets apart; they are no secret

_HOLDING = "SELECT key, ticket FROM holds WHERE amount"
_END = "UPDATE holds SET frees = ? WHERE key = ? AND ticket = ?"
_FREE = "DELETE FROM holds WHERE key = ? AND ticket = ?"


def new_ticket() -> str:
    return f"{_own()}.{_ids.getrandbits(64):x}"


def charge_abandoned(connection: sqlite3.Connection, now: float) -> None:
    """Charges what dead processes hold. Call it in a transaction. Raises sqlite3.Error."""
    holds = connection.execute(_HOLDING).fetchall()
    gone = {owner: _is_gone(owner) for owner in {_owner(ticket) for _, ticket in holds}}
    abandoned = [(key, ticket) for key, ticket in holds if gone[_owner(ticket)]]
    connection.executemany(_END, [(now, *hold) for hold in abandoned])
    for key in {key for key, _ in abandoned}:
        look(connection, key, now)
    connection.executemany(_FREE, abandoned)


@cache
def _own() -> str:
    """Returns the name of this process: the machine, the process id, and what distinguishes it from an earlier process
    with the same id."""
    machine = blake2b(f"{socket.gethostname()} {_namespace()}".encode(), digest_size=4).hexdigest()
    return f"{machine}.{os.getpid():x}.{_ids.getrandbits(32):x}"


def _namespace() -> int:
    """Tells containers of the same name apart: each has its own numbering of processes."""
    try:
        return Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return 0


def _owner(ticket: str) -> str:
    return ticket.rpartition(".")[0]


def _is_gone(owner: str) -> bool:
    own = _own()
    machine, _, process = owner.partition(".")
    number, _, _ = process.partition(".")
    try:
        pid = int(number, 16)
    except ValueError:
        return False  # an earlier version named it
    if machine != own.partition(".")[0] or owner == own:
        return False
    if pid == os.getpid():
        return True
    if sys.platform == "win32":
        return False  # on Windows signal 0 ends a process
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:
        return False
    return False
