"""POST /v1/embeddings of the built-in models: unit vectors that follow from a hash, so equal inputs have equal vectors.

They carry no meaning: different texts are about orthogonal. They come as floats, or as base64 of little-endian float32
where the request asks for that."""

from __future__ import annotations

import hashlib
from array import array
from math import sqrt

import msgspec

from aigw.core.errors import GatewayError
from aigw.core.model import Request, Timeouts
from aigw.dialects.openai_embeddings import EmbeddingsView, embeddings_body
from aigw.upstream.builtin.engine import Engine, checked
from aigw.upstream.local import LocalResponse

DIMENSIONS = 256

TokenIds = list[int]


async def embeddings(engine: Engine, request: Request, api: str, timeouts: Timeouts) -> LocalResponse:
    asked = checked(request, api)
    assert isinstance(asked, EmbeddingsView)
    delivery = engine.delivery(asked.model, 1, timeouts)
    inputs = _inputs(asked.input)
    vectors = [vector(item, asked.dimensions or DIMENSIONS) for item in inputs]
    tokens = sum([await _tokens(engine, item, asked.model) for item in inputs])
    return await engine.plain(delivery, embeddings_body(vectors, asked, tokens))


def _inputs(given: str | list[str | int | TokenIds]) -> list[str | TokenIds]:
    """One input for each vector: a list of numbers is one input."""
    if isinstance(given, str):
        return [given]
    numbers = [item for item in given if isinstance(item, int)]
    if numbers and len(numbers) < len(given):
        message = "Invalid value for 'input': tokens and texts are mixed."
        raise GatewayError(400, message, code="invalid_value", param="input")
    return [numbers] if numbers else [item for item in given if not isinstance(item, int)]


async def _tokens(engine: Engine, item: str | TokenIds, model: str) -> int:
    return await engine.tally(len(item), engine.tokenizer.count, item, model) if isinstance(item, str) else len(item)


def vector(item: str | TokenIds, size: int) -> array[float]:
    """Four bytes a dimension, spread around zero, scaled to length 1."""
    digest = hashlib.shake_256(msgspec.json.encode(item)).digest(4 * size)
    values = [int.from_bytes(digest[at : at + 4]) - 2**31 + 0.5 for at in range(0, 4 * size, 4)]
    length = sqrt(sum(value * value for value in values))
    return array("f", [value / length for value in values])
