"""Reads the content of an answer through its dialect, independent of how it was cut into events."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from multidict import CIMultiDict

from aigw.core.answer import Reader
from aigw.core.dialect import Dialect
from aigw.core.model import Chunk
from aigw.dialects import table
from aigw.dialects.bodies import BodyReader
from aigw.traffic.format.call import Begun
from aigw.traffic.format.recording import Call, Folded

_DIALECTS: dict[str, Dialect] = {
    each.name: each
    for each in (
        *table.DIALECTS.values(),
        table.GENERIC,
        table.ANTHROPIC_GENERIC,
        table.GEMINI_GENERIC,
        table.DASHSCOPE,
        table.VERTEX_EMBEDDINGS,
    )
}


def dialect_named(name: str) -> Dialect:
    """Returns the dialect that a recording names, the generic one if this aigw has none of this name."""
    return _DIALECTS.get(name, table.GENERIC)


def read(begun: Begun, headers: Iterable[tuple[str, str]], body: Iterable[bytes]) -> Reader | None:
    """Returns a reader that has read an answer, None if it cannot be read, or if a plugin made the call for itself."""
    if not begun.dialect:
        return None
    reading, found = _reading(begun, headers, whole=True)
    for piece in body:
        reading.feed((Chunk(piece, piece),))
    reading.end()
    return found[-1] if found else None


def texts(begun: Begun, headers: Iterable[tuple[str, str]], body: Iterable[bytes]) -> list[str]:
    """Returns the text that each piece of a stream adds to the answer, "" for a piece that adds none or cannot be
    read."""
    if not begun.dialect:
        return ["" for _ in body]
    reading, found = _reading(begun, headers)
    before, added = "", []
    for piece in body:
        reading.feed((Chunk(piece, piece),))
        now = found[-1].text if found else ""
        added.append(now[len(before) :] if now.startswith(before) else "")
        before = now
    return added


def _reading(
    begun: Begun, headers: Iterable[tuple[str, str]], *, whole: bool = False
) -> tuple[BodyReader, list[Reader]]:
    """Returns what reads a body, and the list to which it adds the reader that it opens. `whole`: it keeps all."""
    dialect = dialect_named(begun.dialect)
    asked = dialect.asked(begun.sent.request(), begun.api)
    found: list[Reader] = []

    def opened(streaming: bool) -> Reader:
        found.append(dialect.reader(asked, streaming=streaming, provider=begun.service))
        if whole:
            found[-1].keep_all()
        return found[-1]

    return BodyReader(opened, CIMultiDict(headers)), found


def folded(reader: Reader | None) -> Folded:
    """Returns what an answer says."""
    if reader is None:
        return Folded()
    tokens = msgspec.structs.asdict(reader.tokens)
    return Folded(
        text=reader.text.split("\n") if reader.text else [],
        reasoning=reader.reasoning.split("\n") if reader.reasoning else [],
        calls=[Call(name=call.name, arguments=call.arguments, id=call.id) for call in reader.calls],
        finish=reader.finish,
        model=reader.model,
        tokens={name: count for name, count in tokens.items() if isinstance(count, int)},
        error=reader.error,
    )
