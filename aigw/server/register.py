"""Which gateways of this user run on this machine: a small file for each, in a folder that only he can open.

Rule: a file counts only as long as the process that wrote it lives. The process id and the start of the process are
compared, so that a killed gateway is never shown, and another process with its id is never taken for it. Links and
files of other users are not read. A gateway runs even if the register cannot be written."""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from aigw.server.process_start import numbering, start_of
from aigw.stores.private import make_folder, open_file, refuse_foreign_folder, refuse_strange_folder

log = logging.getLogger("aigw")

MAX_BYTES = 64 << 10
NOT_KEPT = "on Windows it is not written down which gateways run; each ends with Ctrl-C in its own window"
_OTHERS = 0o077


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway. `start` is what `start_of` says of its process. `since` is in seconds since 1970. `config` is what
    people call its configuration, and `folder` where it was started. `state` is the folder with its usage, "" if it
    keeps none. `command` is how it was started: serve or run."""

    pid: int
    start: str
    since: float
    url: str
    version: str
    config: str
    folder: str
    state: str = ""
    workers: int = 1
    command: str = "serve"


_decode = msgspec.json.Decoder(Entry).decode


def folders(env: Mapping[str, str]) -> list[Path]:
    """Returns the folders that may have entries. New entries go into the first one. There are several, because a
    gateway and the command that looks for it may have different environments."""
    found: list[Path] = []
    if sys.platform != "win32":
        own = os.geteuid()
        runtime = Path(env.get("XDG_RUNTIME_DIR", ""))
        with contextlib.suppress(FileNotFoundError):  # a read-only container has no folder of temporary files
            found.append(Path(tempfile.gettempdir(), f"aigw-{own}"))
        with contextlib.suppress(OSError, ValueError):
            if runtime.is_absolute() and runtime.stat().st_uid == own:  # not that of the user who typed sudo
                found.insert(0, runtime / "aigw")
    return found


@contextlib.contextmanager
def entered(entry: Entry, env: Mapping[str, str]) -> Iterator[None]:
    """The gateway stands in the register until the block ends."""
    file = None
    try:
        file = _write(entry, env)
    except OSError as error:
        log.info("`aigw status` will not show this gateway: %s", error)
    try:
        yield
    finally:
        if file is not None:
            with contextlib.suppress(OSError):
                file.unlink()


def running(env: Mapping[str, str]) -> list[Entry]:
    """The gateways that run, the oldest first. What others left behind is removed. Raises OSError, whose message names
    the folder, if others could have written there."""
    found = [entry for folder in folders(env) for file in _files(folder) if (entry := _alive(file)) is not None]
    return sorted(found, key=lambda entry: entry.since)


def _write(entry: Entry, env: Mapping[str, str]) -> Path | None:
    for folder in folders(env)[:1]:
        make_folder(folder)
        if stat.S_IMODE(folder.lstat().st_mode) & _OTHERS:
            folder.chmod(0o700)
        file = folder / f"{numbering()}-{entry.pid}.json"
        new = file.with_suffix(".new")
        new.unlink(missing_ok=True)
        with os.fdopen(open_file(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as target:
            target.write(msgspec.json.encode(entry))
        new.replace(file)
        return file
    return None


def _files(folder: Path) -> list[Path]:
    refuse_strange_folder(folder)
    refuse_foreign_folder(folder)
    return sorted(folder.glob(f"{numbering()}-*.json")) if folder.is_dir() else []


def _alive(file: Path) -> Entry | None:
    """The entry in a file, None if its process is gone, or if it is not ours."""
    try:
        with os.fdopen(open_file(file, os.O_RDONLY), "rb") as source:
            if sys.platform != "win32" and os.fstat(source.fileno()).st_uid != os.geteuid():
                return None
            entry = _decode(source.read(MAX_BYTES))
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    if file.stem.rpartition("-")[2] != str(entry.pid):
        return None
    if entry.start and start_of(entry.pid) == entry.start:
        return entry
    with contextlib.suppress(OSError):
        file.unlink()
    return None
