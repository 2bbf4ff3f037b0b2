"""Text completions: prompts of every kind, an answer each, and texts around them."""

import pytest
from fakes import answered, chat, make_exchange

from aigw.core.dialect import Turn
from aigw.core.document import Document
from aigw.dialects.openai_completions import OpenAICompletions
from aigw.dialects.sse import json_event

PATH = "/v1/completions"


@pytest.mark.parametrize(
    ("body", "choices", "texts"),
    [
        ({"prompt": "a"}, 1, ["a"]),
        ({"prompt": "a", "n": 2}, 2, ["a"]),
        ({"prompt": ["a", "b", "c"], "n": 2}, 6, ["a", "b", "c"]),
        ({"prompt": [1, 2, 3]}, 1, []),
        ({"prompt": [[1, 2], [3]]}, 2, []),
        ({"prompt": []}, 1, []),
        ({}, 1, []),
    ],
)
def test_prompts(body, choices, texts):
    asked = make_exchange(chat(body, path=PATH)).asked
    assert asked.choices == choices
    assert asked.turns == [Turn("", (text,)) for text in texts]
    assert asked.question == (texts[-1] if texts else "")


def test_a_prompt_can_be_replaced_where_it_was_found():
    exchange = make_exchange(chat({"prompt": ["a", 5, "b"]}, path=PATH))
    for place in exchange.asked.places:
        OpenAICompletions().replace(exchange.request.document, [(place, place.text.upper())])
    assert exchange.request.document.get("prompt") == ["A", 5, "B"]


@pytest.mark.parametrize(
    ("where", "prompt"), [("before", "s\n\nu\n\np"), ("behind system", "s\n\nu\n\np"), ("behind", "p\n\ns\n\nu")]
)
def test_texts_stand_around_the_prompt(where, prompt):
    document = Document(b'{"prompt": "p"}')
    OpenAICompletions().insert(document, [("system", "s"), ("user", "u")], where)
    assert document.get("prompt") == prompt


def test_texts_stand_around_each_prompt_of_a_list():
    document = Document(b'{"prompt": ["p", "q"]}')
    OpenAICompletions().insert(document, [("system", "s")], "before")
    assert document.get("prompt") == ["s\n\np", "s\n\nq"]


@pytest.mark.parametrize("body", [b'{"prompt": [1, 2]}', b'{"prompt": []}', b'{"prompt": ["p", 1]}', b"{}"])
def test_nothing_is_inserted_into_what_is_no_text(body):
    with pytest.raises(ValueError, match="must be a string"):
        OpenAICompletions().insert(Document(body), [("user", "u")], "before")


def test_a_stream_is_complete_when_every_prompt_has_its_answer():
    def piece(index, finish=None):
        return {"choices": [{"index": index, "text": "a", "finish_reason": finish}]}

    exchange = make_exchange(chat({"prompt": ["a", "b"]}, path=PATH))
    assert not answered(exchange, piece(0), piece(1, "stop")).complete
    answer = answered(exchange, piece(0, "length"), piece(1, "stop"))
    assert (answer.complete, answer.text) == (True, "aa")


def test_another_text_stands_where_the_text_stood():
    event = json_event({"choices": [{"index": 0, "text": "old"}, {"index": 1, "text": "other"}]})
    assert [choice["text"] for choice in OpenAICompletions().write(event, "new").json()["choices"]] == ["new", "other"]
    silent = json_event({"choices": [{"index": 0, "text": ""}]})
    assert OpenAICompletions().write(silent, "new") is silent
