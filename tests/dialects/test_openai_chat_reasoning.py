"""Reasoning that is put into messages."""

import json

import pytest

from aigw.core.document import Document
from aigw.dialects.openai_chat_reasoning import DETAILS, MissingReasoning, joined

CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def filled(messages, **more):
    document = Document(json.dumps({"messages": messages, **more}).encode())
    missing = MissingReasoning(document)
    asked = [(question, [call.id for call in turn.calls]) for turn, question in missing.answers]
    missing.fill(["found"] * len(asked))
    return [each.get("reasoning_content") for each in json.loads(document.encode())["messages"]], asked


def test_answers_with_calls_get_it():
    messages = [
        {"role": "user", "content": "one"},
        {"role": "user", "content": [{"type": "text", "text": "two"}]},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "1", "content": "r"},
        {"role": "assistant", "content": "said"},
    ]
    assert filled(messages) == ([None, None, "found", None, None], [("two", ["1"])])
    assert filled(messages, tools=[{}]) == ([None, None, "found", None, "found"], [("two", ["1"]), ("two", [])])


@pytest.mark.parametrize(
    ("known", "found"),
    [({"reasoning_content": "own"}, "own"), ({"reasoning": "hm"}, "hm"), ({"reasoning_content": ""}, "found")],
)
def test_its_own_reasoning_counts(known, found):
    assert filled([{"role": "assistant", "content": "said", **known}], tools=[{}])[0] == [found]


def test_other_bytes_stay():
    source = b'{"messages": [ {"role":"user", "content":"1e400"} ],"n":1.0}'
    document = Document(source)
    MissingReasoning(document).fill([])
    assert document.encode() == source


def test_no_chat():
    with pytest.raises(ValueError, match="messages"):
        filled([1])


def test_details_are_for_answers_with_calls():
    messages = [
        {"role": "assistant", "tool_calls": [CALL]},
        {"role": "assistant", "tool_calls": [CALL]},
        {"role": "assistant", "tool_calls": [CALL], DETAILS: [{"data": "own"}]},
        {"role": "assistant", "content": "said"},
    ]
    document = Document(json.dumps({"messages": messages, "tools": [{}]}).encode())
    MissingReasoning(document, DETAILS).fill([[{"data": "d"}], None])
    found = [each.get(DETAILS) for each in json.loads(document.encode())["messages"]]
    assert found == [[{"data": "d"}], None, [{"data": "own"}], None]


def test_pieces_of_details_are_joined():
    text, sealed = {"type": "reasoning.text", "index": 0}, {"type": "reasoning.encrypted", "index": 0}
    pieces = [
        {**text, "text": "a", "format": "f"},
        {**text, "text": "b", "signature": None},
        {**text, "index": 1, "text": "c"},
        {**text, "text": "", "signature": "s"},
        {**sealed, "data": "d"},
        {**sealed, "data": "d2"},
    ]
    whole = [{**text, "text": "ab", "format": "f", "signature": "s"}, {**text, "index": 1, "text": "c"}, *pieces[4:]]
    assert joined(pieces) == joined(whole) == whole
