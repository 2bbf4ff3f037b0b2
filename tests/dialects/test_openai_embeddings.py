"""Embeddings: inputs of every kind, usage that is all input, and answers of ours in the format that was asked for."""

import json

import pytest
from fakes import answered, chat, make_exchange

from aigw.core.dialect import Turn
from aigw.core.pace import LARGE
from aigw.dialects.embedding_format import unpack
from aigw.dialects.openai_embeddings import OpenAIEmbeddings, embeddings_body

PATH = "/v1/embeddings"


def exchange(**body):
    return make_exchange(chat(body, path=PATH))


@pytest.mark.parametrize(
    ("given", "texts"),
    [("a", ["a"]), (["a", "b"], ["a", "b"]), ([1, 2], []), ([[1], [2]], []), (["a", 1], ["a"]), (None, []), ({}, [])],
)
def test_inputs(given, texts):
    asked = exchange(input=given, max_tokens=5).asked
    assert asked.turns == [Turn("", (text,)) for text in texts]
    assert asked.question == (texts[-1] if texts else "")
    assert (asked.generates, asked.max_tokens) == (False, 0)


def test_an_input_can_be_replaced_where_it_was_found():
    found = exchange(input=["a", 5, "b"])
    for place in found.asked.places:
        OpenAIEmbeddings().replace(found.request.document, [(place, place.text.upper())])
    assert found.request.document.get("input") == ["A", 5, "B"]


@pytest.mark.parametrize(
    ("body", "complete"),
    [({"data": [{"embedding": [1.0]}]}, True), ({"data": []}, False), ({"data": None}, False), ({}, False),
     ({"data": [{}], "error": {"message": "no"}}, False), (b"{", False), (b"[]", False)],
)  # fmt: skip
def test_what_is_a_complete_answer(body, complete):
    assert answered(exchange(input="a"), body, streaming=False).complete is complete


@pytest.mark.parametrize(
    ("data", "usable"), [([{"embedding": [1.0]}], True), ([{}], False), (None, False), ("x", False)]
)
def test_events_which_nobody_asks_for(data, usable):
    answer = answered(exchange(input="a"), {"data": data, "usage": {"prompt_tokens": 8}}, b"[DONE]")
    assert (answer.usable, answer.complete, answer.tokens.input, answer.text) == (usable, True, 8, "")


def test_usage_is_all_input():
    body = {"model": "e-1", "data": [{"embedding": [1.0]}], "usage": {"prompt_tokens": 8, "total_tokens": 8}}
    answer = answered(exchange(input="a"), body, streaming=False)
    assert (answer.tokens.input, answer.tokens.output or 0, answer.model, answer.text) == (8, 0, "e-1", "")


@pytest.mark.parametrize("encoding", ["float", "base64", None])
def test_answers_of_ours(encoding):
    asked = exchange(model="m", input=["a", "b"], encoding_format=encoding).asked
    body = json.loads(embeddings_body([[1.0, 2.0], [0.5, 0.0]], asked, 7))
    read = unpack if encoding == "base64" else list
    assert [(row["index"], read(row["embedding"])) for row in body["data"]] == [(0, [1.0, 2.0]), (1, [0.5, 0.0])]
    assert (body["model"], body["usage"]) == ("m", {"prompt_tokens": 7, "total_tokens": 7})


def test_of_a_large_answer_the_same_is_read_as_of_a_small_one():
    def read(numbers, more):
        rows = [{"embedding": [0.5] * numbers, "index": 0}] * 9
        body = {"data": rows, "usage": {"prompt_tokens": 3, "total_tokens": 3}, **more}
        answer = answered(exchange(input="a"), body, streaming=False)
        return answer.tokens, answer.complete, answer.usable, answer.error, answer.model

    for more in ({}, {"error": {"message": "no"}}, {"model": "m"}, {"data": None}):
        assert read(LARGE // 4, more) == read(2, more)
