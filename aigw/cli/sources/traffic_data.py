"""Recorded calls as plain data, for `aigw traffic --json` and its export as JSON lines."""

from __future__ import annotations

from typing import Any

import msgspec

from aigw.cli.sources.traffic import Row
from aigw.traffic.format.folder import Entry
from aigw.traffic.format.recording import Recording, SentRequest, json_of
from aigw.traffic.runs.outcome import Outcome


def plain_row(row: Row) -> dict[str, Any]:
    return {
        **_call_data(row.place, row.entry, row.session, row.at, row.outcome, row.ended),
        "words": row.words,
    }


def plain_call(entry: Entry, recording: Recording, outcome: Outcome, place: str = "") -> dict[str, Any]:
    """Returns all of a call but the bytes of its answer. `place` stands before its name."""
    source, pieces = recording.source, recording.pieces
    told = _call_data(place, entry, recording.session.name, source.date, outcome, recording.end.ended)
    return told | {
        "route": source.route,
        "attempt": source.attempt,
        "first_ms": pieces[0][0] if pieces else None,
        "fault": recording.end.message,
        "request": _request(recording.client or recording.request),
        "answer": msgspec.to_builtins(recording.answer) | {"text": "\n".join(recording.answer.text)},
    }


def _call_data(place: str, entry: Entry, session: str, at: str, outcome: Outcome, ended: str) -> dict[str, Any]:
    tokens = outcome.tokens
    return {
        "name": f"{place}{entry.name}",
        "session": {"run": entry.run, "number": entry.session, "position": entry.position, "name": session},
        "at": at,
        "api": entry.api,
        "provider": outcome.service,
        "model": outcome.answer.model or outcome.model,
        "status": outcome.status,
        "ended": ended,
        "failed": outcome.failed,
        "tokens": {"in": tokens.prompt, "out": tokens.output},
        "usd": outcome.usd,
        "ms": outcome.ms,
    }


def _request(request: SentRequest) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(request, json=msgspec.UNSET))
    body = json_of(request)
    return told if body is None else told | {"json": body}
