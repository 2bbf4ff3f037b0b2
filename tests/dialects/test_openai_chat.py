"""Chat completions: what a request asks for, where its texts stand, and what an answer tells as it goes by."""

import json

import pytest
from any_json import fields
from fakes import answered, chat, make_exchange
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.answer import ToolCall
from aigw.core.dialect import Tool, Turn
from aigw.core.document import Document
from aigw.core.model import Chunk
from aigw.dialects.openai_chat import OpenAIChat
from aigw.dialects.sse import json_event

# Requests


def asked(**body):
    return make_exchange(chat(body)).asked


def test_roles_parts_and_calls_are_turns():
    call = {"id": "c", "type": "function", "function": {"name": "find", "arguments": '{"q": 1}'}}
    messages = [
        {"role": "developer", "content": "be kind"},
        {
            "role": "user",
            "name": "ann",
            "content": [{"type": "text", "text": "a"}, {"type": "image_url"}, {"text": "b"}],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [call],
            "function_call": {"name": "old", "arguments": "{}"},
        },
        {"role": "tool", "tool_call_id": "c", "content": [{"text": "found"}, {"text": "it"}]},
        {"role": "function", "content": "old"},
        "no message",
        {"content": "whose?"},
    ]
    assert asked(messages=messages).turns == [
        Turn("system", ("be kind",)),
        Turn("user", ("a", "b"), "ann"),
        Turn("assistant", (), calls=(ToolCall("find", '{"q": 1}', "c"), ToolCall("old", "{}"))),
        Turn("tool", ("found", "it"), results=True, answers=("c", "c")),
        Turn("tool", ("old",), results=True, answers=("",)),
        Turn("user", ("whose?",)),
    ]


@pytest.mark.parametrize(
    ("body", "name", "value"),
    [
        ({"stream_options": {"include_usage": True}}, "wants_usage", True),
        ({"stream_options": {"include_usage": False}}, "wants_usage", False),
        ({"stream_options": "x"}, "wants_usage", False),
        ({"n": 3}, "choices", 3),
        ({"n": 0}, "choices", 1),
        ({"n": "3"}, "choices", 1),
        ({"max_completion_tokens": 5, "max_tokens": 9}, "max_tokens", 5),
        ({"max_tokens": 9}, "max_tokens", 9),
        ({"max_tokens": True}, "max_tokens", 0),
        ({"tool_choice": "required"}, "tool_choice", "required"),
        ({"tool_choice": "auto"}, "tool_choice", ""),
        ({"tool_choice": "none"}, "tool_choice", "none"),
        ({"tool_choice": {"type": "function", "function": {"name": "find"}}}, "tool_choice", "find"),
        (
            {"tools": [{"function": {"name": "f", "parameters": {}, "description": "d"}}, {"function": 5}]},
            "tools",
            [Tool("f", {}, "d")],
        ),
        ({"n": 2}, "unrepeatable", "n"),
        ({"n": 2, "temperature": 0}, "unrepeatable", ""),
        ({"store": True, "n": 2}, "unrepeatable", "store"),
    ],
)
def test_what_is_asked_for(body, name, value):
    assert getattr(asked(**body), name) == value


def test_a_text_can_be_replaced_where_it_was_found():
    body = {"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": [{"text": "b", "x": 1}]}]}
    exchange = make_exchange(chat(body))
    places = exchange.asked.places
    assert [(place.path, place.text) for place in places] == [
        (("messages", 0, "content"), "a"),
        (("messages", 1, "content", 0, "text"), "b"),
    ]
    for place in places:
        OpenAIChat().replace(exchange.request.document, [(place, place.text.upper())])
    assert [turn.text for turn in exchange.asked.turns] == ["A", "B"]


