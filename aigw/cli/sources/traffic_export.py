"""Writes recordings in formats of others, for `aigw traffic export`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from aigw.cli.sources.traffic import calls, prices_of
from aigw.cli.sources.traffic_data import plain_call
from aigw.cli.terminal.figures import counted
from aigw.core.plain import plain_json
from aigw.traffic.export.har import har, har_entry
from aigw.traffic.export.training import Written, evals, sft
from aigw.traffic.format.contents import body_of, pieces_of
from aigw.traffic.format.folder import Entry, Folder, RecordingError
from aigw.traffic.format.recording import Recording, seconds_of
from aigw.traffic.format.tree import below, place_of
from aigw.traffic.runs.costs import priced

Problem = Callable[[str], object]


class Exported(NamedTuple):
    """`notes` say what is not in the lines."""

    lines: list[bytes]
    notes: list[str]


async def exported(path: Path, format: str, config: Path | None, problem: Problem) -> Exported:
    """Returns the export, and reports unusable recordings to `problem`. Raises RecordingError, ConfigError."""
    folders = below(path)
    if format == "har":
        entries = [
            har_entry(each, folder, entry.name) for folder in folders for entry, each in _recordings(folder, problem)
        ]
        return Exported([_line(har(entries))], [])
    if format == "jsonl":
        lines = [await _lines(folder, place_of(folder, path), config, problem) for folder in folders]
        return Exported([line for each in lines for line in each], [])
    write = evals if format == "openai-evals" else sft
    written = _together([write(_recordings(folder, problem), folder) for folder in folders])
    return Exported([_line(example) for example in written.examples], _notes(written))


def _together(parts: Sequence[Written]) -> Written:
    left_out = sum((part.left_out for part in parts), Counter[str]())
    return Written([each for part in parts for each in part.examples], left_out, sum(part.media for part in parts))


async def _lines(folder: Folder, place: str, config: Path | None, problem: Problem) -> list[bytes]:
    found = list(calls(folder, problem))
    sold = [(each.recording.source.api, seconds_of(each.recording.source.date), each.outcome) for each in found]
    costs = await priced(sold, prices_of(config))
    return [_line(plain_call(each.entry, each.recording, cost, place)) for each, cost in zip(found, costs, strict=True)]


def _recordings(folder: Folder, problem: Problem) -> Iterator[tuple[Entry, Recording]]:
    """Yields the recordings whose side files can be used, too."""
    for entry, recording, _ in calls(folder, problem):
        try:
            pieces_of(recording, folder, entry.name)
            body_of(recording.request, folder, entry.name)
        except RecordingError as error:
            problem(str(error))
        else:
            yield entry, recording


def _notes(written: Written) -> list[str]:
    left_out = [f"{counted(number, 'call')} {reason}" for reason, number in sorted(written.left_out.items())]
    notes = [f"{len(written.examples)} written; left out: {', '.join(left_out)}"] if left_out else []
    if written.media:
        notes.append(f"{written.media} images, sounds or files in prompts are left out")
    return notes


def _line(value: Any) -> bytes:
    """Returns JSON in one line. A half surrogate pair, which no UTF-8 has, stays escaped."""
    text = plain_json(json.dumps(value, ensure_ascii=False))
    return text.encode("utf-8", "backslashreplace") + b"\n"
