"""Higress's counters, in Prometheus's text form, summed over every process that serves from the same state folder.

Each process counts in memory and writes what it has to `metrics/<pid>.json`, whole, at most once a second.
Rule: a counter never goes down. What a process left behind is moved to `dead.json`, which also names whom it contains,
so that a crash at any moment and a reader in between count nothing twice."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

if sys.platform != "win32":
    import fcntl

log = logging.getLogger("aigw")

PREFIX = "route_upstream_model_consumer_metric_"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MAX_SERIES = 10_000
"""Beyond it a new series has "other" as model and consumer, because clients choose both."""

MAX_LABEL = 200
"""Characters of a label; model names come from clients."""

OTHER = "other"
WRITE_SECONDS = 1.0
_KEPT_NAMES = 1000
"""How many names of files that are in `dead.json` are remembered. Files are removed at once; it is a bound only."""

_VERSION = 1
_ALWAYS = (
    "input_token", "output_token", "total_token", "llm_service_duration", "llm_duration_count",
    "llm_first_token_duration", "llm_stream_duration_count", "llm_failure_count",
)  # fmt: skip
_HELP = {
    "input_token": "Tokens of the prompts.",
    "output_token": "Tokens of the answers.",
    "total_token": "Tokens of prompts and answers.",
    "llm_service_duration": "Milliseconds from requests to the ends of their answers.",
    "llm_duration_count": "Answers in llm_service_duration.",
    "llm_first_token_duration": "Milliseconds from requests to the first bytes of streamed answers.",
    "llm_stream_duration_count": "Answers in llm_first_token_duration.",
    "llm_failure_count": "Answers that were errors.",
    "token_ratelimit_count": "Requests refused by a token limit.",
}

_LABELS = ("ai_route", "ai_cluster", "ai_model", "ai_consumer")

Labels = tuple[str, ...]
"""Route, cluster, model, consumer; or () for a counter of the whole gateway."""

Series = tuple[str, Labels]
Counts = dict[Series, int]


class _File(msgspec.Struct):
    """`worker` is an id of the process that wrote it, `folded` those whose counts are in `dead.json`."""

    version: int
    worker: str
    series: list[tuple[str, Labels, int]]
    folded: list[str] = []

    def counts(self) -> Iterator[tuple[Series, int]]:
        for name, labels, value in self.series:
            yield (name, labels), value


class Metrics:
    """The counters of this process, and with a folder those of all. `add` may be called from any thread."""

    def __init__(self, folder: Path | None = None, *, max_series: int = MAX_SERIES) -> None:
        """`folder` is the state folder; nothing is created there before there is something to write."""
        self._folder = folder / "metrics" if folder is not None else None
        self._max_series = max_series
        self._counts: Counts = {}
        self._worker = uuid.uuid4().hex
        self._dirty = False
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._writer: threading.Thread | None = None

    def add(self, name: str, labels: Labels, value: int = 1) -> None:
        """Adds to a counter. Never blocks, never raises."""
        series = (name, labels)
        count = self._counts.get(series)
        if count is None:
            series = (name, _bounded(labels, full=len(self._counts) >= self._max_series))
            count = self._counts.get(series, 0)
        self._counts[series] = count + value
        self._dirty = True

    def start(self) -> None:
        """Takes over what an earlier process with this number left, and writes from now on, in a thread. To be called
        after a fork."""
        if self._folder is None or self._writer is not None:
            return
        self.fold()
        self._writer = threading.Thread(target=self._write_regularly, name="aigw-metrics", daemon=True)
        self._writer.start()

    def close(self) -> None:
        """Writes what is left and ends the thread. The counts stay in the folder."""
        self._stop.set()
        if self._writer is not None:
            self._writer.join()
        self.write()

    def _write_regularly(self) -> None:
        while not self._stop.wait(WRITE_SECONDS):
            self.write()

    def write(self) -> None:
        """Writes the counts of this process if they changed. A full disk is logged and tried again."""
        if self._folder is None or not self._dirty:
            return
        with self._lock:
            self._dirty = False
            try:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                _write(self._folder / f"{os.getpid()}.json", self._worker, dict(self._counts), [])
            except OSError as error:
                self._dirty = True
                log.warning("cannot write metrics to %s: %s", self._folder, error)

    def counts(self) -> Counts:
        """The counters of all processes, this one's as they are now."""
        total = dict(self._counts)
        if self._folder is None:
            return total
        files = [file for path in _of_processes(self._folder) if (file := _read(path)) is not None]
        dead = _read(self._folder / "dead.json")  # after the others: what was moved in between is found in it
        folded = {self._worker, *(dead.folded if dead else ())}
        for file in [*(file for file in files if file.worker not in folded), *([dead] if dead else [])]:
            _merge(total, file.counts(), self._max_series * 2)
        return total

    def render(self) -> bytes:
        """All counters in Prometheus's text form, version 0.0.4. Reads files: not for the event loop of a busy
        gateway."""
        return render(self.counts())

    def fold(self) -> None:
        """Moves the files of processes that are gone into `dead.json`."""
        if self._folder is None or not self._folder.is_dir():
            return
        try:
            with _locked(self._folder / "lock"):
                gone = [path for path in _of_processes(self._folder) if not self._is_alive(path)]
                if gone:
                    self._fold(self._folder / "dead.json", gone)
        except OSError as error:
            log.warning("cannot tidy the metrics in %s: %s", self._folder, error)

    def _fold(self, target: Path, gone: list[Path]) -> None:
        dead = _read(target) or _File(_VERSION, "", [])
        total, folded = dict(dead.counts()), list(dead.folded)
        for path in gone:
            file = _read(path)
            if file is not None and file.worker not in folded:
                _merge(total, file.counts(), self._max_series)
                folded.append(file.worker)
        _write(target, "", total, folded[-_KEPT_NAMES:])
        for path in gone:
            path.unlink(missing_ok=True)

    def _is_alive(self, path: Path) -> bool:
        pid = int(path.stem)
        if pid == os.getpid():
            file = _read(path)
            return file is not None and file.worker == self._worker
        if sys.platform == "win32":
            return True  # there, signal 0 ends a process; its file stays until its number comes again
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


