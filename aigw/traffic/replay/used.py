"""Which recordings of a folder replays have used, so that the others can be removed: `aigw traffic prune --unused`.

It stands in `.aigw/used.json` in the folder itself, so that it is found whoever replays and from where; git ignores it.
A folder that cannot be written is replayed all the same, and nothing is noted."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from aigw.stores.private import locked, make_folder, open_file
from aigw.traffic.format.folder import Entry

_PLACE = ".aigw"
_FILE = "used.json"
_MAX = 64 * 1024 * 1024


class Used(Struct, frozen=True):
    """Replays from `since` to `until` (when the last one began) used the recordings `names`. Times are UTC in
    ISO 8601."""

    since: str
    until: str
    names: list[str]


def iso(at: float) -> str:
    """Returns seconds since 1970 as recordings write times."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S}Z"


def note(folder: Path, names: Iterable[str], began: float) -> None:
    """Adds what a replay has used that began at this time (seconds since 1970). Raises OSError."""
    place = folder / _PLACE
    make_folder(place)
    with locked(place / "lock"):
        before = read(folder)
        since = before.since if before is not None else iso(began)
        known = set(before.names if before is not None else ()) | set(names)
        until = max(before.until if before is not None else "", iso(began))
        _write(place / _FILE, msgspec.json.encode(Used(since, until, sorted(known))))


def read(folder: Path) -> Used | None:
    """Returns what replays have used, None if none has noted it."""
    try:
        with os.fdopen(open_file(folder / _PLACE / _FILE, os.O_RDONLY), "rb") as file:
            return msgspec.json.decode(file.read(_MAX), type=Used)
    except (OSError, ValueError, RecursionError):
        return None


def forget(folder: Path) -> None:
    """Forgets which recordings were used."""
    with contextlib.suppress(OSError):
        (folder / _PLACE / _FILE).unlink(missing_ok=True)


def unused(entries: Sequence[Entry], used: Used) -> list[Entry]:
    """Returns the recordings that no replay has used, except for those that were recorded since the last replay
    began."""
    names = set(used.names)
    return [entry for entry in entries if entry.name not in names and entry.date < used.until]


def _write(path: Path, data: bytes) -> None:
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(open_file(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as file:
        file.write(data)
    beside.replace(path)
