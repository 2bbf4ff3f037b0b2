"""The text that Higress counts of a chat and of Messages."""

import json

import pytest
from any_json import anything
from hypothesis import given

from aigw.higress.prompt_text import prompt_text


def of(**request):
    text = prompt_text(json.dumps(request).encode())
    return None if text is None else text.split("\n")[:-1]


def said(content, role="user"):
    return [{"role": role, "content": content}]


def test_a_chat():
    call = {"id": "c", "type": "function", "function": {"name": "ls", "arguments": '{"a":1}'}}
    messages = [
        {"role": "user", "name": "ann", "content": "hi"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": [{"type": "text", "text": "x"}]},
    ]
    function = {"name": "ls", "description": "lists", "parameters": {"type": "object"}}
    schema = {"name": "s", "schema": {"a": []}}
    lines = of(
        messages=messages,
        tools=[{"type": "function", "function": function}],
        response_format={"type": "json_schema", "json_schema": schema},
        system="be kind",
    )
    assert lines == [
        "ann", "user", "hi", "assistant", "ls", '{"a":1}', "tool", "x", "ls", "lists", '{"type": "object"}', "s",
        '{"a": []}', "be kind",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("block", "lines"),
    [
        ({"type": "tool_use", "name": "ls", "input": {"a": 1}}, ["ls", '{"a": 1}']),
        ({"type": "tool_result", "content": "4"}, ["4"]),
        ({"type": "tool_result", "content": [{"type": "text", "text": "5"}]}, ["5"]),
        ({"type": "thinking", "thinking": "hm"}, ["hm"]),
        ({"type": "redacted_thinking", "data": "abc"}, ["abc"]),
        ({"type": "document", "title": "t", "source": {"type": "text", "data": "d"}}, ["t", "d"]),
        ({"type": "search_result", "title": "t", "source": "u", "content": [{"type": "text", "text": "x"}]}, ["t", "u", "x"]),
    ],
)  # fmt: skip
def test_blocks_of_messages(block, lines):
    assert of(messages=said([{"type": "text", "text": "so"}, block])) == ["user", "so", *lines]


def test_tools_of_messages():
    tools = [{"name": "ls", "description": "lists", "input_schema": {"type": "object"}}, {"type": "web", "name": "w"}]
    assert of(system=[{"type": "text", "text": "s"}], messages=said("hi"), tools=tools) == [
        "s", "user", "hi", "ls", "lists", '{"type": "object"}', "web", "w",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "image_url", "image_url": {"url": "u"}}],
        [{"type": "text", "text": "x"}, {"type": "input_audio"}],
        [{"type": "tool_result", "content": [{"type": "image"}]}],
        [{"type": "document", "source": {"type": "base64", "data": "d"}}],
        ["no part"],
    ],
)
def test_what_is_no_text_stops_the_counting(content):
    assert of(messages=said(content)) is None


def test_values_of_other_types_are_text_as_in_gjson():
    assert of(messages=[{"role": 1, "content": 2, "tool_calls": {"function": {"name": True}}}], system=3) == [
        "1",
        "true",
    ]
    assert of(messages={"role": "user", "content": "x"}) == ["user", "x"]
    assert of(messages=None, tools="x") == []


def test_no_object_and_too_deep():
    with pytest.raises(ValueError, match="object"):
        prompt_text(b"[]")
    deep = b'{"type":"tool_result","content":[' * 3000 + b"]}" * 3000
    with pytest.raises(ValueError, match="deep"):
        prompt_text(b'{"messages":[{"role":"user","content":[' + deep + b"]}]}")


@given(anything)
def test_any_json_is_text_or_none(value):
    body = json.dumps({"messages": value, "tools": value, "system": value, "response_format": value}).encode()
    assert isinstance(prompt_text(body), str | None)
