import json

import pytest

from aigw.core.document import Document
from aigw.dialects import openai_chat_request as chat


def request(*messages, **fields):
    return Document(json.dumps({"model": "m", "messages": list(messages), **fields}).encode())


def message(role, content, **fields):
    return {"role": role, "content": content, **fields}


def contents(document):
    return [each["content"] for each in document.get("messages")]


def test_developer_becomes_system_and_the_rest_keeps_its_bytes():
    document = Document(b'{"messages":[{"role":"developer","content":"d"},{"x": 1.0,"role":"user","content":"h"}]}')
    assert chat.rename_developer(document)
    assert document.encode() == b'{"messages":[{"role":"system","content":"d"},{"x": 1.0,"role":"user","content":"h"}]}'


def test_a_text_that_says_developer_is_no_role():
    document = request(message("user", "developer"))
    before = document.encode()
    assert not chat.rename_developer(document)
    assert document.encode() is before


def test_merging_joins_neighbours_that_call_no_tools():
    parts = [{"type": "text", "text": "p"}]
    document = request(
        message("user", "a"), message("user", "b"), message("assistant", "d"), message("assistant", "e", tool_calls=[{}]),
        message("assistant", "f", function_call={"name": "g"}), message("system", "x"), message("system", "y"),
        message("user", parts), message("user", "c"), message("assistant", None), message("assistant", "h"),
    )  # fmt: skip
    chat.merge_consecutive(document)
    text_c, text_h = ([{"type": "text", "text": text}] for text in "ch")
    assert contents(document) == ["a\n\nb", "d", "e", "f", "x", "y", [*parts, *text_c], text_h]


@pytest.mark.parametrize(
    ("first", "second", "both"), [("a", "b", "a\n\nb"), ("a", "", "a"), (None, "b", "b"), ("", "", "")]
)
def test_merging_joins_reasoning_as_well(first, second, both):
    given = [{} if each is None else {"reasoning_content": each} for each in (first, second)]
    document = request(*(message("assistant", "t", **thoughts) for thoughts in given))
    chat.merge_consecutive(document)
    (merged,) = chat.messages_of(document)
    assert (merged.get("content"), merged.get("reasoning_content")) == ("t\n\nt", both)


def test_cleaning_keeps_system_messages_and_what_follows_the_last_command():
    document = request(
        message("system", "s"), message("user", "a"), message("user", "clear"), message("assistant", "b"),
        message("user", "clear"), message("user", "c"),
    )  # fmt: skip
    chat.clean_context(document, ["clear"], in_part=True)
    assert contents(document) == ["s", "c"]


@pytest.mark.parametrize("text", ["clear ", "Clear", "please clear"])
def test_a_command_is_matched_exactly(text):
    document = request(message("user", "a"), message("user", text))
    chat.clean_context(document, ["clear"], in_part=True)
    assert contents(document) == ["a", text]


@pytest.mark.parametrize("in_part", [True, False])
def test_a_command_that_is_the_only_part(in_part):
    part, other = {"type": "text", "text": "clear"}, {"type": "image_url", "image_url": {"url": "http://a/b"}}
    document = request(message("user", "a"), message("user", [part]), message("user", [part, other]))
    before = contents(document)
    chat.clean_context(document, ["clear"], in_part=in_part)
    assert contents(document) == (before[2:] if in_part else before)


def test_the_context_follows_the_leading_system_messages():
    document = request(message("system", "s"), message("user", "a"), message("system", "t"))
    chat.insert_context(document, "CTX")
    assert contents(document) == ["s", "CTX", "a", "t"]


@pytest.mark.parametrize(
    "fields, expected",
    [
        ({"stream": True}, {"include_usage": True}),
        ({"stream": True, "stream_options": {"x": 1}}, {"x": 1, "include_usage": True}),
        ({"stream": True, "stream_options": None}, {"include_usage": True}),
        ({"stream": True, "stream_options": {"include_usage": False}}, {"include_usage": False}),
        ({"stream": "true"}, {"include_usage": True}),
        ({"stream": "yes"}, None),
        ({"stream": None}, None),
        ({}, None),
    ],
)
def test_usage_is_asked_for_where_a_stream_does_not_say(fields, expected):
    document = request(message("user", "a"), **fields)
    chat.ask_for_usage(document)
    assert document.get("stream_options") == expected


def test_reserialising_loses_what_higress_loses():
    document = request(message("user", "a"), foo=1, temperature=0, stream=False, top_p=0.5)
    chat.reserialise(document)
    assert json.loads(document.encode()) == {"model": "m", "messages": [message("user", "a")], "top_p": 0.5}


@pytest.mark.parametrize("messages", [b"null", b'"x"', b"[1]", b"{}"])
def test_messages_that_are_none_are_a_value_error(messages):
    with pytest.raises(ValueError):
        chat.messages_of(Document(b'{"messages":' + messages + b"}"))


@pytest.mark.parametrize(
    ("switch", "fields", "expected"),
    [
        (chat.stop_thinking, {"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
        (chat.stop_thinking, {"reasoning_effort": "low"}, {"reasoning_effort": "low"}),
        (chat.think_for_any_effort, {"reasoning_effort": "none"}, {"thinking": {"type": "enabled"}}),
        (chat.think_for_any_effort, {}, {}),
    ],
)
def test_an_effort_becomes_a_switch(switch, fields, expected):
    document = request(**fields)
    switch(document)
    assert json.loads(document.encode()) == {"model": "m", "messages": [], **expected}


@pytest.mark.parametrize("given", [{}, {"thinking": {"type": "enabled"}}])
def test_earlier_reasoning_is_not_cleared_where_the_switch_is(given):
    document = request(message("assistant", "a", reasoning_content="r"), **given)
    chat.think_for_any_effort(document)
    assert document.get("thinking") == {**given.get("thinking", {}), "clear_thinking": False}
