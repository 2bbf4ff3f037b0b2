"""aigw/upstream/builtin/embedders.py: embedders of this machine as models, and what they refuse."""

from __future__ import annotations

import base64
from array import array
from typing import Any

import numpy as np
import pytest
import tiktoken
from openai.types import CreateEmbeddingResponse

from aigw.core.retrieval import RetrievalError

PATH = "/v1/embeddings"


class Lengths:
    """An embedder whose vector tells the length of the text and what it is for. It reads 10 words."""

    name = "lengths"
    window = 10
    failure = ""

    async def dimension(self) -> int:
        return 2

    async def embed(self, texts, purpose):
        if self.failure:
            raise RetrievalError(self.failure)
        return np.array([[len(text), purpose == "query"] for text in texts], np.float32)

    def count(self, text: str) -> int:
        return len(text.split())


@pytest.fixture
def embedder() -> Lengths:
    return Lengths()


@pytest.fixture
def ask(models, embedder):
    async def send(**body: Any) -> Any:
        bench = models()
        bench.upstream.embedders = lambda: {"lengths": embedder}
        return await bench.ask(PATH, {"model": "builtin/lengths", **body})

    return send


async def test_texts_are_embedded_in_both_formats(ask) -> None:
    answered = await ask(input=["a b c", "de"])
    response = CreateEmbeddingResponse.model_validate(answered.json)
    assert [row.embedding for row in response.data] == [[5, 1], [2, 1]]
    assert (response.model, response.usage.prompt_tokens, response.usage.total_tokens) == ("builtin/lengths", 4, 4)
    packed = (await ask(input="a b c", encoding_format="base64")).json["data"][0]["embedding"]
    assert array("f", base64.b64decode(packed)).tolist() == [5, 1]


@pytest.mark.parametrize(
    ("given", "query"),
    [(None, 1), ("query", 1), ("search_query", 1), ("passage", 0), ("document", 0), ("search_document", 0), ("x", 1)],
)
async def test_a_client_may_say_what_a_text_is_for(ask, given: str | None, query: int) -> None:
    assert (await ask(input="a", input_type=given)).json["data"][0]["embedding"] == [1, query]


async def test_tokens_are_those_of_openai(ask, counter) -> None:
    text = "Zürich 中文"
    counter.count(text, "gpt-4")  # so that tiktoken has its vocabulary
    tokens = tiktoken.get_encoding("cl100k_base").encode(text)
    assert (await ask(input=[tokens, [tokens[0]]])).json["data"][0]["embedding"] == [len(text), 1]
    for wrong in ([-1], [10**9], [10**30], [100_300]):
        refused = await ask(input=[wrong])
        assert (refused.status, refused.json["error"]["param"]) == (400, "input")


async def test_texts_that_are_longer_than_the_model_reads_are_named(ask) -> None:
    answered = await ask(input=["short", "word " * 11, "word " * 10])
    assert answered.headers["x-cut-input"] == "input 1: longer than the 10 tokens that the model reads"
    assert answered.json["usage"]["total_tokens"] == 1 + 10 + 10
    assert "x-cut-input" not in (await ask(input="word")).headers
    assert (await ask(input=["word " * 11] * 30)).headers["x-cut-input"].startswith("input 0, 1, 2, ")


@pytest.mark.parametrize("text", ["word " * 8193, "x" * 1_000_000])
async def test_texts_that_are_far_too_long_are_refused(ask, text: str) -> None:
    refused = await ask(input=["short", text])
    assert (refused.status, refused.json["error"]["param"]) == (400, "input[1]")
    assert "maximum input length is 8192 tokens" in refused.json["error"]["message"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": [1, "a"]}, "input"),
        ({"input": ["a"] * 2049}, "input"),
        ({"input": "a", "dimensions": 1}, "dimensions"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
    ],
)
async def test_a_mistake_is_named(ask, fields: Any, param: str) -> None:
    answered = await ask(**fields)
    assert (answered.status, answered.json["error"]["param"]) == (400, param)


async def test_its_own_length_may_be_asked_for(ask) -> None:
    assert (await ask(input="a", dimensions=2)).status == 200


async def test_an_embedder_that_fails(ask, embedder: Lengths) -> None:
    embedder.failure = "its weights are gone; reinstall it"
    answered = await ask(input="a")
    assert answered.status == 500
    assert answered.json["error"]["message"] == "builtin/lengths: its weights are gone; reinstall it"


async def test_it_is_in_the_list_of_models(models, embedder: Lengths) -> None:
    bench = models()
    bench.upstream.embedders = lambda: {"lengths": embedder}
    listed = (await bench.ask("/v1/models")).json["data"]
    assert [model["id"] for model in listed] == ["echo", "mock", "builtin/lengths"]
    assert (await bench.ask("/v1/models/builtin%2Flengths")).json["id"] == "builtin/lengths"
    assert (await bench.ask("/v1/models/builtin/other")).status == 404


async def test_an_embedder_that_is_not_there(models, embedder: Lengths) -> None:
    bench = models()
    refused = await bench.ask(PATH, {"model": "builtin/minilm", "input": "a"})
    assert (refused.status, refused.json["error"]["code"]) == (404, "model_not_found")
    assert "pip install '.[rag]' in the clone of aigw" in refused.json["error"]["message"]
    bench.upstream.embedders = lambda: {"lengths": embedder}
    for model in ("builtin/minilm", "builtin/"):
        refused = await bench.ask(PATH, {"model": model, "input": "a"})
        assert "The embedders of this machine are: builtin/lengths." in refused.json["error"]["message"]


async def test_it_does_not_chat(models, embedder: Lengths) -> None:
    bench = models()
    bench.upstream.embedders = lambda: {"lengths": embedder}
    assert (await bench.chat("builtin/lengths")).status == 404
