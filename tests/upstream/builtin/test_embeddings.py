"""aigw/upstream/builtin/embeddings.py: deterministic unit vectors, in both encodings."""

from __future__ import annotations

import base64
from array import array
from math import sqrt
from typing import Any

import pytest
from openai.types import CreateEmbeddingResponse

PATH = "/v1/embeddings"


async def test_equal_texts_have_equal_unit_vectors(models) -> None:
    answered = await models().ask(PATH, {"model": "mock", "input": ["a", "b", "a"]})
    response = CreateEmbeddingResponse.model_validate(answered.json)
    first, second, third = (item.embedding for item in response.data)
    assert [item.index for item in response.data] == [0, 1, 2]
    assert first == third
    assert sqrt(sum(value * value for value in first)) == pytest.approx(1, abs=1e-6)
    assert abs(sum(a * b for a, b in zip(first, second, strict=True))) < 0.3
    assert len(first) == 256
    assert response.usage.prompt_tokens == response.usage.total_tokens == 3


async def test_base64_holds_the_same_little_endian_floats(models) -> None:
    bench = models()
    body = {"model": "echo", "input": "text", "dimensions": 7}
    floats = (await bench.ask(PATH, {**body, "encoding_format": "float"})).json["data"][0]["embedding"]
    packed = (await bench.ask(PATH, {**body, "encoding_format": "base64"})).json["data"][0]["embedding"]
    assert array("f", base64.b64decode(packed)).tolist() == floats
    assert len(floats) == 7
    absent = (await bench.ask(PATH, {**body, "encoding_format": None})).json["data"][0]["embedding"]
    assert absent == floats


@pytest.mark.parametrize(("given", "count", "tokens"), [([5, 6, 7], 1, 3), ([[5, 6], [7]], 2, 3), ("two words", 1, 2)])
async def test_inputs_may_be_tokens(models, given: Any, count: int, tokens: int) -> None:
    answered = (await models().ask(PATH, {"model": "mock", "input": given})).json
    assert (len(answered["data"]), answered["usage"]["total_tokens"]) == (count, tokens)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": [1, "a"]}, "input"),
        ({"input": "a", "dimensions": 0}, "dimensions"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
    ],
)
async def test_a_mistake_is_named(models, fields: Any, param: str) -> None:
    answered = await models().ask(PATH, {"model": "mock", **fields})
    assert (answered.status, answered.json["error"]["param"]) == (400, param)
