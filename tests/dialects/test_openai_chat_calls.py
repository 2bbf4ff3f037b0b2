"""Tool calls in pieces, as providers number them: the reader and the plain answer made of a stream see the same calls."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.answer import ToolCall
from aigw.core.model import Chunk
from aigw.dialects.openai_chat import CompletionsReader
from aigw.dialects.openai_chat_whole import whole
from aigw.dialects.sse import json_event


def piece(index, id="", name="", arguments="", kind="function"):
    fields = {"name": name, "arguments" if kind == "function" else "input": arguments}
    made = {"id": id, "type": kind, kind: {field: value for field, value in fields.items() if value}}
    return {**made, "index": index} if index is not None else made


def chunk(*pieces, choice=0):
    return {"choices": [{"index": choice, "delta": {"tool_calls": list(pieces)}, "finish_reason": None}]}


def calls_of(body):
    for choice in body["choices"]:
        for call in choice["message"]["tool_calls"]:
            function = call.get("function") or call["custom"]
            yield ToolCall(function["name"], function.get("arguments", function.get("input", "")), call["id"])


def both(*chunks):
    """The calls, on whom the reader and the plain answer agree."""
    reader = CompletionsReader(1, streaming=True)
    reader.feed([json_event(chunk) for chunk in chunks])
    plain = whole(chunks)
    assert not any("index" in call for choice in plain["choices"] for call in choice["message"]["tool_calls"])
    assert list(reader.calls) == list(calls_of(plain))
    return reader.calls


F, G = ToolCall("f", '{"a":1}', "c1"), ToolCall("g", '{"b":2}', "c2")


@pytest.mark.parametrize("index", [None, 0])
def test_parallel_calls_of_one_index(index):
    """As Gemini's OpenAI endpoint streams them."""
    assert both(chunk(piece(index, "c1", "f", '{"a":1}')), chunk(piece(index, "c2", "g", '{"b":2}'))) == [F, G]


@pytest.mark.parametrize("index", [None, 0])
def test_what_follows_belongs_to_the_call_that_began_last(index):
    sent = [
        piece(index, "c1", "f", '{"a"'),
        piece(index, arguments=":1}"),
        piece(index, "c2", "g"),
        piece(index, arguments='{"b":2}'),
    ]
    assert both(*map(chunk, sent)) == [F, G]


def test_an_id_that_was_there_before_names_its_call():
    sent = [
        piece(0, "c1", "f"),
        piece(0, "c2", "g"),
        piece(0, "c1", arguments='{"a":1}'),
        piece(0, "c2", arguments='{"b":2}'),
    ]
    assert both(*map(chunk, sent)) == [F, G]


def test_several_calls_of_one_event():
    assert both(chunk(piece(None, "c1", "f", '{"a":1}'), piece(None, "c2", "g", '{"b":2}'))) == [F, G]


def test_an_id_that_changes_within_a_call():
    """Some providers make one up for each event, and name the call in the first one only."""
    first, *rest = [piece(0, "c1", "f", '{"a"'), piece(0, "x", arguments=":"), piece(0, "y", arguments="1}")]
    reader = CompletionsReader(1, streaming=True)
    reader.feed([json_event(chunk(each)) for each in (first, *rest)])
    assert [(call.name, call.arguments) for call in reader.calls] == [("f", '{"a":1}')]
    assert list(calls_of(whole(map(chunk, [first, *rest])))) == [F]


def test_an_id_that_comes_late():
    assert both(chunk(piece(0, name="f") | {"id": None}), chunk(piece(0, "c1", arguments='{"a":1}'))) == [F]


def test_calls_of_another_kind():
    sent = [
        piece(0, "c1", "sh", "ls ", "custom"),
        piece(0, arguments="-la", kind="custom"),
        piece(1, "c2", "g", '{"b":2}'),
    ]
    assert both(*map(chunk, sent)) == [ToolCall("sh", "ls -la", "c1"), G]


def test_each_choice_has_its_own():
    assert both(chunk(piece(0, "c1", "f", '{"a":1}')), chunk(piece(0, "c2", "g", '{"b":2}'), choice=1)) == [F, G]


NO_ID = {"missing": {}, "empty": {"id": ""}, "null": {"id": None}}
NO_INDEX = {"missing": {}, "null": {"index": None}, "same": {"index": 0}}


def bare(id, index, name="", arguments=""):
    fields = {"name": name, "arguments": arguments}
    function = {field: value for field, value in fields.items() if value or field == "arguments"}
    return {"type": "function", **NO_ID[id], **NO_INDEX[index], "function": function}


