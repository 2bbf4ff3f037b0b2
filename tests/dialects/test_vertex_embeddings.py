"""Embeddings of Google's Vertex AI."""

import json

import pytest

from aigw.core.document import Document
from aigw.core.model import Chunk, Request
from aigw.dialects import vertex_embeddings
from aigw.dialects.table import VERTEX_EMBEDDINGS

PREDICTED = {
    "predictions": [
        {"embeddings": {"values": [0.5, 1.0], "statistics": {"token_count": 3, "truncated": False}}},
        {"embeddings": {"values": [0.0, 2.0], "statistics": {"token_count": 4}}},
    ],
    "metadata": {"billableCharacterCount": 9},
}


def encoded(**body):
    return json.loads(vertex_embeddings.encode(Document(json.dumps({"model": "m", **body}).encode())))


def test_each_text_is_an_instance():
    assert encoded(input="a") == {"instances": [{"content": "a"}], "parameters": {"autoTruncate": False}}
    assert encoded(input=["a", "b"], dimensions=8, input_type="query", encoding_format="base64") == {
        "instances": [{"content": each, "task_type": "RETRIEVAL_QUERY"} for each in "ab"],
        "parameters": {"autoTruncate": False, "outputDimensionality": 8},
    }


@pytest.mark.parametrize("given", [[1, 2], [[1]], [], 5, None, ["a", 1]])
def test_only_texts_are_taken(given):
    with pytest.raises(ValueError, match="a list of texts, no tokens"):
        encoded(input=given)


def test_the_answer_is_openais():
    body = json.dumps(PREDICTED).encode()
    assert json.loads(vertex_embeddings.decode(Chunk(body, body), model="m")) == {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [0.5, 1.0]},
            {"object": "embedding", "index": 1, "embedding": [0.0, 2.0]},
        ],
        "model": "m",
        "usage": {"prompt_tokens": 7, "total_tokens": 7},
    }


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"predictions": [{"embeddings": [1]}]}', b"x"])
def test_an_answer_without_vectors_is_none(body):
    with pytest.raises(ValueError, match="no predictions"):
        vertex_embeddings.decode(Chunk(body, body), model="m")


def read(body, texts=2):
    sent = vertex_embeddings.encode(Document(json.dumps({"input": ["a"] * texts}).encode()))
    asked = VERTEX_EMBEDDINGS.asked(
        Request("POST", "/v1/embeddings", "", {"content-type": "application/json"}, sent), ""
    )
    reader = VERTEX_EMBEDDINGS.reader(asked, streaming=False)
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    reader.feed((Chunk(data, data),))
    return reader


def test_its_tokens_and_its_end_are_read():
    reader = read(PREDICTED)
    assert (reader.tokens.input, reader.usable, reader.complete, reader.repeatable) == (7, True, True, True)
    assert (read(PREDICTED, texts=3).repeatable, read(PREDICTED, texts=3).complete) == (False, True)


@pytest.mark.parametrize("count", [float("inf"), float("nan"), -3, 10**30, "3", None])
def test_a_count_of_tokens_that_is_none_is_ignored(count):
    embeddings = {"values": [0.5], "statistics": {"token_count": count}}
    assert read({"predictions": [{"embeddings": embeddings}]}).usable


def test_an_error_is_no_answer():
    reader = read({"error": {"code": 400, "message": "too long", "status": "INVALID_ARGUMENT"}})
    assert (reader.usable, reader.complete, reader.error) == (False, False, "too long")
    assert (read(b"x").usable, read(b"x").complete) == (False, False)