def render(counts: Mapping[Series, int]) -> bytes:
    """Prometheus's text form, version 0.0.4. A counter without a series is still declared."""
    by_name: dict[str, list[tuple[Labels, int]]] = {name: [] for name in _ALWAYS}
    for (name, labels), value in sorted(counts.items()):
        by_name.setdefault(name, []).append((labels, value))
    lines = []
    for name, series in by_name.items():
        full = re.sub(r"[^a-zA-Z0-9_:]", "_", name if series and not series[0][0] else PREFIX + name)
        lines += [f"# HELP {full} {_HELP.get(name, name)}", f"# TYPE {full} counter"]
        lines += [f"{full}{_label_text(labels)} {value}" for labels, value in series]
    return "\n".join([*lines, ""]).encode("utf-8", "replace")


def _label_text(labels: Labels) -> str:
    pairs = [f'{name}="{_escaped(label)}"' for name, label in zip(_LABELS, labels, strict=False)]
    return f"{{{','.join(pairs)}}}" if pairs else ""


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _bounded(labels: Labels, *, full: bool) -> Labels:
    cut = tuple([label[:MAX_LABEL] for label in labels])
    return (*cut[:2], *[OTHER for _ in cut[2:]]) if full else cut


def _merge(total: Counts, more: Iterable[tuple[Series, int]], max_series: int) -> None:
    for (name, labels), value in more:
        series = (name, labels)
        if series not in total:
            series = (name, _bounded(labels, full=len(total) >= max_series))
        total[series] = total.get(series, 0) + value


def _of_processes(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*.json") if path.stem.isdecimal()] if folder.is_dir() else []


_decode = msgspec.json.Decoder(_File).decode


def _read(path: Path) -> _File | None:
    """A file of counts; None if it is gone or not ours."""
    try:
        file = _decode(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        log.warning("cannot read metrics from %s: %s", path, error)
        return None
    return file if file.version == _VERSION else None


def _write(path: Path, worker: str, counts: Counts, folded: list[str]) -> None:
    series = [(name, labels, value) for (name, labels), value in counts.items()]
    new = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(msgspec.json.encode(_File(_VERSION, worker, series, folded)))
    new.replace(path)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Holds a lock between processes while the block runs. Windows has one process only and needs none."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as file:
        if sys.platform != "win32":
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