BARE = {
    "two functions": ([("f", '{"a":1}'), ("g", '{"b":2}')], [("f", '{"a":1}'), ("g", '{"b":2}')]),
    "pieces": ([("f", ""), ("", '{"a"'), ("", ":1}"), ("g", ""), ("", '{"b":2}')], [("f", '{"a":1}'), ("g", '{"b":2}')]),
    "one function twice": ([("f", '{"a":1}'), ("f", '{"a":2}')], [("f", '{"a":1}'), ("f", '{"a":2}')]),
    "twice in pieces": ([("f", ""), ("", '{"a":"}'), ("", '"}'), ("f", '{"a"'), ("", ":2}")],
                        [("f", '{"a":"}"}'), ("f", '{"a":2}')]),
    "there and back": ([("f", "{}"), ("g", "{}"), ("f", "{}")], [("f", "{}"), ("g", "{}"), ("f", "{}")]),
    "the name in each piece": ([("f", ""), ("f", '{"a"'), ("f", ":"), ("f", "1}"), ("f", ""), ("g", "{}")],
                               [("f", '{"a":1}'), ("g", "{}")]),
    "a function without arguments": ([("f", ""), ("g", "")], [("f", ""), ("g", "")]),
    "blanks behind": ([("f", '{"a":1}'), ("f", " "), ("", "\n")], [("f", '{"a":1} \n')]),
}  # fmt: skip


@pytest.mark.parametrize("id", NO_ID)
@pytest.mark.parametrize("index", NO_INDEX)
@pytest.mark.parametrize("name", BARE)
def test_calls_without_an_id_are_told_apart_by_their_names(id, index, name):
    sent, calls = BARE[name]
    chunks = [chunk(bare(id, index, *each)) for each in sent]
    reader = CompletionsReader(1, streaming=True)
    reader.feed([json_event(each) for each in chunks])
    plain = [call["function"] for call in whole(chunks)["choices"][0]["message"]["tool_calls"]]
    assert [(call.name, call.arguments) for call in reader.calls] == calls
    assert [(call["name"], call["arguments"]) for call in plain] == calls


@pytest.mark.parametrize("id", NO_ID)
@pytest.mark.parametrize("index", NO_INDEX)
def test_several_calls_without_an_id_in_one_event(id, index):
    together = [bare(id, index, "f", '{"a":1}'), bare(id, index, "f", '{"a":2}'), bare(id, index, "g", "{}")]
    reader = CompletionsReader(1, streaming=True)
    reader.feed([json_event(chunk(*together))])
    assert [call.arguments for call in reader.calls] == ['{"a":1}', '{"a":2}', "{}"]
    assert len(whole([chunk(*together)])["choices"][0]["message"]["tool_calls"]) == 3


@pytest.mark.parametrize("id", ["c1", "c2", ""])
def test_another_name_begins_another_call_whatever_its_id(id):
    """Also where a provider gives all calls one id, or the first one none."""
    for first in ("c1", ""):
        found = both(chunk(piece(0, first, "f", '{"a":1}')), chunk(piece(0, id, "g", '{"b":2}')))
        assert found == [ToolCall("f", '{"a":1}', first), ToolCall("g", '{"b":2}', id)]


@pytest.mark.parametrize("early", ["", None])
def test_an_id_that_comes_late_is_kept_in_the_body(early):
    sent = [piece(0, name="f") | {"id": early}, piece(0, "c1", arguments='{"a":1}')]
    assert both(*map(chunk, sent)) == [F]


def test_the_old_form_of_a_call():
    reader = CompletionsReader(1, streaming=True)
    for call in ({"name": "f", "arguments": '{"a"'}, {"arguments": ":1}"}):
        reader.feed([json_event({"choices": [{"index": 0, "delta": {"function_call": call}, "finish_reason": None}]})])
    assert reader.calls == [ToolCall("f", '{"a":1}')]


def test_choices_without_an_index_are_told_apart_by_their_place():
    deltas = [
        {"delta": {"tool_calls": [piece(0, "c1", "f", '{"a":1}')]}},
        {"delta": {"tool_calls": [piece(0, "c2", "g", '{"b":2}')]}},
    ]
    assert both({"choices": deltas}) == [F, G]
    plain = CompletionsReader(2, streaming=False)
    raw = json.dumps(
        {"choices": [{"message": each["delta"], "finish_reason": "tool_calls"} for each in deltas]}
    ).encode()
    plain.feed([Chunk(raw, raw)])
    assert (plain.calls, plain.complete) == ([F, G], True)


ARGUMENTS = st.lists(st.text(max_size=3), min_size=1, max_size=4)


@given(
    st.lists(st.tuples(st.sampled_from(["f", "g"]), ARGUMENTS), min_size=1, max_size=4),
    st.sampled_from(["own", "same", "none"]),
    st.booleans(),
    st.booleans(),
)
def test_calls_survive_being_cut(made, numbered, repeats_id, repeats_name):
    sent = []
    for number, (name, parts) in enumerate(made):
        index = {"own": number, "same": 0, "none": None}[numbered]
        for place, part in enumerate(parts):
            id = f"c{number}" if repeats_id or place == 0 else ""
            sent.append(chunk(piece(index, id, name if repeats_name or place == 0 else "", part)))
    assert both(*sent) == [ToolCall(name, "".join(parts), f"c{at}") for at, (name, parts) in enumerate(made)]
