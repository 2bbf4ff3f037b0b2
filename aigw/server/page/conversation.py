"""What was said in a request and its answer, part by part, as their dialect reads them.

Rule: it is read from the bytes that were kept, when somebody opens the request. What cannot be read is left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from aigw.core.answer import Reader
from aigw.core.dialect import Asked, Dialect, Turn
from aigw.core.model import Chunk, Request
from aigw.dialects.bodies import BodyReader
from aigw.server.page.recent_details import Detail, KeptAnswer

Part = dict[str, Any]
Kind = Literal["text", "reasoning", "image", "call", "result"]


def conversation(detail: Detail) -> list[Part]:
    asked = detail.dialect.asked(detail.trace.first, detail.api)
    return [*_asked(asked), *_answered(detail.dialect, asked, detail.answer)]


def asked_of(dialect: Dialect, request: Request, api: str) -> list[Part]:
    """Returns the parts of a request."""
    return list(_asked(dialect.asked(request, api)))


def _asked(asked: Asked) -> Iterator[Part]:
    try:
        turns, images = asked.turns, asked.images
    except ValueError:
        return
    for turn in turns:
        yield from _turn(turn)
    for image in images:
        yield _part("user", "image", image)


def _turn(turn: Turn) -> Iterator[Part]:
    ids: Sequence[str] = turn.answers if turn.results else [""] * len(turn.texts)
    for text, id_ in zip(turn.texts, ids, strict=False):
        is_result = turn.results and (bool(id_) or turn.role == "tool" or bool(turn.name))
        yield _part(turn.role or "user", "result" if is_result else "text", text, turn.name, id_)
    for call in turn.calls:
        yield _part(turn.role, "call", call.arguments, call.name, call.id)


def _answered(dialect: Dialect, asked: Asked, answer: KeptAnswer) -> Iterator[Part]:
    reader = _read(dialect, asked, answer)
    if reader is None:
        return
    if reader.reasoning:
        yield _part("assistant", "reasoning", reader.reasoning, answer=True)
    if reader.text:
        yield _part("assistant", "text", reader.text, answer=True)
    for call in reader.calls:
        yield _part("assistant", "call", call.arguments, call.name, call.id, answer=True)


def _read(dialect: Dialect, asked: Asked, answer: KeptAnswer) -> Reader | None:
    if not answer.pieces or not asked.generates:
        return None
    found: list[Reader] = []

    def opened(streaming: bool) -> Reader:
        found.append(dialect.reader(asked, streaming=streaming))
        found[-1].keep_all()
        return found[-1]

    reading = BodyReader(opened, answer.headers)
    for piece in answer.pieces:
        reading.feed((Chunk(piece, piece),))
    reading.end()
    if found and answer.left_out:
        found[-1].cut()
    return found[-1] if found else None


def _part(role: str, kind: Kind, text: str, name: str = "", id_: str = "", *, answer: bool = False) -> Part:
    return {"role": role, "kind": kind, "text": text, "name": name, "id": id_, "answer": answer}
