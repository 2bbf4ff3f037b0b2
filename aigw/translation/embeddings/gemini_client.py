"""A Gemini client's request for vectors, at a provider that has OpenAI's embeddings.

Rules of the wire: `:embedContent` is one text, `:batchEmbedContents` a list of such requests, each with settings of its
own. OpenAI's have one setting for all texts. The texts of one content are one text. The title of a text, and what it is
embedded for, have no counterpart in OpenAI's format; the built-in embedders take the latter."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

from aigw.dialects.embedding_format import unpack
from aigw.dialects.gemini_request import field
from aigw.dialects.json_values import Json, object_of
from aigw.dialects.view import natural, rows_of, text_of
from aigw.translation.notes import Notes, refused

_LOST = ("title", "taskType", "autoTruncate", "embedContentConfig")
_PURPOSES: Mapping[str, str] = {
    "RETRIEVAL_QUERY": "query",
    "QUESTION_ANSWERING": "query",
    "FACT_VERIFICATION": "query",
    "CODE_RETRIEVAL_QUERY": "query",
    "RETRIEVAL_DOCUMENT": "passage",
}


def request_of(body: Json, *, batch: bool, model: str, purposes: bool, notes: Notes) -> Json:
    """Returns the body for OpenAI's format. `purposes`: the provider takes `input_type`. Raises GatewayError for a
    request that would get wrong vectors."""
    given = rows_of(field(body, "requests")) if batch else [body]
    if not given:
        raise refused("requests", "is missing or empty")
    found: Json = {"model": model, "input": [_text(each) for each in given]}
    if dimensions := _one(given, "outputDimensionality"):
        found["dimensions"] = natural(dimensions)
    purpose = _PURPOSES.get(text_of(_common(given, "taskType"))) if purposes else None
    if purpose:
        found["input_type"] = purpose
    notes.lose(*(name for name in _LOST if _any_has(given, name) and not (purpose and name == "taskType")))
    return found


def answer_of(body: bytes, *, batch: bool, count: int) -> Json:
    """Returns the answer in Gemini's format. Raises ValueError if it has not `count` vectors."""
    rows = rows_of(object_of(body).get("data"))
    placed = {_index(row, place): _values(row.get("embedding")) for place, row in enumerate(rows)}
    if len(rows) != count or placed.keys() != set(range(count)):
        raise ValueError(f"{len(rows)} vectors for {count} texts")
    vectors = [{"values": placed[index]} for index in range(count)]
    return {"embeddings": vectors} if batch else {"embedding": vectors[0]}


def _text(request: Json) -> str:
    content = field(request, "content")
    parts = rows_of(field(content, "parts")) if isinstance(content, dict) else []
    texts = [part["text"] for part in parts if isinstance(part.get("text"), str)]
    if len(texts) < len(parts):
        raise refused("content.parts", "only texts are embedded by this provider")
    if not any(texts):
        raise refused("content", "has no text to embed")
    return "\n".join(texts)


def _any_has(given: Sequence[Json], name: str) -> bool:
    return any(field(each, name) not in (None, "", "TASK_TYPE_UNSPECIFIED") for each in given)


def _common(given: Sequence[Json], name: str) -> Any:
    """Returns what all requests say of this setting, None if they differ."""
    values = [field(each, name) for each in given]
    return values[0] if all(value == values[0] for value in values) else None


def _one(given: Sequence[Json], name: str) -> Any:
    if _any_has(given, name) and _common(given, name) is None:
        raise refused(name, "this provider has one for all texts of a request, and these differ")
    return _common(given, name)


def _index(row: Json, place: int) -> int:
    index = row.get("index")
    return index if type(index) is int else place


def _values(vector: Any) -> list[float]:
    if isinstance(vector, str):
        try:
            return unpack(vector)
        except struct.error as error:
            raise ValueError(f"a vector cannot be read: {error}") from None
    if not isinstance(vector, list) or not vector:
        raise ValueError("a vector is missing")
    return vector
