"""Edits of a request of Gemini's: what is put into it, other texts, and all the rest as it was."""

import json

import pytest
from gemini_wire import (
    EVERYTHING,
    asked,
    request,
    snake,
)

from aigw.core.dialect import TextPlace
from aigw.dialects import apis
from aigw.dialects.table import GEMINI


def edited(body, turns, where):
    changed = request(body)
    GEMINI.insert(changed.document, turns, where)
    return json.loads(changed.document.encode())


TALK = {
    "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
    "systemInstruction": {"parts": [{"text": "s"}], "role": "user"},
}


@pytest.mark.parametrize(
    ("where", "system", "contents"),
    [
        ("before", ["S", "s"], [("user", "U"), ("model", "A"), ("user", "hi")]),
        ("behind system", ["s", "S"], [("user", "U"), ("model", "A"), ("user", "hi")]),
        ("behind", ["s"], [("user", "hi"), ("user", "S"), ("user", "U"), ("model", "A")]),
    ],
)
def test_texts_are_inserted(where, system, contents):
    body = edited(TALK, [("system", "S"), ("user", "U"), ("assistant", "A")], where)
    assert [part["text"] for part in body["systemInstruction"]["parts"]] == system
    assert [(content["role"], content["parts"][0]["text"]) for content in body["contents"]] == contents


@pytest.mark.parametrize("name", ["systemInstruction", "system_instruction"])
@pytest.mark.parametrize("given", [None, {"parts": {"text": "s"}}, {"parts": [{"text": "s"}]}])
def test_instructions_stay_where_they_stand(name, given):
    body = edited(
        {"contents": {"parts": {"text": "hi"}}, name: given}, [("system", "S"), ("user", "U")], "behind system"
    )
    assert [part["text"] for part in body[name]["parts"]] == (["s", "S"] if given else ["S"])
    assert {"systemInstruction", "system_instruction"} & body.keys() == {name}
    assert [content["parts"] for content in body["contents"]] == [[{"text": "U"}], {"text": "hi"}]


def test_what_is_not_edited_keeps_its_bytes():
    raw = b'{"contents": [ {"parts":[{"text":"\\u00e9", "x":1.50}]} ], "y" : 1e2}'
    changed = request(raw)
    GEMINI.insert(changed.document, [("user", "U")], "behind")
    assert b'{"parts":[{"text":"\\u00e9", "x":1.50}]}' in changed.document.encode()
    assert b"1e2" in changed.document.encode()


@pytest.mark.parametrize("body", [{}, {"contents": []}, {"contents": None}, {"contents": "hi"}, {"contents": 5}])
def test_nothing_is_inserted_where_there_is_no_conversation(body):
    with pytest.raises(ValueError, match="contents"):
        edited(body, [("user", "U")], "before")


@pytest.mark.parametrize("body", [EVERYTHING, snake(EVERYTHING), {"contents": {"parts": {"text": "one"}}}])
def test_every_place_takes_another_text(body):
    for number, place in enumerate(asked(body).places):
        changed = request(body)
        GEMINI.replace(changed.document, [(place, "other")])
        changed.seal()
        now = GEMINI.asked(changed, apis.GENERATE_CONTENT).places
        assert [each.text for each in now] == [
            "other" if position == number else each.text for position, each in enumerate(asked(body).places)
        ]


@pytest.mark.parametrize("name", ["thoughtSignature", "thought_signature"])
def test_another_text_loses_the_signature_of_the_old_one(name):
    changed = request({"contents": [{"role": "model", "parts": [{"text": "secret", name: "eA=="}]}]})
    (place,) = GEMINI.asked(changed, apis.GENERATE_CONTENT).places
    GEMINI.replace(changed.document, [(place, "***")])
    assert json.loads(changed.document.encode()) == {"contents": [{"role": "model", "parts": [{"text": "***"}]}]}


@pytest.mark.parametrize("path", [("contents", 3, "parts", 0, "text"), ("x",), ("contents", "parts", "text")])
def test_a_place_that_is_gone_is_named(path):
    with pytest.raises(ValueError, match=str(path[0])):
        GEMINI.replace(request(TALK).document, [(TextPlace(path, "hi", "user"), "other")])
