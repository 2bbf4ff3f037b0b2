"""POST /v1/embeddings of `echo` and `mock`: unit vectors that follow from a hash, so equal inputs have equal vectors.

They carry no meaning: different texts are about orthogonal. They come as floats, or as base64 of little-endian float32
if the request asks for that. Vectors with a meaning are those of embedders.py."""

from __future__ import annotations

import hashlib
from array import array
from math import sqrt

import msgspec

from aigw.core.model import Request, Timeouts
from aigw.dialects.openai_embeddings import EmbeddingsView, TokenIds, embeddings_body
from aigw.upstream.builtin.embedders import embed
from aigw.upstream.builtin.engine import PREFIX, Engine, checked
from aigw.upstream.local import LocalResponse

DIMENSIONS = 256


async def embeddings(engine: Engine, request: Request, api: str, timeouts: Timeouts) -> LocalResponse:
    asked = EmbeddingsView(request, api)
    if asked.model.startswith(PREFIX):
        return await embed(engine, request, asked, api)
    checked(request, api)
    delivery = engine.delivery(asked.model, 1, timeouts)
    vectors = [vector(item, asked.dimensions or DIMENSIONS) for item in asked.texts_or_tokens]
    tokens = sum([await _tokens(engine, item, asked.model) for item in asked.texts_or_tokens])
    return await engine.plain(delivery, embeddings_body(vectors, asked, tokens))


async def _tokens(engine: Engine, item: str | TokenIds, model: str) -> int:
    return await engine.tally(len(item), engine.tokenizer.count, item, model) if isinstance(item, str) else len(item)


def vector(item: str | TokenIds, size: int) -> array[float]:
    """Four bytes a dimension, spread around zero, scaled to length 1."""
    digest = hashlib.shake_256(msgspec.json.encode(item)).digest(4 * size)
    values = [int.from_bytes(digest[at : at + 4]) - 2**31 + 0.5 for at in range(0, 4 * size, 4)]
    length = sqrt(sum(value * value for value in values))
    return array("f", [value / length for value in values])
