"""What Higress makes of an answer, and how it asks again."""

import json

import pytest
from any_json import anything
from hypothesis import given

from aigw.higress.gjson import GjsonPath
from aigw.higress.json_response import (
    JsonResponseError,
    again,
    ask_for,
    content_in,
    last_answer,
    last_question,
    object_in,
    plainly,
)  # fmt: skip

PATH = GjsonPath("choices.0.message.content")


def answer(content):
    return {"choices": [{"message": {"content": content}}]}


@pytest.mark.parametrize("content", ["a", ""])
def test_the_content(content):
    assert content_in(answer(content), PATH) == content


@pytest.mark.parametrize("value", [None, [], "x", {"choices": 1}, {}, {"choices": []}])
def test_no_content(value):
    with pytest.raises(JsonResponseError) as caught:
        content_in(value, PATH)
    assert caught.value.code == 1007


@pytest.mark.parametrize("content", ['{"a": 1}', 'x {"a": {}} y', "```json\n{}\n```"])
def test_from_the_first_brace_to_the_last(content):
    found = object_in(content)
    assert (found[0], found[-1], found in content) == ("{", "}", True)


@pytest.mark.parametrize(
    ("content", "code"), [("", 1004), ("none", 1003), ("{a} {b}", 1003), ("} {", 1003), ("[1]", 1003)]
)
def test_no_object(content, code):
    with pytest.raises(JsonResponseError) as caught:
        object_in(content)
    assert caught.value.code == code
    assert json.loads(caught.value.body) == {"Code": code, "Msg": str(caught.value)}


def test_how_it_is_asked_again():
    body = json.dumps(
        {"model": "m", "messages": [{"role": "user", "content": "q"}], "seed": 1, "other": 2, "stop": []}
    ).encode()
    assert json.loads(again(body, [("system", "s")])) == {
        "model": "m",
        "seed": 1,
        "messages": [{"role": "system", "content": "s"}],
    }
    assert last_question(body) == "q"
    assert last_question(b'{"messages":[{"role":"user","content":[]}]}') == last_question(b"") == ""
    assert ask_for("x", {"b": 1, "a": "<"}).startswith('Given the Json Schema: {"b":1,"a":"\\u003c"}, please')
    assert "Schema: null," in ask_for("x", None)


def test_the_last_answer():
    assert last_answer({"choices": [*answer("a")["choices"], *answer("b")["choices"]]}) == "b"
    assert last_answer({"choices": []}) == last_answer({"choices": [{}]}) == last_answer(None) == ""


def test_a_plain_answer_is_asked_for():
    body = json.dumps(
        {"messages": [{"role": "user", "content": []}], "stream": True, "stream_options": {}, "x": 1}
    ).encode()
    told = json.loads(plainly(body, [("system", "s")], [("user", "u")]))
    assert told == {
        "x": 1,
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": []},
            {"role": "user", "content": "u"},
        ],
    }
    with pytest.raises(ValueError, match="no messages"):
        plainly(b"{}", [], [])


@given(anything)
def test_any_json_is_read(value):
    body = json.dumps({"messages": value, "tools": value, "tool_choice": value}).encode()
    last_question(body)
    last_answer({"choices": [value] if value else value if isinstance(value, list) else []})
    again(body, [])


def test_half_of_a_surrogate_pair():
    body = rb'{"messages":[{"role":"user","content":"a\ud83d"}],"user":"\ud83d"}'
    assert json.loads(again(body, [("user", "\ud83d")]))["messages"] == [{"role": "user", "content": "?"}]
    assert json.loads(plainly(body, [], [("user", "\ud83d")]))["messages"][1]["content"] == "\ud83d"
    last_question(body)