@pytest.mark.parametrize(
    ("where", "order"),
    [("before", ["new", "s1", "s2", "u", "s3"]), ("behind system", ["s1", "s2", "new", "u", "s3"]),
     ("behind", ["s1", "s2", "u", "s3", "new"])],
)  # fmt: skip
def test_insertion(where, order):
    roles = {"s1": "system", "s2": "developer", "u": "user", "s3": "system"}
    document = Document(json.dumps({"messages": [{"role": r, "content": c} for c, r in roles.items()]}).encode())
    OpenAIChat().insert(document, [("system", "new")], where)
    assert [message["content"] for message in json.loads(document.encode())["messages"]] == order


@given(fields(messages=st.lists(fields(role=st.just("user"), content=st.text())), n=st.integers(), tools=st.just([])))
def test_any_json_can_be_looked_at(body):
    view = make_exchange(chat(body)).asked
    assert view.choices >= 1
    assert (
        len(view.turns) <= len(body.get("messages") or []) if isinstance(body.get("messages"), list) else not view.turns
    )
    assert isinstance((view.question, view.tools, view.places, view.tool_choice, view.unrepeatable), tuple)


# Answers


def delta(finish=None, index=0, **members):
    return {"choices": [{"index": index, "delta": members, "finish_reason": finish}]}


def read(*payloads, streaming=True, **body):
    return answered(make_exchange(chat(body)), *payloads, streaming=streaming)


def test_the_texts_of_a_stream():
    call = {"index": 0, "id": "c", "function": {"name": "find", "arguments": '{"q"'}}
    rest = {"index": 0, "function": {"arguments": ": 1}"}}
    answer = read(
        delta(role="assistant", content=""), delta(reasoning_content="hm"), delta(content="a"), delta(content="b"),
        delta(tool_calls=[call]), delta(tool_calls=[rest]), delta("tool_calls"),
    )  # fmt: skip
    assert (answer.text, answer.reasoning) == ("ab", "hm")
    assert list(answer.calls) == [ToolCall("find", '{"q": 1}', "c")]
    assert (answer.finish, answer.complete) == ("tool_calls", True)


@pytest.mark.parametrize(
    ("payloads", "n", "complete"),
    [
        ([delta(content="a")], 1, False),
        ([delta("stop")], 1, True),
        ([delta("stop")], 2, False),
        ([delta("stop"), delta("stop")], 2, False),
        ([delta("stop"), delta("length", index=1)], 2, True),
        ([delta("stop"), {"error": {"message": "no"}}], 1, False),
    ],
)
def test_an_answer_is_complete_when_all_its_choices_are(payloads, n, complete):
    assert read(*payloads, n=n).complete is complete


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("stop", "stop"), ("function_call", "tool_calls"), ("content_filter", "content_filter"), ("eos", "stop")],
)
def test_why_it_ended_in_openais_words(reason, finish):
    assert read(delta(reason)).finish == finish


def test_an_error_behind_a_status_of_200():
    assert read(delta(content="a"), {"error": {"message": "overloaded"}}).error == "overloaded"
    assert read({"error": "no"}, streaming=False).error == "no"


def test_a_plain_body():
    body = {"model": "m-1", "choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "length"}]}
    answer = read(body, streaming=False)
    assert (answer.text, answer.finish, answer.complete, answer.model) == ("hi", "length", True, "m-1")


@pytest.mark.parametrize(
    ("body", "only"),
    [({"choices": [], "usage": {"total_tokens": 1}}, True), ({"choices": [], "usage": None}, False),
     ({**delta(content="a"), "usage": {"total_tokens": 1}}, False)],
)  # fmt: skip
def test_an_event_that_only_tells_usage(body, only):
    assert OpenAIChat().tells_only_usage(json_event(body)) is only


def test_another_text_stands_where_the_text_stood():
    dialect = OpenAIChat()
    event = json_event({**delta(content="old"), "id": "x"})
    assert dialect.write(event, "new").json() == {**delta(content="new"), "id": "x"}
    silent = json_event(delta("stop"))
    assert dialect.write(silent, "new") is silent
    plain = b'{"choices": [{"message": {"content": "old"}}]}'
    assert dialect.write(Chunk(plain, plain), "new").raw == b'{"choices":[{"message":{"content":"new"}}]}'
