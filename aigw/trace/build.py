"""Makes the record of a request from its trace: compares, redacts, and keeps it small. Runs in the thread of the
writer, after the request."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cache
from itertools import islice
from typing import Any, NamedTuple

import msgspec
from multidict import CIMultiDict

from aigw.core.difference import Change, changes
from aigw.core.json_path import format_path
from aigw.core.model import Request
from aigw.core.plain import plain_json_line
from aigw.core.redaction import Redaction
from aigw.core.retrieval import Retrieved
from aigw.core.secrets import HIDDEN, is_hidden
from aigw.trace.record import VERSION, AnswerChange, BodyChange, Changed, HeaderChange, Step, TraceRecord, Was
from aigw.trace.tracer import ReplyState, RequestTrace, Visit

MAX_BYTES = 256 * 1024
"""The size of a record at most."""
MAX_BODY = 1024 * 1024
"""Larger bodies are compared by size and hash."""
_PASSAGES = 20
"""How many passages of a request are shown."""
_NONE: Any = object()
_encode = msgspec.json.Encoder().encode


class _Bounds(NamedTuple):
    """The most changes of a step, and the most characters of a value, that are shown."""

    changes: int
    characters: int


_SIZES = (_Bounds(200, 200), _Bounds(20, 80), _Bounds(0, 80))


def record_line(trace: RequestTrace) -> bytes:
    """The record as one line of JSON, without its end."""
    writer = _Writer(trace)
    line = b""
    for bounds in _SIZES:
        line = _encode(writer.record(bounds))
        if len(line) <= MAX_BYTES:
            break
    return plain_json_line(line)


def redaction_of(trace: RequestTrace, parsed: Callable[[bytes], Any] | None = None) -> Redaction:
    """Returns what hides the secrets of every request and answer on the way. `parsed` reads a body as JSON."""
    redaction = Redaction(trace.secrets)
    requests = [trace.first, *(visit.passed for visit in trace.visits if visit.passed is not None)]
    for request in requests:
        request.seal()
        redaction.learn_headers(request.headers)
        redaction.learn_query(request.query)
    for body in {request.body for request in requests if _is_readable(request)}:
        redaction.learn_json((parsed or _parse)(body))
    for visit in trace.visits:
        for answer in (visit.got, visit.gave):
            if answer is not None:
                redaction.learn_headers(answer.headers)
    return redaction


class _Writer:
    def __init__(self, trace: RequestTrace) -> None:
        self._recording = trace
        self._bounds = _SIZES[0]
        self._parsed = cache(_parse)
        self._redaction = redaction_of(trace, self._parsed)

    def record(self, bounds: _Bounds) -> TraceRecord:
        self._bounds = bounds
        trace, hide = self._recording, self._redaction
        exchange, first = trace.exchange, trace.first
        timing, ended = exchange.timing, trace.ended or exchange.timing.arrived
        return TraceRecord(
            v=VERSION,
            id=exchange.id,
            at=trace.at,
            route=exchange.route.name,
            service=exchange.route.service,
            host=hide.text(first.headers.get("host", ""), 200),
            consumer=hide.text(exchange.consumer, 200),
            asked=hide.text(trace.asked, 200),
            answered=hide.text(trace.answered, 200),
            tokens=trace.tokens,
            method=hide.text(first.method, 40),
            path=hide.text(first.path, 1000),
            query=hide.query(first.query, 1000),
            body_bytes=None if first.upload is not None else len(first.body),
            status=trace.status,
            streaming=trace.streaming,
            outcome=trace.outcome,
            error=hide.text(trace.error, 500),
            total_ms=_ms(timing.arrived, ended),
            wait_ms=round(timing.waited * 1000, 3),
            first_ms=None if timing.first is None else _ms(timing.arrived, timing.first),
            retrieved=[
                Retrieved(hide.text(each.id, 200), each.score) for each in exchange.labels.retrieved[:_PASSAGES]
            ],
            absent=list(trace.absent[:100]),
            steps=[self._step(visit) for visit in trace.visits],
            left_out=trace.left_out,
            cut=bounds is not _SIZES[0],
        )

    def _step(self, visit: Visit) -> Step:
        error = self._redaction.text(visit.error, 500)
        if visit.applied is None:
            return Step(
                kind="upstream",
                name=visit.provider,
                in_ms=_ms(visit.began, visit.ended),
                status=visit.gave.status if visit.gave else 0,
                origin=visit.origin,
                error=error,
            )
        return Step(
            kind="plugin",
            name=visit.applied.name,
            again=visit.again,
            why=self._why(visit),
            in_ms=_ms(visit.began, visit.passed_at or visit.ended),
            out_ms=_ms(visit.returned_at, visit.ended),
            changed=Changed() if visit.passed is None else self._changed(visit.entered, visit.passed),
            reply=self._answered(visit.got, visit.gave),
            status=visit.gave.status if visit.gave and visit.got is None else 0,
            error=error,
        )

    def _why(self, visit: Visit) -> dict[str, Any]:
        assert visit.applied is not None
        why = dict(visit.applied.why)
        if match := why.get("match"):
            most = 20 if self._bounds.changes else 0
            why["match"] = {key: [name[:200] for name in names[:most]] for key, names in match.items()}
        return why

    def _changed(self, old: Request, new: Request) -> Changed:
        if not self._bounds.changes:
            return Changed(more=True)
        headers = self._headers(old.headers, new.headers)
        body, more, sizes, hashes = self._body(old, new)
        return Changed(
            method=self._was(old.method, new.method),
            path=self._was(old.path, new.path),
            query=self._query(old.query, new.query),
            headers=headers[: self._bounds.changes],
            body=body,
            sizes=sizes,
            hashes=hashes,
            more=more or len(headers) > self._bounds.changes,
        )

    def _was(self, old: str, new: str) -> Was | None:
        return None if old == new else Was(*self._redaction.pair(old, new, self._bounds.characters))

    def _query(self, old: str, new: str) -> Was | None:
        if old == new:
            return None
        limit = self._bounds.characters
        return Was(self._redaction.query(old, limit), self._redaction.query(new, limit))

    def _headers(self, old: CIMultiDict[str], new: CIMultiDict[str]) -> list[HeaderChange]:
        names = dict.fromkeys(name.lower() for name in (*old, *new))
        found = []
        for name in names:
            before, after = old.getall(name, []), new.getall(name, [])
            if before != after:
                shown = self._redaction.text(name, 100)
                found.append(HeaderChange(shown, self._values(name, before), self._values(name, after)))
        return found

    def _values(self, name: str, values: list[str]) -> str | None:
        return self._redaction.header(name, ", ".join(values), self._bounds.characters) if values else None

    def _body(
        self, old: Request, new: Request
    ) -> tuple[list[BodyChange], bool, tuple[int, int] | None, tuple[str, str] | None]:
        if old.body == new.body:
            return [], False, None, None
        if _is_readable(old) and _is_readable(new):
            before, after = self._parsed(old.body), self._parsed(new.body)
            if before is not _NONE and after is not _NONE:
                most = self._bounds.changes
                try:
                    found = [self._body_change(each) for each in islice(changes(before, after), most + 1)]
                except RecursionError:
                    pass
                else:
                    return found[:most], len(found) > most, None, None
        return [], False, (len(old.body), len(new.body)), (_hash(old.body), _hash(new.body))

    def _body_change(self, change: Change) -> BodyChange:
        path = self._redaction.text(format_path(change.path), 200)
        old, new, limit = change.old, change.new, self._bounds.characters
        if isinstance(old, str) and isinstance(new, str) and change.op == "replace":
            if is_hidden(change.path, old):
                return BodyChange("replace", path, f'"{HIDDEN}"', f'"{HIDDEN}"')
            shown = [json.dumps(text, ensure_ascii=False) for text in self._redaction.pair(old, new, limit)]
            return BodyChange("replace", path, *shown)
        return BodyChange(
            change.op,
            path,
            "" if change.op == "add" else self._redaction.json(change.path, old, limit),
            "" if change.op == "remove" else self._redaction.json(change.path, new, limit),
        )

    def _answered(self, got: ReplyState | None, gave: ReplyState | None) -> AnswerChange:
        if got is None or gave is None:
            return AnswerChange()
        headers = self._headers(got.headers, gave.headers)[: self._bounds.changes]
        return AnswerChange(
            status=None if got.status == gave.status else (got.status, gave.status),
            headers=headers,
            replaced=got.reply != gave.reply,
            rewritten=got.reply == gave.reply and got.rewriters != gave.rewriters,
        )


def _is_readable(request: Request) -> bool:
    return request.is_json and len(request.body) <= MAX_BODY


def _parse(body: bytes) -> Any:
    """The body as JSON, or _NONE if it is not JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return _NONE


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:16]


def _ms(start: float | None, end: float | None) -> float:
    return 0.0 if start is None or end is None else round(max(end - start, 0.0) * 1000, 3)
