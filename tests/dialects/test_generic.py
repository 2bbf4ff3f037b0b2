"""APIs of which only the model and the usage are known: nothing is made up about the rest."""

import pytest
from fakes import answered, chat, make_exchange

from aigw.core.dialect import Turn
from aigw.core.document import Document
from aigw.dialects.generic import Generic

PATH = "/v1/rerank"


def exchange(body):
    return make_exchange(chat(body, path=PATH))


def test_a_request_has_a_model_and_a_size():
    asked = exchange({"model": "m", "query": "what?", "documents": ["a"]}).asked
    assert (asked.model, asked.turns, asked.question) == ("m", [Turn("", ("what?",))], "")
    assert [(place.path, place.text) for place in asked.places] == [(("query",), "what?"), (("documents", 0), "a")]
    assert asked.size > 0
    assert exchange({"model": "m"}).asked.size == 0, "there is no prompt"


@pytest.mark.parametrize("streaming", [False, True])
def test_usage_of_any_vendor_is_read(streaming):
    usage = {"input_tokens": 5, "output_tokens": 2}
    answer = answered(exchange({}), {"model": "m-1", "usage": usage}, streaming=streaming)
    assert (answer.tokens.input, answer.tokens.output, answer.tokens.source) == (5, 2, "reported")
    assert (answer.model, answer.text, answer.complete) == ("m-1", "", True)


@pytest.mark.parametrize("streaming", [False, True])
def test_an_error_is_no_complete_answer(streaming):
    answer = answered(exchange({}), {"error": {"message": "no"}}, streaming=streaming)
    assert (answer.complete, answer.error) == (False, "no")


@pytest.mark.parametrize(
    "attempt",
    [
        lambda dialect: dialect.insert(Document(b"{}"), [("user", "x")], "before"),
        lambda dialect: dialect.whole([]),
        lambda dialect: list(dialect.events(b"{}", usage=True)),
        lambda dialect: dialect.writer(exchange({}).asked, "1", 0),
    ],
    ids=["insert", "whole", "events", "writer"],
)
def test_what_is_not_known_cannot_be_made(attempt):
    with pytest.raises(ValueError):
        attempt(Generic())
