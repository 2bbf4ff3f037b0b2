"""A folder of recordings: the names of its files, reading and writing them.

Rule: a file is whole or not there, whenever the process is killed: it is written beside its place and renamed. Side
files are written before the recording that names them, and only names of this folder are read."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from aigw.core.redaction import shown
from aigw.stores.private import REMEDY, make_folder, open_file, refuse_strange_folder
from aigw.traffic.format.recording import Blob, Recording, check_version
from aigw.traffic.format.versions import CONVERTERS, Converter, OtherVersionError, converted

if sys.platform != "win32":
    import fcntl

MAX_FILE = 64 * 1024 * 1024
"""The largest recording that is read, in bytes. Large parts of answers are in side files."""
MAX_SIDE = 1024 * 1024 * 1024
"""The largest side file that is read, in bytes."""
SUFFIX = ".json"
_NAME = re.compile(r"(?:(?P<run>[a-z][a-z0-9]*)-)?(?P<session>\d+)-(?P<position>\d+)-(?P<what>[\w.]+)\.json")
ABANDONED_SECONDS = 3600
_PART = re.compile(r"\.[\w.-]+\.(?:json|bin)\.\d+")
"""The name of a file while it is written."""
_SIDE = re.compile(r"[\w.-]+\.bin")


class RecordingError(Exception):
    """A folder or file of recordings cannot be used. The message names it and the remedy, and has no secret."""


class Name(NamedTuple):
    """The name of a recording: `007-02-chat.json` is the second call of the seventh session. A gateway that records
    into a folder in which another one records at the same time has a `run`, which comes first."""

    run: str
    session: int
    position: int
    what: str

    def __str__(self) -> str:
        run = f"{self.run}-" if self.run else ""
        return f"{run}{self.session:03}-{self.position:02}-{self.what}{SUFFIX}"


class Entry(Struct, frozen=True):
    """The facts about a recording that are known without reading all of it. `group` is its session, unique in the
    folder. `left` is true if the client left before the answer was complete. It is not `playable` if no answer had
    arrived."""

    name: str
    key: str
    rules: str
    run: str
    session: int
    position: int
    session_name: str = ""
    api: str = ""
    service: str = ""
    date: str = ""
    status: int = 0
    redacted: bool = False
    left: bool = False

    @property
    def playable(self) -> bool:
        return bool(self.status) or not self.left

    @property
    def group(self) -> tuple[str, int]:
        return self.run, self.session


class _Source(Struct):
    service: str = ""
    api: str = ""
    date: str = ""


class _Session(Struct):
    name: str = ""


class _Head(Struct):
    status: int = 0


class _End(Struct):
    ended: str = "complete"


class _Peek(Struct):
    """The fields of a recording that an entry needs. The decoder passes over all others."""

    aigw: int
    source: _Source
    session: _Session
    head: _Head
    end: _End
    key: str = ""
    rules: str = ""
    redacted: bool = False

    def __post_init__(self) -> None:
        check_version(self.aigw)


_NOT_ONE = (ValueError, RecursionError)
"""The errors that decoding raises for a file that is no recording of this version."""
_peek = msgspec.json.Decoder(_Peek, strict=True).decode
_decode = msgspec.json.Decoder(Recording).decode
_encode = msgspec.json.Encoder().encode


class Folder:
    """A folder of recordings. Its methods wait for the disk, and raise RecordingError."""

    def __init__(self, path: Path, converters: Mapping[int, Converter] = CONVERTERS) -> None:
        """`converters` read older versions of the format."""
        self.path = path
        self._converters = converters
        self.lock = -1

    def entries(self) -> list[Entry]:
        """Returns all recordings, in the order of their sessions and of the calls in them."""
        return [self.entry(name, file) for name, file in self.files()]

    def files(self) -> list[tuple[Name, str]]:
        """Returns the names of the recordings in their order, and of their files, which may be written otherwise."""
        try:
            refuse_strange_folder(self.path)
            return self._files()
        except FileNotFoundError:
            raise RecordingError(
                f"there is no folder {self.path}; `aigw serve --record {self.path}` makes one"
            ) from None
        except OSError as error:
            raise RecordingError(f"{self.path}: cannot be read: {_reason(error)}") from None

    def read(self, name: str) -> Recording:
        recording = self._decoded(name, _decode)
        assert isinstance(recording, Recording)
        return recording

    def side(self, blob: Blob, of: str = "") -> bytes:
        """Returns the content of a side file. It must have the digest that the recording `of` names."""
        if not _SIDE.fullmatch(blob.file):
            raise RecordingError(
                f"{self.path / of}: {shown(blob.file)[:80]!r} is no name of a side file; record it again"
            )
        data = self._content(blob.file, MAX_SIDE)
        for each in (data, data.replace(b"\r\n", b"\n")):  # git on Windows may have put CRLF there
            if hashlib.sha256(each).hexdigest() == blob.sha256:
                return each
        raise RecordingError(f"{self.path / blob.file}: is not the file that was recorded; record it again")

    def claim(self, new_run: str) -> str:
        """Makes the folder, and returns the prefix of the names in it: "" for the first gateway, `new_run` for one that
        records beside another. It is claimed until `release`, and until each process that has inherited the descriptor
        `lock` has ended."""
        try:
            make_folder(self.path)
            if sys.platform != "win32":
                self.lock = os.open(self.path, os.O_RDONLY)
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._tidy()
                return ""
        except BlockingIOError:
            pass
        except OSError as error:
            raise RecordingError(f"{self.path}: cannot record here: {_reason(error)}") from None
        return new_run

    def release(self) -> None:
        if self.lock >= 0:
            os.close(self.lock)
            self.lock = -1

    def _tidy(self) -> None:
        """Removes what processes that were killed have written in part. Another one may be writing just now."""
        for file in self.path.iterdir():
            if _PART.fullmatch(file.name) and time.time() - file.stat().st_mtime > ABANDONED_SECONDS:
                file.unlink(missing_ok=True)

    def names(self) -> list[Name]:
        """Returns the names of the recordings. Raises OSError."""
        return [name for name, _ in self._files()]

    def write(self, name: Name | str, recording: Recording, sides: Mapping[str, bytes]) -> None:
        """Writes a recording and its side files. Raises OSError, and RecordingError if it could not be read again."""
        written = encoded(recording)
        if len(written) > MAX_FILE:
            raise RecordingError(f"it would be larger than {MAX_FILE >> 20} MiB")
        for file, data in sides.items():
            self._put(file, data)
        self._put(str(name), written)

    def replace(self, name: str, recording: Recording, sides: Mapping[str, bytes]) -> None:
        """Writes a recording in the place of another one, whose side files go. Raises OSError."""
        self.write(name, recording, sides)
        for side in self._sides(name):
            if side.name not in sides:
                side.unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        """Removes a recording and its side files. Raises OSError."""
        (self.path / name).unlink(missing_ok=True)
        for side in self._sides(name):
            side.unlink(missing_ok=True)

    def _sides(self, name: str) -> list[Path]:
        stem = name.removesuffix(SUFFIX)
        return [self.path / f"{stem}.{part}.bin" for part in ("request", "client", "answer")]

    def _put(self, name: str, data: bytes) -> None:
        beside = self.path / f".{name}.{os.getpid()}"
        file = open_file(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            with os.fdopen(file, "wb") as out:
                out.write(data)
            beside.replace(self.path / name)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise

    def _files(self) -> list[tuple[Name, str]]:
        with os.scandir(self.path) as files:
            return sorted((name, file.name) for file in files if (name := _parsed(file.name)) is not None)

    def entry(self, name: Name, file: str) -> Entry:
        """Returns what is known of the recording in a file, one of `files`."""
        peek = self._decoded(file, _peek)
        assert isinstance(peek, _Peek)
        return Entry(
            file, peek.key, peek.rules, name.run, name.session, name.position,
            peek.session.name, peek.source.api, peek.source.service, peek.source.date, peek.head.status, peek.redacted,
            peek.end.ended == "left",
        )  # fmt: skip

    def _decoded(self, name: str, decode: Callable[[bytes], object]) -> object:
        data = self._content(name, MAX_FILE)
        try:
            return self._current(data, decode)
        except OtherVersionError as error:
            raise RecordingError(f"{self.path / name}: {error}") from None
        except _NOT_ONE as error:
            reason = shown(str(error))[:200]
            raise RecordingError(f"{self.path / name}: is no recording ({reason}); record it again") from None

    def _current(self, data: bytes, decode: Callable[[bytes], object]) -> object:
        """Decodes a recording, also one of an older version."""
        try:
            return decode(data)
        except _NOT_ONE:
            if (now := converted(data, self._converters)) is data:
                raise
            return decode(now)

    def _content(self, name: str, most: int) -> bytes:
        path = self.path / name
        try:
            with os.fdopen(open_file(path, os.O_RDONLY), "rb") as file:
                data = file.read(most + 1)
        except OSError as error:
            raise RecordingError(f"{path}: cannot be read: {_reason(error)}") from None
        if len(data) > most:
            raise RecordingError(f"{path}: is larger than {most >> 20} MiB, so nobody recorded it; remove it")
        return data


def _reason(error: OSError) -> str:
    """Returns why a file or folder cannot be used, with a remedy that is right for recordings."""
    return (error.strerror or str(error)).replace(REMEDY, "move it away, or use another folder")


def encoded(recording: Recording) -> bytes:
    """Returns a recording as indented JSON, with each piece of the answer in one line."""
    head = msgspec.structs.replace(recording, pieces=[])
    text = msgspec.json.format(_encode(head), indent=2)
    if not recording.pieces:
        return text + b"\n"
    pieces = b",\n    ".join(map(_encode, recording.pieces))
    return text.removesuffix(b"\n}") + b',\n  "pieces": [\n    ' + pieces + b"\n  ]\n}\n"


def _parsed(file: str) -> Name | None:
    match = _NAME.fullmatch(file)
    if match is None:
        return None
    return Name(match["run"] or "", int(match["session"]), int(match["position"]), match["what"])


def iterate(folder: Folder) -> Iterator[tuple[Entry, Recording]]:
    """Reads all recordings of a folder, one after the other."""
    for entry in folder.entries():
        yield entry, folder.read(entry.name)
