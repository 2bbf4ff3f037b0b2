"""One request with all that is known of it: what plugins did, what was said, the bytes, and how to send it again.

Rule: it is made when somebody opens the request, in a thread, and nothing of it shows a secret."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from multidict import CIMultiDict

from aigw.core.content_coding import Decoding
from aigw.core.errors import UpstreamError
from aigw.core.redaction import Redaction
from aigw.dialects.bodies import is_coded
from aigw.server.page import commands
from aigw.server.page.conversation import conversation
from aigw.server.page.recent_details import MOST_OF_A_BODY, Detail, KeptAnswer
from aigw.server.page.requests import Requests, Summary, readable
from aigw.trace.build import record_line, redaction_of
from aigw.trace.files import FOLDER, read_lines

_LONGEST_VALUE = 4096
_LONGEST_TEXT = 1024 * 1024
"""How many characters of one part of a conversation are shown."""

NOT_KEPT = (
    "No details of this request are kept: they are written down only while a page is open, of 100 requests at once, "
    "then of 10 a second, and of the last 500, or with `aigw serve --inspect`. What plugins did is kept on disk with "
    "--trace."
)
TRACED = "Bodies were not kept: this is what `aigw serve --trace` wrote to disk."


class Body(NamedTuple):
    text: str
    truncated: bool


class Details:
    """Makes the details of requests. `folder` is the state folder. The methods read files and long texts: not for the
    event loop."""

    def __init__(self, requests: Requests, folder: Path | None) -> None:
        self._requests = requests
        self._folder = folder

    def of(self, id_: str, url: str) -> dict[str, Any] | None:
        """Everything but the texts of passages; None if there is no such request. `url` is the gateway's own."""
        detail, summary = self._requests.detail(id_), self._requests.find(id_)
        if detail is not None:
            return {**(summary or _without_row(detail)), **_kept(detail, url), "note": ""}
        trace = self._traced(id_)
        if trace is None and summary is None:
            return None
        return {
            **(summary or _of_trace(trace or {})),
            **_NOTHING,
            "trace": trace,
            "note": TRACED if trace else NOT_KEPT,
        }

    def request_body(self, id_: str) -> str | None:
        detail = self._requests.detail(id_)
        return None if detail is None else _request_body(detail, redaction_of(detail.trace)).text

    def answer_body(self, id_: str) -> str | None:
        detail = self._requests.detail(id_)
        return None if detail is None else _answer_body(detail, redaction_of(detail.trace)).text

    def _traced(self, id_: str) -> dict[str, Any] | None:
        if self._folder is None or not (folder := self._folder / FOLDER).is_dir():
            return None
        wanted = id_.encode()
        for line in read_lines(folder):
            if wanted in line:
                try:
                    found = msgspec.json.decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError):
                    continue  # torn off when its process was killed
                if isinstance(found, dict) and found.get("id") == id_:
                    return found
        return None


_NOTHING: dict[str, Any] = {
    "conversation": [], "passages": [], "request": None, "answer": None, "curl": "", "python": "",
}  # fmt: skip


def _kept(detail: Detail, url: str) -> dict[str, Any]:
    trace, hides = detail.trace, redaction_of(detail.trace)
    first, answer = trace.first, detail.answer
    body, answered = _request_body(detail, hides), _answer_body(detail, hides)
    path, query = hides.text(first.path, _LONGEST_VALUE), hides.query(first.query, _LONGEST_VALUE)
    headers = _headers(first.headers, hides)
    said = commands.ShownRequest(first.method, url + path, query, headers, body.text, not body.truncated)
    return {
        "trace": msgspec.json.decode(record_line(trace)),
        "conversation": [
            {**part, "text": hides.long_text(part["text"], _LONGEST_TEXT)} for part in conversation(detail)
        ],
        "passages": [{"id": hides.text(each.id, 200), "score": each.score} for each in _retrieved(detail)],
        "remarks": {name: hides.text(said, 500) for name, said in trace.exchange.labels.remarks.items()},
        "request": {
            "method": readable(first.method),
            "path": path,
            "query": query,
            "headers": headers,
            "body": body.text,
            "truncated": body.truncated,
        },
        "answer": {
            "status": answer.status or trace.status,
            "headers": _headers(answer.headers, hides),
            "body": answered.text,
            "truncated": answered.truncated,
        },
        "curl": commands.curl(said),
        "python": commands.python(said),
    }


def _retrieved(detail: Detail) -> Sequence[Any]:
    return detail.trace.exchange.labels.retrieved


def _request_body(detail: Detail, hides: Redaction) -> Body:
    first = detail.trace.first
    return _shown_body(first.body, hides, more=first.upload is not None)


def _answer_body(detail: Detail, hides: Redaction) -> Body:
    answer = detail.answer
    if answer.error is not None and not answer.pieces:
        error = answer.error.answer() if isinstance(answer.error, UpstreamError) else answer.error
        return _shown_body(detail.dialect.error(error, detail.id), hides)
    return _shown_body(_decoded(answer), hides, more=answer.left_out > 0)


def _decoded(answer: KeptAnswer) -> bytes:
    if not is_coded(answer.headers):
        return answer.body
    decoded = b""
    try:
        coding = Decoding(answer.headers.get("content-encoding", ""), MOST_OF_A_BODY)
        for piece in answer.pieces:
            decoded += coding.feed(piece)
    except (ValueError, ImportError):
        return decoded or b"(this answer has a content coding that cannot be undone here)"
    return decoded


def _shown_body(body: bytes, hides: Redaction, *, more: bool = False) -> Body:
    text = body[: 4 * MOST_OF_A_BODY].decode("utf-8", "replace")
    return Body(
        hides.long_text(text, MOST_OF_A_BODY), more or len(text) > MOST_OF_A_BODY or len(body) > 4 * MOST_OF_A_BODY
    )


def _headers(headers: CIMultiDict[str], hides: Redaction) -> list[tuple[str, str]]:
    return [(hides.text(str(name), 200), hides.header(name, value, _LONGEST_VALUE)) for name, value in headers.items()]


def _without_row(detail: Detail) -> Summary:
    """Returns a summary of a request whose row is not written, or not written yet."""
    trace = detail.trace
    names = {"id": detail.id, "at": trace.at, "api": detail.api, "route": trace.exchange.route.name}
    said = {"status": trace.status, "outcome": trace.outcome, "stream": trace.streaming}
    return {**names, **said, "method": readable(trace.first.method), "plugins": detail.plugins, "details": True}


def _of_trace(trace: dict[str, Any]) -> Summary:
    kept = (
        "id",
        "at",
        "route",
        "consumer",
        "asked",
        "method",
        "path",
        "status",
        "outcome",
        "error",
        "total_ms",
        "wait_ms",
    )
    return {name: trace[name] for name in kept if name in trace} | {"plugins": [], "details": False}
