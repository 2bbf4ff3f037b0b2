"""Shows recorded calls, for `aigw traffic`.

Rule: what clients and providers wrote is made plain before it is printed, and what looks like a secret is hidden; JSON,
for programs, has all of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from aigw.cli.sources.traffic import CallDetails, Row
from aigw.cli.terminal.columns import cut, fitted, shorten
from aigw.cli.terminal.figures import count, counted, milliseconds, money
from aigw.cli.terminal.output import say_text, width
from aigw.core.dialect import Asked, Turn
from aigw.core.plain import plain, plain_rows
from aigw.core.redaction import shown, without_secrets
from aigw.traffic.format.recording import Recording, SentRequest, json_of
from aigw.traffic.runs.outcome import figures

NARROW, WIDE = 16, 30
"""Cells of a model's name, where lines have 100 cells at most, and where they have more."""


def print_rows(rows: Sequence[Row], folder: str) -> None:
    if not rows:
        say_text(f"There are no recordings in {folder}; `aigw serve --record {folder}` makes some.")
        return
    model = NARROW if width() <= 100 else WIDE
    named = any(row.session for row in rows)
    head = ("name", *(["session"] if named else []), "model", "status", "in", "out", "$", "ms", "says")
    lines = [head, *((row.entry.name.removesuffix(".json"), *([shorten(plain(row.session), 12)] if named else []),
                      shorten(shown(row.outcome.answer.model or row.outcome.model) or "-", model), _status(row),
                      _count(row.outcome.tokens.prompt), _count(row.outcome.tokens.output), money(row.outcome.usd),
                      milliseconds(row.outcome.ms), shown(row.words)) for row in rows)]  # fmt: skip
    place = ""
    for row, line in zip([None, *rows], fitted(lines, width()), strict=True):
        if row is not None and row.place != place:
            place = row.place
            say_text(plain(place.rstrip("/")))
        say_text(line)
    total = figures(row.outcome for row in rows)
    sessions = len({(row.place, row.entry.group) for row in rows if row.entry.session})
    say_text(
        f"{counted(total.calls, 'call')}, {counted(sessions, 'conversation')}: {count(total.tokens)} tokens, "
        f"${money(total.cost, total.unpriced)}, {total.errors} failed"
    )


def _status(row: Row) -> str:
    if not row.outcome.status:
        return "none"
    return f"{row.outcome.status}" if row.ended == "complete" else f"{row.outcome.status} {row.ended}"


def _count(number: int | None) -> str:
    return "-" if number is None else count(number)


def print_call(call: CallDetails) -> None:
    """Prints a call for people: who asked what, what was answered, and when its pieces came."""
    for line in _lines(call):
        say_text(cut(line, width()) if line.startswith(_EVENT) else line)


def print_texts(call: CallDetails) -> None:
    """Prints what was asked and answered, the same for each recording in which that is the same."""
    outcome, request = call.outcome, call.recording.client or call.recording.request
    status = f"{outcome.status}" if outcome.status else "no answer"
    say_text(
        shown(f"{request.method} {request.path}  {call.recording.source.model}: {status}, {call.recording.end.ended}")
    )
    for line in (*_turns(call.asked, request), *_answer(call.recording)):
        say_text(line)


_EVENT = "  @"


def _lines(call: CallDetails) -> Iterator[str]:
    entry, recording, outcome, asked, pieces, added = call
    source, request, tokens = recording.source, recording.client or recording.request, outcome.tokens
    session = f" ({shown(recording.session.name)})" if recording.session.name else ""
    yield f"{entry.name}: call {entry.position} of conversation {entry.session}{session}, {source.date}"
    whose = f", for {source.consumer}" if source.consumer else ""
    yield shown(f"{request.method} {request.path}  {source.model} by {source.service or source.origin}{whose}")
    status = f"{outcome.status}" if outcome.status else "no answer"
    yield (
        f"{status}, {recording.end.ended} after {milliseconds(outcome.ms)}, {_count(tokens.prompt)} tokens in, "
        f"{_count(tokens.output)} out, ${money(outcome.usd)}"
    )
    if recording.end.message:
        yield shown(recording.end.message)
    yield from _turns(asked, request)
    yield from _answer(recording)
    if pieces:
        yield ""
        yield "pieces (ms)"
    for (at, data), text in zip(pieces, added, strict=True):
        what = json.dumps(text, ensure_ascii=False) if text else data[:1000].decode("utf-8", "replace").strip()
        yield f"{_EVENT}{at:<9g} {len(data):>6,} B  {shown(what)}"


def _turns(asked: Asked, request: SentRequest) -> Iterator[str]:
    try:
        turns: Sequence[Turn] = asked.turns
    except ValueError:
        turns = ()
    for turn in turns:
        yield ""
        yield f"{turn.role or 'prompt'}{f' {shown(turn.name)}' if turn.name else ''}"
        yield from _indented(turn.text)
        for call in turn.calls:
            yield _call(call.name, call.arguments)
    if not turns and (body := json_of(request)) is not None:
        yield ""
        yield "body"
        yield from _indented(json.dumps(body, indent=2, ensure_ascii=False))
    if asked.tools:
        yield ""
        yield f"tools: {shown(', '.join(tool.name for tool in asked.tools))}"


def _answer(recording: Recording) -> Iterator[str]:
    answer = recording.answer
    if not (answer.text or answer.calls or answer.error or answer.reasoning):
        return
    yield ""
    yield f"answer{f' ({answer.finish})' if answer.finish else ''}"
    if answer.reasoning:
        yield from _indented("\n".join(["(reasoning)", *answer.reasoning, "(answer)"]))
    yield from _indented("\n".join(answer.text))
    for call in answer.calls:
        yield _call(call.name, call.arguments)
    if answer.error:
        yield shown(f"  error: {answer.error}")


def _call(name: str, arguments: str) -> str:
    return f"  calls {shown(name)}({shown(arguments)})"


def _indented(text: str) -> Iterator[str]:
    for line in plain_rows(without_secrets(text)) if text else ():
        yield f"  {line}"
