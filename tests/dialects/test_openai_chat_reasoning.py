"""Reasoning that is put into messages."""

import json

import pytest

from aigw.core.document import Document
from aigw.dialects.openai_chat_reasoning import return_reasoning

CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def filled(messages, **more):
    asked = []

    def find(turn, question):
        asked.append((question, [call.id for call in turn.calls]))
        return "found"

    document = Document(json.dumps({"messages": messages, **more}).encode())
    return_reasoning(document, find)
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
    return_reasoning(document, lambda *_: "x")
    assert document.encode() == source


def test_no_chat():
    with pytest.raises(ValueError, match="messages"):
        filled([1])
