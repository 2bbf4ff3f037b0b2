"""A collection as JSON Lines, to carry it to another machine: a line about it, then a line for each source, and one for
each passage without a source.

Rule: vectors are base64 of little-endian float32, so that they arrive as they were. What is read is checked as any
other input."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from aigw.core.retrieval import Collection, CollectionInfo, Collections, Metric, Passage, RetrievalError, Source

if TYPE_CHECKING:
    from aigw.core.retrieval import Vectors

FORMAT = "aigw collection 1"


class Head(msgspec.Struct, kw_only=True):
    format: str
    name: str
    dimension: int
    embedder: str = ""
    metric: Metric = "cosine"
    fields: dict[str, str] = {}


class Line(msgspec.Struct, kw_only=True):
    """A line of an exported collection. `vectors` has the rows of all passages, one behind the other."""

    source: Source | None = None
    passages: list[Passage]
    vectors: str


async def lines_of(collection: Collection) -> AsyncIterator[bytes]:
    info = collection.info
    yield _line(Head(format=FORMAT, name=info.name, dimension=info.dimension, embedder=info.embedder,
                     metric=info.metric, fields=dict(info.fields)))  # fmt: skip
    for source in (await collection.sources()).values():
        passages = await collection.of_source(source.name)
        yield _line(Line(source=source, passages=list(passages), vectors=await _vectors(collection, passages)))


async def read_lines(collections: Collections, lines: Iterable[bytes], name: str = "") -> tuple[str, int]:
    """Makes the collection, under another `name` if one is given. Returns its name and how many passages it has. Raises
    RetrievalError, and leaves nothing then."""
    rest = iter(lines)
    head = _read(next(rest, b""), Head, 1)
    if head.format != FORMAT:
        raise RetrievalError(f"line 1: this is no {FORMAT!r}, but {head.format!r}")
    info = CollectionInfo(name or head.name, head.dimension, head.embedder, head.metric, head.fields)
    collection = await collections.create(info)
    try:
        return info.name, await _fill(collection, rest)
    except BaseException:
        await collections.drop(info.name)
        raise


async def _fill(collection: Collection, lines: Iterable[bytes]) -> int:
    number = 0
    for at, text in enumerate(lines, start=2):
        line = _read(text, Line, at)
        vectors = _decoded(line, collection.info.dimension, at)
        if line.source is None:
            await collection.upsert(line.passages, vectors)
        else:
            await collection.replace(line.source, line.passages, vectors)
        number += len(line.passages)
    await collection.tidy()
    return number


async def _vectors(collection: Collection, passages: Iterable[Passage]) -> str:
    import numpy as np

    found = await collection.fetch([passage.id for passage in passages])
    rows = [found[passage.id][1] for passage in passages]
    return base64.b64encode(np.asarray(rows, dtype="<f4").tobytes()).decode()


def _decoded(line: Line, dimension: int, at: int) -> Vectors:
    import numpy as np

    try:
        numbers = np.frombuffer(base64.b64decode(line.vectors, validate=True), dtype="<f4")
        rows: Vectors = numbers.reshape(len(line.passages), dimension).astype(np.float32)
    except (binascii.Error, ValueError):
        raise RetrievalError(f"line {at}: the vectors are not {len(line.passages)} rows of {dimension}") from None
    if not np.isfinite(rows).all():
        raise RetrievalError(f"line {at}: a vector has numbers that are not finite")
    return rows


def _line(value: Any) -> bytes:
    return msgspec.json.encode(value) + b"\n"


def _read(line: bytes, shape: Any, at: int) -> Any:
    try:
        return msgspec.json.decode(line, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RetrievalError(f"line {at}: this is no line of an exported collection: {error}") from None
