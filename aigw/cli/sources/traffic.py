"""Reads a folder of recordings for `aigw traffic`, and changes it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from aigw.cli.default_file import configuration
from aigw.cli.sources.config_choice import ConfigChoice
from aigw.cli.sources.recordings import replayable
from aigw.config.load import Loaded, load
from aigw.config.secret_values import secrets_in
from aigw.core.dialect import Asked
from aigw.dialects.table import dialect_of
from aigw.higress.re2 import GoRegex
from aigw.pricing.prices import Prices
from aigw.traffic.format.building import LeakError
from aigw.traffic.format.call import Sent
from aigw.traffic.format.contents import begun_of, body_of, pieces_of
from aigw.traffic.format.folder import Entry, Folder, RecordingError
from aigw.traffic.format.folding import texts
from aigw.traffic.format.recording import Recording, seconds_of
from aigw.traffic.format.redacting import redacted
from aigw.traffic.format.tree import below, place_of
from aigw.traffic.replay.used import Used, forget, read, unused
from aigw.traffic.runs.client_calls import outcome_of
from aigw.traffic.runs.costs import priced
from aigw.traffic.runs.outcome import Outcome

WORDS = 200
"""How many characters of a question are kept for a list."""


class Row(NamedTuple):
    """A call in a list. `place` stands before its name if it is in a folder of the folder. `words` are the beginning of
    the question, or of the answer if there is none."""

    place: str
    entry: Entry
    session: str
    at: str
    outcome: Outcome
    ended: str
    words: str


class Listed(NamedTuple):
    """`problems` name the files that cannot be used."""

    rows: list[Row]
    problems: list[str]


async def listed(path: Path, config: Path | None) -> Listed:
    """Reads all calls in a folder, with their costs. Raises RecordingError, ConfigError."""
    prices = prices_of(config)
    problems: list[str] = []
    rows = [
        _row(place_of(folder, path), call, folder) for folder in below(path) for call in calls(folder, problems.append)
    ]
    sold = [(row.entry.api, seconds_of(row.at), row.outcome) for row in rows]
    costs = await priced(sold, prices)
    return Listed([row._replace(outcome=cost) for row, cost in zip(rows, costs, strict=True)], problems)


async def cost_of(recording: Recording, outcome: Outcome, config: Path | None) -> Outcome:
    """Returns what became of a call, with its cost. Raises ConfigError."""
    (found,) = await priced([(recording.source.api, seconds_of(recording.source.date), outcome)], prices_of(config))
    return found


class RecordedCall(NamedTuple):
    """A recording, and what became of it."""

    entry: Entry
    recording: Recording
    outcome: Outcome


def calls(folder: Folder, problem: Callable[[str], object]) -> Iterator[RecordedCall]:
    """Reads the calls of a folder one after the other, and reports unusable ones to `problem`. Raises RecordingError if
    the folder cannot be read."""
    for name, file in folder.files():
        try:
            entry = folder.entry(name, file)
            recording = folder.read(file)
            yield RecordedCall(entry, recording, outcome_of(recording, folder, file))
        except RecordingError as error:
            problem(str(error))


def one(place: Path) -> tuple[Folder, str]:
    """Returns the folder of a recording and its name there. Its suffix may be missing. Raises RecordingError."""
    folder = Folder(place.parent)
    names = [file for _, file in folder.files()]
    found = next((name for name in names if name in (place.name, f"{place.name}.json")), "")
    if not found:
        raise RecordingError(f"{place}: there is no such recording; `aigw traffic ls {place.parent}` lists them")
    return folder, found


def asked_by_client(recording: Recording, folder: Folder, name: str) -> Asked:
    """Returns a view of the request of the client, or of the plugin that made the call. Raises RecordingError."""
    request = recording.client or recording.request
    headers = tuple(request.headers.items())
    sent = Sent(request.method, request.path, request.query, headers, body_of(request, folder, name))
    return dialect_of(recording.source.api).asked(sent.request(), recording.source.api)


class CallDetails(NamedTuple):
    """One call with everything that is shown of it. `added` has the text that each of the `pieces` adds to the
    answer."""

    entry: Entry
    recording: Recording
    outcome: Outcome
    asked: Asked
    pieces: Sequence[tuple[float, bytes]]
    added: Sequence[str]


async def shown(folder: Folder, name: str, config: Path | None) -> CallDetails:
    """Raises RecordingError, ConfigError."""
    call = details(folder, name)
    return call._replace(outcome=await cost_of(call.recording, call.outcome, config))


def details(folder: Folder, name: str) -> CallDetails:
    """Returns a call without its cost, for which no configuration is read. Raises RecordingError."""
    recording = folder.read(name)
    (entry,) = [folder.entry(parsed, file) for parsed, file in folder.files() if file == name]
    pieces = pieces_of(recording, folder, name)
    outcome = outcome_of(recording, folder, name)
    headers = recording.head.headers.items()
    added = texts(begun_of(recording, folder, name), headers, [data for _, data in pieces])
    return CallDetails(entry, recording, outcome, asked_by_client(recording, folder, name), pieces, added)


class Removable(NamedTuple):
    """What can be removed from some folders. `total` counts all recordings, and `used` says which replays were looked
    at, None if the age alone decides. In `unknown` folders no replay has noted what it used."""

    folders: list[tuple[Folder, list[str]]]
    names: list[str]
    total: int
    used: Used | None
    unknown: list[str]


def removable(path: Path, *, only_unused: bool, before: str) -> Removable:
    """Returns what can be removed. `before` is a time as recordings have it, "" for any. Raises RecordingError."""
    total, noted, folders, unknown = 0, list[Used](), list[tuple[Folder, list[str]]](), list[str]()
    for folder in below(path):
        entries = folder.entries()
        total += len(entries)
        used = read(folder.path) if only_unused else None
        if only_unused and used is None:
            unknown.append(place_of(folder, path).rstrip("/") or ".")
            continue
        noted += [used] if used is not None else []
        found = unused(entries, used) if used is not None else entries
        folders.append((folder, [entry.name for entry in found if not before or entry.date < before]))
    if only_unused and not noted:
        raise RecordingError(
            f"{path}: no replay has noted what it used; run `aigw serve --replay {path}` with your tests first"
        )
    names = [f"{place_of(folder, path)}{name}" for folder, found in folders for name in found]
    looked_at = Used(min(each.since for each in noted), max(each.until for each in noted), []) if noted else None
    return Removable(folders, names, total, looked_at, unknown)


def remove(found: Removable) -> None:
    """Raises RecordingError."""
    for folder, names in found.folders:
        with alone(folder):
            for name in names:
                _remove(folder, name)
        if found.used is not None:
            forget(folder.path)


def _remove(folder: Folder, name: str) -> None:
    try:
        folder.remove(name)
    except OSError as error:
        raise RecordingError(f"{folder.path / name}: cannot be removed: {error.strerror or error}") from None


class Redacted(NamedTuple):
    """The names of the recordings in which there were secrets, and what could not be redacted and why."""

    names: list[str]
    total: int
    problems: list[str]


def redact(path: Path, patterns: Sequence[GoRegex], config: Path | None, *, dry_run: bool) -> Redacted:
    """Takes secrets out of all recordings in a folder. Raises RecordingError, ConfigError."""
    loaded = _loaded(config)
    secrets = secrets_in(loaded) if loaded is not None else set[str]()
    done = Redacted([], 0, [])
    for folder in below(path):
        place, each = place_of(folder, path), _redact(folder, patterns, secrets, dry_run=dry_run)
        names = [f"{place}{name}" for name in each.names]
        done = Redacted(done.names + names, done.total + each.total, done.problems + each.problems)
    return done


def _redact(folder: Folder, patterns: Sequence[GoRegex], secrets: Iterable[str], *, dry_run: bool) -> Redacted:
    names, problems = [], []
    with alone(folder):
        files = [file for _, file in folder.files()]
        for name in files:
            try:
                new = redacted(folder.read(name), folder, name, secrets=secrets, patterns=patterns)
                if new is None:
                    continue
                if not dry_run:
                    folder.replace(name, *new)
                names.append(name)
            except LeakError as error:
                problems.append(f"{folder.path / name}: was left as it is: {error}; remove it")
            except OSError as error:
                raise RecordingError(f"{folder.path / name}: cannot be written: {error.strerror or error}") from None
            except RecordingError as error:
                problems.append(str(error))
    return Redacted(names, len(files), problems)


@contextmanager
def alone(folder: Folder) -> Iterator[None]:
    """Keeps gateways from recording into a folder meanwhile. Raises RecordingError if one does."""
    folder.files()  # raises if there is no folder, which would be made otherwise
    busy = folder.claim("busy")
    try:
        if busy and os.name == "posix":
            raise RecordingError(f"{folder.path}: a gateway records here; stop it first")
        yield
    finally:
        folder.release()


def _row(place: str, call: RecordedCall, folder: Folder) -> Row:
    entry, recording, outcome = call
    answer = replace(outcome.answer, text=[], reasoning=[], calls=[])  # a list needs none of them
    words = _words(recording, folder, entry.name)
    return Row(
        place,
        entry,
        recording.session.name,
        recording.source.date,
        replace(outcome, answer=answer),
        recording.end.ended,
        words,
    )


def _words(recording: Recording, folder: Folder, name: str) -> str:
    try:
        question = asked_by_client(recording, folder, name).question
    except ValueError:
        question = ""
    return " ".join((question or "\n".join(recording.answer.text) or recording.answer.error)[:WORDS].split())


def prices_of(config: Path | None) -> Prices:
    """Raises ConfigError."""
    loaded = _loaded(config)
    return Prices(loaded.config.prices) if loaded is not None else Prices()


def _loaded(config: Path | None) -> Loaded | None:
    """The configuration, None without one. Keys need not be in the environment. Raises ConfigError."""
    path = configuration(config)
    return load(path, replayable(Path(), ConfigChoice(path), os.environ)) if path is not None else None
