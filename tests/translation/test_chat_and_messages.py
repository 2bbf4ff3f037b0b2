"""Requests and answers on their way between chat completions and Anthropic's Messages, in both directions.

What both formats can say is the same after it has been there and back."""

import json

import pytest
from fakes import chat
from hypothesis import given, settings
from hypothesis import strategies as st

from aigw.dialects import apis
from aigw.dialects.sse import EventSplitter
from aigw.dialects.table import dialect_of
from aigw.dialects.typed_event import typed_event
from aigw.providers import model_rules
from aigw.translation.anthropic import read_request as read_messages
from aigw.translation.anthropic import write_request as write_messages
from aigw.translation.chat import read_request as read_chat
from aigw.translation.chat import write_request as write_chat
from aigw.translation.history import mended
from aigw.translation.hub import Conversation
from aigw.translation.notes import Notes
from aigw.translation.rules import Rules
from aigw.translation.translation import Translation

PATHS = {apis.CHAT: "/v1/chat/completions", apis.MESSAGES: "/v1/messages"}
MARK = {"type": "ephemeral", "ttl": "1h"}


def translation(body, api=apis.CHAT, target=apis.MESSAGES, rules=Rules(maker="claude"), **more):  # noqa: B008 - it is frozen
    request = chat({"model": "m", **body}, path=PATHS[api])
    return Translation(
        request, dialect_of(api).asked(request, api), api, target, rules, model="m", id="1", created=7, **more
    )


def sent(body, **how):
    return json.loads(translation(body, **how).request.body)


def back(body, **how):
    """The body for a provider of chat completions."""
    return sent(body, api=apis.MESSAGES, target=apis.CHAT, **how)


def answered(it, *events, cuts=()):
    data = b"".join(event if isinstance(event, bytes) else typed_event(event).raw for event in events)
    splitter, decoder = EventSplitter(), it.decoder(lambda error: b"failed: " + error.message.encode())
    out, start = [], 0
    for cut in (*cuts, len(data)):
        out += decoder.feed(splitter.feed(data[start:cut]))
        start = cut
    return b"".join(chunk.raw for chunk in [*out, *decoder.end()])


def call(id, name="f", arguments="{}"):
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


HI = {"role": "user", "content": "hi"}
RESULT = {"role": "tool", "tool_call_id": "a", "content": "1"}


def test_two_system_messages_both_arrive():
    """songquanpeng/one-api#1135."""
    body = sent({"messages": [{"role": "system", "content": "a"}, {"role": "system", "content": "b"}, HI]})
    assert [block["text"] for block in body["system"]] == ["a", "b"]


def test_two_tool_messages_are_one_message_of_the_user():
    """MoonshotAI/kosong#45, NousResearch/hermes-agent#11929: and empty text beside calls is no block."""
    turn = {"role": "assistant", "content": "", "tool_calls": [call("a"), call("b")]}
    results = [{"role": "tool", "tool_call_id": "b", "content": "2"}, RESULT]
    said = sent({"messages": [HI, turn, *results, {"role": "user", "content": "so?"}]})["messages"]
    assert [block["type"] for block in said[1]["content"]] == ["tool_use", "tool_use"]
    assert [block.get("tool_use_id") for block in said[2]["content"]] == ["a", "b", None]


def test_a_long_name_is_short_there_and_long_here():
    """cline/cline#11885."""
    name = "mcp__a_server_with_a_long_name__a_tool_with_an_even_longer_name_.x"
    tool = {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    it = translation({"messages": [HI], "tools": [tool], "stream": True})
    short = json.loads(it.request.body)["tools"][0]["name"]
    assert len(short) <= 128 and "." not in short
    start = {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "tool_use", "id": "t", "name": short, "input": {}},
    }
    written = answered(it, start, {"type": "content_block_stop", "index": 0}, {"type": "message_stop"})
    assert json.dumps(name).encode() in written


MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "tool_use", "stop_sequence": None,
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": "sig"}, {"type": "text", "text": "so"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
    ],
    "usage": {"input_tokens": 3, "cache_creation_input_tokens": 4, "cache_read_input_tokens": 5, "output_tokens": 6},
}  # fmt: skip


def test_a_plain_answer_of_claude():
    """comet-ml/opik#5214, browser-use#4294: all that was read is the prompt, also what went into the cache."""
    whole = json.loads(translation({"messages": [HI]}).whole(json.dumps(MESSAGE).encode()))
    assert whole["choices"] == [{
        "index": 0, "finish_reason": "tool_calls",
        "message": {"role": "assistant", "content": "so", "reasoning_content": "hm", "tool_calls": [call("t", arguments='{"a":1}')]},
    }]  # fmt: skip
    assert whole["usage"] == {
        "prompt_tokens": 12, "completion_tokens": 6, "total_tokens": 18,
        "prompt_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 4},
    }  # fmt: skip
    assert (whole["object"], whole["created"], whole["model"]) == ("chat.completion", 7, "claude")


def test_a_stream_of_claude_is_the_same_however_it_is_cut():
    events = list(dialect_of(apis.MESSAGES).events(json.dumps(MESSAGE).encode(), usage=True))
    raw = [event.raw for event in events]
    body = {"messages": [HI], "stream": True, "stream_options": {"include_usage": True}}
    whole = answered(translation(body), *raw)
    assert (
        whole.endswith(b"data: [DONE]\n\n")
        and b'"finish_reason":"tool_calls"' in whole
        and b'"total_tokens":18' in whole
    )
    assert all(answered(translation(body), *raw, cuts=(cut,)) == whole for cut in range(1, sum(map(len, raw))))


def test_a_failure_in_claudes_stream_is_no_short_answer():
    """agent-os#2118, Marinara-Engine#2659."""
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    start = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "so"}}
    assert answered(translation({"messages": [HI], "stream": True}), start, error).endswith(b"failed: Overloaded")


def test_marks_for_the_cache_survive_towards_claude():
    """maximhq/bifrost#1935: those that stand at a message of a tool, too."""
    parts = [{"type": "text", "text": "hi", "cache_control": MARK}]
    turn = {"role": "assistant", "tool_calls": [call("a")]}
    said = sent({"messages": [{"role": "user", "content": parts}, turn, {**RESULT, "cache_control": MARK}]})["messages"]
    assert [said[place]["content"][0].get("cache_control") for place in (0, 1, 2)] == [
        {"type": "ephemeral"},
        None,
        {"type": "ephemeral"},
    ]


def test_marks_for_the_cache_go_towards_chats_except_where_the_row_keeps_them():
    """better-ccflare#187, decolua/9router#2169, BerriAI/litellm#38790: the time of a mark is Anthropic's alone."""
    body = {
        "max_tokens": 9,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi", "cache_control": MARK}]}],
    }
    assert back(body)["messages"] == [HI]
    kept = back(body, rules=model_rules.QWEN)["messages"][0]["content"]
    assert kept == [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}]


def test_optional_arguments_that_are_empty_pass_as_they_are():
    """diegosouzapw/OmniRoute#2935: they are not ours to clean."""
    it = translation({"max_tokens": 9, "messages": [HI], "stream": True}, api=apis.MESSAGES, target=apis.CHAT)
    piece = {"index": 0, "id": "a", "function": {"name": "Read", "arguments": '{"pages":""}'}}
    chunk = {"id": "c", "choices": [{"index": 0, "delta": {"tool_calls": [piece]}, "finish_reason": None}]}
    assert json.dumps('{"pages":""}').encode() in answered(it, chunk, b"data: [DONE]\n\n")


