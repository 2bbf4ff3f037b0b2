"""POST /v1/embeddings of the built-in models: unit vectors that follow from a hash, so equal inputs have equal vectors.

They carry no meaning: different texts are about orthogonal. They come as floats, or as base64 of little-endian float32
where the request asks for that."""

from __future__ import annotations

import hashlib
from array import array
from math import sqrt
from typing import Annotated, Any, Literal

import msgspec

from aigw.core.errors import GatewayError
from aigw.core.model import Timeouts
from aigw.dialects.openai_embeddings import pack
from aigw.upstream.builtin.delivery import Response
from aigw.upstream.builtin.engine import Engine, known_model, read

DIMENSIONS = 256

Tokens = list[int]


class EmbeddingRequest(msgspec.Struct):
    model: str
    input: str | Annotated[list[str | int | Tokens], msgspec.Meta(min_length=1, max_length=2048)]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, msgspec.Meta(ge=1, le=4096)] | None = None


async def embeddings(engine: Engine, body: bytes, timeouts: Timeouts) -> Response:
    request = read(body, EmbeddingRequest)
    known_model(request.model)
    delivery = engine.delivery(request.model, 1, timeouts)
    inputs = _inputs(request.input)
    data = [
        {"object": "embedding", "index": index, "embedding": _encode(vector(item, request), request)}
        for index, item in enumerate(inputs)
    ]
    tokens = sum([await _tokens(engine, item, request.model) for item in inputs])
    totals = {"prompt_tokens": tokens, "total_tokens": tokens}
    return await engine.plain(delivery, {"object": "list", "data": data, "model": request.model, "usage": totals})


def _inputs(given: str | list[str | int | Tokens]) -> list[str | Tokens]:
    """One input for each vector: a list of numbers is one input."""
    if isinstance(given, str):
        return [given]
    numbers = [item for item in given if isinstance(item, int)]
    if numbers and len(numbers) < len(given):
        message = "Invalid value for 'input': tokens and texts are mixed."
        raise GatewayError(400, message, code="invalid_value", param="input")
    return [numbers] if numbers else [item for item in given if not isinstance(item, int)]


async def _tokens(engine: Engine, item: str | Tokens, model: str) -> int:
    return await engine.tally(len(item), engine.counter.count, item, model) if isinstance(item, str) else len(item)


def vector(item: str | Tokens, request: EmbeddingRequest) -> array[float]:
    """Four bytes a dimension, spread around zero, scaled to length 1."""
    size = request.dimensions or DIMENSIONS
    digest = hashlib.shake_256(msgspec.json.encode(item)).digest(4 * size)
    values = [int.from_bytes(digest[at : at + 4]) - 2**31 + 0.5 for at in range(0, 4 * size, 4)]
    length = sqrt(sum(value * value for value in values))
    return array("f", [value / length for value in values])


def _encode(values: array[float], request: EmbeddingRequest) -> Any:
    if request.encoding_format != "base64":
        return values.tolist()
    return pack(values)
