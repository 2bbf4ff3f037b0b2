"""The counts of all processes with the same state folder. Each process has its file `metrics/<pid>.json`.

Rule: a counter never goes down. The counts of a process that has ended are moved to `dead.json`, which also names the
processes that it contains. So nothing is counted twice, even if a process crashes or somebody reads meanwhile."""

from __future__ import annotations

import logging
import os
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from aigw.books.series import Counts, Labels, Series, merge
from aigw.stores.private import locked, make_folder, open_file

log = logging.getLogger("aigw")

_KEPT_NAMES = 1000
"""How many names `dead.json` remembers. Their files are removed at once, so this is only a bound."""

_VERSION = 1


class _File(msgspec.Struct):
    """A file of counts. `worker` is the id of the process that wrote the file. `folded` are the ids of those whose
    counts are in `dead.json`."""

    version: int
    worker: str
    series: list[tuple[str, Labels, int]]
    folded: list[str] = []

    def counts(self) -> Iterator[tuple[Series, int]]:
        for name, labels, value in self.series:
            yield (name, labels), value


class MetricsFolder:
    """The folder `metrics/`. `state` is the state folder. Nothing is made in it before there is something to write. All
    methods read or write files, so they must not run on the event loop."""

    def __init__(self, state: Path, max_series: int) -> None:
        self.path = state / "metrics"
        self._max_series = max_series
        self._worker = uuid.uuid4().hex

    def write(self, counts: Mapping[Series, int]) -> None:
        """Writes all counts of this process. Raises OSError."""
        make_folder(self.path)
        _write(self.path / f"{os.getpid()}.json", self._worker, counts, [])

    def add_others(self, total: Counts) -> None:
        """Adds the counts of all other processes to `total`."""
        files = [file for path in self._of_processes() if (file := _read(path)) is not None]
        dead = _read(self.path / "dead.json")  # read last: it has what was moved meanwhile
        folded = {self._worker, *(dead.folded if dead else ())}
        for file in [*(file for file in files if file.worker not in folded), *([dead] if dead else [])]:
            merge(total, file.counts(), self._max_series * 2)

    def fold(self) -> None:
        """Moves the counts of processes that have ended into `dead.json`. Failures are logged."""
        if not self.path.is_dir():
            return
        try:
            make_folder(self.path)
            with locked(self.path / "lock"):
                gone = [path for path in self._of_processes() if not self._is_alive(path)]
                if gone:
                    self._fold(self.path / "dead.json", gone)
        except OSError as error:
            log.warning("cannot tidy the metrics in %s: %s", self.path, error)

    def _fold(self, target: Path, gone: list[Path]) -> None:
        dead = _read(target) or _File(_VERSION, "", [])
        total, folded = dict(dead.counts()), list(dead.folded)
        for path in gone:
            file = _read(path)
            if file is not None and file.worker not in folded:
                merge(total, file.counts(), self._max_series)
                folded.append(file.worker)
        _write(target, "", total, folded[-_KEPT_NAMES:])
        for path in gone:
            path.unlink(missing_ok=True)

    def _of_processes(self) -> list[Path]:
        return [path for path in self.path.glob("*.json") if path.stem.isdecimal()] if self.path.is_dir() else []

    def _is_alive(self, path: Path) -> bool:
        pid = int(path.stem)
        if pid == os.getpid():
            file = _read(path)
            return file is not None and file.worker == self._worker
        if sys.platform == "win32":
            return True  # on Windows signal 0 ends a process: the file stays until its process id is used again
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


_decode = msgspec.json.Decoder(_File).decode


def _read(path: Path) -> _File | None:
    """Reads a file of counts. None if it is gone or not ours."""
    try:
        with os.fdopen(open_file(path, os.O_RDONLY), "rb") as content:
            file = _decode(content.read())
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        log.warning("cannot read metrics from %s: %s", path, error)
        return None
    return file if file.version == _VERSION else None


def _write(path: Path, worker: str, counts: Mapping[Series, int], folded: list[str]) -> None:
    series = [(name, labels, value) for (name, labels), value in counts.items()]
    new = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(open_file(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as file:
        file.write(msgspec.json.encode(_File(_VERSION, worker, series, folded)))
    new.replace(path)