def test_usage_is_an_object_with_numbers_also_where_the_provider_tells_none():
    """Alishahryar1/free-claude-code#121, openclaw#98575: and calls without a reason for the end are calls."""
    it = translation({"max_tokens": 9, "messages": [HI], "stream": True}, api=apis.MESSAGES, target=apis.CHAT)
    piece = {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}
    chunk = {"id": "c", "choices": [{"index": 0, "delta": {"tool_calls": [piece]}, "finish_reason": None}]}
    written = [
        json.loads(line[6:])
        for line in answered(it, chunk, b"data: [DONE]\n\n").split(b"\n")
        if line.startswith(b"data:")
    ]
    (end,) = [each for each in written if each["type"] == "message_delta"]
    assert end["delta"]["stop_reason"] == "tool_use"
    assert isinstance(end["usage"]["input_tokens"], int) and isinstance(end["usage"]["output_tokens"], int)


@pytest.mark.parametrize("rules", [model_rules.QWEN, Rules(maker="claude")])
def test_a_forced_tool_goes_before_thinking(rules):
    """can1357/oh-my-pi#341, cloudwego/eino#994."""
    tool = {"type": "function", "function": {"name": "f"}}
    if rules is model_rules.QWEN:
        tool = {"name": "f", "input_schema": {"type": "object"}}
        body = {
            "max_tokens": 9000,
            "messages": [HI],
            "tools": [tool],
            "tool_choice": {"type": "any"},
            "thinking": {"type": "adaptive"},
        }
        assert (back(body, rules=rules)["tool_choice"], back(body, rules=rules)["enable_thinking"]) == (
            "required",
            False,
        )
    else:
        body = {"messages": [HI], "tools": [tool], "tool_choice": "required", "reasoning_effort": "high"}
        assert sent(body)["tool_choice"] == {"type": "any"} and "thinking" not in sent(body)


WORDS = st.text("abc é\n", min_size=1, max_size=6).map(str.strip).filter(bool)
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ=="}}
USERS = st.fixed_dictionaries(
    {"role": st.just("user"), "content": WORDS | WORDS.map(lambda words: [{"type": "text", "text": words}, IMAGE])}
)


@st.composite
def rounds(draw):
    """What a user asks, and what the assistant and its tools say then."""
    number = draw(st.integers(0, 2))
    calls = [
        call(f"id{draw(st.integers(0, 10**9))}-{n}", arguments=draw(st.sampled_from(["{}", '{"a":1,"b":[1.5,null]}'])))
        for n in range(number)
    ]
    if not calls:
        return [draw(USERS), {"role": "assistant", "content": draw(WORDS)}]
    said = {"role": "assistant", "content": draw(st.none() | WORDS), "tool_calls": calls}
    results = [{"role": "tool", "tool_call_id": each["id"], "content": draw(WORDS)} for each in calls]
    return [draw(USERS), said, *results, {"role": "assistant", "content": draw(WORDS)}]


CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
BODIES = st.fixed_dictionaries(
    {"model": st.just("m"), "max_tokens": st.integers(1, 9), "messages": st.lists(rounds(), max_size=3)},
    optional={
        "stop": st.lists(WORDS, min_size=1, max_size=4),
        "temperature": st.floats(0, 1),
        "user": WORDS,
        "tool_choice": st.sampled_from(["required", "none", {"type": "function", "function": {"name": "f"}}]),
        "parallel_tool_calls": st.just(False),
        "response_format": st.just({"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": CLOSED}}),
    },
)  # fmt: skip
TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": CLOSED, "strict": True}}


def mend(conversation):
    fields = {name: getattr(conversation, name) for name in conversation.__struct_fields__}
    return Conversation(**{**fields, "messages": mended(conversation.messages, Notes())})


@settings(max_examples=200)
@given(BODIES)
def test_what_both_can_say_is_the_same_there_and_back(body):
    said = [message for each in body["messages"] for message in each]
    body = {**body, "messages": [{"role": "system", "content": "s"}, *said, HI], "tools": [TOOL]}
    if body.get("tool_choice") == "none":
        body.pop("parallel_tool_calls", None)  # it says nothing where no tool is called
    notes = Notes()
    there = write_messages.write_request(mend(read_chat.read_request(body, notes)), Rules(), notes)
    again = write_chat.write_request(mend(read_messages.read_request(there, notes)), Rules(), notes)
    assert again == body
    assert notes.lost == []
